# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Words by number in flat pieces that processes can share, a digest of bytes, and a gathering of pieces of bytes."""

from array import array
from itertools import accumulate

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

NAMES = ("bounds", "starts", "slots", "blob")

cdef uint64_t PRIME = 0x9E3779B97F4A7C15ULL
cdef uint64_t FNV = 0x100000001B3ULL
cdef uint64_t FNV_BASIS = 0xCBF29CE484222325ULL


cdef class Piece:
    """A buffer held for as long as this is."""

    cdef Py_buffer view
    cdef bint held

    def __cinit__(self, data):
        PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
        self.held = True

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


cdef inline uint64_t mixed(uint64_t state) noexcept nogil:
    state = (state ^ (state >> 32)) * PRIME
    return state ^ (state >> 29)


cdef inline uint32_t mark_of(uint64_t family, const uint8_t* word, int64_t size) noexcept nogil:
    cdef uint64_t state = (FNV_BASIS ^ family) * FNV
    cdef int64_t i
    for i in range(size):
        state = (state ^ word[i]) * FNV
    return <uint32_t>mixed(state)


cdef class Words:
    """Words of several families, each with its number: 0, 1, 2 ... within its family. Never changes.

    Four flat pieces: `bounds` (int64: where each family begins among all words), `starts` (int64: where each word
    begins in the blob), `slots` (a hash table with linear probing of pairs of 32-bit numbers: hash, position + 1),
    `blob` (UTF-8).
    """

    cdef Piece held_bounds, held_starts, held_slots, held_blob
    cdef const int64_t* bounds
    cdef const int64_t* starts
    cdef const uint32_t* slots
    cdef const uint8_t* blob
    cdef uint64_t mask
    cdef int64_t of_families
    cdef dict parts

    def __init__(self):
        raise TypeError("build, pack or take a table from its sections")

    @staticmethod
    def build(families):
        """A table of these words; within a family each must be there once."""
        pieces = [list(map(str.encode, words)) for words in families]
        bounds = array("q", accumulate(map(len, pieces), initial=0))
        every = [piece for family in pieces for piece in family]
        return Words.packed(bounds, array("q", accumulate(map(len, every), initial=0)), b"".join(every))

    @staticmethod
    def packed(bounds, starts, blob):
        """A table of words that lie one after the other already."""
        flat_bounds, flat_starts, flat_blob = numbers(bounds), numbers(starts), flat(blob)
        check(flat_bounds, flat_starts, flat_blob)
        count, size = len(flat_starts) // 8 - 1, 2
        while size < 2 * count:
            size *= 2
        slots = bytearray(8 * size)
        made = attached(flat_bounds, flat_starts, memoryview(slots), flat_blob)
        (<Words>made).fill()
        return made

    @staticmethod
    def open(sections):
        """The table back from its sections, without a copy; ValueError when they do not fit together."""
        if set(sections) != set(NAMES):
            raise ValueError(f"these are not a word table's sections: {', '.join(sorted(sections))}")
        bounds, starts, blob = numbers(sections["bounds"]), numbers(sections["starts"]), flat(sections["blob"])
        check(bounds, starts, blob)
        slots, count = flat(sections["slots"]), len(starts) // 8 - 1
        size = len(slots) // 8
        if len(slots) != 8 * size or size < 2 or size & (size - 1) or size < 2 * count:
            raise ValueError(f"{len(slots)} bytes are no hash table of {count} words")
        return attached(bounds, starts, slots, blob)

    cdef fill(self):
        cdef uint32_t* slots = <uint32_t*>self.slots
        cdef int64_t family, position, twice = -1
        with nogil:
            for family in range(self.of_families):
                for position in range(self.bounds[family], self.bounds[family + 1]):
                    if not self.enter(slots, family, position):
                        twice = position
                        break
                if twice >= 0:
                    break
        if twice >= 0:
            word = str(self.blob[self.starts[twice]:self.starts[twice + 1]], "utf-8")
            raise ValueError(f"family {family} has {word!r} twice")

    cdef bint enter(self, uint32_t* slots, int64_t family, int64_t position) noexcept nogil:
        cdef const uint8_t* word = self.blob + self.starts[position]
        cdef int64_t size = self.starts[position + 1] - self.starts[position]
        cdef uint32_t mark = mark_of(family, word, size)
        cdef uint64_t slot = mark & self.mask
        while slots[2 * slot + 1]:
            if slots[2 * slot] == mark and self.bears(slots[2 * slot + 1] - 1, family, word, size):
                return False
            slot = (slot + 1) & self.mask
        slots[2 * slot] = mark
        slots[2 * slot + 1] = <uint32_t>(position + 1)
        return True

    cdef inline bint bears(self, int64_t position, int64_t family, const uint8_t* word, int64_t size) noexcept nogil:
        """The word is this one of the family; a damaged table may name a position that does not exist."""
        if not self.bounds[family] <= position < self.bounds[family + 1]:
            return False
        if self.starts[position + 1] - self.starts[position] != size:
            return False
        return memcmp(self.blob + self.starts[position], word, size) == 0

    cdef inline int64_t seek(self, int64_t family, const uint8_t* word, int64_t size) noexcept nogil:
        cdef uint32_t mark = mark_of(family, word, size)
        cdef uint64_t slot = mark & self.mask
        cdef uint64_t left = self.mask + 1
        while left and self.slots[2 * slot + 1]:
            if self.slots[2 * slot] == mark and self.bears(<int64_t>self.slots[2 * slot + 1] - 1, family, word, size):
                return <int64_t>self.slots[2 * slot + 1] - 1 - self.bounds[family]
            slot = (slot + 1) & self.mask
            left -= 1
        return -1

    cdef int64_t number_of(self, int64_t family, object word) except -2:
        cdef Py_ssize_t size
        cdef const char* text
        if not PyUnicode_Check(word):
            raise TypeError(f"a word is a str, not {type(word).__name__}")
        try:
            text = PyUnicode_AsUTF8AndSize(word, &size)
        except UnicodeEncodeError:  # half of a surrogate pair is nobody's word
            return -1
        return self.seek(family, <const uint8_t*>text, size)

    @property
    def families(self):
        """Families held."""
        return self.of_families

    @property
    def nbytes(self):
        """Bytes of all sections."""
        return sum(section.nbytes for section in self.parts.values())

    def sections(self):
        """Flat read-only pieces that `open` takes back."""
        return dict(self.parts)

    def count(self, int64_t family):
        """Words of a family."""
        if not 0 <= family < self.of_families:
            raise IndexError(f"there is no family {family}")
        return self.bounds[family + 1] - self.bounds[family]

    def word(self, int64_t family, int64_t number):
        """The word of a number; IndexError when there is none."""
        cdef int64_t at
        if not (0 <= family < self.of_families and 0 <= number < self.bounds[family + 1] - self.bounds[family]):
            raise IndexError(f"family {family} has no word {number}")
        at = self.bounds[family] + number
        return (<const char*>self.blob)[self.starts[at]:self.starts[at + 1]].decode("utf-8")

    def find(self, int64_t family, str word not None):
        """The word's number in its family, or -1."""
        if not 0 <= family < self.of_families:
            return -1
        return self.number_of(family, word)

    def find_all(self, int64_t family, words, dict others not None):
        """The numbers of those words that are here or, if not, among the others."""
        cdef int64_t number
        cdef list found = []
        cdef bint more = len(others) > 0
        if not 0 <= family < self.of_families:
            return [others[word] for word in words if word in others]
        for word in words:
            number = self.number_of(family, word)
            if number >= 0:
                found.append(number)
            elif more:
                other = others.get(word)
                if other is not None:
                    found.append(other)
        return found


