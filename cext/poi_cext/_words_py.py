"""The plain Python twin of the compiled word table: the same names, the same answers, the same bytes."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Union

Buffer = Union[bytes, bytearray, memoryview, "array[int]"]
Parts = tuple[Buffer, Buffer]
"""Pieces of bytes one after the other: where each starts (int64, one more than there are), and the bytes."""

NAMES = ("bounds", "starts", "slots", "blob")
_MASK = 2**64 - 1
_PRIME = 0x9E3779B97F4A7C15
_LANES = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89)


class Words:
    """Words of several families, each with its number: 0, 1, 2 ... within its family. Never changes.

    Four flat pieces: `bounds` (int64: where each family begins among all words), `starts` (int64: where each word
    begins in the blob), `slots` (a hash table with linear probing of pairs of 32-bit numbers: hash, position + 1),
    `blob` (UTF-8).
    """

    def __init__(self, bounds: memoryview, starts: memoryview, slots: memoryview, blob: memoryview) -> None:
        self._bounds, self._starts, self._slots, self._blob = bounds, starts, slots, blob
        self._mask = len(slots) // 2 - 1

    @staticmethod
    def build(families: Sequence[Iterable[str]]) -> "Words":
        """A table of these words; within a family each must be there once."""
        pieces = [[word.encode() for word in words] for words in families]
        bounds = array("q", accumulate(map(len, pieces), initial=0))
        every = [piece for family in pieces for piece in family]
        return Words.packed(bounds, array("q", accumulate(map(len, every), initial=0)), b"".join(every))

    @staticmethod
    def packed(bounds: Buffer, starts: Buffer, blob: Buffer) -> "Words":
        """A table of words that lie one after the other already."""
        of_family, at, text = _numbers(bounds), _numbers(starts), _flat(blob)
        _check(of_family, at, text)
        count, size = of_family[-1], 2
        while size < 2 * count:
            size *= 2
        slots = array("I", bytes(8 * size))
        for family, (first, last) in enumerate(pairwise(of_family)):
            for position in range(first, last):
                _enter(slots, size - 1, family, first, position, at, text)
        return Words(of_family, at, memoryview(slots).toreadonly(), text)

    @staticmethod
    def open(sections: Mapping[str, Buffer]) -> "Words":
        """The table back from its sections, without a copy; ValueError when they do not fit together."""
        if set(sections) != set(NAMES):
            raise ValueError(f"these are not a word table's sections: {', '.join(sorted(sections))}")
        bounds, starts, blob = _numbers(sections["bounds"]), _numbers(sections["starts"]), _flat(sections["blob"])
        _check(bounds, starts, blob)
        slots = _flat(sections["slots"])
        size = len(slots) // 8
        if len(slots) != 8 * size or size < 2 or size & (size - 1) or size < 2 * bounds[-1]:
            raise ValueError(f"{len(slots)} bytes are no hash table of {bounds[-1]} words")
        return Words(bounds, starts, slots.cast("I"), blob)

    @property
    def families(self) -> int:
        """Families held."""
        return len(self._bounds) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of all sections."""
        return sum(section.nbytes for section in self.sections().values())

    def sections(self) -> dict[str, memoryview]:
        """Flat read-only pieces that `open` takes back."""
        return dict(zip(NAMES, (self._bounds, self._starts, self._slots, self._blob), strict=True))

    def count(self, family: int) -> int:
        """Words of a family."""
        return self._bounds[family + 1] - self._bounds[family]

    def word(self, family: int, number: int) -> str:
        """The word of a number; IndexError when there is none."""
        if not (0 <= family < self.families and 0 <= number < self.count(family)):
            raise IndexError(f"family {family} has no word {number}")
        at = self._bounds[family] + number
        return str(self._blob[self._starts[at] : self._starts[at + 1]], "utf-8")

    def find(self, family: int, word: str) -> int:
        """The word's number in its family, or -1."""
        if not 0 <= family < self.families:
            return -1
        sought = word.encode("utf-8", "surrogatepass")
        first, last, mark = self._bounds[family], self._bounds[family + 1], _mark(family, sought)
        for step in range(self._mask + 1):
            slot = (mark + step) & self._mask
            entry = self._slots[2 * slot + 1]
            if entry == 0:
                break
            if self._slots[2 * slot] == mark and first < entry <= last and self._piece(entry - 1) == sought:
                return entry - 1 - first
        return -1

    def find_all(self, family: int, words: Iterable[str], others: dict[str, int]) -> list[int]:
        """The numbers of those words that are here or, if not, among the others."""
        found = ((self.find(family, word), word) for word in words)
        numbers = (number if number >= 0 else others.get(word, -1) for number, word in found)
        return [number for number in numbers if number >= 0]

    def _piece(self, position: int) -> memoryview:
        return self._blob[self._starts[position] : self._starts[position + 1]]


