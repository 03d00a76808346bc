"""The texts of a file that are nearest to a query; every text is compared.

albert-jax search --model=CHECKPOINT --corpus=texts.txt "who may declare war?" "taxes on tea"
albert-jax search --model=CHECKPOINT --corpus=posts.jsonl --field=body --embeddings=vectors.npy "a query"

--embeddings are those that `embed` made of the corpus with this model, and spare making them again.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from etils import epath
from tqdm import tqdm

from albert_jax.commands.embed import FIELD, LENGTH, WINDOW, embed, records
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import load
from albert_jax.data.vectors import Hit, Vectors, batched, nearest
from albert_jax.errors import UserError
from albert_jax.interop.pretrained import Pretrained
from albert_jax.tasks import source

SHOWN = 300  # characters of a text
MORE = " ..."


def main(argv: list[str]):
    """Prints what was found for each query."""
    line = CommandLine(__doc__, takes_words=True)
    line.path("model", "a workdir, or a model of any format that convert reads")
    line.path("corpus", "the texts: .txt with a text a line, .jsonl, .csv or .tsv")
    line.path("embeddings", "their vectors, a .npy file", required=False)
    line.text("field", "NAME", f"the column of the text in .jsonl, .csv and .tsv ({FIELD})")
    line.number("top", 10, "texts to show for each query")
    line.number("length", LENGTH, WINDOW)
    flags, queries = line.parse(argv)
    if not queries:
        raise UserError('search needs a query: albert-jax search --model=M --corpus=F "a query"')
    path, field, length = flags["corpus"], flags["field"] or FIELD, flags["length"]
    count = sum(1 for _ in records(path, field))
    model = load(flags["model"])
    asked = np.stack(list(embed(model, queries, length)))  # [Q, D]
    if flags["embeddings"]:
        blocks = stored(flags["embeddings"], path, count, model)
    else:
        texts = (source.text(record, field) for record in records(path, field))
        bar = tqdm(embed(model, texts, length), path.name, count, unit="text", disable=None)
        blocks = batched(bar)
    found = nearest(asked, blocks, flags["top"])
    show(queries, found, path, field)


def stored(
    embeddings: epath.Path, corpus: epath.Path, count: int, model: Pretrained
) -> Iterator[np.ndarray]:
    """The vectors of a file. Raises UserError: they are not of these texts, or not of this model."""
    vectors, size = Vectors(embeddings), model.config.hidden_size
    if vectors.count != count:
        raise UserError(
            f"{embeddings} has {vectors.count} vectors, {corpus} has {count} texts; embed it again"
        )
    if vectors.size != size:
        raise UserError(
            f"{embeddings} has vectors of {vectors.size} numbers, the model makes {size}; "
            "embed the corpus with this model"
        )
    return vectors.blocks()


def show(queries: Sequence[str], found: Sequence[Sequence[Hit]], corpus: epath.Path, field: str):
    """Prints the hits: cosine, place, text."""
    wanted = {hit.row for hits in found for hit in hits}
    rows = {row: record for row, record in enumerate(records(corpus, field)) if row in wanted}
    for query, hits in zip(queries, found, strict=True):
        print(query)
        for number, hit in enumerate(hits, 1):
            text = beginning(source.text(rows[hit.row], field))
            print(f"  {number:2}  {hit.score:.3f}  {rows[hit.row].place}  {text}")


def beginning(text: str) -> str:
    """What is shown of a text: SHOWN characters on a line, cut at a space if one is near."""
    line = " ".join(text.split())
    if len(line) <= SHOWN:
        return line
    head = line[: SHOWN - len(MORE)]
    space = head.rfind(" ", SHOWN // 2)  # Chinese and Japanese have none
    return (head if space < 0 else head[:space]) + MORE
