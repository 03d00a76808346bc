"""A few examples of every task, as its official files or the user's own have them; `write` lays them out."""

import json
from pathlib import Path

from tests import glue_files

BOOLQ = '{{"question": "who sat", "passage": "The {} sat.", "idx": {}, "label": {}}}\n'
CB = '{{"premise": "the cat sat", "hypothesis": "{}", "label": "{}", "idx": {}}}\n'
PLAIN = "text\tlabel\nthe cat sat\t{}\na dog was walking\t{}\n"
TAGGED = "The O\nDog B-person\nsat O\n\nOne O\nmat O\n"
CONLL = "-DOCSTART- -X- O O\n\nThe DT I-NP O\nDog NN I-NP I-PER\nsat VB I-VP O\n"


def _jsonl(*records: dict) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def _squad(*answers: tuple[str, int], id: str = "q1") -> str:
    """A file of one question; without answers it has none."""
    golds = [{"text": text, "answer_start": start} for text, start in answers]
    asked = {"id": id, "question": "who sat?", "answers": golds, "is_impossible": not answers}
    paragraph = {"context": "The big cat sat on the mat.", "qas": [asked]}
    return json.dumps({"version": "v2.0", "data": [{"title": "cats", "paragraphs": [paragraph]}]})


def _race(name: str) -> str:
    return json.dumps(
        {
            "id": name,
            "article": "The cat sat on the mat.",
            "questions": ["The cat _ .", "Who was it?"],
            "options": [["sat", "saw", "was", "one"], ["a cat", "a dog", "a mat", "no one"]],
            "answers": ["A", "A"],
        }
    )


def _swag(label: int) -> dict:
    return {"context": "The cat", "options": ["sat.", "mat.", "dog."], "label": label}


def _quiz(label: int) -> dict:
    return {"question": "who sat?"} | _swag(label)


DOCUMENT = {"document": "The cat sat. A dog was walking. One mat.", "summary": "The cat sat."}
GRADED = "sentence1\tsentence2\tscore\nthe cat\ta cat\t5.0\nthe cat\ta dog\t0\n"
PAIRS = "sentence1,sentence2\nwho sat?,the cat sat\nwho saw?,the dog\n"

FILES = {  # by task; of GLUE they are in glue_files
    "boolq": {
        "BoolQ/train.jsonl": BOOLQ.format("cat", 0, "true") + BOOLQ.format("dog", 1, "false"),
        "BoolQ/val.jsonl": BOOLQ.format("mat", 0, "false"),
    },
    "cb": {
        "CB/train.jsonl": CB.format("a cat sat", "entailment", 0)
        + CB.format("no cat", "neutral", 1),
        "CB/val.jsonl": CB.format("no cat sat", "contradiction", 0),
    },
    "text": {"train.tsv": PLAIN.format("pets", "walks"), "dev.tsv": PLAIN.format("pets", "walks")},
    "score": {"train.tsv": PLAIN.format(2.5, -1), "dev.tsv": PLAIN.format(0, 1)},
    "ag_news": {
        "train.tsv": "label\ttext\n2\tthe cat sat\n3\ta dog saw\n",
        "test.tsv": "label\ttext\n3\tone dog\n",
        "dev.tsv": "label\ttext\n2\tthe mat\n",
    },
    "sms_spam": {"sms.tsv": "ham\tthe cat sat\nspam\tone big mat\n" * 10},
    "squad1": {
        "train-v1.1.json": _squad(("The big cat", 0)),
        "dev-v1.1.json": _squad(("The big cat", 0), ("cat", 8)),
    },
    "squad2": {"train-v2.0.json": _squad(("cat", 8)), "dev-v2.0.json": _squad()},
    "race": {
        "RACE/train/high/1.txt": _race("high1.txt"),
        "RACE/dev/middle/2.txt": _race("middle2.txt"),
        "RACE/test/high/3.txt": _race("high3.txt"),
    },
    "choice": {"train.jsonl": _jsonl(_quiz(0), _quiz(2)), "dev.jsonl": _jsonl(_quiz(1))},
    "tagging": {"train.conll": TAGGED, "dev.conll": TAGGED},
    "conll2003": {"eng.train": CONLL, "eng.testa": CONLL, "eng.testb": CONLL},
    "wnut17": {
        "wnut17train.conll": TAGGED.replace(" ", "\t"),
        "emerging.dev.conll": TAGGED.replace(" ", "\t"),
        "emerging.test.annotated": TAGGED.replace(" B-person", "\tB-person,B-group").replace(
            " ", "\t"
        ),
    },
    "similarity": {"train.tsv": GRADED, "dev.tsv": GRADED},
    "pairs": {"train.csv": PAIRS, "dev.csv": PAIRS},
    "summary": {"train.jsonl": _jsonl(DOCUMENT), "dev.jsonl": _jsonl(DOCUMENT)},
    "centroid": {"dev.jsonl": _jsonl(DOCUMENT)},
}

