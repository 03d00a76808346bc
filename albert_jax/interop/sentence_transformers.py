"""What the library sentence-transformers wants beside a Hugging Face folder to make our vectors of it."""

import json

from etils import epath

from albert_jax.errors import UserError
from albert_jax.interop.settings import Settings
from albert_jax.model.config import AlbertConfig

MODULES = {
    "": "Transformer",
    "1_Pooling": "Pooling",
    "2_Normalize": "Normalize",
}  # run in this order
MODE = "pooling_mode_"  # the keys that say what pooling takes


def other_vectors(folder: epath.Path) -> str:
    """What a folder makes its own vectors by, if not as we do; "" also where it does not say.

    Raises:
      UserError: it cannot be read.
    """
    modules = _modules(folder / "modules.json")
    if others := modules.keys() - set(MODULES.values()):
        return ", ".join(sorted(others))
    pooling = folder / modules.get("Pooling", "") / "config.json"
    said = Settings(pooling).values if "Pooling" in modules and pooling.exists() else {}
    modes = {key for key, value in said.items() if key.startswith(MODE) and value is True}
    return ", ".join(sorted(modes - {f"{MODE}mean_tokens"}))


def _modules(path: epath.Path) -> dict[str, str]:
    """The folders of modules, by their kinds."""
    try:
        found = json.loads(path.read_text()) if path.exists() else []
        return {str(one["type"]).rpartition(".")[2]: str(one["path"]) for one in found}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{path} does not list modules ({error!r}); restore or remove it"
        ) from error


def write(folder: epath.Path, config: AlbertConfig):
    """The mean of all hidden states, and then length one; texts are cut at the model's positions."""
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(MODULES.items())
    ]
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": config.max_positions})
    pooling = {"word_embedding_dimension": config.hidden_size, f"{MODE}mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    _write(folder / "1_Pooling" / "config.json", pooling | {f"{MODE}cls_token": False})


def _write(path: epath.Path, content: list | dict):
    path.write_text(json.dumps(content, indent=2) + "\n")
