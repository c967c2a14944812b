"""How the compiled event reads what Python gives it: in place where that is plain, and never past the end."""

from collections.abc import Callable
from typing import Any

import pytest

from poi_cext.ops import ANY, HIGH, LOW, RANGE, SUM
from tests.cext.both import matchers

NUMBERS = [20, 600, 7]
compiled = matchers()[-1]
pytestmark = pytest.mark.skipif(compiled.__name__ == "poi_cext._match_py", reason="nothing was compiled")


class Number:
    """A number that runs code when it is read."""

    def __init__(self, value: int, then: Callable[[], object]) -> None:
        self.value, self.then = value, then

    def __index__(self) -> int:
        self.then()
        return self.value


def holds(program: list[int], numbers: Any, sets: Any, lines: Any = ()) -> bool:
    """A clause is true of the event."""
    view = compiled.Matcher(compiled.Index.build(3, 3, 0, *EMPTY))
    view.add(0, [program])
    return bool(view.match(compiled.Event(numbers, sets, lines))[0])


EMPTY = (memoryview(b"").cast("i"), memoryview(bytes(8)).cast("q"), memoryview(b"").cast("i"))


@pytest.mark.parametrize("value", [0, 1, -1, 2**30 - 1, 2**30, -(2**30), LOW, HIGH])
def test_numbers_of_any_length_are_read_exactly(value: int) -> None:
    for given in (value, Number(value, list)):
        assert holds([RANGE, 2, 2, value, value], [20, 600, given], [None] * 3)
        assert holds([ANY, 2, 1, value], NUMBERS, [None, None, (5, given, 5)])
        assert holds([SUM, 0, 3, value, value, 0], NUMBERS, [None] * 3, [([], given, 1)])


def test_sets_are_sorted_and_every_sequence_is_taken() -> None:
    for values in ([9, 3, 3, 4], (4, 9, 3), {3, 4, 9}, range(9, 2, -1)):
        assert holds([ANY, 2, 1, 4], tuple(NUMBERS), (None, None, values), [[values, 1, 1]])
        assert not holds([ANY, 2, 1, 5], NUMBERS, [None, None, [9, 3, 3, 4]])


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**60, 2**70])
def test_a_number_of_more_than_32_bits_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        compiled.Event([20, 600, value], [None] * 3)
    with pytest.raises(OverflowError):
        compiled.Event(NUMBERS, [None, None, [value]])
    with pytest.raises(OverflowError):
        compiled.Event(NUMBERS, [None] * 3, [([], value, 1)])


def test_what_is_no_number_no_line_or_no_position_is_refused() -> None:
    for wrong in ([20, 600, "7"], [20, 600, None], 7):
        with pytest.raises(TypeError):
            compiled.Event(wrong, [None] * 3)
    lines: list[Any] = [((), 1), ((), 1, 1, 1)]
    for line in lines:
        with pytest.raises(ValueError, match="two weights"):
            compiled.Event(NUMBERS, [None] * 3, [line])
    with pytest.raises(ValueError, match="3 coordinates"):
        compiled.Event(NUMBERS, [None] * 3, (), (1.0, 0.0))
    with pytest.raises(ValueError, match="2 coordinates"):
        compiled.Event(NUMBERS, [None] * 3, (), None, (1.0, 0.0, 0.0))


def test_sequences_that_change_while_they_are_read_are_refused() -> None:
    values: list[object] = []
    values += [Number(1, values.clear), 2, 3]
    with pytest.raises(ValueError, match="changed"):
        compiled.Event(NUMBERS, [None, None, values])
    later = [1]
    with pytest.raises(ValueError, match="changed"):
        compiled.Event(NUMBERS, [None, [Number(1, lambda: later.extend(range(10_000)))], later])
    gone: list[object] = [None]
    gone += [[Number(1, gone.clear)], [2]]
    with pytest.raises(ValueError, match="shorter"):
        compiled.Event(NUMBERS, gone)


def test_the_memory_of_one_event_serves_the_next() -> None:
    for count in (3, 2_000, 5, 40):
        values = list(range(count))
        assert holds([ANY, 2, 1, count - 1], NUMBERS, [None, None, values])
        assert not holds([ANY, 2, 1, count], NUMBERS, [None, None, values])
