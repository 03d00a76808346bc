"""Where the rows of the user's own tables come from."""

import dataclasses
import json
import logging

import numpy as np
import pytest
from etils import epath

import albert_jax
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.splits import Splits, TableConfig
from tests.commands import call
from tests.models import random_model


def splits(path, **changes):
    return Splits(TableConfig(name="text", data_dir=str(path), **changes))


def texts(found):
    return [record.values["text"] for record in found]


def write(path, rows):
    lines = [json.dumps({"text": row}) for row in rows]
    path.write_text("text\n" + "\n".join(rows) if path.suffix == ".tsv" else "\n".join(lines))


@pytest.mark.parametrize("dev", ["dev", "validation", "valid"])
def test_a_folder_has_a_file_for_each(tmp_path, dev):
    write(tmp_path / "train.tsv", ["a", "b"])
    write(tmp_path / f"{dev}.jsonl", ["c"])
    write(tmp_path / "test.tsv", ["d"])
    found = splits(tmp_path)
    assert texts(found.records("train")) == ["a", "b"]
    assert texts(found.records("dev")) == ["c"]
    assert texts(found.records("test")) == ["d"]
    assert found.records("dev")[0].place == f"{tmp_path / dev}.jsonl:1"


def test_a_share_of_train_is_dev_where_there_is_none(tmp_path):
    rows = [f"{number:02}" for number in range(40)]
    write(tmp_path / "all.tsv", rows)
    found = splits(tmp_path / "all.tsv", dev_share=0.25)
    train, dev = texts(found.records("train")), texts(found.records("dev"))
    assert (len(train), len(dev)) == (30, 10)
    assert sorted(train + dev) == rows and train == sorted(train) and dev == sorted(dev)
    assert texts(splits(tmp_path / "all.tsv", dev_share=0.25).records("dev")) == dev
    assert texts(splits(tmp_path / "all.tsv", dev_share=0.25, seed=1).records("dev")) != dev
    assert texts(found.given()) == rows


def test_it_is_said_which_rows_are_dev(tmp_path, caplog):
    write(tmp_path / "all.tsv", [f"{number:02}" for number in range(40)])
    with caplog.at_level(logging.WARNING):
        splits(tmp_path / "all.tsv").records("train")
        assert not caplog.messages
        splits(tmp_path / "all.tsv").records("dev")
    assert caplog.messages == [
        f"{tmp_path}/all.tsv has no dev file: dev is 4 of 40 rows, drawn by task.seed; "
        "evaluate takes all of them with --task=text:dev_share=1"
    ]


def test_a_whole_file_may_be_dev(tmp_path):
    write(tmp_path / "all.tsv", ["a", "b", "c"])
    found = splits(tmp_path / "all.tsv", dev_share=1)
    assert texts(found.records("dev")) == ["a", "b", "c"]
    with pytest.raises(UserError, match=r"all.tsv: dev takes all rows of train; add a dev file"):
        found.records("train")


def test_columns_are_named_where_a_file_has_no_header(tmp_path):
    (tmp_path / "train.csv").write_text('1,"a, b"\n2,c\n')
    found = splits(tmp_path, columns=("number", "text"), dev_share=0.5)
    assert sorted(texts(found.records("train") + found.records("dev"))) == ["a, b", "c"]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no train file in it; endings are .tsv, .csv, .jsonl"):
        splits(tmp_path).records("train")
    write(tmp_path / "train.tsv", ["a", "b"])
    with pytest.raises(UserError, match="no example in the split test"):
        splits(tmp_path).records("test")
    (tmp_path / "test.tsv").write_text("text\n")
    with pytest.raises(UserError, match="no example in the split test"):
        splits(tmp_path).records("test")
    with pytest.raises(UserError, match=r"nowhere\.tsv: cannot be read"):
        splits(tmp_path / "nowhere.tsv").records("train")


