"""Writes a model in another format, its vocabulary and a model card beside it.

albert-jax convert WORKDIR FOLDER --to=huggingface
albert-jax convert RELEASE FOLDER --to=native
albert-jax convert FOLDER RELEASE --to=tf1

SOURCE is a workdir, a native export, a Hugging Face folder of ALBERT or BERT, or an original TF1 release.
"""

from etils import epath

from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import WRITERS, load, save
from albert_jax.errors import UserError


def main(argv: list[str]):
    """Reads SOURCE whole, then writes DESTINATION whole."""
    line = CommandLine(__doc__, takes_words=True)
    line.text("to", "FORMAT", f"what to write: {', '.join(WRITERS)}")
    flags, words = line.parse(argv)
    if len(words) != 2 or flags["to"] is None:
        raise UserError(
            "convert needs a source, a destination and a format: "
            "albert-jax convert SOURCE DESTINATION --to=native"
        )
    source, destination = map(epath.Path, words)
    model = load(source)
    save(model, destination, flags["to"])
    print(f"{destination}: {model.head}, {flags['to']}, from {source}")
