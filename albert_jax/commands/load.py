"""A CHECKPOINT argument -> the model behind it, whatever its format; and a model -> a folder."""

import dataclasses
import json
from typing import Any

from etils import epath

from albert_jax.commands.config import ADDED, PretrainingConfig
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import huggingface, native, tf1
from albert_jax.interop.card import card
from albert_jax.interop.folder import new_folder
from albert_jax.interop.pretrained import Pretrained
from albert_jax.interop.settings import Settings
from albert_jax.model.config import AlbertConfig
from albert_jax.training.checkpoint import restore_params
from albert_jax.training.config import build
from albert_jax.training.sharding import DATA_PARALLEL

KINDS = "a run's workdir, a native export, a Hugging Face folder or an original release"
WRITERS = {"native": native.write, "huggingface": huggingface.write, "tf1": tf1.write}


def load(path: epath.PathLike, *, convention: str = "none") -> Pretrained:
    """The model in a folder: `config, params, vocabulary = load(path)`, and `.encode(texts)`.

    Args:
      path: a workdir (its newest checkpoint; after fine-tuning the best), a native export, a Hugging
        Face folder of ALBERT or BERT, or an original TF1 release.
      convention: of SentencePiece vocabularies for digits before a comma: "none", "original" or
        "huggingface", see `data.vocabulary.Vocabulary`. None is how models are pretrained here,
        and what transformers 5 does.

    Raises:
      UserError: the folder is none of these, or something in it is missing, damaged or unknown.
    """
    path = epath.Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is no folder; name {KINDS}")
    if tf1.config_path(path) and (tf1.has_checkpoint(path) or not (path / "config.json").exists()):
        return tf1.read(path, convention)
    if not (path / "config.json").exists():
        raise UserError(f"{path} is no checkpoint: it has no config.json; name {KINDS}")
    values = Settings(path / "config.json").values
    if "format" in values:
        return native.read(path, convention)
    if "model_type" in values:
        return huggingface.read(path, convention)
    if "config" not in values:
        raise UserError(
            f"{path / 'config.json'}: model_type is missing; write what the weights are, albert or bert"
        )
    return (_finetuned if _has_task(values) else _run)(path, convention)


def save(model: Pretrained, path: epath.PathLike, to: str = "native"):
    """Writes a model with its model card; the folder appears whole or not at all.

    Args:
      model: what `load` returns.
      path: a new or empty folder.
      to: "native", "huggingface" or "tf1".

    Raises:
      UserError: the folder is not empty, or the format cannot hold the model.
    """
    if to not in WRITERS:
        raise UserError(f"format {to!r} is unknown; choose one of {', '.join(WRITERS)}")
    path = epath.Path(path)
    with new_folder(path) as folder:
        WRITERS[to](model, folder)
        (folder / "README.md").write_text(card(model, path.name, to))


def is_run(path: epath.Path) -> bool:
    """Whether a folder is a pretraining run's workdir, not a fine-tuned one and none of the exports."""
    if not (path / "config.json").exists():
        return not tf1.config_path(path)
    values = Settings(path / "config.json").values
    return "config" in values and not _has_task(values)


def read_run(workdir: epath.Path) -> PretrainingConfig:
    """The config of the run in a workdir."""
    path = workdir / "config.json"
    if not path.exists():
        raise UserError(f"{workdir} is no checkpoint: it has no config.json; name a run's workdir")
    try:
        values = json.loads(path.read_text())["config"]
        mesh = dataclasses.asdict(DATA_PARALLEL)  # of a run from before there was a choice
        for key, value in ADDED.items():
            section, _, name = key.partition(".")
            values[section].setdefault(name, value)
        return build(PretrainingConfig, {"mesh": mesh, **values}, f"{path}: config")
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{path} does not describe a run ({error!r}); restore the file") from error


def _run(workdir: epath.Path, convention: str) -> Pretrained:
    """The newest checkpoint of a workdir."""
    run = read_run(workdir)
    normalisation = {f.name: getattr(run.corpus, f.name) for f in dataclasses.fields(Normalisation)}
    vocabulary = Vocabulary.load(
        workdir / "vocabulary.model", Normalisation(**normalisation), convention
    )
    part = "average" if run.training.average_decay else "params"
    params = restore_params(workdir / "checkpoints", part=part)
    return Pretrained(run.model, params, vocabulary, origin=_origin(workdir, run))


def _has_task(values: dict[str, Any]) -> bool:
    """Whether a config.json is that of a fine-tuned run."""
    return isinstance(values.get("config"), dict) and "head" in values["config"]


def _finetuned(workdir: epath.Path, convention: str) -> Pretrained:
    """The best checkpoint of a fine-tuned workdir; its scores are in results.json when it has ended."""
    path, results = workdir / "config.json", workdir / "results.json"
    said = Settings(path).field("config")
    try:
        config = build(AlbertConfig, said["encoder"], f"{path}: encoder")
        vocabulary = native.read_vocabulary(workdir, said["normalisation"], convention)
        head, labels = said["head"]["kind"], tuple(said["head"]["labels"])
        part = "average" if said["training"]["average_decay"] else "params"
        task, origin = said["task"], {"source": workdir.name, "init": said["source"]}
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} does not describe a run ({error!r}); restore the file") from error
    params = restore_params(workdir / "checkpoints", "best", part)
    origin |= {"task": task["name"], "commit": _commit(workdir)}
    if results.exists():
        origin["metrics"] = Settings(results).values.get("dev", {})
    return Pretrained(config, params, vocabulary, head, labels, origin, task)


def _origin(workdir: epath.Path, run: PretrainingConfig) -> dict[str, Any]:
    """What a model card says of a run: its data, the commit it ran on, its last held-out values."""
    origin = {
        "source": workdir.name,
        "data": run.corpus.source,
        "objective": run.data.objective,
        "steps": run.training.steps,
        "commit": _commit(workdir),
    }
    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    held_out = [values for line in lines if (values := json.loads(line))["kind"] == "held_out"]
    return origin | ({"metrics": held_out[-1]} if held_out else {})


def _commit(workdir: epath.Path) -> str | None:
    """The commit that a run was last started on."""
    starts = Settings(workdir / "config.json").field("starts")
    return starts[-1]["commit"] if starts else None
