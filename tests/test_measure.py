"""Measurements on a pretrained model, from its workdir."""

import json

import numpy as np
import pytest

from albert_jax.data import batch_config
from albert_jax.errors import UserError
from albert_jax.training.tracking import read
from experiments import measure
from tests import corpus, runs
from tests.commands import run
from tests.runs import trained


def measured(what: str, folder, *flags: str) -> dict:
    workdir, _ = trained()
    measure.main([what, f"--model={workdir}", f"--workdir={folder}", *flags])
    return json.loads((folder / "measured.json").read_text())


def test_the_own_objective_is_as_the_run_measured_it(tmp_path):
    """The run's last held-out accuracies, again from its checkpoint."""
    found = measured("objectives", tmp_path)
    last = [line for line in read(trained()[0]) if line["kind"] == "held_out"][-1]
    assert found["scores"]["mlm"] == pytest.approx(last["mlm_accuracy"], abs=1e-6)
    assert found["scores"]["sop"] == pytest.approx(last["sentence_accuracy"], abs=1e-6)
    assert 0 < found["scores"]["nsp"] < 1 and found["scores"]["nsp"] != found["scores"]["sop"]
    assert {"commit", "libraries", "devices"} <= found.keys()


def test_all_runs_are_measured_on_the_same_pairs(tmp_path):
    """Also of the reference's rows, whose order is mixed with pairs of two texts while a model learns it."""
    run = measure._open(trained()[0], None)
    found = []
    for objective in ("sop", "nsp", "none"):
        data = batch_config.reference(8, 64, objective=objective, predictions=10)
        found.append(measure.objectives(run._replace(data=data))["scores"])
    assert found[0] == found[1] == found[2]


def other_text(folder, *flags: str) -> str:
    """The flag that names records of less text."""
    (folder / "text.txt").write_text("\n".join(corpus.documents()[:20]))
    source = f"--config.corpus.source={folder / 'text.txt'}"
    done = run("prepare", runs.CONFIG, f"--workdir={folder}", source, *flags)
    assert done.status == 0, done
    return f"--records={folder / 'records'}"


def test_the_text_may_be_another_than_the_runs(tmp_path):
    vocabulary = f"--config.corpus.vocabulary={trained()[0] / 'vocabulary.model'}"
    own = measured("objectives", tmp_path)["scores"]
    records = other_text(tmp_path, vocabulary)
    again = measured("objectives", tmp_path, f"--records={runs.prepared()}")["scores"]
    assert measured("objectives", tmp_path, records)["scores"] != own == again


def test_text_in_other_words_is_refused(tmp_path):
    message = rf"^{tmp_path}/records has another vocabulary than .*; prepare the text with --config"
    with pytest.raises(UserError, match=message):
        measured("objectives", tmp_path, other_text(tmp_path))


def test_the_distances_of_every_layer(tmp_path):
    found = measured("layers", tmp_path)
    config = json.loads((trained()[0] / "config.json").read_text())["config"]["model"]
    assert len(found["l2"]) == len(found["degrees"]) == config["num_layers"]
    assert found["hidden_size"] == config["hidden_size"]
    assert np.all(np.array(found["l2"]) > 0) and np.all(np.array(found["degrees"]) < 180)
