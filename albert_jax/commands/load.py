"""A CHECKPOINT argument -> the model behind it."""

import dataclasses
import json
from typing import NamedTuple

from etils import epath

from albert_jax.commands.config import PretrainingConfig
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.model.config import AlbertConfig
from albert_jax.training.checkpoint import restore_params
from albert_jax.training.config import build
from albert_jax.training.state import Params


class Pretrained(NamedTuple):
    """A model as a run left it; parameters are numpy arrays."""

    config: AlbertConfig
    params: Params
    vocabulary: Vocabulary


def load(workdir: epath.Path) -> Pretrained:
    """The newest checkpoint of a workdir.

    Raises:
      UserError: the folder is not a workdir, or nothing in it can be read.
    """
    run = read_run(workdir)
    normalisation = {f.name: getattr(run.corpus, f.name) for f in dataclasses.fields(Normalisation)}
    vocabulary = Vocabulary.load(workdir / "vocabulary.model", Normalisation(**normalisation))
    return Pretrained(run.model, restore_params(workdir / "checkpoints"), vocabulary)


def read_run(workdir: epath.Path) -> PretrainingConfig:
    """The config of the run in a workdir."""
    path = workdir / "config.json"
    if not path.exists():
        raise UserError(f"{workdir} is no checkpoint: it has no config.json; name a run's workdir")
    try:
        return build(PretrainingConfig, json.loads(path.read_text())["config"], f"{path}: config")
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{path} does not describe a run ({error!r}); restore the file") from error
