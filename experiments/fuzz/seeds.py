"""Small valid inputs that fuzzing begins with, and what it puts into JSON."""

import bz2
import copy
import dataclasses
import functools
import gzip
import io
import json
from typing import Any

import atheris
import numpy as np
import safetensors.numpy
import sentencepiece
from flax.serialization import msgpack_serialize

from albert_jax.data.normalisation import Normalisation
from albert_jax.data.tokenizer_json import wordpiece
from albert_jax.data.vocabulary import SPECIAL
from albert_jax.interop import native, settings
from albert_jax.model.config import AlbertConfig

ODD: tuple[Any, ...] = (  # values that few expect
    *(None, True, 0, -1, 2, 2**31, 2**63, 10**30, 0.5, -1e308, float("nan"), float("inf")),
    *("", "a", "\ud800", "../x", "\0", [], [0], [[]], {}, {"a": 0}, [None], "9" * 5000),
)
_TINY = AlbertConfig(
    vocab_size=8, embedding_size=2, hidden_size=4, num_layers=2, num_heads=2, ffn_size=4
)

TEXT = "One. Two, Mr. X\n\u2026 caf\u00e9\n\nThree \ufeff\0\n".encode()
LINES = b'{"text": "One. Two."}\n{"text": "\\ud800 x", "more": [1]}\n'
FILES = (TEXT, LINES, gzip.compress(TEXT), bz2.compress(LINES))  # .txt, .jsonl, .txt.gz, .jsonl.bz2
TABLES = (b"a\tb\n1\t2\n", b'a,b\n"x, ""y""\n",2\n', LINES, b"EU B-ORG\n\nx O\n")
PAGE = (
    b'<mediawiki xmlns="x"><page><ns>0</ns><revision><text>The [[cat|dog]] {{a|b}}'
    b"</text></revision></page></mediawiki>"
)
MARKUP = (
    b"{{Infobox|x=[[y]]}} The '''cat'''<ref>A {{cite}}</ref>\n== Habits ==\n* item\n"
    b"{| class=a\n| cell\n|}\n[[File:a.b|thumb|[[c]]]] <!-- x -->&amp;__TOC__ [http://a b]\n"
)

_GOLD = {"text": "cat", "answer_start": 4}
_ASKED = {"id": "1", "question": "who?", "answers": [_GOLD], "is_impossible": False}
SQUAD = {"data": [{"paragraphs": [{"context": "the cat sat.", "qas": [_ASKED] * 2}]}]}
RACE = {
    "id": "high1.txt",
    "article": "The cat sat.",
    "questions": ["Who _ ?", "What?"],
    "options": [["a cat", "a dog"], ["x", "y"]],
    "answers": ["A", "B"],
}
HEADER = {  # of safetensors
    "__metadata__": {"format": "pt"},
    "a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "F16", "shape": [4], "data_offsets": [16, 24]},
}
SHARDS = {"metadata": {"total_size": 24}, "weight_map": {"a": "1.safetensors", "b": "2"}}
HUGGINGFACE = (
    {"model_type": "albert", "architectures": ["AlbertModel"]} | settings.write_albert(_TINY),
    {"model_type": "bert", "architectures": ["BertModel"]} | settings.write_albert(_TINY),
)
NATIVE = {
    "format": native.FORMAT,
    "model": dataclasses.asdict(_TINY),
    "normalisation": dataclasses.asdict(Normalisation()),
    "head": "encoder",
    "labels": ["a", "b"],
    "task": {},
    "origin": {},
}


def tensors() -> list[bytes]:
    """A file of safetensors and one of msgpack."""
    arrays: dict[str, np.ndarray] = {"a": np.arange(4, dtype=np.float32)}
    arrays["b"] = np.zeros((1, 2), np.float16)
    return [safetensors.numpy.save(arrays), msgpack_serialize({"params": {"a": arrays["a"]}})]


@functools.cache
def tokenizers() -> tuple[Any, ...]:
    """A WordPiece vocabulary and a unigram one, as a tokenizer.json has them."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s"]
    bert = json.loads(wordpiece("\n".join(pieces), lower=True, strip_accents=None, chinese=True))
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    steps = [{"type": "NFKD"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}]
    scored = [[piece, -float(i)] for i, piece in enumerate([*pieces, "▁the", "▁", "c"])]
    unigram = bert | {
        "model": {"type": "Unigram", "unk_id": 1, "vocab": scored},
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": space,
        "decoder": space,
    }
    return bert, unigram


def sentencepiece_model() -> bytes:
    """A model without the large table of normalisation that is there by default."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat.", "1,000 dogs were there"] * 20),
        model_writer=model,
        vocab_size=28,
        normalization_rule_name="identity",
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=list(SPECIAL[2:]),
        minloglevel=2,
    )
    return model.getvalue()


def whole_and_changed(*contents: Any) -> list[bytes]:
    """Inputs for `read_or_changed`: each content as it is, and the wish to change it."""
    whole = [b"\0" + json.dumps(content).encode() for content in contents]
    return whole + [bytes([2 * i + 1, *range(40)]) for i in range(len(contents))]


def read_or_changed(data: bytes, *contents: Any) -> bytes:
    """A file of JSON: the data, or if it begins with an odd byte one of the contents changed by it."""
    if not data or data[0] % 2 == 0:
        return data[1:]
    content = changed(contents[data[0] // 2 % len(contents)], data[1:])
    return json.dumps(content).encode()


def changed(content: Any, data: bytes) -> Any:
    """JSON content with one to three of its nodes doubled, taken out or replaced by odd values."""
    provider, root = atheris.FuzzedDataProvider(data), [copy.deepcopy(content)]
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        parent, place = _node(root, provider)
        action = provider.ConsumeIntInRange(0, 9)
        if action == 0 and parent is not root:
            del parent[place]
        elif action == 1:
            parent[place] = provider.ConsumeUnicode(12)
        elif action == 2:
            parent[place] = [parent[place], copy.deepcopy(parent[place])]
        else:
            parent[place] = copy.deepcopy(ODD[provider.ConsumeIntInRange(0, len(ODD) - 1)])
    return root[0]


def _node(root: list, provider: Any) -> tuple[Any, Any]:
    """A node of JSON, as what holds it and where."""
    parent: Any = root
    place: Any = 0
    while provider.ConsumeIntInRange(0, 3):
        node = parent[place]
        places = list(node) if isinstance(node, dict) else range(len(node) if _is_list(node) else 0)
        if not places:
            break
        parent, place = node, places[provider.ConsumeIntInRange(0, len(places) - 1)]
    return parent, place


def _is_list(node: Any) -> bool:
    return isinstance(node, list)
