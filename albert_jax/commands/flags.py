"""The one command line: `--config=FILE.py:ARG --config.KEY=VALUE` and a few flags of each command's own."""

import sys

from absl import flags
from etils import epath
from ml_collections import config_flags

from albert_jax.errors import UserError


class CommandLine:
    """The flags of one command; `parse` returns them with the words that are not flags."""

    def __init__(self, doc: str):
        """`doc`: the command's docstring, shown by --help above the flags."""
        self._doc = doc.strip()
        self._values = flags.FlagValues()
        self._required: list[str] = []
        flags.DEFINE_bool("help", False, "show this", flag_values=self._values)

    def config(self, required: bool = True):
        """--config=FILE.py:ARG, and every key of it as --config.KEY."""
        self._need("config", required)
        config_flags.DEFINE_config_file(
            "config", help_string="configs/pretrain.py:size=base,...", flag_values=self._values
        )

    def path(self, name: str, description: str, required: bool = True):
        """A flag that holds a local or gs:// path; None where it is left out."""
        self._need(name, required)
        flags.DEFINE_string(name, None, description, flag_values=self._values)

    def number(self, name: str, default: int, description: str):
        """A flag that holds a positive whole number."""
        flags.DEFINE_integer(name, default, description, lower_bound=1, flag_values=self._values)

    def parse(self, argv: list[str]) -> tuple[dict, list[str]]:
        """The flags by name and the remaining words of a command line.

        Raises:
          UserError: an unknown flag, a wrong value, a flag that is missing, a config that does not load.
        """
        if "--help" in argv:
            self._show_help()
        try:
            words = self._values(["albert-jax", *argv])[1:]
        except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(_one_line(error)) from error
        except (OSError, SyntaxError) as error:
            raise UserError(f"--config: {_one_line(error)}") from error
        values = self._values.flag_values_dict()
        for name in self._required:
            if values[name] is None:
                raise UserError(
                    f"--{name} is missing; `albert-jax COMMAND --help` shows how it is used"
                )
        return {name: self._typed(name, value) for name, value in values.items()}, words

    def _typed(self, name: str, value):
        is_path = isinstance(value, str) and name != "config"
        return epath.Path(value) if is_path else value

    def _need(self, name: str, required: bool):
        if required:
            self._required.append(name)

    def _show_help(self):
        print(self._doc, "", self._values.main_module_help() or self._values.get_help(), sep="\n")
        sys.exit(0)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
