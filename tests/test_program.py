"""XLA's text: its parts, their operations, and how often they run."""

import jax
import jax.numpy as jnp
import pytest

from albert_jax.analysis import program
from albert_jax.analysis.program import Array
from tests.xla import TEXT

READ = program.read(TEXT)


def test_parts_are_found_by_name():
    names = ["add", "inner", "multiply", "write", "body", "condition", "double", "ENTRY"]
    assert list(READ.parts) == names
    assert len(READ.parts["body"]) == 12


def test_an_operation_has_types_operands_and_calls():
    y = READ.parts["body"]["y"]
    assert (y.opcode, y.operands, y.calls) == ("fusion", ("stack", "round", "x"), ["multiply"])
    assert y.arrays == (Array("f32", (4, 8), 0),) and y.arrays[0].bytes == 128
    assert not y.is_root and READ.parts["body"]["end"].is_root


def test_tuples_and_memories_are_read():
    copy = READ.parts["ENTRY"]["copy"].arrays
    assert [array.memory for array in copy] == [0, 1, 0]
    assert [array.shape for array in READ.parts["body"]["state"].arrays] == [
        (), (5, 4, 8), (4, 8), (5, 4, 8),
    ]  # fmt: skip


def test_a_loop_runs_as_often_as_its_condition_says():
    times = {name: READ.times[name] for name in ("ENTRY", "body", "multiply", "inner", "double")}
    assert times == {"ENTRY": 1, "body": 5, "multiply": 5, "inner": 5, "double": 1}


def test_a_loop_may_say_itself():
    line = 'body=%body, backend_config={"known_trip_count":{"n":"7"}}'
    assert program.read(TEXT.replace("body=%body", line)).times["inner"] == 7


def test_a_condition_of_two_numbers_is_not_guessed_at():
    with pytest.raises(ValueError, match="loop: no one count in its condition"):
        program.read(TEXT.replace("  %rounds", "  %other = s32[] constant(3)\n  %rounds"))


def test_loops_in_loops_multiply():
    def step(x):
        def inner(x, _):
            return jnp.sin(x @ x), None

        def outer(x, _):
            return jax.lax.scan(inner, x, length=11)[0] * 2, None

        return jax.lax.scan(outer, x, length=7)[0]

    text = jax.jit(step).lower(jnp.ones((16, 16))).compile().as_text()
    assert {7, 77} <= set(program.read(text).times.values())
