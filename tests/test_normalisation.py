"""Normalisation, and the way back from each of its characters to the raw text."""

import random
import unicodedata
from itertools import product

import numpy as np
import pytest

from albert_jax.data.normalisation import Normalisation, normalise, trace

STEPS = Normalisation()
REFERENCE = Normalisation(ascii_punctuation=False)
NAMES = ("lower", "strip_accents", "ascii_punctuation")
EVERY = [Normalisation(**dict(zip(NAMES, on, strict=True))) for on in product((0, 1), repeat=3)]


def test_normalise_collapses_whitespace():
    assert normalise(" a\t\tb \n c\u00a0d  e ", STEPS) == "a b c d e"


def test_normalise_strips_accents_and_lowers():
    assert normalise("\u00c9t\u00e9 \u00c5ngstr\u00f6m", STEPS) == "ete angstrom"


def test_normalise_takes_nfkd_before_lower_case():
    kelvin_and_bold = "\u212a \U0001d400"  # Kelvin sign, mathematical bold A
    assert normalise(kelvin_and_bold, STEPS) == "k a"


def test_normalise_each_step_can_be_left_out():
    typed = "\u00c9 \u201cx\u201d \u2014 y\u2026"
    assert normalise(typed, STEPS) == 'e "x" -- y...'
    assert normalise(typed, REFERENCE) == "e \u201cx\u201d \u2014 y..."
    assert normalise(typed, Normalisation(lower=False)) == 'E "x" -- y...'
    kept = Normalisation(lower=False, strip_accents=False, ascii_punctuation=False)
    assert normalise(typed, kept) == typed


def test_trace_finds_the_raw_characters():
    typed = "  Caf\u0301e\u2003\n \ufb01\u2026x\u00b4 "
    assert normalise(typed, STEPS) == "cafe fi...x "
    assert trace(typed, STEPS).tolist() == [2, 3, 4, 6, 7, 10, 10, 11, 11, 11, 12, 13, 14]
    assert trace(" \t ", STEPS).tolist() == [0] == trace("", STEPS).tolist()


@pytest.mark.parametrize("steps", EVERY, ids=str)
def test_trace_has_a_place_for_every_character(steps):
    """All characters that change their number, accents and spaces, in any order."""
    chance = random.Random(0)
    odd = [c for c in map(chr, range(0x80, 0x3400)) if len(normalise(c, steps)) != 1]
    odd += [c for c in map(chr, range(0x80, 0x3400)) if unicodedata.combining(c)]
    odd += list(" \t\n\x1c\u00a0\u2003 abcABC\u03a3\ud800") * 200
    for _ in range(500):
        typed = "".join(chance.choices(odd, k=chance.randrange(12)))
        origin = trace(typed, steps)
        assert len(origin) == len(normalise(typed, steps)) + 1
        assert (np.diff(origin) >= 0).all() and origin[-1] <= len(typed)
