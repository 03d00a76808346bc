"""Manifests as YAML: keys in their order, and text of several lines as it is."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Like SafeDumper, but for text."""


def _text(dumper: yaml.Dumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(values: dict[str, Any]) -> str:
    """Nested dicts and lists as YAML."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=1000)
