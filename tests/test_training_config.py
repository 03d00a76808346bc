"""Dataclasses from mappings: every key known, typed and there, or a line that names it."""

import dataclasses
import json
import re

import pytest
from etils import epath

from albert_jax.commands.config import PretrainingConfig, pretraining
from albert_jax.commands.load import read_run
from albert_jax.errors import UserError
from albert_jax.training.config import TrainingConfig, build
from configs.pretrain import get_config


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float
    pairs: tuple[tuple[str, bool], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    count: int
    shuffle: bool
    inner: Inner


VALUES = {
    "name": "x", "count": 3, "shuffle": True, "inner": {"rate": 0.5, "pairs": [["a", True]]},
}  # fmt: skip


def test_updates_by_stage_are_those_of_the_run():
    stages = ((30, 8, 16, 3, 4), (20, 8, 24, 3, 4))
    for steps, updates in ((100, [30, 20, 50]), (40, [30, 10, 0]), (10, [10, 0, 0])):
        assert TrainingConfig(steps=steps, stages=stages).updates == updates
    assert TrainingConfig(steps=7).updates == [7]


def test_nested_values_become_nested_dataclasses():
    inner = Inner(rate=0.5, pairs=(("a", True),))
    assert build(Outer, VALUES) == Outer(name="x", count=3, shuffle=True, inner=inner)


def test_a_whole_number_will_do_for_a_float():
    rate = build(Inner, {"rate": 2, "pairs": []}).rate
    assert rate == 2.0 and type(rate) is float


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coumt": 1}, "config.coumt is not a setting; did you mean count?"),
        ({"zzz": 1}, "config.zzz is not a setting; known are name, count, shuffle, inner"),
        ({"count": "3"}, "config.count is '3'; it must be of type int"),
        ({"count": 3.0}, "config.count is 3.0; it must be of type int"),
        ({"count": True}, "config.count is True; it must be of type int"),
        ({"shuffle": 1}, "config.shuffle is 1; it must be of type bool"),
        ({"name": None}, "config.name is None; it must be of type str"),
        ({"inner": 3}, "config.inner is 3; it must be a section, of keys and values"),
        ({"inner": {"pairs": []}}, "config.inner.rate is missing from the config file"),
        (
            {"inner": {"rate": True, "pairs": []}},
            "config.inner.rate is True; it must be of type float",
        ),
        (
            {"inner": {"rate": 1.0, "pairs": "ab"}},
            "config.inner.pairs is 'ab'; it must be a tuple",
        ),
        (
            {"inner": {"rate": 1.0, "pairs": ["ab"]}},
            "config.inner.pairs[0] is 'ab'; it must be a tuple",
        ),
        (
            {"inner": {"rate": 1.0, "pairs": [("a",)]}},
            "config.inner.pairs[0] is ('a',); it must have 2 items",
        ),
        (
            {"inner": {"rate": 1.0, "pairs": [("a", 1)]}},
            "config.inner.pairs[0][1] is 1; it must be of type bool",
        ),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        build(Outer, VALUES | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(steps=0), "training.steps is 0; it must be at least 1"),
        (dict(average_decay=1.0), "training.average_decay is 1.0; it must be in [0, 1)"),
        (dict(embeddings="good"), "training.embeddings is 'good'; it must be random or counted"),
        (dict(embedding_deviation=0.0), "training.embedding_deviation is 0.0; it must be positive"),
        (dict(on_failure="cry"), "training.on_failure is 'cry'; it must be stop or rewind"),
        (dict(spike=0.5), "training.spike is 0.5; it must be 0 or more than 1"),
    ],
)
def test_a_value_out_of_range_is_named(changes, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        TrainingConfig(**changes)


def test_a_run_survives_its_config_json(tmp_path):
    """ConfigDict -> dataclasses -> JSON -> dataclasses, nested tuples included."""
    run = pretraining(get_config("size=tiny,preset=reference"), epath.Path(tmp_path))
    assert run.corpus.records == f"{tmp_path}/records"
    assert isinstance(run.optimizer.groups[0], tuple)
    (tmp_path / "config.json").write_text(json.dumps({"config": run.to_dict(), "starts": []}))
    assert read_run(epath.Path(tmp_path)) == run


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": 3}', '{"config": {"model": 3}}'])
def test_a_damaged_config_json_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=rf"^{tmp_path}/config\.json") as error:
        read_run(epath.Path(tmp_path))
    assert "\n" not in str(error.value)


def test_a_folder_without_config_json_is_no_checkpoint(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path} is no checkpoint.*config.json"):
        read_run(epath.Path(tmp_path))


def test_records_may_be_elsewhere(tmp_path):
    config = get_config("size=tiny")
    config.corpus.records = "elsewhere"
    assert pretraining(config, epath.Path(tmp_path)).corpus.records == "elsewhere"


def test_rows_longer_than_the_model_takes_are_named():
    config = get_config("size=tiny,length=1024")
    with pytest.raises(UserError, match=r"^data.length is 1024, more than model.max_positions"):
        pretraining(config, None)


def test_every_section_is_one_of_dataclasses():
    sections = {field.name: field.type for field in dataclasses.fields(PretrainingConfig)}
    assert sections.pop("preset") is str
    assert all(dataclasses.is_dataclass(section) for section in sections.values())


@pytest.mark.parametrize("names", [("label", "text"), ("label,text",), ["label", "text"]])
def test_names_may_have_commas_between_them_as_on_a_command_line(names):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Table:
        columns: tuple[str, ...]

    assert build(Table, {"columns": names}).columns == ("label", "text")
    assert build(Table, {"columns": ["text"]}).columns == ("text",)
