"""What the library sentence-transformers wants beside a Hugging Face folder to make our vectors of it."""

import json

from etils import epath

from albert_jax.model.config import AlbertConfig

MODULES = {
    "": "Transformer",
    "1_Pooling": "Pooling",
    "2_Normalize": "Normalize",
}  # run in this order


def write(folder: epath.Path, config: AlbertConfig):
    """The mean of all hidden states, and then length one; texts are cut at the model's positions."""
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(MODULES.items())
    ]
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": config.max_positions})
    pooling = {"word_embedding_dimension": config.hidden_size, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    _write(folder / "1_Pooling" / "config.json", pooling | {"pooling_mode_cls_token": False})


def _write(path: epath.Path, content: list | dict):
    path.write_text(json.dumps(content, indent=2) + "\n")