cdef Words attached(bounds, starts, slots, blob):
    """A table over these pieces, which were checked."""
    cdef Words made = Words.__new__(Words)
    made.held_bounds, made.held_starts = Piece(bounds), Piece(starts)
    made.held_slots, made.held_blob = Piece(slots), Piece(blob)
    made.bounds = <const int64_t*>made.held_bounds.view.buf
    made.starts = <const int64_t*>made.held_starts.view.buf
    made.slots = <const uint32_t*>made.held_slots.view.buf
    made.blob = <const uint8_t*>made.held_blob.view.buf
    made.mask = made.held_slots.view.len // 8 - 1
    made.of_families = made.held_bounds.view.len // 8 - 1
    flat_slots = flat(slots).cast("I")
    made.parts = dict(zip(NAMES, (bounds.cast("q"), starts.cast("q"), flat_slots, blob)))
    return made


def digest(data):
    """64 bits that change when a bit of the data, or its length, does."""
    cdef Piece held = Piece(flat(data))
    cdef uint64_t state
    with nogil:
        state = digested(<const uint8_t*>held.view.buf, held.view.len)
    return state


cdef uint64_t digested(const uint8_t* data, int64_t size) noexcept nogil:
    cdef uint64_t one = 0x243F6A8885A308D3ULL, two = 0x13198A2E03707344ULL
    cdef uint64_t three = 0xA4093822299F31D0ULL, four = 0x082EFA98EC4E6C89ULL
    cdef uint64_t block[4]
    cdef uint64_t state = <uint64_t>size
    cdef int64_t at = 0
    while at < size:
        if size - at >= 32:
            memcpy(block, data + at, 32)
        else:
            block[0] = block[1] = block[2] = block[3] = 0
            memcpy(block, data + at, size - at)
        one = (one ^ block[0]) * PRIME
        two = (two ^ block[1]) * PRIME
        three = (three ^ block[2]) * PRIME
        four = (four ^ block[3]) * PRIME
        one ^= one >> 29
        two ^= two >> 29
        three ^= three >> 29
        four ^= four >> 29
        at += 32
    state = mixed((state ^ one) * PRIME)
    state = mixed((state ^ two) * PRIME)
    state = mixed((state ^ three) * PRIME)
    return mixed((state ^ four) * PRIME)


