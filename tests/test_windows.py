import numpy as np
import pytest

from albert_jax.tasks.windows import owners, windows


def walked(count, room, stride):
    """The same window by window, as squad_utils.py goes."""
    found, start = [], 0
    while start < count:
        length = min(count - start, room)
        found.append((start, start + length))
        if start + length == count:
            break
        start += min(length, stride)
    return found


@pytest.mark.parametrize("room", [1, 2, 7, 20])
@pytest.mark.parametrize("stride", [1, 3, 7, 30])
def test_windows_are_those_of_the_reference(room, stride):
    for count in range(1, 60):
        assert list(map(tuple, windows(count, room, stride).tolist())) == walked(
            count, room, stride
        )


def test_a_text_of_no_pieces_has_one_window():
    assert windows(0, 5, 2).tolist() == [[0, 0]]
    assert owners(windows(0, 5, 2), 0).tolist() == []


@pytest.mark.parametrize("stride", [1, 3, 5, 8])
def test_owners_have_the_most_context(stride):
    """By the rule of squad_utils.py, which also counts a hundredth of the window's length."""
    for count in (1, 8, 9, 30, 41):
        found = windows(count, 8, stride)
        for piece, owner in enumerate(owners(found, count)):
            scores = [
                min(piece - start, stop - 1 - piece) + 0.01 * (stop - start)
                if start <= piece < stop
                else -1
                for start, stop in found
            ]
            assert owner == int(np.argmax(scores))


def test_a_hundred_thousand_pieces_take_no_square_of_it():
    found = windows(100_000, 300, 128)
    assert len(owners(found, 100_000)) == 100_000 and found[-1, 1] == 100_000
