"""`python -m experiments`, from text to a table, as a user runs it."""

import fcntl
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from etils import epath

from albert_jax.errors import UserError
from experiments import __main__ as experiments
from experiments.cell import Cell
from experiments.results import Results
from experiments.scale import Choice, Model, Scale
from experiments.scales import SCALES
from experiments.table import Row, Table
from experiments.tables import TABLES
from tests import corpus, results
from tests.pretend import STEPS
from tests.test_runner import cell as pretended

ROOT = Path(__file__).parents[1]
CHOSEN = ("--tasks=sst2", "--text=tfds:gs://bucket/wikipedia")


def test_paper_cells_are_jobs_of_a_launcher(capsys, tmp_path):
    """One job a cell, in order, each waiting for what it needs."""
    words = "run table5 --scale=paper --launcher=tpu_vm --workdir=gs://bucket/cells --dry-run"
    flags = [*CHOSEN, "--data=gs://bucket/data", f"--results={tmp_path}"]
    experiments.main([*words.split(), *flags])
    printed = capsys.readouterr().out
    names = [cell.identity for cell in paper_cells()]
    begun = [printed.index(f"queued-resources create {name} ") for name in names]
    assert begun == sorted(begun)
    assert printed.count("-m albert_jax pretrain --config=configs/pretrain.py:size=base_v1") == 3
    assert f"--workdir=gs://bucket/cells/{names[-1]} " in printed


@pytest.mark.parametrize("launcher", ["kubernetes", "skypilot"])
def test_where_no_job_waits_those_go_out_that_can(launcher, capsys, tmp_path):
    words = f"run table5 --scale=paper --launcher={launcher} --workdir=gs://bucket/cells --dry-run"
    flags = [*CHOSEN, "--data=gs://bucket/data", f"--results={tmp_path}"]
    text, *others = [cell.identity for cell in paper_cells()]
    experiments.main([*words.split(), *flags])
    script = capsys.readouterr().out
    assert script.count("-m albert_jax ") == 1 and f"--workdir=gs://bucket/cells/{text} " in script
    assert f"\n# {others[0]} waits for {text}\n" in script
    assert all(f"\n# {other} waits for " in script for other in others)
    (tmp_path / f"{text}.json").write_text("{}")
    experiments.main([*words.split(), *flags])
    script = capsys.readouterr().out
    assert script.count("-m albert_jax pretrain ") == script.count(" -m albert_jax ") == 3
    assert f"# {others[0]} waits" not in script and script.count(" waits for pretrain-") == 6
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_what_ran_on_another_machine_runs_again_where_others_need_it(capsys, tmp_path):
    """A result is enough for a table; a job that goes on from a checkpoint needs that."""
    table, micro = experiments.TABLES["table5"], SCALES["micro"]
    choice = micro.default._replace(text="sotu", tasks=("sst2",), data=str(tmp_path))
    written = results.write(tmp_path / "results", table, micro, choice, lambda *_: 0.5)
    _, _, tuned, *_ = experiments.wanted([table], micro, choice)
    written.path(tuned).unlink()
    words = ["run", "table5", "--launcher=slurm", "--text=sotu", "--tasks=sst2", "--dry-run"]
    words += ["--nodes=1", "--gpus=1"]
    places = [f"--{n}={tmp_path / n}" for n in ("results", "workdir")] + [f"--data={tmp_path}"]
    experiments.main([*words, *places])
    script = capsys.readouterr().out
    sent = [cell.identity for cell in tuned.with_needs()]
    assert script.count("-m albert_jax ") == len(set(sent))
    assert all(f"--job-name={name}\n" in script for name in sent)


