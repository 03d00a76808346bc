"""Text in, a vocabulary and tokenised records out; once, before `pretrain`.

albert-jax prepare --config=configs/pretrain.py --workdir=W
albert-jax prepare --config=configs/pretrain.py --workdir=W --config.corpus.source=my/texts
albert-jax prepare --config=configs/pretrain.py --workdir=W --config.corpus.source=dump.xml.bz2
albert-jax prepare --config=configs/pretrain.py --workdir=W --beam='--direct_num_workers=8'
"""

import os
import shlex
from collections.abc import Iterator

from etils import epath
from tqdm import tqdm

from albert_jax.commands.claim import claimed
from albert_jax.commands.config import pretraining
from albert_jax.commands.flags import CommandLine
from albert_jax.data import builder, records, remote, text, tokenisation, vocabulary
from albert_jax.data.config import CorpusConfig
from albert_jax.data.statistics import page
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.paths import is_remote


def main(argv: list[str]):
    """Reads the command line and prepares."""
    line = CommandLine(__doc__)
    line.config()
    line.path("workdir", "gets the folder records/, unless corpus.records names another")
    line.text("beam", "FLAGS", "do the work in an Apache Beam pipeline with these flags")
    flags, _ = line.parse(argv)
    run = pretraining(flags["config"], flags["workdir"])
    beam = None if flags["beam"] is None else shlex.split(flags["beam"])
    prepare(run.corpus, run.model.vocab_size, beam)


def prepare(corpus: CorpusConfig, vocab_size: int, beam: list[str] | None = None) -> None:
    """Prepares the dataset that `pretrain` reads, once: a second run finds it there.

    Args:
      corpus: the text and what to do with it; `corpus.records` is the folder to write.
      vocab_size: V of the model: the size of the vocabulary that is trained, or was given.
      beam: flags of an Apache Beam pipeline that does the work; None works on this machine.
    """
    if records.is_prepared(corpus, vocab_size):
        print(f"{corpus.records}: already prepared")
        return
    if beam is not None and is_remote(corpus.records):
        raise UserError(
            f"{corpus.records}: the workers of Beam cannot write ArrayRecord files there; give "
            "corpus.records a folder that all of them see, and copy it when it is done"
        )
    folder = epath.Path(corpus.records)
    with claimed(folder.parent / f".{folder.name}.lock"):
        spm = _given(corpus, vocab_size) if corpus.vocabulary else _trained(corpus, vocab_size)
        if beam is None:
            _write(corpus, spm)
        else:
            _write_with_beam(corpus, spm, beam)
    print(page(records.load_statistics(corpus.records)))
    print(f"{corpus.records}: prepared")


def _write(corpus: CorpusConfig, spm: Vocabulary) -> None:
    documents = _documents(corpus, "tokenising")
    tokenised = tokenisation.tokenise(documents, spm, seed=corpus.seed, workers=corpus.workers)
    with remote.sent(corpus) as here:
        builder.write(tokenised, here, spm, text.size(corpus.source))


def _write_with_beam(corpus: CorpusConfig, spm: Vocabulary, flags: list[str]) -> None:
    try:
        from albert_jax.data import beam
    except ModuleNotFoundError as error:
        raise UserError("Apache Beam is not installed: pip install 'albert-jax[beam]'") from error
    beam.write(corpus, spm, flags)


def _given(corpus: CorpusConfig, vocab_size: int) -> Vocabulary:
    """The vocabulary that the config names."""
    spm = Vocabulary.load(corpus.vocabulary, _normalisation(corpus))
    if spm.size != vocab_size:
        raise UserError(
            f"{corpus.vocabulary}: has {spm.size} pieces, the model's vocab_size is {vocab_size}; "
            "make them equal"
        )
    return spm


def _trained(corpus: CorpusConfig, vocab_size: int) -> Vocabulary:
    """A vocabulary trained on a sample of the text."""
    print(f"training a vocabulary of {vocab_size:,} pieces")
    steps = _normalisation(corpus)
    documents = _documents(corpus, "reading for the vocabulary")
    sentences = tokenisation.normalised_sentences(documents, steps, workers=corpus.workers)
    model = vocabulary.train(
        sentences,
        vocab_size,
        sample=corpus.vocab_sentences,
        seed=corpus.seed,
        threads=corpus.workers or os.cpu_count() or 1,
    )
    return Vocabulary(model, steps)


def _normalisation(corpus: CorpusConfig) -> Normalisation:
    return Normalisation(
        lower=corpus.lower,
        strip_accents=corpus.strip_accents,
        ascii_punctuation=corpus.ascii_punctuation,
    )


def _documents(corpus: CorpusConfig, purpose: str) -> Iterator[text.Text]:
    """The documents of the source, with a progress bar over its bytes."""
    total = text.size(corpus.source)
    with tqdm(total=total, desc=purpose, unit="B", unit_scale=True, disable=None) as bar:
        yield from text.documents(corpus.source, corpus.field, seed=corpus.seed, advance=bar.update)
