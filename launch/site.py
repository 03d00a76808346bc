"""Where jobs run: the names of one's own project, cluster and machines, from site.toml."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from albert_jax.errors import UserError
from launch.accelerator import Accelerator
from launch.job import Job

FILE = Path(__file__).with_name("site.toml")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """The settings of site.toml, which says what each is."""

    project: str
    zone: str
    accelerator: str
    spot: bool
    image: str
    partition: str
    nodes: int
    gpus: int
    python: str

    def __post_init__(self):
        for name in ("nodes", "gpus"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)} in the site; make it 1 or more")

    def slice(self, job: Job) -> Accelerator:
        """The TPU slice of a job."""
        accelerator = Accelerator(self.accelerator)
        return accelerator.one_host if job.one_host else accelerator


def load(path: Path = FILE, **changes: str | int | bool) -> Site:
    """The site that a file describes, with changes.

    Raises:
      UserError: the file cannot be read, or has other keys than a site.
    """
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); correct it") from error
    wanted: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(Site)}
    for name in sorted(wanted.keys() ^ values.keys()):
        what = "is missing" if name in wanted else "is not a setting of a site"
        raise UserError(f"{path}: {name} {what}; see {FILE}")
    for name, value in (values := values | changes).items():
        if type(value) is not wanted[name]:
            raise UserError(f"{path}: {name} is {value!r}; make it a {wanted[name].__name__}")
    return Site(**values)
