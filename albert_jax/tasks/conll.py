"""Files of words and tags in columns, as CoNLL-2003, WNUT-17 and their followers hand them out.

A line is a word and its tag, the first and the last of columns that TABs or spaces separate; a
blank line ends a sentence, and so does a `-DOCSTART-` line. Where a word has several tags, such as
"B-person,B-group" in WNUT-17's test file, the first counts.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from etils import epath

from albert_jax.errors import CHECK_PATH, UserError
from albert_jax.tasks import source
from albert_jax.tasks.metrics import entities

FILES = {  # what the file of a split is called; of several that are there the first is read
    "train": ("train.conll", "train.txt", "train.tsv", "eng.train", "wnut17train.conll"),
    "dev": (
        *("dev.conll", "dev.txt", "dev.tsv"),
        *("valid.txt", "eng.testa", "emerging.dev.conll"),
    ),
    "test": ("test.conll", "test.txt", "test.tsv", "eng.testb", "emerging.test.annotated"),
}
TAG = re.compile(r"O|[BIES](-.+)?")


class Sentence(NamedTuple):
    """Words in a text, each with its tag if that is known.

    Attributes:
      text: the raw text; of a file the words with spaces between them.
      spans: where the words are in `text`, first character and the one behind the last.
      tags: as they stand in the file, one a word, or None.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    tags: tuple[str, ...] | None = None

    @property
    def words(self) -> list[str]:
        """The words themselves."""
        return [self.text[start:end] for start, end in self.spans]


def sentence(words: Sequence[str], tags: Sequence[str] | None = None) -> Sentence:
    """The sentence of these words."""
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return Sentence(" ".join(words), tuple(spans), None if tags is None else tuple(tags))


def bio(tags: Sequence[str]) -> list[str]:
    """The same entities in B and I: an I that continues nothing becomes a B, IOBES is rewritten."""
    rewritten = ["O"] * len(tags)
    for kind, start, stop in entities(tags):
        rewritten[start:stop] = [f"B-{kind}"] + [f"I-{kind}"] * (stop - start - 1)
    return rewritten


def find(data_dir: str, split: str) -> epath.Path:
    """The file of a split. Raises UserError if there is none."""
    folder = epath.Path(data_dir)
    found = [folder / name for name in FILES[split] if (folder / name).exists()]
    if not found:
        names = " or ".join(FILES[split][:2])
        raise UserError(f"{folder}: no {split} file there, such as {names}; set task.data_dir")
    return found[0]


def read(path: epath.Path) -> list[Sentence]:
    """The sentences of a file in its order, without tags if every line is a word and no more.

    Raises:
      UserError: a line without a word, without a tag, or with a tag of another form.
    """
    try:
        with path.open("rb") as lines:
            rows = [_row(*record) for record in source.rows(lines, ".txt", str(path))]
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}); {CHECK_PATH}"
        ) from error
    _check_tags(rows, path)
    sentences = [
        sentence(
            [word for word, _ in block],
            None if block[0][1] is None else [tag or "" for _, tag in block],
        )
        for block in _blocks(rows)
    ]
    if not sentences:
        raise UserError(f"{path}: no words in it; a line holds a word and its tag")
    return sentences


def from_tfds(name: str, split: str) -> list[Sentence]:
    """The sentences of a TFDS dataset with "tokens" and "ner", such as conll2003.

    Raises:
      UserError: there is no such dataset or split, or it has not these features.
    """
    found = []
    for values, place in source.from_tfds(name, split):
        if not {"tokens", "ner"} <= values.keys():
            raise UserError(
                f"{place}: no tokens and ner, but {', '.join(values)}; name a dataset of entities"
            )
        found.append(sentence(values["tokens"], values["ner"]))
    return found


def write(
    path: epath.Path, sentences: Iterable[Sentence], predictions: Iterable[Sequence[str]]
) -> None:
    """A line for each word: the word, its tag if it has one, and the predicted tag.

    That is what conlleval and wnuteval read. Spaces stand between, or TABs where words hold spaces.
    """
    blocks = [
        list(zip(s.words, *([s.tags] if s.tags else []), tags, strict=True))
        for s, tags in zip(sentences, predictions, strict=True)
    ]
    has_spaces = any(" " in columns[0] for block in blocks for columns in block)
    separator = "\t" if has_spaces else " "
    lines = [separator.join(columns) for block in blocks for columns in (*block, ())]
    path.write_text("".join(f"{line}\n" for line in lines))


_Row = tuple[str, str | None] | None  # a word and its tag; None for what stands between sentences


def _row(values: Mapping[str, str], place: str) -> _Row:
    line = values["text"]
    if not line.strip() or line.startswith("-DOCSTART-"):
        return None
    word, *others = line.split("\t") if "\t" in line else line.strip(" ").split(" ")
    if not word:
        raise UserError(f"{place}: no word before the tag; a line holds a word and its tag")
    tag = others[-1].strip() if others else None
    if tag is not None and not all(TAG.fullmatch(one) for one in tag.split(",")):
        raise UserError(
            f"{place}: the tag {tag!r} is not O, nor B, I, E or S with a dash and a type"
        )
    return word, tag


def _check_tags(rows: Sequence[_Row], path: epath.Path) -> None:
    """All words have tags or none has; says how many have several."""
    bare = [(n, row[0]) for n, row in enumerate(rows, 1) if row is not None and row[1] is None]
    if bare and any(row is not None and row[1] is not None for row in rows):
        number, word = bare[0]
        raise UserError(f"{path}:{number}: {word!r} has no tag; a line holds a word and its tag")
    several = sum(row is not None and "," in (row[1] or "") for row in rows)
    if several:
        message = "%s: %d words have several tags; the first counts"
        logging.getLogger(__name__).warning(message, path, several)


def _blocks(rows: Iterable[_Row]) -> Iterator[list[tuple[str, str | None]]]:
    """The rows of each sentence, with the first of several tags."""
    block = []
    for row in (*rows, None):
        if row is not None:
            block.append((row[0], row[1] and row[1].split(",")[0]))
        elif block:
            yield block
            block = []