def gather(first, second, picks):
    """The picked pieces (int64 positions over the first's and then the second's), one after the other."""
    cdef Piece starts = Piece(numbers(first[0])), blob = Piece(flat(first[1]))
    cdef Piece more_starts = Piece(numbers(second[0])), more_blob = Piece(flat(second[1]))
    cdef Piece wanted = Piece(numbers(picks))
    check_starts(starts, blob.view.len)
    check_starts(more_starts, more_blob.view.len)
    cdef const int64_t* of_first = <const int64_t*>starts.view.buf
    cdef const int64_t* of_second = <const int64_t*>more_starts.view.buf
    cdef const int64_t* pick = <const int64_t*>wanted.view.buf
    cdef int64_t border = starts.view.len // 8 - 1, count = wanted.view.len // 8
    cdef int64_t total = border + more_starts.view.len // 8 - 1
    cdef int64_t i, at, size = 0
    new_starts = array("q", bytes(8 * (count + 1)))
    cdef Piece out_starts = Piece(new_starts)
    cdef int64_t* begin = <int64_t*>out_starts.view.buf
    for i in range(count):
        at = pick[i]
        if not 0 <= at < total:
            raise IndexError(f"there is no piece {at} of {total}")
        size += of_first[at + 1] - of_first[at] if at < border else of_second[at - border + 1] - of_second[at - border]
        begin[i + 1] = size
    new_blob = PyBytes_FromStringAndSize(NULL, size)
    cdef char* out = PyBytes_AS_STRING(new_blob)
    cdef const char* from_first = <const char*>blob.view.buf
    cdef const char* from_second = <const char*>more_blob.view.buf
    with nogil:
        for i in range(count):
            at = pick[i]
            if at < border:
                memcpy(out + begin[i], from_first + of_first[at], begin[i + 1] - begin[i])
            else:
                memcpy(out + begin[i], from_second + of_second[at - border], begin[i + 1] - begin[i])
    return new_starts, new_blob


def numbers(data):
    one = flat(data)
    if len(one) % 8:
        raise ValueError(f"{len(one)} bytes are no 64-bit numbers")
    return one


def flat(data):
    return memoryview(data).cast("B").toreadonly()


cdef check(bounds, starts, blob):
    cdef Piece of_families = Piece(bounds), of_words = Piece(starts)
    cdef const int64_t* bound = <const int64_t*>of_families.view.buf
    cdef int64_t families = of_families.view.len // 8 - 1
    if families < 0 or bound[0] != 0 or falls(bound, families + 1) or bound[families] >= 2**31:
        raise ValueError("the families' bounds do not ascend from 0")
    if of_words.view.len // 8 != bound[families] + 1:
        raise ValueError(f"{bound[families]} words need {bound[families] + 1} starts, there are {of_words.view.len // 8}")
    check_starts(of_words, len(blob))


cdef check_starts(Piece starts, int64_t size):
    cdef const int64_t* start = <const int64_t*>starts.view.buf
    cdef int64_t count = starts.view.len // 8
    if count < 1 or start[0] != 0 or start[count - 1] != size or falls(start, count):
        raise ValueError("the starts do not ascend from 0 to the blob's end")


cdef bint falls(const int64_t* values, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(1, count):
        if values[i] < values[i - 1]:
            return True
    return False
