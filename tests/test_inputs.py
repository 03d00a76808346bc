"""What a run reads is there before it starts, and where its machines see it."""

import json

import pytest
from etils import epath

from albert_jax.errors import UserError
from experiments import __main__ as experiments
from experiments import inputs
from experiments.results import Results
from experiments.scale import Choice, Model, prepared
from experiments.scales import SCALES
from experiments.table import row_cells
from experiments.tables import TABLES


def cells(text: str, data: str):
    """A text, a model and a tuned model."""
    choice = Choice(text, "", 1, ("sst2",), data)
    found = row_cells(TABLES["table3"], Model(), SCALES["micro"], choice, 0).values()
    return [prepared("configs/micro.py", Model(), choice), *found]


def test_a_text_that_is_not_there_is_said(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "glue_data").mkdir()
    for text in ("sotu", "tfds:wikipedia/en", "gs://b/a.txt", tmp_path, f"{tmp_path}/*.txt"):
        inputs.check_present(cells(str(text), str(tmp_path)))
    inputs.check_present(cells(f"{tmp_path}/a.txt=2,sotu=1", "gs://b"))
    message = "no such file or folder; give its place as --text, or take --text=sotu, which needs"
    for text in (f"{tmp_path}/b", f"{tmp_path}/*.xml", f"sotu=1,{tmp_path}/b=1"):
        with pytest.raises(UserError, match=f"/(b|.*xml): {message} no files$"):
            inputs.check_present(cells(text, str(tmp_path)))


def test_data_of_tasks_that_are_not_there_are_said(tmp_path):
    message = "/glue_data: no such file or folder; give its place as --data, or fine-tune nothing"
    with pytest.raises(UserError, match=f"{message} with --tasks=$"):
        inputs.check_present(cells("sotu", str(tmp_path)))


def test_nothing_starts_without_what_it_reads(monkeypatch, tmp_path):
    monkeypatch.setattr(experiments.runner, "run", lambda *_: pytest.fail("it has started"))
    words = ["table3", f"--text={tmp_path}/none", "--tasks=", f"--results={tmp_path}"]
    with pytest.raises(UserError, match=r"/none: no such file or folder; give its place as --text"):
        experiments.main(["run", *words])
    with pytest.raises(UserError, match=r"/none: no such file or folder; give its place as --text"):
        experiments.main(["run", *words, "--launcher=slurm"])
    experiments.main(["run", *words, "--dry-run"])


def test_results_from_other_places_are_counted(tmp_path):
    """A name without folders is that of two texts, and of the official and the local part of a task."""
    found = Results(epath.Path(tmp_path))
    for cell in cells("a/texts", "local"):
        found.path(cell).write_text(json.dumps({"overrides": dict(cell.overrides)}))
    assert not inputs.of_other_places(cells("a/texts", "local"), found)
    text, tasks = inputs.of_other_places(cells("b/texts", "official"), found)
    remedy = "to keep them apart, give --results=FOLDER and --workdir=FOLDER"
    assert text == f"1 of the results are from a/texts, not from b/texts; {remedy}"
    assert tasks == (
        f"1 of the results are from local/glue_data, not from official/glue_data; {remedy}"
    )


def test_what_jobs_elsewhere_read_is_in_a_bucket(tmp_path):
    words = ["run", "table3", "--scale=paper", "--launcher=tpu_vm", "--dry-run", "--tasks=squad1"]
    places = ["--workdir=gs://b/cells", f"--results={tmp_path}", "--text=gs://b/text"]
    refusal = "is a path of this machine, and tpu_vm has others; copy it to gs://BUCKET/... and"
    for word, named in (
        ("--data=data", "data/squad {} give that as --data"),
        ("--data=/data", "/data/squad {} give that as --data"),
        ("--text=my.jsonl", "my.jsonl {} give that as --text"),
    ):
        with pytest.raises(UserError) as raised:
            experiments.main([*words, *places, word])
        assert str(raised.value) == named.format(refusal)
    with pytest.raises(UserError) as raised:
        experiments.main([*words, *places, "--text=wikipedia"])
    assert str(raised.value) == (
        "tfds:wikipedia/20230601.en would be looked for on each machine of tpu_vm, which has none; have it "
        "prepared in a bucket and give --text=tfds:gs://BUCKET/FOLDER"
    )


def test_more_text_has_a_name_of_its_own(tmp_path):
    choice = Choice("gs://b/a.txt", "openwebtext.jsonl", 1, (), "")
    more = prepared("configs/micro.py", Model(more_data=True), choice)
    with pytest.raises(UserError, match=r"give that as --more-text$"):
        inputs.check_remote([more], "tpu_vm")
    with pytest.raises(UserError, match=r"give its place as --more-text$"):
        inputs.check_present([more])
    words = ["run", "table7", "--text=sotu", "--tasks=", f"--results={tmp_path}"]
    with pytest.raises(UserError, match=r"^none.jsonl: no such .* give its place as --more-text$"):
        experiments.main([*words, "--more-text=none.jsonl"])
    with pytest.raises(UserError, match=r"^--more-text=sotu is a part of --text already; name"):
        experiments.main(words)
