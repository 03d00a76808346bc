"""What corpus.source says, taken apart without looking anything up: the texts may be in a bucket."""

TFDS = "tfds:"


def parts(source: str) -> list[tuple[str, str]]:
    """The path or name of each part of a mixture, or of the one text, with its "=WEIGHT" or nothing."""
    if "=" not in source:
        return [(source, "")]
    return [_part(item) for item in source.split(",")]


def _part(item: str) -> tuple[str, str]:
    place, equals, weight = item.rpartition("=")
    return (place, equals + weight) if place else (item, "")


def mixture(*sources: str) -> str:
    """All of several texts, each of which may be a mixture."""
    return ",".join(source if "=" in source else f"{source}=1" for source in sources)


def without_folders(source: str) -> str:
    """A text's name: `../data/novels=1,tfds:wikipedia/en=2` -> `novels=1,tfds:wikipedia/en=2`."""
    return ",".join(f"{_name(place)}{weight}" for place, weight in parts(source))


def _name(place: str) -> str:
    return place if place.startswith(TFDS) else place.rstrip("/").rpartition("/")[2]
