"""The files of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018), and TFDS's, as questions."""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from etils import epath

from albert_jax.data import files
from albert_jax.errors import UserError
from albert_jax.tasks import source

NAMES = {
    "train": ("train",),
    "dev": ("dev", "validation"),
    "test": ("test",),
}  # parts of files' names
TFDS_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
_SHOWN = 3  # ids in a warning
_AMID = re.compile(r"(?<=\w)(?=\w)")  # a place inside a word


class Gold(NamedTuple):
    """An answer and its place in the context; start and end are 0 where it does not stand there."""

    text: str
    start: int = 0
    end: int = 0


class Question(NamedTuple):
    """A question on a text; without gold answers it has none, with None they are not known.

    The id is text in SQuAD's files; a user's record may have any, or None.
    """

    id: Any
    question: str
    context: str
    golds: tuple[Gold, ...] | None = None

    @property
    def gold(self) -> Gold | None:
        """The first of the gold answers that stands in the context."""
        return next((gold for gold in self.golds or () if gold.end), None)


def read(data_dir: str, split: str, version: int) -> list[Question]:
    """The questions of a split, in the order of its file.

    Args:
      data_dir: a folder with one file for each split, `train` or `dev` or `test` in its name; or one
        file, which is train if its name says so, else dev or test as it is asked for; or tfds:NAME.
      split: "train", "dev" or "test"; the answers of the last may be hidden.
      version: 1 or 2, whether a question may have no answer.

    Raises:
      UserError: there is no such file, or it is not SQuAD's, or there is nothing to train on or score.
    """
    if data_dir.startswith(source.TFDS):
        place, found = data_dir, list(_from_tfds(data_dir, split))
    else:
        place = _find(epath.Path(data_dir), split, version)
        found = list(_questions(_parsed(place), place))
    if not found:
        raise UserError(f"{place}: no question in it; name a file of SQuAD")
    _check_ids(found, place)
    if version == 1:
        found = [_answerable(question, split, place) for question in found]
    if split != "test":
        _check_answers(found, split, place)
    strays = [asked.id for asked in found if asked.golds and not asked.gold]
    report(place, "do not stand in their text; they are no labels", strays)
    return found


def report(place: Any, what: str, ids: Sequence[str]):
    """Warns of questions, if there are any; `what` says what is wrong with their answers."""
    if ids:
        more = ", ..." if len(ids) > _SHOWN else ""
        shown = ", ".join(ids[:_SHOWN]) + more
        message = "%s: the answers to %d questions %s: %s"
        logging.getLogger(__name__).warning(message, place, len(ids), what, shown)


def question(id: Any, text: Any, context: Any, place: str) -> Question:
    """A question without answers. Raises UserError: it or its context is no text."""
    for name, value in (("question", text), ("context", context)):
        if not isinstance(value, str):
            raise UserError(
                f'{place}: no text under "{name}", but {type(value).__name__}; give it one'
            )
    return Question(id, text, context)


def _find(path: epath.Path, split: str, version: int) -> epath.Path:
    """The file of a split; of several the one that names the version."""
    if path.is_file():
        return _checked(path, split)
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; set task.data_dir")
    names = [f.name for f in path.iterdir() if f.suffix == ".json"]
    found = sorted(n for n in names if any(part in n for part in NAMES[split]))
    if len(found) > 1:
        found = [n for n in found if f"v{version}" in n] or found
    if len(found) != 1:
        there = ", ".join(found) if found else f"no file *{split}*.json"
        raise UserError(f"{path}: {there} in it; it must hold one file {split}-v{version}*.json")
    return path / found[0]


def _checked(path: epath.Path, split: str) -> epath.Path:
    """The only file, if it may be that split: none is train and dev at once."""
    is_train = "train" in path.name
    if is_train != (split == "train"):
        has, own = ("with", "train") if is_train else ("without", "dev")
        raise UserError(
            f"{path}: a file {has} train in its name is not read as {split}; name a folder that has "
            f"*{split}*.json, or for evaluate --split={own}"
        )
    return path