def digest(data: Buffer) -> int:
    """64 bits that change when a bit of the data, or its length, does."""
    flat = _flat(data)
    size = len(flat)
    whole = size // 32 * 32
    tail = bytes(flat[whole:]).ljust(32, b"\0") if whole < size else b""
    lanes = list(_LANES)
    for block in (flat[:whole].cast("Q"), memoryview(tail).cast("Q")):
        for lane in range(4):
            state = lanes[lane]
            for number in block[lane::4]:
                state = ((state ^ number) * _PRIME) & _MASK
                state ^= state >> 29
            lanes[lane] = state
    state = size
    for lane in lanes:
        state = _mixed((state ^ lane) * _PRIME & _MASK)
    return state


def gather(first: Parts, second: Parts, picks: Buffer) -> tuple["array[int]", bytes]:
    """The picked pieces (int64 positions over the first's and then the second's), one after the other."""
    sources = [(_numbers(starts), _flat(blob)) for starts, blob in (first, second)]
    for starts, blob in sources:
        _check_starts(starts, blob)
    border = len(sources[0][0]) - 1
    total = border + len(sources[1][0]) - 1
    pieces = []
    for pick in _numbers(picks):
        if not 0 <= pick < total:
            raise IndexError(f"there is no piece {pick} of {total}")
        starts, blob = sources[pick >= border]
        at = pick - border if pick >= border else pick
        pieces.append(blob[starts[at] : starts[at + 1]])
    return array("q", accumulate(map(len, pieces), initial=0)), b"".join(pieces)


def _enter(
    slots: "array[int]", mask: int, family: int, first: int, position: int, starts: memoryview, blob: memoryview
) -> None:
    word = blob[starts[position] : starts[position + 1]]
    mark = _mark(family, word)
    slot = mark & mask
    while (entry := slots[2 * slot + 1]) != 0:
        if slots[2 * slot] == mark and entry > first and blob[starts[entry - 1] : starts[entry]] == word:
            raise ValueError(f"family {family} has {str(word, 'utf-8')!r} twice")
        slot = (slot + 1) & mask
    slots[2 * slot], slots[2 * slot + 1] = mark, position + 1


def _mark(family: int, word: Iterable[int]) -> int:
    state = (0xCBF29CE484222325 ^ family) * 0x100000001B3 & _MASK
    for byte in word:
        state = (state ^ byte) * 0x100000001B3 & _MASK
    return _mixed(state) & 0xFFFFFFFF


def _mixed(state: int) -> int:
    state = (state ^ state >> 32) * _PRIME & _MASK
    return state ^ state >> 29


def _numbers(data: Buffer) -> memoryview:
    flat = _flat(data)
    if len(flat) % 8:
        raise ValueError(f"{len(flat)} bytes are no 64-bit numbers")
    return flat.cast("q")


def _flat(data: Buffer) -> memoryview:
    return memoryview(data).cast("B").toreadonly()


def _check(bounds: memoryview, starts: memoryview, blob: memoryview) -> None:
    if len(bounds) < 1 or bounds[0] != 0 or _falls(bounds) or bounds[-1] >= 2**31:
        raise ValueError("the families' bounds do not ascend from 0")
    if len(starts) != bounds[-1] + 1:
        raise ValueError(f"{bounds[-1]} words need {bounds[-1] + 1} starts, there are {len(starts)}")
    _check_starts(starts, blob)


def _check_starts(starts: memoryview, blob: memoryview) -> None:
    if len(starts) < 1 or starts[0] != 0 or starts[-1] != len(blob) or _falls(starts):
        raise ValueError("the starts do not ascend from 0 to the blob's end")


def _falls(numbers: memoryview) -> bool:
    return any(later < earlier for earlier, later in pairwise(numbers))


__all__: list[str] = ["Words", "digest", "gather"]
