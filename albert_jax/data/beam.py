"""The prepared dataset written by Apache Beam, for text that one machine is too slow for.

The same reading, encoding and features as `data.builder`; TFDS's own Beam writer shuffles the
documents into shards. It needs no TensorFlow.
"""

from collections.abc import Iterator

import apache_beam as beam
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions
from etils import epath

from albert_jax.data import builder, records, text, tokenisation
from albert_jax.data.config import CorpusConfig
from albert_jax.data.statistics import Statistics
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError

Keyed = tuple[str, tokenisation.Tokenised]


def write(corpus: CorpusConfig, vocabulary: Vocabulary, flags: list[str]) -> None:
    """Like `builder.write`, on a Beam pipeline.

    Args:
      corpus: the text and its settings; the workers must be able to read and write its paths.
      vocabulary: sent to the workers.
      flags: of the pipeline, such as `--runner=DataflowRunner`; none runs it on this machine.
    """
    config = tfds.download.DownloadConfig(
        beam_options=PipelineOptions(flags), num_shards=corpus.shards or None
    )
    try:
        builder.build(BeamBuilder(corpus, vocabulary), config)
    except ValueError as error:
        if "This should be >0" not in str(error):
            raise
        raise UserError(
            f"corpus.held_out={corpus.held_out}: leaves a split without documents; "
            "choose another share, or add text"
        ) from error


class BeamBuilder(  # type: ignore[call-arg]  # TFDS loads late, and hides its bases
    builder.CorpusBuilder, skip_registration=True
):
    """Both splits as Beam collections."""

    name = "corpus"

    def _download_and_prepare(self, dl_manager, download_config) -> None:
        super()._download_and_prepare(dl_manager, download_config)
        documents = {name: self.info.splits[name].num_examples for name in records.SPLITS}
        records.save_prepared(self.data_path, self._corpus, self._vocabulary, documents)

    def _split_generators(  # type: ignore[override]  # TFDS looks at the arguments
        self, dl_manager, pipeline: beam.Pipeline
    ) -> dict:
        """TFDS hands in the pipeline because of the argument's name."""
        corpus = self._corpus
        tokenised = (
            pipeline
            | "Units" >> beam.Create(text.units(corpus.source, seed=corpus.seed))
            | "ShareUnits" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(_read, corpus.field)
            | "ShareDocuments" >> beam.Reshuffle()
            | "Tokenise" >> beam.ParDo(_Tokenise(self._vocabulary, corpus.seed))
        )
        counting = _Count(self._vocabulary, corpus)
        counts = tokenised | beam.Values() | "Count" >> beam.CombineGlobally(counting)
        _ = counts | "SaveCounts" >> beam.Map(_save, str(self.data_path))
        return {
            split: tokenised
            | f"Take_{split}" >> beam.Filter(_is_in, split, corpus)
            | f"Example_{split}" >> beam.Map(_example, self._vocabulary.size)
            for split in records.SPLITS
        }


def _read(unit: text.Unit, field: str) -> Iterator[tuple[str, text.Text]]:
    for number, body in enumerate(text.read_unit(unit, field)):
        yield f"{unit.draws} {number}", body


class _Tokenise(beam.DoFn):
    def __init__(self, vocabulary: Vocabulary, seed: int):
        self._vocabulary, self._seed = vocabulary, seed

    def process(self, keyed: tuple[str, text.Text]) -> Iterator[Keyed]:
        key, body = keyed
        for tokenised in tokenisation.tokenise(
            [body], self._vocabulary, seed=self._seed, workers=1
        ):
            yield key, tokenised


class _Count(beam.CombineFn):
    def __init__(self, vocabulary: Vocabulary, corpus: CorpusConfig):
        self._vocabulary, self._corpus = vocabulary, corpus

    def create_accumulator(self) -> Statistics:
        return Statistics(self._vocabulary)

    def add_input(self, statistics: Statistics, tokenised: tokenisation.Tokenised) -> Statistics:
        statistics.add(tokenised.document, builder.split_of(tokenised.draw, self._corpus))
        return statistics

    def merge_accumulators(self, accumulators) -> Statistics:
        merged = self.create_accumulator()
        for statistics in accumulators:
            merged.merge(statistics)
        return merged

    def extract_output(self, statistics: Statistics) -> Statistics:
        return statistics


def _save(statistics: Statistics, folder: str) -> None:
    statistics.save(epath.Path(folder))


def _is_in(keyed: Keyed, split: str, corpus: CorpusConfig) -> bool:
    return builder.split_of(keyed[1].draw, corpus) == split


def _example(keyed: Keyed, vocab_size: int) -> tuple[str, dict]:
    key, (document, _) = keyed
    return key, builder.example(document, vocab_size)
