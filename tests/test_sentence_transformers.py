"""Models of vectors as folders of sentence-transformers."""

import dataclasses
import json

import numpy as np
import pytest

import albert_jax
from albert_jax.commands.embed import embed
from albert_jax.errors import UserError
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


@pytest.mark.parametrize(
    ("file", "content", "made_by"),
    [
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "pooling_mode_cls_token"),
        ("modules.json", [{"type": "x.models.Dense", "path": "2_Dense"}], "Dense"),
    ],
)
def test_vectors_that_are_made_otherwise_are_told(file, content, made_by, tmp_path, caplog):
    albert_jax.save(
        dataclasses.replace(telling_model(), head="embedding"), tmp_path / "hf", "huggingface"
    )
    albert_jax.load(tmp_path / "hf")
    assert not caplog.messages
    (tmp_path / "hf" / file).write_text(json.dumps(content))
    albert_jax.load(tmp_path / "hf")
    (said,) = caplog.messages
    assert f"its own vectors are made by {made_by}; here they are means" in said
    (tmp_path / "hf" / "modules.json").write_text("[7]")
    with pytest.raises(UserError, match=r"modules.json does not list modules"):
        albert_jax.load(tmp_path / "hf")


@pytest.mark.peers
def test_sentence_transformers_makes_our_vectors(tmp_path):
    library = pytest.importorskip("sentence_transformers")
    model = dataclasses.replace(telling_model(), head="embedding")
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    theirs = library.SentenceTransformer(str(tmp_path / "hf"), device="cpu")
    assert len(theirs) == 3 and theirs.max_seq_length == 32
    found = theirs.encode(TEXTS)
    np.testing.assert_allclose(found, np.stack(list(embed(model, TEXTS))), atol=2e-6)