def test_evaluate_takes_a_share_of_a_file_or_all_of_it(tmp_path, capsys):
    model = dataclasses.replace(random_model(head="sequence", classes=2), labels=("ham", "spam"))
    albert_jax.save(model, tmp_path / "M")
    (tmp_path / "all.csv").write_text("label,text\n" + "ham,the cat\n" * 20)
    flags = [f"--model={tmp_path / 'M'}", f"--data_dir={tmp_path / 'all.csv'}"]
    call("evaluate", *flags)
    assert capsys.readouterr().out.startswith("M, dev: 2 examples\n")
    call("evaluate", *flags, "--task=text:dev_share=1")
    assert capsys.readouterr().out.startswith("M, dev: 20 examples\n")


@pytest.mark.parametrize("share", [0, 1.5, -0.5])
def test_shares_are_above_0_and_at_most_1(share):
    with pytest.raises(UserError, match=r"task.dev_share is .*; it must be above 0, at most 1"):
        TableConfig(name="text", dev_share=share)


def test_a_file_of_another_kind_is_named(tmp_path):
    (tmp_path / "a.pdf").touch()
    with pytest.raises(UserError, match=r"a.pdf: its ending must be one of .tsv, .csv, .jsonl"):
        list(source.read(epath.Path(tmp_path / "a.pdf")))
    with pytest.raises(UserError, match=r"/reviews: there is no such file or folder; check the"):
        list(source.read(epath.Path(tmp_path / "reviews")))


@pytest.mark.parametrize(
    ("values", "hidden"),
    [([0, 0.0, False, "no"], False), (["a", None], True), (["a", ""], True), ([0, 1], False)],
)
def test_labels_of_test_are_hidden_where_one_is_missing(tmp_path, values, hidden):
    rows = [json.dumps({"text": "a", "label": value}) for value in values]
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows))
    assert splits(tmp_path).hides("test", "label") is hidden
    assert splits(tmp_path).hides("test", "class")
    assert not splits(tmp_path).hides("train", "class")


def test_blank_lines_are_no_rows_unless_a_row_is_one_text(tmp_path):
    text = "\ntext,n\n\na,1\n\r\nb,2\n\n"
    for kind, written in ((".csv", text), (".tsv", text.replace(",", "\t"))):
        (tmp_path / f"a{kind}").write_text(written)
        found = list(source.read(epath.Path(tmp_path / f"a{kind}")))
        assert [(r.values["text"], r.place[-1]) for r in found] == [("a", "4"), ("b", "6")]
    (tmp_path / "a.tsv").write_text("text\na\n\nb\n")
    assert texts(source.read(epath.Path(tmp_path / "a.tsv"))) == ["a", "", "b"]


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """A TFDS dataset of texts with classes and grades, under the names "whole" and "no_dev"."""
    import tensorflow_datasets as tfds

    class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "text": tfds.features.Text(),
                "label": tfds.features.ClassLabel(names=["bad", "good"]),
                "stars": np.int64,
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            names = ["train", "test"] + ["validation"] * ("whole" in str(self.data_dir))
            return {name: self._generate_examples(name) for name in names}

        def _generate_examples(self, split):
            for number in range(4):
                label = -1 if split == "test" else number % 2
                yield number, {"text": f"{split} é{number}", "label": label, "stars": 0}

    builders = {}
    for name in ("whole", "no_dev"):
        builders[name] = Tiny(data_dir=str(tmp_path / name), file_format="array_record")
        builders[name].download_and_prepare()
    monkeypatch.setattr(tfds, "builder", builders.__getitem__)


def test_the_splits_of_a_tfds_dataset(dataset):
    found = splits("tfds:whole")
    for split, name in (("train", "train"), ("dev", "validation"), ("test", "test")):
        assert sorted(texts(found.records(split))) == [f"{name} é{n}" for n in range(4)]
    dev = found.records("dev")[0]
    assert dev.values["label"] in ("bad", "good")
    assert dev.place == "tfds:whole, split validation, example 0"
    assert found.hides("test", "label") and not found.hides("test", "stars")


def test_a_tfds_dataset_without_dev(dataset):
    found = splits("tfds:no_dev", dev_share=0.25)
    train, dev = texts(found.records("train")), texts(found.records("dev"))
    assert (len(train), len(dev)) == (3, 1) and len({*train, *dev}) == 4


def test_a_tfds_dataset_that_is_not_there(dataset):
    with pytest.raises(
        UserError, match=r"tfds:absent: cannot be read \('absent'\); check the name"
    ):
        splits("tfds:absent").records("train")
