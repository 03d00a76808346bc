"""The one command line: `--config=FILE.py:ARG --config.KEY=VALUE` and a few flags of each command's own."""

import sys

from absl import flags
from etils import epath
from ml_collections import config_flags

from albert_jax.errors import UserError


class CommandLine:
    """The flags of one command; `parse` returns them with the words that are not flags."""

    def __init__(self, doc: str, takes_words: bool = False):
        """`doc`: the command's docstring, shown by --help above the flags."""
        self._doc, self._takes_words = doc.strip(), takes_words
        self._values = flags.FlagValues()
        self._help: dict[str, str] = {}
        self._names: list[str] = []
        self._required: list[str] = []

    def config(self, required: bool = True):
        """--config=FILE.py:ARG, and every key of it as --config.KEY."""
        self._add("config", "FILE.py:ARG", "the settings, of configs/", required)
        self._help["config.KEY=VALUE"] = "one of them, as in --config.training.steps=1000"

    def path(self, name: str, description: str, required: bool = True):
        """A flag that holds a local or gs:// path; None where it is left out."""
        self._add(name, "PATH", description, required)
        epath.DEFINE_path(name, None, description, flag_values=self._values)

    def text(self, name: str, kind: str, description: str):
        """A flag that holds text of some kind; None where it is left out."""
        self._add(name, kind, description, required=False)
        flags.DEFINE_string(name, None, description, flag_values=self._values)

    def number(self, name: str, default: int, description: str):
        """A flag that holds a positive whole number."""
        self._add(name, "NUMBER", f"{description} ({default})", required=False)
        flags.DEFINE_integer(name, default, description, lower_bound=1, flag_values=self._values)

    def switch(self, name: str, description: str):
        """A flag that is there or not."""
        self._add(name, "", description, required=False)
        flags.DEFINE_bool(name, False, description, flag_values=self._values)

    def parse(self, argv: list[str]) -> tuple[dict, list[str]]:
        """The flags by name and the remaining words of a command line.

        Raises:
          UserError: an unknown flag, a wrong value, a flag that is missing, a config that does not load.
        """
        if "--help" in argv or "-h" in argv:
            self._show_help()
        values, words = self._read(["albert-jax", *argv])
        for name in self._required:
            if values[name] is None:
                raise UserError(f"--{name} is missing; add --help to see how it is used")
        if words and not self._takes_words:
            raise UserError(f"{words[0]!r} is not a flag; add --help to see the flags")
        return values, words

    def _add(self, name: str, kind: str, description: str, required: bool):
        self._names.append(name)
        self._help[f"{name}={kind}".rstrip("=")] = description
        if required:
            self._required.append(name)

    def _read(self, argv: list[str]) -> tuple[dict, list[str]]:
        if "config" in self._names:
            # An unknown key is let in here, so that the dataclasses can say what is close to it.
            config_flags.DEFINE_config_file(
                "config",
                flag_values=self._values,
                sys_argv=argv,
                lock_config=False,
                accept_new_attributes=True,
            )
        try:
            words = self._values(argv)[1:]
            values = {name: self._values[name].value for name in self._names}
            # A config file that is not there fails only now, when it is looked into.
            getattr(values.get("config"), "to_dict", None)
            return values, words
        except Exception as error:  # a config file is the user's own code, and raises what it likes
            raise UserError(_reason(error)) from error

    def _show_help(self):
        lines = self._help | {"help": "show this"}
        width = max(map(len, lines)) + 2
        print(self._doc, "", *(f"  --{k:{width}}{v}" for k, v in lines.items()), sep="\n")
        sys.exit(0)


def _reason(error: BaseException) -> str:
    """One line for what absl and config_flags raise, or for the error that they have wrapped."""
    while "Traceback" in str(error) or "an earlier failure to load" in str(error):
        error = error.__cause__ or error.__context__ or UserError("the flags cannot be read")
    if isinstance(error, UserError | flags.Error):
        return " ".join(str(error).split())
    text = str(error.args[0] if isinstance(error, KeyError) else error).strip() or "nothing said"
    return f"--config: {type(error).__name__}: {text.splitlines()[-1].strip()}"
