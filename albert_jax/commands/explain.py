"""Why a model answers what it answers, as one HTML page to open in any browser.

albert-jax explain --model=CHECKPOINT --output=page.html "a gripping film"
albert-jax explain --model=CHECKPOINT --output=page.html "who wrote it?" "It was written by Mary Shelley."
albert-jax explain --model=CHECKPOINT --data_dir=DIR --output=page.html "a gripping film"

For classifiers of texts and pairs, scores, choices and readers. The texts stand in the order in which the
task reads them. The page shows which words moved the answer (integrated gradients), what the heads
look at, and with --data_dir the training examples that the model takes for most alike.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from tqdm import tqdm

from albert_jax.analysis.attention_maps import attention_maps
from albert_jax.analysis.attribution import Attribution, integrated_gradients
from albert_jax.analysis.page import Explanation, Neighbour, Word, page
from albert_jax.analysis.targets import KINDS, Target, target
from albert_jax.commands import model_flags
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.predictor import Input, Predictor
from albert_jax.data import vectors
from albert_jax.errors import UserError
from albert_jax.model.albert import Batch
from albert_jax.model.tasks import OUTPUTS
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.squad import Squad
from albert_jax.tasks.task import Prediction
from albert_jax.training.workdir import replace

EXCERPT = 280  # characters of a neighbour that are shown
ANSWERS = 5  # to a question


def main(argv: list[str]):
    """Writes the page and prints what it says of the answer."""
    line = CommandLine(__doc__, takes_words=True)
    model_flags.define(line)
    line.path("output", "the page, such as page.html")
    line.text("data_dir", "DIR", "the task's files, to look for the nearest training examples in")
    line.number("neighbours", 5, "training examples to show")
    flags, texts = line.parse(argv)
    settings = {"data_dir": flags["data_dir"]} if flags["data_dir"] else {}
    ready = model_flags.open_model(flags, **settings)
    columns = ready.task.columns
    if len(texts) != len(columns):
        raise UserError(f"explain needs {len(columns)} texts after the flags: {', '.join(columns)}")
    count = flags["neighbours"] if flags["data_dir"] else 0
    found = explain(ready, tuple(texts), flags["model"].name, count)
    replace(flags["output"], page(found))
    print(f"{found.answer} ({found.what} {found.attribution.score:.3f})")
    print(f"  attributions add up to {found.attribution.tokens.sum():+.4f}", end="")
    print(f" of {found.attribution.difference:+.4f}, error {found.attribution.error:.2%}")
    print(flags["output"])


def explain(ready: Predictor, given: Input, name: str, neighbours: int = 0) -> Explanation:
    """The answer to one example, and what is behind it.

    Args:
      ready: the model and the task.
      given: the texts of the example.
      name: of the model, for the page.
      neighbours: training examples to look for in the task's files.

    Raises:
      UserError: the task has another kind of head, or the files cannot be read.
    """
    task, kind = ready.task, ready.task.head.kind
    if kind not in KINDS:
        raise UserError(
            f"explain knows heads of the kinds {', '.join(KINDS)}; the task's is {kind}"
        )
    example = task.example(ready.record(given, "the text"), "the text")
    items = task.items(example)
    outputs = list(ready.outputs(items))
    prediction = task.decode(example, outputs)
    network, params = _exact(ready)
    place = task.place(example, outputs) if isinstance(task, Squad) else None
    chosen = target(network, params, outputs, task.head.labels, place)
    part = items[chosen.item].parts[chosen.part]
    return Explanation(
        model=name,
        task=ready.name,
        answer=_answer(prediction),
        shares=_shares(prediction),
        what=chosen.what,
        words=words(ready, part),
        pieces=[ready.model.vocabulary.pieces[i] for i in part.tokens],
        attribution=attribute(ready, network, params, part, chosen),
        span=chosen.span,
        maps=attention_maps(network.config, params["albert"], _rows(part, 1)),
        neighbours=nearest(ready, part, neighbours) if neighbours else (),
        notes=[f"window {chosen.item + 1} of {len(items)}"] if len(items) > 1 else [],
    )


def attribute(
    ready: Predictor, network: nn.Module, params: Any, part: Part, chosen: Target
) -> Attribution:
    """What each piece of a part adds to the score, against the part with [MASK] for every word."""
    is_word, mask = ~np.isin(part.tokens, _marks(ready)), ready.model.vocabulary.mask_id
    hidden = part._replace(tokens=np.where(is_word, mask, part.tokens).astype(np.int32))

    @jax.jit
    def embedded(rows: Batch) -> jax.Array:
        return network.apply({"params": params}, rows, method=lambda m, rows: m.albert.embed(rows))[
            0
        ]

    def score(x: jax.Array) -> jax.Array:
        return chosen.score(x, _rows(part, len(x)))

    return integrated_gradients(score, embedded(_rows(part, 1)), embedded(_rows(hidden, 1)))


def words(ready: Predictor, part: Part) -> list[Word]:
    """The pieces of a part as words."""
    vocabulary = ready.model.vocabulary
    found: list[Word] = []
    marked = any(piece.startswith("▁") for piece in vocabulary.pieces)  # else WordPiece
    for number, (token, kind) in enumerate(zip(part.tokens, part.token_types, strict=True)):
        piece, last = vocabulary.pieces[token], found[-1] if found else None
        is_special = token in _marks(ready)
        goes_on = last is not None and not is_special and last.segment == kind
        if last and goes_on and not (vocabulary.word_starts[token] and last.text):
            text = last.text + piece.removeprefix("##")
            found[-1] = last._replace(text=text, pieces=(*last.pieces, number))
        else:
            space = piece.startswith("▁") if marked else True
            text = piece.removeprefix("▁")
            found.append(Word(text, (number,), space, -1 if is_special else int(kind)))
    return found


def nearest(ready: Predictor, part: Part, count: int) -> list[Neighbour]:
    """The training examples that the model makes the most similar vectors of."""
    items = [item for one in ready.task.examples("train") for item in ready.task.items(one)]
    (query,) = vectors_of(ready, [Item((part,))])
    bar = tqdm(
        vectors_of(ready, items), total=len(items), desc="train", unit="example", disable=None
    )
    (hits,) = vectors.nearest(query[None], vectors.batched(bar), count)
    return [
        Neighbour(hit.score, _label(ready, items[hit.row]), _excerpt(ready, items[hit.row]))
        for hit in hits
    ]


def vectors_of(ready: Predictor, items: Iterable[Item]) -> Iterator[np.ndarray]:
    """What the head reads of every item, or the mean of its states for a reader; of length one."""
    reads_cls = ready.task.head.kind in ("sequence", "choice")

    def vector(model: nn.Module, batch: Batch) -> jax.Array:
        x, _ = model.albert.encoder(model.albert.embed(batch), batch["example_ids"], True)
        if reads_cls:
            return model.albert.pool(x, batch["cls_positions"])
        return OUTPUTS["embedding"](model, x, batch, True)

    for first, *_ in ready.outputs(items, vector):
        yield first / max(float(np.linalg.norm(first)), 1e-9)


def _exact(ready: Predictor) -> tuple[nn.Module, Any]:
    """The network in float32 and its parameters on one device."""
    config = dataclasses.replace(ready.network.config, dtype="float32", attention_kernel="plain")
    params = {name: ready.model.params[name] for name in ("albert", "classifier")}
    return ready.network.clone(config=config), jax.device_put(params, jax.devices()[0])


def _rows(part: Part, count: int) -> dict[str, Any]:
    """`count` rows that all hold a part, without padding."""
    length = len(part.tokens)
    row = {
        "tokens": part.tokens,
        "token_types": part.token_types,
        "positions": np.arange(length, dtype=np.int32),
        "example_ids": np.ones(length, np.int32),
        "cls_positions": np.zeros(1, np.int32),
    }
    return {name: np.tile(values, (count, 1)) for name, values in row.items()}


def _answer(prediction: Prediction) -> str:
    if "score" in prediction and len(prediction) == 1:
        return f"{prediction['score']:.3f}"
    if "answer" in prediction:
        return prediction["answer"] or "no answer"
    return str(prediction.get("option", prediction["label"]))


def _shares(prediction: Prediction) -> Sequence[tuple[str, float]]:
    """Probabilities by name, the largest first; of answers to a question the best five."""
    if "n_best" in prediction:
        best = prediction["n_best"][:ANSWERS]
        return [(a["text"] or "no answer", a["probability"]) for a in best]
    found = prediction.get("probabilities", {})
    if not isinstance(found, dict):  # of options
        found = {f"option {number}": share for number, share in enumerate(found, 1)}
    return sorted(found.items(), key=lambda pair: -pair[1])


def _label(ready: Predictor, item: Item) -> str:
    """What a training example is labelled, where that can be said in a word."""
    if ready.task.head.kind != "sequence" or item.label is None:
        return ""
    labels = ready.task.head.labels
    return labels[item.label] if labels else f"{item.label:.2f}"


def _excerpt(ready: Predictor, item: Item) -> str:
    """The beginning of a training example as the model reads it."""
    vocabulary, (part, *_) = ready.model.vocabulary, item.parts
    texts = [
        vocabulary.decode(
            [t for t in part.tokens[part.token_types == kind] if t not in _marks(ready)]
        )
        for kind in (0, 1)
    ]
    text = " · ".join(filter(None, texts))
    return text if len(text) <= EXCERPT else text[:EXCERPT].rsplit(" ", 1)[0] + " …"


def _marks(ready: Predictor) -> tuple[int, int]:
    return ready.model.vocabulary.cls_id, ready.model.vocabulary.sep_id
