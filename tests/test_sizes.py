"""The paper's sizes beside those of a scale."""

from configs import micro
from experiments import sizes
from experiments.scale import Model
from experiments.scales import SCALES

MODELS = [Model(emb=128), Model(emb=64), Model(size="large", layers=48, share="none")]


def test_a_table_of_both():
    grid = sizes.grid(SCALES["micro"], MODELS)
    rows = {row[0].text: [item.text for item in row[1:]] for row in grid.rows}
    assert rows["E, size of the embeddings"] == ["64, 128", "16, 32"]
    assert rows["layers"] == ["12, 48", "4, 12"]
    assert rows["V, pieces in the vocabulary"] == ["30,000", f"{micro.VOCABULARY:,}"]
    earlier = [row[2].text for row in grid.rows if row[0].text.startswith("an earlier stage")]
    assert earlier == [
        "1 layer, 2,000 updates of 64 rows of 32 pieces",
        *(f"{n} layers, 500 updates of 64 rows of 32 pieces" for n in (2, 4, 8)),
    ]
    assert "a row called E = 64 has E = 16" in grid.about
    assert grid.notes == ["All settings: configs/micro.py."]


def test_they_are_those_of_the_config():
    every = [Model(size="large", layers=layers) for layers in micro.LAYERS]
    found = sizes.pairs(SCALES["micro"], every, "model.num_layers")
    assert found == list(micro.LAYERS.items())


def test_at_the_scale_of_the_paper_they_are_the_papers():
    found = sizes.pairs(SCALES["paper"], MODELS, "model.embedding_size")
    assert found == [(64, 64), (128, 128)]
