"""How fast text becomes batches on one core, beside SentencePiece, the original's algorithm, Hugging Face.

    python -m experiments.benchmarks.pipeline [--source=sotu] [--length=512] [--peer=PYTHON] [--output=F.md]

What counts is processor time. The original's algorithm (reference_data.py) and preset=reference must agree in
what they make; that is the second table. PEER is a Python with torch, transformers and datasets, where
paragraphs are tokenised, joined, and masked by DataCollatorForLanguageModeling.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from etils import epath
from tqdm import tqdm

from albert_jax import environment
from albert_jax.data import batch_config, files, text
from albert_jax.data.batches import Batches
from albert_jax.data.documents import Document
from albert_jax.data.normalisation import Normalisation
from albert_jax.data.segments import Symbols
from albert_jax.data.tokenisation import encode, normalised_sentences
from albert_jax.data.vocabulary import Vocabulary, train
from albert_jax.interop import tokenizer
from experiments import program
from experiments.benchmarks import reference_data
from experiments.publish import origin, publish

ROWS = 64  # of a batch
RACER = Path(__file__).parent / "racers" / "hf_pipeline.py"
SAMPLE = 20_000_000  # characters, of the beginning of the source
PASSES = 8  # over the documents; every tenth is cut short, which decides much where there are few
COMPARED = ("example_ids", "mlm_weights", "mlm_positions", "sentence_labels", "sentence_weights")
Numbers = dict[str, float]


def main(argv: Sequence[str]):
    """Measures and prints."""
    parser = program.parser("benchmarks.pipeline", __doc__)
    parser.add_argument("--source", default="sotu", help="what corpus.source takes")
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--model", help="a SentencePiece model; else one is trained")
    parser.add_argument("--peer", help="an interpreter that has torch, transformers and datasets")
    parser.add_argument("--output", help="a file for the report")
    options = parser.parse_args(argv)
    texts = list(sample(options.source))
    vocabulary = open_vocabulary(options.model, texts)
    documents, tokenising = tokenise(texts, vocabulary)
    batches, made = batch_making(documents, vocabulary, options.length)
    if options.peer:
        batches |= hugging_face(texts, vocabulary, options.length, options.peer)
    report = "\n".join(
        [
            "# From text to batches, on one core",
            "",
            origin("benchmarks.pipeline", argv),
            "",
            *table("thousand tokens a second", tokenising | batches, lambda v: f"{v / 1e3:,.0f}"),
            "",
            f"What was made, means of {PASSES} passes and their standard errors:",
            "",
            *table("", made, lambda v: f"{np.mean(v):.3f} ± {np.std(v) / len(v) ** 0.5:.3f}"),
            "",
        ]
    )
    publish(report, options.output)


def sample(source: str):
    """Documents from the beginning of a source."""
    taken = 0
    for document in text.documents(source):
        yield document
        taken += len(document.body)
        if taken >= SAMPLE:
            return


def open_vocabulary(path: str | None, texts: Sequence[text.Text]) -> Vocabulary:
    """The named model, or 8,000 pieces of this text."""
    if path:
        return Vocabulary.load(epath.Path(path), Normalisation())
    sentences = normalised_sentences(texts, Normalisation(), workers=1)
    return Vocabulary(train(sentences, 8000, sample=20_000), Normalisation())


def tokenise(
    texts: Sequence[text.Text], vocabulary: Vocabulary
) -> tuple[list[Document], dict[str, Numbers]]:
    """Everything `prepare` does to a text, and SentencePiece alone on the same sentences."""
    encode(files.Text("Café."), vocabulary)  # makes the tables that are made once
    documents, seconds = timed(lambda: [encode(body, vocabulary) for body in texts])
    tokens = sum(len(document.tokens) for document in documents)
    sentences = list(normalised_sentences(texts, vocabulary.normalisation, workers=1))
    alone = timed(lambda: vocabulary._processor.encode(sentences, num_threads=1))[1]
    return documents, {
        "SentencePiece alone, on normalised sentences": {"rate": tokens / alone},
        "prepare: paragraphs, sentences, normalisation, SentencePiece": {"rate": tokens / seconds},
        "of SentencePiece's rate, in thousandths": {"rate": 1e6 * alone / seconds},
    }


def batch_making(
    documents: Sequence[Document], vocabulary: Vocabulary, length: int
) -> tuple[dict[str, Numbers], dict[str, dict[str, list[float]]]]:
    """Rates of both presets and of the original's algorithm; what they made, by pass."""
    rates, made = {}, {}
    makers: dict[str, Callable] = {
        "ours, preset=recommended": partial(ours, batch_config.recommended),
        "ours, preset=reference": partial(ours, batch_config.reference),
        "google-research/albert's algorithm, in Python": original,
    }
    for name, make in makers.items():
        tokens = seconds = 0
        passes = []
        for seed in tqdm(range(PASSES), name):
            rows, taken = make(documents, vocabulary, length, seed)
            tokens, seconds = tokens + (rows["example_ids"] > 0).sum(), seconds + taken
            passes.append(described(rows))
        rates[name] = {"rate": tokens / seconds}
        made[name] = {key: [values[key] for values in passes] for key in passes[0]}
    return rates, made


