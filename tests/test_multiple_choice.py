"""What the model reads of a question, and what becomes of its scores."""

import numpy as np
import pytest

from albert_jax.data.normalisation import Normalisation
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.multiple_choice import MultipleChoice, Question, check_lengths, checked
from tests.models import sentencepiece_model

WORDS = Vocabulary(sentencepiece_model(), Normalisation())


def choice(length, question_length):
    return MultipleChoice(WORDS, length, question_length, ("context", "question", "options"))


def shown(part):
    """The two segments of a part as text."""
    tokens, types = part
    assert tokens[0] == WORDS.cls_id and tokens[-1] == WORDS.sep_id
    first = int(np.argmax(types))  # of the second segment
    assert tokens[first - 1] == WORDS.sep_id and not types[:first].any() and types[first:].all()
    return WORDS.decode(tokens[1 : first - 1]), WORDS.decode(tokens[first:-1])


def test_an_option_stands_behind_the_question_or_in_its_blank():
    task = choice(64, 32)
    behind = Question("the mat", "who was it?", ("the dog", "cat"), 1)
    (item,) = task.items(behind)
    assert item.label == 1
    assert [shown(part) for part in item.parts] == [
        ("the mat", "who was it? the dog"),
        ("the mat", "who was it? cat"),
    ]
    (item,) = task.items(Question("the mat", "it was ____ on _.", ("cat", "dog", "big")))
    assert item.label is None
    assert [shown(part)[1] for part in item.parts] == [
        f"it was {option} on {option}." for option in ("cat", "dog", "big")
    ]


def test_of_an_answer_the_last_pieces_are_kept_and_of_the_context_the_first():
    """google-research/albert, race_utils.py: max_qa_length 128, then the context to the right."""
    context, question = "the big cat sat on the mat " * 9, "who saw the big dog walking"
    task = choice(24, 8)
    for option in ("a cat", "the dog the dog the dog the dog"):
        (part, _) = task.items(Question(context, question, (option, "x")))[0].parts
        answer = WORDS.encode(f"{question} {option}")[-8:]
        assert len(part.tokens) == 24
        assert part.tokens[-9:-1].tolist() == answer
        assert part.tokens[1:14].tolist() == WORDS.encode(context)[: 24 - 3 - 8]


def test_short_sequences_are_not_filled():
    (item,) = choice(64, 32).items(Question("", "", ("cat", "the dog was walking")))
    assert len(item.parts[0].tokens) < len(item.parts[1].tokens) < 64
    assert shown(item.parts[0]) == ("", "cat")


def test_every_question_has_its_own_context():
    task = choice(64, 32)
    for context in ("the mat", "the big dog", "the mat", ""):
        (item,) = task.items(Question(context, "", ("cat", "dog")))
        assert {shown(part)[0] for part in item.parts} == {context}


def test_options_are_compared():
    task, question = choice(64, 32), Question("", "", ("a", "b", "c"), 2)
    prediction = task.decode(question, [np.log(np.float32([1, 1, 2]))])
    assert (prediction["label"], prediction["option"]) == (2, "c")
    np.testing.assert_allclose(prediction["probabilities"], [0.25, 0.25, 0.5], rtol=1e-6)


def test_accuracy_is_of_the_questions_with_a_label():
    task, question = choice(64, 32), Question("", "", ("a", "b"))
    examples = [question._replace(label=label) for label in (0, 1, 1, None)]
    said = [{"label": label} for label in (0, 0, 1, 1)]
    assert task.score(examples, said) == {"accuracy": pytest.approx(200 / 3)}
    assert task.score(examples[3:], said[3:]) == {"accuracy": 0.0}


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"options": ("a",)}, "1 options; a choice is of two or more"),
        ({"label": 2}, "the label is option 2, counted from 0, of 2"),
        ({"context": None}, "context, question and options must be text"),
        ({"options": ("a", 3)}, "context, question and options must be text"),
    ],
)
def test_what_cannot_be_asked_is_named(changes, reason):
    with pytest.raises(UserError, match=f"here:3: {reason}"):
        checked(Question("", "", ("a", "b"))._replace(**changes), "here:3")


@pytest.mark.parametrize("question_length", [0, 62])
def test_question_and_option_need_room(question_length):
    with pytest.raises(UserError, match=r"task.question_length is \d+; it must be from 1 to"):
        check_lengths(64, question_length)
    check_lengths(64, 61)
