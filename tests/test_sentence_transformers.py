"""Models of vectors as folders of sentence-transformers."""

import dataclasses
import json

import numpy as np
import pytest

import albert_jax
from albert_jax.commands.embed import embed
from tests.models import telling_model

TEXTS = ["The cat sat on the mat.", "", "who saw the dog?", "a (big) cat was walking"]


def test_only_models_of_vectors_have_the_files(tmp_path):
    for head in ("embedding", "encoder"):
        model = dataclasses.replace(telling_model(), head=head)
        albert_jax.save(model, tmp_path / head, "huggingface")
    assert not (tmp_path / "encoder" / "modules.json").exists()
    modules = json.loads((tmp_path / "embedding" / "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Normalize"]
    pooling = json.loads((tmp_path / "embedding" / "1_Pooling" / "config.json").read_text())
    assert pooling["word_embedding_dimension"] == 16 and pooling["pooling_mode_mean_tokens"]
    assert albert_jax.load(tmp_path / "embedding").config == telling_model().config


@pytest.mark.peers
def test_sentence_transformers_makes_our_vectors(tmp_path):
    library = pytest.importorskip("sentence_transformers")
    model = dataclasses.replace(telling_model(), head="embedding")
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    theirs = library.SentenceTransformer(str(tmp_path / "hf"), device="cpu")
    assert len(theirs) == 3 and theirs.max_seq_length == 32
    found = theirs.encode(TEXTS)
    np.testing.assert_allclose(found, np.stack(list(embed(model, TEXTS))), atol=2e-6)