def ours(preset: Callable, documents, vocabulary: Vocabulary, length: int, seed: int):
    """About one pass of our pipeline, and its seconds."""
    config = preset(ROWS, length, workers=0, seed=seed)
    pipeline = Batches(documents, config, Symbols(vocabulary.word_starts))
    next(pipeline)
    count = sum(len(d.tokens) for d in documents) // (ROWS * length)
    batches, seconds = timed(lambda: list(itertools.islice(pipeline, count)))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in COMPARED}, seconds


def original(documents: Sequence[Document], vocabulary: Vocabulary, length: int, seed: int):
    """One pass of the original, in our names so that it can be described, and its seconds."""
    pieces = [
        [
            [vocabulary.pieces[i] for i in ids]
            for ids in np.split(d.tokens, np.cumsum(d.sentence_lengths)[:-1])
        ]
        for d in documents
    ]
    ids = {piece: i for i, piece in enumerate(vocabulary.pieces)}
    most = batch_config.reference(ROWS, length).predictions

    def one_pass() -> list[dict]:
        made = reference_data.examples(pieces, vocabulary.pieces, length, most, seed)
        return [reference_data.features(example, ids, length, most) for example in made]

    rows, seconds = timed(one_pass)
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {
        "example_ids": arrays["input_mask"],
        "mlm_weights": arrays["masked_lm_weights"],
        "mlm_positions": arrays["masked_lm_positions"],
        "sentence_labels": arrays["next_sentence_labels"],
        "sentence_weights": np.ones_like(arrays["next_sentence_labels"]),
    }, seconds


def hugging_face(
    texts: Sequence[text.Text], vocabulary: Vocabulary, length: int, python: str
) -> dict[str, Numbers]:
    """The rates of racers/hf_pipeline.py, with the same paragraphs and the same pieces."""
    with tempfile.TemporaryDirectory() as folder:
        place = epath.Path(folder)
        tokenizer.write(place, vocabulary, length)
        lines = (json.dumps({"text": p}) for body in texts for p in body.paragraphs())
        (place / "texts.jsonl").write_text("\n".join(lines))
        case = [f"{folder}/texts.jsonl", folder, str(length), str(ROWS), str(PASSES)]
        settings = os.environ | {"GLIBC_TUNABLES": environment.MEMORY}
        command = [python, str(RACER), *case]
        found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=settings)
    rates = json.loads(found.stdout.splitlines()[-1])
    return {
        "Hugging Face: datasets and a fast tokenizer": {"rate": rates["prepare"]},
        "Hugging Face: DataCollatorForLanguageModeling": {"rate": rates["batches"]},
    }


def described(rows: dict[str, np.ndarray]) -> Numbers:
    """What can be compared of made rows."""
    real, masked = rows["example_ids"] > 0, rows["mlm_weights"] > 0
    labelled = rows["sentence_weights"] > 0
    neighbours = np.diff(rows["mlm_positions"], axis=1) == 1
    return {
        "real positions": real.mean(),
        "masked, of real ones": masked.sum() / real.sum(),
        "rows with all predictions": masked.all(axis=1).mean(),
        "masked next to masked": (neighbours & masked[:, 1:]).sum() / masked.sum(),
        "pairs of label 1": rows["sentence_labels"][labelled].mean(),
    }


def timed(work: Callable):
    """The result and this process's processor seconds."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def table(title: str, rows: Mapping[str, Mapping[str, Any]], form: Callable) -> list[str]:
    """Markdown."""
    names = list(next(iter(rows.values())))
    shown = [title] if names == ["rate"] else names
    lines = [f"| | {' | '.join(shown)} |", "|---" * (len(names) + 1) + "|"]
    return lines + [
        f"| {label} | {' | '.join(form(values[name]) for name in names)} |"
        for label, values in rows.items()
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
