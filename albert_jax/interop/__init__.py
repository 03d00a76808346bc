"""Weights and vocabularies in and out: numpy all of it, and nobody's code is run."""