def _parsed(path: epath.Path) -> Any:
    text = files.decode(path.read_bytes(), path).removeprefix("\ufeff")
    try:
        return source.whole(json.loads(text))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not JSON ({error.msg}); fetch it again") from error
    except (ValueError, RecursionError) as error:  # numbers and depths beyond Python
        raise UserError(f"{path}: not a file of SQuAD ({error}); fetch it again") from error


def _questions(content: Any, path: epath.Path) -> Iterator[Question]:
    for a, article in enumerate(_list(content, "data", str(path))):
        at_article = f"{path}: data[{a}]"
        for p, paragraph in enumerate(_list(article, "paragraphs", at_article)):
            at = f"{at_article}.paragraphs[{p}]"
            for q, record in enumerate(_list(paragraph, "qas", at)):
                place = f"{at}.qas[{q}]"
                if not isinstance(record, dict) or not isinstance(record.get("id"), str):
                    raise UserError(f'{place}: no "id" of a question; give it one')
                asked = question(
                    record["id"], record.get("question"), paragraph.get("context"), place
                )
                yield asked._replace(golds=_golds(record, asked.context, place))


def _list(value: Any, key: str, place: str) -> list:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise UserError(f'{place}: no list "{key}"; is this a file of SQuAD?')
    return found


def _golds(record: dict[str, Any], context: str, place: str) -> tuple[Gold, ...] | None:
    """The gold answers; None where the record has no "answers"."""
    if "answers" not in record:
        return None
    golds = []
    for answer in _list(record, "answers", place):
        text, start = (
            answer.get(k) if isinstance(answer, dict) else None for k in ("text", "answer_start")
        )
        if not isinstance(text, str) or not isinstance(start, int):
            raise UserError(f'{place}: an answer without "text" or "answer_start"; it needs both')
        golds.append(_placed(text, start, context))
    return tuple(golds)


def _placed(text: str, start: int, context: str) -> Gold:
    """An answer where it says it stands, or where its words do: not inside others if it can be, and near."""
    if text and context.startswith(text, start) and start >= 0:
        return Gold(text, start, start + len(text))
    words = r"\s+".join(map(re.escape, text.split()))
    found = [match.span() for match in re.finditer(words, context)] if words else []

    def distance(span: tuple[int, int]) -> tuple[bool, int]:
        return any(_AMID.match(context, at) for at in span), abs(span[0] - start)

    return Gold(text, *min(found, key=distance, default=(0, 0)))


def _from_tfds(data_dir: str, split: str) -> Iterator[Question]:
    name = data_dir.removeprefix(source.TFDS)
    for values, place in source.from_tfds(name, TFDS_SPLITS[split]):
        asked = question(values["id"], values["question"], values["context"], place)
        answers = values["answers"]
        pairs = zip(answers["text"], answers["answer_start"], strict=True)
        golds = [_placed(files.decode(text, place), int(s), asked.context) for text, s in pairs]
        yield asked._replace(golds=tuple(golds))


def _check_ids(found: Iterable[Question], place: Any):
    """Predictions are kept by id."""
    seen = set()
    for asked in found:
        if asked.id in seen:
            raise UserError(f"{place}: two questions have the id {asked.id!r}; ids must differ")
        seen.add(asked.id)


def _check_answers(found: Iterable[Question], split: str, place: Any):
    """A split without any answers can neither be trained on nor be scored."""
    if all(asked.golds is None for asked in found):
        raise UserError(
            f'{place}: no question has "answers"; {split} needs them, only test may be without'
        )


def _answerable(asked: Question, split: str, place: Any) -> Question:
    """A question of SQuAD 1.1, which has an answer, hidden or not."""
    if asked.golds == () and split != "test":
        raise UserError(
            f"{place}: question {asked.id} has no answer; questions without one are task squad2"
        )
    return asked._replace(golds=asked.golds or None)
