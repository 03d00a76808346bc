"""Bytes through the large memory, counted by hand."""

from albert_jax.analysis import program, traffic
from tests.xla import TEXT

LAYER, STACK, MATRIX, X, NUMBER = 128, 640, 256, 64, 4


def moved(text=TEXT):
    return traffic.moved(program.read(text))


MULTIPLY = LAYER + NUMBER + X + LAYER  # reads a layer of the stack, a number and x; writes
SUM = 2 * LAYER
WRITE = LAYER + NUMBER + LAYER  # reads a row and a number, writes a row of the stack
ROUND = MULTIPLY + SUM + WRITE + 3 * NUMBER  # and adds 1 to its number
CONDITION = 2 * NUMBER + 1
GATHER = LAYER + LAYER + MATRIX  # as XLA types it: what goes in, what comes out
END = MATRIX + MATRIX  # a matrix is read and stays near; its copy is written


def test_a_program_moves_what_a_hand_counts():
    assert moved() == 5 * (ROUND + CONDITION) + GATHER + END


def test_what_stays_on_the_chip_is_free():
    far = moved(TEXT.replace("{1,0:T(8,128)S(1)}", "{1,0}"))
    assert far == moved() + 2 * MATRIX  # written, and read by the copy


def test_a_whole_stack_is_read_where_a_fusion_uses_it_whole():
    text = TEXT.replace(
        "  %flat = f32[4,8]{1,0} bitcast(%layer)",
        "  %also = f32[5,4,8]{2,1,0} negate(%stack)\n  %flat = f32[4,8]{1,0} bitcast(%layer)",
    )
    assert moved(text) == moved() + 5 * (STACK - LAYER)


def test_other_names_of_a_stack_are_followed():
    text = TEXT.replace(
        "fusion(%stack, %i), kind=kLoop, calls=%inner",
        "fusion(%other, %i), kind=kLoop, calls=%inner",
    ).replace(
        "  %layer =", "  %other = f32[5,4,8]{2,1,0} bitcast(%stack)\n  %layer ="
    )  # fmt: skip
    assert moved(text) == moved()
