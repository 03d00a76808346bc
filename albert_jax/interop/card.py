"""The model card: what a folder holds, where it is from, how well it did, how to open it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

from albert_jax.interop import huggingface
from albert_jax.interop.pretrained import Pretrained

PIPELINES = {  # our head -> transformers' pipeline
    "encoder": "feature-extraction",
    "masked_lm": "fill-mask",
    "pretraining": "fill-mask",
    "sequence": "text-classification",
    "token": "token-classification",
    "span": "question-answering",
    "choice": "multiple-choice",
    "beam": "question-answering",
    "embedding": "sentence-similarity",
}
LIBRARIES = {"native": "albert-jax", "huggingface": "transformers", "tf1": "albert-jax"}
USE = {
    "native": "import albert_jax\n\nmodel = albert_jax.load(FOLDER)\nbatch = model.encode(TEXTS)",
    "huggingface": "from transformers import {auto}, AutoTokenizer\n\n"
    "model = {auto}.from_pretrained(FOLDER)\ntokenizer = AutoTokenizer.from_pretrained(FOLDER)",
    "tf1": "import albert_jax\n\nmodel = albert_jax.load(FOLDER)",
}


def card(model: Pretrained, name: str, to: str) -> str:
    """README.md of an export.

    Args:
      model: what was exported.
      name: the title.
      to: the format: native, huggingface or tf1.
    """
    origin = {key: value for key, value in model.origin.items() if key != "metrics"}
    metrics = model.origin.get("metrics", {})
    count = sum(leaf.size for leaf in jax.tree.leaves(model.params))
    sections = [
        f"---\nlibrary_name: {LIBRARIES[to]}\npipeline_tag: {PIPELINES[model.head]}\n"
        "tags:\n- albert\n---",
        f"# {name}",
        f"An ALBERT of {count:,} parameters, exported by albert-jax in the format {to}.",
        "## Use",
        f"```python\n{_use(model, to)}\n```",
        "## Where it is from",
        _table(origin) if origin else "Not recorded.",
        "## Metrics on held-out text",
        _table(metrics) if metrics else "Not recorded.",
        "## Config",
        _table(dataclasses.asdict(model.config) | {"head": model.head}),
    ]
    return "\n\n".join(sections) + "\n"


def _use(model: Pretrained, to: str) -> str:
    """How the folder is opened, with the head that it has."""
    if to != "huggingface":
        return USE[to]
    kind = huggingface.class_of(model.head).removeprefix("Model")
    return USE[to].format(auto=f"AutoModel{kind}")


def _table(values: Mapping[str, Any]) -> str:
    rows = [f"| {key} | {_cell(value)} |" for key, value in values.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
