"""Predictions of files, on inputs as they come."""

import dataclasses
import functools
import io
import json
import sys

import pytest

import albert_jax
from albert_jax.commands.predict import predict
from albert_jax.tasks.source import Record
from tests.commands import call, run
from tests.models import random_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A classifier of two classes, as a folder."""
    folder = tmp_path_factory.mktemp("models") / "M"
    given = random_model(head="sequence", classes=2)
    albert_jax.save(dataclasses.replace(given, labels=("bad", "good")), folder)
    return folder


def predicted(model, path, *flags):
    """The lines of the output, parsed."""
    output = path.parent / "out.jsonl"
    call("predict", f"--model={model}", f"--input={path}", f"--output={output}", *flags)
    assert not output.with_name("out.jsonl.partial").exists()
    return [json.loads(line) for line in output.read_bytes().decode().splitlines()]


def labels(model, *texts):
    return [p["label"] for p in answerer(model)(texts)]


@functools.cache
def answerer(model):
    return albert_jax.predictor(albert_jax.load(model))


def test_a_text_a_line_whatever_is_in_it(model, tmp_path):
    texts = [
        "the cat sat on the mat.",
        "",
        "a dog \u2028 was\x00walking \x85\x0b",
        "\N{SNOWMAN} \N{PILE OF POO}" + "e\u0301" * 3 + "\u202etah",
        "the dog (a big one) " * 5000,
        "\ufffd",
    ]
    (tmp_path / "in.txt").write_bytes("\r\n".join(texts).encode())
    found = predicted(model, tmp_path / "in.txt")
    assert [line["line"] for line in found] == [1, 2, 3, 4, 5, 6]
    assert [line["label"] for line in found] == labels(model, *texts)
    for line in found:
        assert list(line["probabilities"]) == ["bad", "good"]
        assert sum(line["probabilities"].values()) == pytest.approx(1)


def test_json_lines_with_ids_blank_lines_and_half_characters(model, tmp_path):
    lines = [
        '{"text": "the cat", "id": 7}',
        "",
        r'{"id": "x\ud83d", "text": "half \ud83d of it", "more": [1, null]}',
        '{"text": ""}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n\n")
    found = predicted(model, tmp_path / "in.jsonl")
    assert [(line["line"], line.get("id")) for line in found] == [(1, 7), (3, "x\ufffd"), (4, None)]
    assert [line["label"] for line in found] == labels(model, "the cat", "half \ufffd of it", "")


def test_csv_and_tsv_by_the_name_of_a_column(model, tmp_path):
    (tmp_path / "in.csv").write_text('n,review\n1,"the cat, ""sat""\non the mat"\n2,a dog\n')
    task = "--task=text:text=review"
    found = predicted(model, tmp_path / "in.csv", task)
    assert [line["line"] for line in found] == [3, 4]
    assert [line["label"] for line in found] == labels(model, 'the cat, "sat"\non the mat', "a dog")
    (tmp_path / "in.tsv").write_text('\ufeffreview\tn\n"a dog\t1\n')
    assert [line["label"] for line in predicted(model, tmp_path / "in.tsv", task)] == labels(
        model, '"a dog'
    )
    (tmp_path / "in.data").write_text("review\na dog\n")
    assert predicted(model, tmp_path / "in.data", task, "--format=csv")[0]["line"] == 2


@pytest.mark.parametrize(
    ("name", "output"),
    [("in.txt", "in.txt"), ("in.txt", "more/../in.txt"), ("in.txt.partial", "in.txt")],
)
def test_answers_are_not_written_over_the_texts(model, tmp_path, name, output):
    (tmp_path / name).write_text("the cat\n")
    (tmp_path / "more").mkdir()
    with pytest.raises(SystemExit, match=r"in\.txt would be written over --input=.*; name another"):
        call(
            *("predict", f"--model={model}", f"--input={tmp_path / name}", "--format=txt"),
            f"--output={tmp_path / output}",
        )
    assert (tmp_path / name).read_text() == "the cat\n"


def test_an_empty_file_gives_an_empty_file(model, tmp_path):
    (tmp_path / "in.txt").write_text("")
    assert predicted(model, tmp_path / "in.txt") == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.txt", b"fine\n\xff\xfe\n", "in.txt:2: not UTF-8 at byte 0; convert it, as in iconv"),
        (
            "in.jsonl",
            b'{"text": "a"}\n{"text": "a"\n',
            "in.jsonl:2: not JSON (Expecting ',' delimiter)",
        ),
        ("in.jsonl", b'{"text": "a"}\n["a"]\n', "in.jsonl:2: list; a line must be an object"),
        ("in.jsonl", b'{"txt": "a"}\n', "in.jsonl:1: no text under 'text'; found 'txt'"),
        ("in.jsonl", b'{"text": null}\n', "in.jsonl:1: 'text' is no text but NoneType"),
        (
            "in.jsonl",
            b'{"text": ' + b"1" * 5000 + b"}\n",
            "in.jsonl:1: not JSON (Exceeds the limit",
        ),
        (
            "in.jsonl",
            b'{"text": ' + b"[" * 100000 + b"\n",
            "in.jsonl:1: not JSON (maximum recursion",
        ),
        ("in.csv", b'text\n"a\n', "in.csv:2: not CSV (unexpected end of data); check its quotes"),
        ("in.csv", b"a,text\n1,2,3\n", "in.csv:2: 3 columns, not 2 (a, text); mend the line"),
        (
            "in.pdf",
            b"",
            "in.pdf: .pdf is no known format; add --format with one of txt, tsv, csv, jsonl",
        ),
    ],
)
def test_a_bad_line_is_named(model, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit) as error:
        predicted(model, tmp_path / name)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_was_predicted_before_a_bad_line_is_kept(model, tmp_path):
    """Long texts, so that some are done before the line is read; an old output stays as it is."""
    lines = ["the cat sat on the mat. " * 3] * 9000
    (tmp_path / "in.txt").write_bytes("\n".join(lines).encode() + b"\n\xff\n")
    (tmp_path / "out.jsonl").write_text("old")
    with pytest.raises(
        SystemExit, match=r"in.txt:9001: not UTF-8.*before is in .*out.jsonl.partial$"
    ):
        predicted(model, tmp_path / "in.txt")
    kept = (tmp_path / "out.jsonl.partial").read_text().splitlines()
    assert len(kept) > 1000 and json.loads(kept[-1])["line"] == len(kept)
    assert (tmp_path / "out.jsonl").read_text() == "old"


def test_standard_input_and_output(model, monkeypatch, capsysbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("the cat\n\na dog é".encode())))
    call("predict", f"--model={model}", "--input=-", "--output=-")
    found = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [line["label"] for line in found] == labels(model, "the cat", "", "a dog é")


def test_bfloat16_says_nearly_the_same(model, tmp_path):
    (tmp_path / "in.txt").write_text("the cat\n")
    exact, rough = (
        predicted(model, tmp_path / "in.txt", f"--dtype={dtype}")[0]["probabilities"]["good"]
        for dtype in ("float32", "bfloat16")
    )
    assert exact != rough and exact == pytest.approx(rough, abs=0.02)


def test_as_a_process_of_its_own(model, tmp_path):
    (tmp_path / "in.txt").write_text("the cat\n")
    finished = run("predict", f"--model={model}", f"--input={tmp_path / 'in.txt'}", "--output=-")
    assert finished.status == 0 and finished.err == ""
    assert json.loads(finished.out)["line"] == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--input=none.txt", "--output=-"], "none.txt: No such file"),
        (["--output=-"], "--input is missing; name a file, or - for standard input"),
        (["--input=-"], "--output is missing; name a file, or - for standard output"),
        (["--input=-", "--output=-", "--format=xml"], ".xml is no known format"),
        (["--input=-", "--output=-", "--dtype=int8"], "model.dtype is 'int8'; it must be one of"),
        (
            ["--input=-", "--output=-", "--task=mrpc", "--labels=0,1"],
            "-:1: 1 texts, the task reads 2",
        ),
    ],
)
def test_what_the_user_can_mend_is_one_line(model, monkeypatch, flags, message):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the cat\n")))
    with pytest.raises(SystemExit) as error:
        call("predict", f"--model={model}", *flags)
    assert message in str(error.value) and "\n" not in str(error.value)


DOCUMENT = "The cat sat on the mat. \N{SNOWMAN} A dog (a big one) was walking. " * 6
CONTEXT = "the dog was walking. the U.S. cat sat on the mat. who saw it?"
KINDS = {  # of task: the model's head, its classes and labels, --task, and a record
    "score": ("sequence", 1, (), "score", {"text": DOCUMENT}),
    "reader": (
        "span", 2, (), "squad1:question_length=8,length=40,stride=8",
        {"id": "q", "question": "who sat on the mat?", "context": CONTEXT},
    ),
    "tagger": ("token", 3, ("O", "B-X", "I-X"), "tagging:overlap=8", {"text": DOCUMENT}),
    "choice": (
        "choice", 1, (), "choice:question_length=16",
        {"context": CONTEXT, "question": "who?", "options": ["a cat", "", "the \N{SNOWMAN}"]},
    ),
    "race": (  # options as a table or `explain` has them, in JSON
        "choice", 1, (), "race:question_length=16",
        {"article": CONTEXT, "question": "who?", "options": '["a cat", "", "the \\u2603"]'},
    ),
    "summary": ("token", 2, ("leave", "take"), "summary:sentences=2", {"document": DOCUMENT}),
    "centroid": ("pretraining", None, (), "centroid:sentences=1", {"document": DOCUMENT}),
    "similarity": (
        "pretraining", None, (), "similarity", {"sentence1": "a cat", "sentence2": DOCUMENT},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_what_every_kind_of_task_says(name, tmp_path):
    head, classes, names, task, record = KINDS[name]
    given = random_model(head=head, classes=classes, max_positions=64)
    albert_jax.save(dataclasses.replace(given, labels=names), tmp_path / "M")
    blank = {key: value if key == "options" else "" for key, value in record.items()}
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, [record, blank, record])))
    found, empty, again = predicted(tmp_path / "M", tmp_path / "in.jsonl", f"--task={task}")
    assert (found["line"], empty["line"], again["line"]) == (1, 2, 3)
    said = CHECKS.get(name, lambda record, found: True)
    assert found.keys() == empty.keys() == again.keys()
    assert said(record, found) and said(blank, empty)


def slices(text, found):
    return all(text[span["start"] : span["end"]] == span["text"] for span in found)


CHECKS = {
    "score": lambda record, found: list(found) == ["line", "score"],
    "reader": lambda record, found: (
        record["context"][found["start"] : found["end"]] == found["answer"]
        and slices(record["context"], found["n_best"])
    ),
    "tagger": lambda record, found: slices(record["text"], found["entities"]),
    "choice": lambda record, found: record["options"][found["label"]] == found["option"],
    "race": lambda record, found: json.loads(record["options"])[found["label"]] == found["option"],
    "summary": lambda record, found: slices(record["document"], found["sentences"]),
    "centroid": lambda record, found: slices(record["document"], found["sentences"]),
}


class Endless:
    """Says infinity of everything."""

    class task:
        @staticmethod
        def example(record, place):
            return record

    def stream(self, examples):
        for example in examples:
            yield example, {"odds": float("inf"), "list": [{"score": float("nan")}], "text": "é"}


def test_infinity_is_null_and_every_line_is_written_as_it_comes():
    written = []
    records = (Record({"text": "a"}, f"file:{n}") for n in range(1, 4))
    predict(Endless(), records, ".jsonl", written.append)
    assert (
        written[2] == '{"line": 3, "odds": null, "list": [{"score": null}], "text": "é"}\n'.encode()
    )
