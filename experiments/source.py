"""What corpus.source says, taken apart without looking anything up: the texts may be in a bucket."""

TFDS = "tfds:"


def parts(source: str) -> list[tuple[str, str]]:
    """The path or name of each part of a mixture, or of the one text, with its "=WEIGHT" or nothing."""
    found = [_part(item.strip()) for item in source.split(",")]
    return found if any(weight for _, weight in found) else [(source, "")]


def _part(item: str) -> tuple[str, str]:
    place, equals, weight = item.rpartition("=")
    return (place, equals + weight) if place and _is_number(weight) else (item, "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def mixture(*sources: str) -> str:
    """All of several texts, each of which may be a mixture."""
    found = [part for source in sources for part in parts(source)]
    return ",".join(f"{place}{weight or '=1'}" for place, weight in found)


def without_folders(source: str) -> str:
    """A text's name: `../data/novels=1,tfds:wikipedia/en=2` -> `novels=1,tfds:wikipedia/en=2`."""
    return ",".join(f"{_name(place)}{weight}" for place, weight in parts(source))


def _name(place: str) -> str:
    return place if place.startswith(TFDS) else place.rstrip("/").rpartition("/")[2]