# A file that is spoiled, what then stands in it, and what is said of it.
SPOILED = {
    "cola": ("CoLA/train.tsv", "gj04\t2\t\tThe cat.\n", r"CoLA/train.tsv:1: .*'2' is none of 0, 1"),
    "sst2": ("SST-2/train.tsv", "sentence\tlabel\nthe cat\n", r"SST-2/train.tsv:2: 1 columns, not"),
    "mrpc": ("MRPC/dev.tsv", "Quality\t#1 String\n1\ta\n", r"dev.tsv:2: no text under '#2 String'"),
    "stsb": (
        "STS-B/train.tsv",
        f"{glue_files.STSB_HEAD}\tscore\n{glue_files.STSB_ROW.format(0, 'cat')}\thigh\n",
        r"STS-B/train.tsv:2: .*'high'",
    ),
    "qqp": (
        "QQP/train.tsv",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\ta\tb\tyes\n",
        r"QQP/train.tsv:2: .*'yes' is none of 0, 1",
    ),
    "mnli": (
        "MNLI/dev_mismatched.tsv",
        f"{glue_files.MNLI_HEAD}gold_label\n{glue_files.MNLI_ROW.format(0, 'cat')}-\n",
        r"MNLI/dev_mismatched.tsv:2: .*'-' is none of contradiction",
    ),
    "qnli": (
        "QNLI/dev.tsv",
        "index\tquestion\n0\ta\n",
        r"QNLI/dev.tsv:2: no text under 'sentence'",
    ),
    "rte": ("RTE/train.tsv", b"index\tsentence1\n\xff\ta\n", r"RTE/train.tsv:2: .*UTF-8"),
    "wnli": (
        "WNLI/train.tsv",
        "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t\n",
        r"WNLI/train.tsv:2: .*'' is none of 0, 1",
    ),
    "boolq": ("BoolQ/train.jsonl", "{}\n[", r"BoolQ/train.jsonl:1: no text under 'question'"),
    "cb": (
        "CB/val.jsonl",
        CB.format("a cat", "perhaps", 0),
        r"CB/val.jsonl:1: .*'perhaps' is none",
    ),
    "text": (
        "dev.tsv",
        PLAIN.format("pets", "cars"),
        r"dev.tsv:3: .*'cars' is none of pets, walks",
    ),
    "score": ("train.tsv", PLAIN.format("2,5", 1), r"train.tsv:2: .*'2,5'"),
    "ag_news": ("train.tsv", "label\ttext\n3\n", r"train.tsv:2: 1 columns, not 2"),
    "sms_spam": ("sms.tsv", "ham\n", r"sms.tsv:1: 1 columns, not 2 \(label, text\)"),
    "squad1": ("train-v1.1.json", _squad(), r"train-v1.1.json: question q1 has no answer"),
    "squad2": ("dev-v2.0.json", '{"data": [}', r"dev-v2.0.json:1: not JSON"),
    "race": (
        "RACE/dev/middle/2.txt",
        _race("middle2.txt").replace('"A", "A"', '"A", "E"'),
        r"middle/2.txt:1: the label is option 4, counted from 0, of 4",
    ),
    "choice": ("train.jsonl", _jsonl(_quiz(3)), r"train.jsonl:1: the label is option 3"),
    "tagging": ("train.conll", "The O\nDog\n", r"train.conll:2: "),
    "conll2003": ("eng.testa", "The DT I-NP O\ncat NN I-NP CAT\n", r"eng.testa:2: .*'CAT'"),
    "wnut17": ("emerging.dev.conll", "Dog\tdog\n", r"emerging.dev.conll:1: .*'dog'"),
    "similarity": ("dev.tsv", GRADED.replace("5.0", "much"), r"dev.tsv:2: .*'much'"),
    "pairs": ("train.csv", "sentence1,answer\na,b\n", r"train.csv:2: no text under 'sentence2'"),
    "summary": ("train.jsonl", '{"document": "A."}\n', r"train.jsonl:1: no text under 'summary'"),
    "centroid": ("dev.jsonl", '{"text": "A."}\n', r"dev.jsonl:1: no text under 'document'"),
    "ax": ("diagnostic/diagnostic-full.tsv", "Premise\ta\nb\tc\n", r"-full.tsv:2: no text under"),
}
ONE_FILE = {"sms_spam": "sms.tsv"}  # where the data are not a folder


def write(folder: Path, task: str, spoiled: bool = False) -> Path:
    """The files of a task in a folder; returns what --data_dir says."""
    glue_files.write(folder)
    for name, text in FILES.get(task, {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if spoiled:
        name, text, _ = SPOILED[task]
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / ONE_FILE.get(task, "")
