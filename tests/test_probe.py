"""The regression is scikit-learn's; a vector is the mean of a text's states; kinds of words are told."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import albert_jax
from albert_jax.errors import UserError
from albert_jax.model.albert import Albert
from albert_jax.tasks.item import Item, Part
from experiments import probe
from experiments.everyday import TASKS
from tests import tuning


def test_the_regression_is_scikit_learns():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 6)), rng.normal(size=(300, 6))
    labels = (x @ rng.normal(size=(6, 3)) + rng.normal(size=(200, 3))).argmax(axis=1)
    peer = LogisticRegression(C=1 / (0.05 * len(x)), tol=1e-8, max_iter=1000).fit(x, labels)
    found = probe.predict(x, labels, y, 0.05)
    # Ours decays the constant as well, so a text at the border may differ.
    assert (found == peer.predict(y)).mean() > 0.97


def test_a_vector_does_not_see_the_padding():
    config, params, *_ = albert_jax.load(tuning.checkpoint())
    rng = np.random.default_rng(1)
    lengths = (9, 5, 12)
    items = [Item((Part(rng.integers(5, 30, n), np.zeros(n, np.int32)),)) for n in lengths]
    model = Albert(config)
    together = probe.vectors(model, params["albert"], items, pad_id=0)
    assert together.shape == (config.num_layers + 1, 3, config.hidden_size)
    alone = [probe.vectors(model, params["albert"], [item], pad_id=0) for item in items]
    np.testing.assert_allclose(together, np.concatenate(alone, axis=1), atol=2e-2)  # bfloat16


@pytest.fixture
def sst2(monkeypatch):
    """Words of two kinds in place of SST-2; returns --data."""
    monkeypatch.setitem(TASKS, "sst2", TASKS["sst2"]._replace(folder=tuning.sst2().name))
    return f"--data={tuning.sst2().parent}"


def test_words_of_two_kinds_are_told_apart(sst2, capsys):
    probe.main([f"--model={tuning.checkpoint()}", sst2, "--task=sst2", "--fitted=90"])
    header, _, row = (line for line in capsys.readouterr().out.splitlines() if "|" in line)
    assert header == "| model | embeddings | layer 1 |"
    assert all(float(word) > 85 for word in row.split("|")[2:4])


def test_a_task_without_classes(sst2):
    data = tuning.sst2().parent
    with pytest.raises(UserError, match="a probe needs a task that gives a text one of several"):
        probe.texts(
            probe.open_task("squad1", str(data), albert_jax.load(tuning.checkpoint()).vocabulary),
            "train",
            3,
        )
