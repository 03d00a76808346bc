"""A shim for tools that look for setup.py; pyproject.toml is the truth."""

from setuptools import setup

setup()
