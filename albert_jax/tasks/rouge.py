"""ROUGE by Google's `rouge-score`, and the sentences of a document that ROUGE likes best.

English words are stemmed, as for published scores (ROUGE-1.5.5 with -m). The package itself knows
ASCII only; of other languages the words are runs of letters and digits, and in Chinese and
Japanese single characters.
"""

import functools
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"  # with kana
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")


class Rouge:
    """The scores of summaries in one language, "en" or another."""

    def __init__(self, language: str):
        from rouge_score import rouge_scorer  # takes seconds: nltk, for the stemmer, comes with it

        self._tokenizer = _English() if language == "en" else _Words()
        self._scorer = rouge_scorer.RougeScorer(KINDS, tokenizer=self._tokenizer)

    def score(self, reference: str, summary: str) -> dict[str, float]:
        """F1 of KINDS; to rougeLsum, which is published as ROUGE-L, a line is a sentence."""
        return {name: s.fmeasure for name, s in self._scorer.score(reference, summary).items()}

    def oracle(self, sentences: Sequence[str], reference: str) -> list[int]:
        """The sentences, in order, that make a good summary beside the reference.

        One after another is taken, always the one with which ROUGE-1 plus ROUGE-2 is largest, until
        none adds to it (Nallapati et al. 2017, section 3.3). Pairs of words across sentences count for
        nothing.
        """
        texts = [self._tokenizer.tokenize(sentence) for sentence in sentences]
        wanted = self._tokenizer.tokenize(reference)
        overlaps = [_Overlap(texts, wanted, size) for size in (1, 2)]
        chosen: list[int] = []
        best = 0.0
        while len(chosen) < len(texts):
            scores = np.add(*(overlap.with_each(chosen) for overlap in overlaps))
            scores[chosen] = 0.0
            if scores.max() <= best:
                break
            best = scores.max()
            chosen.append(int(scores.argmax()))
        return sorted(chosen)


class _Overlap:
    """How often each n-gram of a reference stands in each sentence."""

    def __init__(self, sentences: list[list[str]], reference: list[str], size: int):
        wanted = Counter(_ngrams(reference, size))
        column = {ngram: number for number, ngram in enumerate(wanted)}
        self.wanted = np.array(list(wanted.values()), int)  # [G]
        self.sizes = np.array([max(0, len(words) - size + 1) for words in sentences])  # [S]
        self.counts = np.zeros((len(sentences), len(wanted)), int)  # [S, G]
        for row, words in zip(self.counts, sentences, strict=True):
            for ngram in _ngrams(words, size):
                if ngram in column:
                    row[column[ngram]] += 1

    def with_each(self, chosen: list[int]) -> np.ndarray:
        """F1 of the chosen sentences together with each of all, [S]."""
        counts = self.counts + self.counts[chosen].sum(axis=0)
        total = self.sizes + self.sizes[chosen].sum() + self.wanted.sum()
        return 2 * np.minimum(counts, self.wanted).sum(axis=1) / np.maximum(total, 1)


def _ngrams(words: list[str], size: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(size)), strict=False))


class _English:
    """The package's own words, with a stemmer that remembers: ten times as fast."""

    def __init__(self):
        from nltk.stem import porter

        self.stem = functools.lru_cache(1 << 16)(porter.PorterStemmer().stem)

    def tokenize(self, text: str) -> list[str]:
        from rouge_score import tokenize

        return tokenize.tokenize(text, self)


class _Words:
    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())