def test_processes_that_cannot_share_a_text_out_are_refused(tmp_path):
    """At micro scale a text is one stream."""
    words = ["run", "table5", "--launcher=slurm", "--text=sotu", "--tasks=", "--dry-run"]
    with pytest.raises(UserError) as raised:
        experiments.main([*words, "--gpus=4", f"--results={tmp_path}"])
    assert re.fullmatch(
        r"pretrain-\w+ reads its text in 1 streams, which 8 processes of slurm cannot share out; "
        "begin it with --config.data.shards=8, or ask for fewer by --accelerator, or --nodes and --gpus",
        str(raised.value),
    )


def test_what_runs_here_is_kept_here_and_begun_in_the_repository(monkeypatch, tmp_path):
    words = ["run", "table5", "--text=sotu", "--tasks=", f"--results={tmp_path}"]
    with pytest.raises(UserError, match=r"^--workdir=gs://b/cells: what runs on this machine is"):
        experiments.main([*words, "--workdir=gs://b/cells"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^there is no folder configs here; run this in the repos"):
        experiments.main([*words, f"--workdir={tmp_path}"])


def paper_cells() -> list[Cell]:
    """A text, three models, a measurement and a tuned model of each."""
    options = experiments._parser().parse_args(["run", "table5", "--scale=paper", *CHOSEN])
    found = experiments.wanted(*experiments.chosen(options))
    return [found[0].text, *found]


def printed(capsys, *words: str) -> list[str]:
    experiments.main([*words, "--tasks=sst2", "--text=sotu"])
    return capsys.readouterr().out.splitlines()


def of(cell: Cell, rows: list[str]) -> str:
    """The line about a cell."""
    (found,) = [row for row in rows if cell.identity in row]
    return found


def test_the_status_is_that_of_the_results(capsys, tmp_path):
    """Also where no workdir is left; what something else must have begins anew."""
    table, micro = experiments.TABLES["table5"], SCALES["micro"]
    choice = micro.default._replace(text="sotu", tasks=("sst2",))
    written = results.write(tmp_path / "results", table, micro, choice, lambda *_: 0.5)
    words = ["status", "table5", f"--results={tmp_path / 'results'}", f"--workdir={tmp_path}"]
    count, clock, *rows = printed(capsys, *words)
    assert count == "9 of 9 results are there" and clock.endswith("0 of 9 to go")
    assert len(rows) == 9 and all("finished" in row for row in rows)

    model, _, tuned, *_, last = experiments.wanted([table], micro, choice)
    written.path(tuned).unlink()
    count, clock, *rows = printed(capsys, *words)
    assert count == "8 of 9 results are there" and clock.endswith("5 of 12 to go")
    assert "waits" in of(tuned, rows) and "waits" in of(model.text, rows)
    assert experiments.AGAIN in of(model, rows)
    assert "finished" in of(last, rows) and experiments.AGAIN not in of(last, rows)


def test_a_cell_that_runs_says_how_far_it_is(capsys, monkeypatch, tmp_path):
    runs, waits = pretended(0), pretended(1)
    monkeypatch.setattr(experiments, "wanted", lambda *_: [runs, waits])
    workdir = tmp_path / runs.identity
    workdir.mkdir()
    (workdir / "metrics.jsonl").write_text('{"step": 20, "mlm_accuracy": 0.125}\n')
    with (workdir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        places = [f"--workdir={tmp_path}", f"--results={tmp_path / 'results'}"]
        rows = printed(capsys, "status", "table5", *places)
    assert "runs  step 20, masked LM 12.5%" in of(runs, rows)
    assert "waits" in of(waits, rows)
    (workdir / "failed").touch()  # by the last start
    rows = printed(capsys, "status", "table5", *places)
    assert f"failed, see {workdir / 'log.txt'}" in of(runs, rows)


def test_what_ran_elsewhere_and_was_not_collected_is_said(capsys, monkeypatch, tmp_path):
    one = pretended(0)
    monkeypatch.setattr(experiments, "wanted", lambda *_: [one])
    (tmp_path / one.identity / "checkpoints" / str(STEPS)).mkdir(parents=True)
    rows = printed(capsys, "status", "table5", f"--workdir={tmp_path}", f"--results={tmp_path}")
    assert experiments.UNCOLLECTED in of(one, rows)


def test_tables_and_status_say_where_else_results_are_from(capsys, tmp_path):
    table, micro = experiments.TABLES["table5"], SCALES["micro"]
    choice = micro.default._replace(text="sotu", tasks=("sst2",))
    written = results.write(tmp_path / "results", table, micro, choice, lambda *_: 0.5)
    path = written.path(experiments.wanted([table], micro, choice)[2])
    before = {"overrides": {"task.data_dir": "elsewhere/glue_data"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | before))
    said = "of the results are from elsewhere/glue_data, not from ../shared/data/glue_data; to keep"
    for command in ("table", "status"):
        rows = printed(capsys, command, "table5", f"--results={tmp_path / 'results'}")
        assert any(row.startswith(f"1 {said}") for row in rows)


def test_results_are_collected_from_workdirs(capsys, monkeypatch, tmp_path):
    one = pretended(0)
    other = pretended(1, init=one)
    monkeypatch.setattr(experiments, "wanted", lambda *_: [other])  # and what it needs
    one.workdir(epath.Path(tmp_path)).mkdir()
    subprocess.run([sys.executable, "-m", *one.words(epath.Path(tmp_path))], cwd=ROOT, check=True)
    words = ["collect", "table5", f"--workdir={tmp_path}", f"--results={tmp_path / 'results'}"]
    found = printed(capsys, *words)
    assert found == [f"{one.identity:24}  collected", f"{other.identity:24}  not done"]
    assert Results(epath.Path(tmp_path / "results")).read(one)["steps"] == STEPS
    monkeypatch.setattr(experiments, "wanted", lambda *_: [one])
    assert printed(capsys, *words) == [f"{one.identity:24}  has one"]


@pytest.mark.parametrize("name", SCALES)
def test_small_tasks_of_sentence_pairs_go_on_from_mnli(name):
    """Footnote 4 of the paper: RTE, STS-B and MRPC."""
    scale = SCALES[name]
    model = scale.pretraining(Model(), 0, scale.default)
    for task in ("rte", "stsb", "mrpc"):
        start = scale.tuned(model, task, 3, "data").init
        assert "task=mnli" in start.config and start.init == model
    for task in ("mnli", "sst2", "cola"):
        assert scale.tuned(model, task, 3, "data").init == model


def test_a_dry_run_prints_the_commands(capsys, tmp_path):
    experiments.main(
        ["run", "table3", "--tasks=", "--text=sotu", "--dry-run", f"--results={tmp_path}"]
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 4 + 8 + 8  # the text, one layer, two, all rows
    assert lines[0].startswith("albert_jax prepare --config=configs/micro.py ")


def test_where_nothing_is_left_to_run_that_is_said(capsys, tmp_path):
    scale = SCALES["micro"]
    choice = scale.default._replace(text="sotu", tasks=())
    results.write(tmp_path, TABLES["table5"], scale, choice, lambda *_: 0.5)
    words = ["run", "table5", "--tasks=", "--text=sotu", f"--results={tmp_path}"]
    for more in ([], ["--dry-run"]):
        experiments.main([*words, *more])
        assert f" results are in {tmp_path}\n" in capsys.readouterr().out
        experiments.main(["run", "table1", "table14", *more])
        assert capsys.readouterr().out.startswith(
            "nothing needs to run; python -m experiments table"
        )


@pytest.mark.parametrize("command", ["run", "status", "table", "collect"])
def test_a_task_that_no_table_has_is_named(command):
    for task in ("sst-2", "cola"):  # no task at all; one that table 3 has not
        there = f"--tasks: there is no task {task}; those of the tables are: squad1, squad2, mnli"
        with pytest.raises(UserError, match=f"^{there}, sst2, race$"):
            experiments.main([command, "table3", f"--tasks=mnli,{task}"])
    with pytest.raises(UserError, match=r"those of the tables are: none$"):
        experiments.main([command, "figure1", "--tasks=mnli"])


def test_the_list_names_every_table(capsys):
    experiments.main(["list"])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [f"table{n}" for n in range(1, 15)] + ["figure1", "figure2"]


SCRIPT = """
import sys
from tests import test_experiments
test_experiments.tiny()
from experiments.__main__ import main
main(sys.argv[1:])
"""
TINY = Table(
    name="tiny",
    title="Tiny",
    about="",
    rows=(Row("one", Model(emb=8), {}), Row("other", Model(emb=16), {})),
    columns=("params", "mlm"),
)


def tiny():
    """Puts a table of the tests' smallest runs in the place of the paper's."""
    experiments.TABLES.update(tiny=TINY)
    experiments.SCALES.update(tiny=SCALE)


def pretraining(model: Model, seed: int, choice: Choice) -> Cell:
    source = (("corpus.source", choice.text),)
    return Cell(
        command="pretrain",
        config="tests/tiny.py:steps=60",
        overrides=(("model.embedding_size", model.emb), ("training.seed", seed)),
        text=Cell(command="prepare", config="tests/tiny.py", overrides=source),
    )


SCALE = Scale("tiny", "in seconds", Choice("", "", 1, (), ""), pretraining, tuning=None)


@pytest.mark.slow
def test_killed_and_started_again_it_gives_the_same_table(tmp_path):
    """Nothing finished is computed twice, and the table is that of a run that nobody disturbed."""
    corpus.write_jsonl(tmp_path / "texts.jsonl")
    flags = ["--scale=tiny", f"--text={tmp_path / 'texts.jsonl'}", "tiny"]
    places = {
        name: [f"--workdir={tmp_path / name / 'cells'}", f"--results={tmp_path / name / 'results'}"]
        for name in ("whole", "killed")
    }
    python("run", *flags, *places["whole"])
    process = start("run", *flags, *places["killed"])
    cells = tmp_path / "killed" / "cells"
    wait_until(lambda: len(list((tmp_path / "killed" / "results").glob("pretrain-*.json"))) == 1)
    wait_until(lambda: len(list(cells.glob("*/metrics.jsonl"))) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {p: p.stat().st_mtime for p in (tmp_path / "killed" / "results").glob("*.json")}
    python("run", *flags, *places["killed"])
    assert all(path.stat().st_mtime == before for path, before in finished.items())
    whole, killed = (python("table", *flags, results) for _, results in places.values())
    assert whole == killed and "masked LM, here" in whole
    shutil.rmtree(tmp_path / "killed" / "cells")
    python("run", *flags, *places["killed"])
    assert not cells.exists()  # there was nothing to do


def start(*words) -> subprocess.Popen:
    command = [sys.executable, "-c", SCRIPT, *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def python(*words) -> str:
    process = start(*words)
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out
    return out


def wait_until(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_cells_that_failed_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(experiments.runner.Runner, "run", lambda *_: None)
    monkeypatch.setattr(experiments.Status, "failures", lambda _: ["pretrain-1: killed"])
    words = ["run", "table3", "--tasks=", "--text=sotu", f"--workdir={tmp_path}"]
    with pytest.raises(UserError, match=r"^1 cells have no result\npretrain-1: killed$"):
        experiments.main([*words, f"--results={tmp_path}"])


@pytest.mark.parametrize("command", ["table table3", "report"])
def test_what_reads_no_workdir_takes_none(command):
    with pytest.raises(SystemExit, match="unrecognized arguments: --workdir=runs"):
        experiments.main([*command.split(), "--workdir=runs"])


@pytest.mark.parametrize("word", ["--workers=0", "--seeds=-1", "--workers=two"])
def test_there_is_at_least_one_of_what_is_counted(word):
    with pytest.raises(SystemExit, match="must be 1 or more"):
        experiments.main(["run", "table3", word])
