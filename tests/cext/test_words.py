"""The word table, the digest and the gathering of pieces: compiled and plain, the same answers and the same bytes."""

import importlib.util
import os
import subprocess
import sys
from array import array
from itertools import accumulate, product
from random import Random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poi_cext import _words_py


def tables() -> list[ModuleType]:
    """The twin, and the compiled table where it was built; where CI is set it must have been."""
    if importlib.util.find_spec("poi_cext._words") is None:
        assert not os.environ.get("CI"), "poi_cext._words was not built"
        return [_words_py]
    return [_words_py, importlib.import_module("poi_cext._words")]


both = pytest.mark.parametrize("words", tables(), ids=lambda module: module.__name__.rpartition(".")[2])
FAMILIES = [["a", "b", "été 26", "", "x" * 300], [], ["b", "a", "日本"]]


def flat(sections: dict[str, memoryview]) -> dict[str, bytes]:
    return {name: section.tobytes() for name, section in sections.items()}


@both
def test_a_word_has_its_number_in_its_family(words: ModuleType) -> None:
    table = words.Words.build(FAMILIES)
    for family, known in enumerate(FAMILIES):
        assert table.count(family) == len(known)
        for number, word in enumerate(known):
            assert table.find(family, word) == number
            assert table.word(family, number) == word
    assert [table.find(0, "c"), table.find(1, "a"), table.find(2, ""), table.find(7, "a")] == [-1, -1, -1, -1]
    assert table.families == 3


@both
def test_many_words_are_found_at_once_here_or_among_others(words: ModuleType) -> None:
    table = words.Words.build(FAMILIES)
    assert table.find_all(0, ["b", "nobody's", "", "new"], {"new": 5}) == [1, 3, 5]
    assert table.find_all(2, ("été 26", "日本"), {}) == [2]
    assert table.find_all(1, {"a": 1}.keys(), {"b": 9}) == []


@both
def test_half_a_surrogate_pair_is_nobodys_word(words: ModuleType) -> None:
    table = words.Words.build(FAMILIES)
    assert table.find(0, "\ud800") == -1
    assert table.find_all(0, ["\ud800", "a"], {}) == [0]


@both
@pytest.mark.parametrize(("family", "number"), [(0, 5), (0, -1), (1, 0), (3, 0), (-1, 0)])
def test_a_number_without_a_word_is_an_error(words: ModuleType, family: int, number: int) -> None:
    with pytest.raises(IndexError, match="has no word"):
        words.Words.build(FAMILIES).word(family, number)


@both
def test_a_word_twice_in_a_family_is_refused(words: ModuleType) -> None:
    with pytest.raises(ValueError, match="family 1 has 'b' twice"):
        words.Words.build([["b"], ["a", "b", "b"]])


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), unique=True, max_size=40), max_size=4))
@settings(max_examples=60, deadline=None)
def test_both_make_the_same_bytes_and_read_each_others(families: list[list[str]]) -> None:
    made = [module.Words.build(families) for module in tables()]
    assert len({tuple(sorted(flat(table.sections()).items())) for table in made}) == 1
    for reader, writer in product(tables(), made):
        table = reader.Words.open(flat(writer.sections()))
        assert flat(table.sections()) == flat(writer.sections())
        assert [[table.word(f, n) for n in range(table.count(f))] for f in range(table.families)] == families
        assert [[table.find(f, word) for word in known] for f, known in enumerate(families)] == [
            list(range(len(known))) for known in families
        ]


@both
def test_it_opens_without_a_copy(words: ModuleType) -> None:
    sections = flat(words.Words.build(FAMILIES).sections())
    table = words.Words.open(sections)
    assert {name: section.obj is sections[name] for name, section in table.sections().items()} == dict.fromkeys(
        sections, True
    )
    assert all(section.readonly for section in table.sections().values())
    assert table.nbytes == sum(map(len, sections.values()))


def damaged(name: str) -> dict[str, bytes]:
    """The sections with one of them spoilt in its own way."""
    sections = flat(_words_py.Words.build(FAMILIES).sections())
    spoilt: dict[str, dict[str, bytes]] = {
        "cut starts": {"starts": sections["starts"][:-8]},
        "odd starts": {"starts": sections["starts"][:-3]},
        "falling starts": {"starts": array("q", [0, 5, 3, *array("q", sections["starts"])[3:]]).tobytes()},
        "falling bounds": {"bounds": array("q", [0, 6, 5, 8]).tobytes()},
        "no bounds": {"bounds": b""},
        "negative bounds": {"bounds": array("q", [-1, 5, 5, 8]).tobytes()},
        "other bounds": {"bounds": array("q", [0, 5, 5, 9]).tobytes()},
        "cut blob": {"blob": sections["blob"][:-1]},
        "cut slots": {"slots": sections["slots"][:-1]},
        "few slots": {"slots": sections["slots"][:64]},
        "no slots": {"slots": b""},
        "another section": {"more": b""},
    }
    return sections | spoilt[name]


@both
@pytest.mark.parametrize(
    "name",
    [
        "cut starts",
        "odd starts",
        "falling starts",
        "falling bounds",
        "no bounds",
        "negative bounds",
        "other bounds",
        "cut blob",
        "cut slots",
        "few slots",
        "no slots",
        "another section",
    ],
)
def test_sections_that_do_not_fit_together_are_refused(words: ModuleType, name: str) -> None:
    with pytest.raises(ValueError, match=r"sections|ascend|starts|numbers|hash table"):
        words.Words.open(damaged(name))


@both
def test_a_spoilt_hash_table_finds_nothing_and_ends(words: ModuleType) -> None:
    sections = flat(_words_py.Words.build([["a"]]).sections())
    for filling in (b"\xff", b"\x01"):
        table = words.Words.open(sections | {"slots": filling * len(sections["slots"])})
        assert table.find(0, "a") == -1


@pytest.mark.parametrize("pure", ["", "1"])
def test_the_twin_serves_when_asked_for_or_nothing_was_built(pure: str) -> None:
    code = "from poi_cext import words; print(words.Words.__module__, words.COMPILED)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "POI_PURE": pure}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    compiled = not pure and len(tables()) == 2
    assert run.stdout.strip() == ("poi_cext._words True" if compiled else "poi_cext._words_py False")


# --- digest -------------------------------------------------------------------------------------------------------


def test_the_digest_is_the_same_here_and_there_and_never_changes() -> None:
    random = Random(7)
    for size in (0, 1, 7, 8, 31, 32, 33, 64, 1000, 4096):
        data = random.randbytes(size)
        assert len({module.digest(data) for module in tables()}) == 1
    assert {module.digest(b"poi" * 20) for module in tables()} == {2657578193013932601}


@both
def test_every_bit_and_the_length_count(words: ModuleType) -> None:
    data = bytearray(Random(8).randbytes(100))
    seen = {
        words.digest(data),
        words.digest(data + b"\0"),
        words.digest(data[:-1]),
        words.digest(b""),
        words.digest(b"\0"),
    }
    for bit in range(800):
        data[bit // 8] ^= 1 << bit % 8
        seen.add(words.digest(data))
        data[bit // 8] ^= 1 << bit % 8
    assert len(seen) == 805


# --- gathering ----------------------------------------------------------------------------------------------------


def parts(pieces: list[bytes]) -> "tuple[array[int], bytes]":
    return array("q", accumulate(map(len, pieces), initial=0)), b"".join(pieces)


@both
def test_pieces_are_gathered_from_two_sources(words: ModuleType) -> None:
    first, second = [b"a", b"", b"ccc"], [b"dd", b"e"]
    starts, blob = words.gather(parts(first), parts(second), array("q", [4, 2, 0, 1, 3, 2]))
    assert (list(starts), blob) == ([0, 1, 4, 5, 5, 7, 10], b"ecccaddccc")
    assert words.gather(parts([]), parts([]), array("q")) == (array("q", [0]), b"")


@both
@pytest.mark.parametrize("pick", [-1, 2])
def test_a_piece_that_is_not_there_is_an_error(words: ModuleType, pick: int) -> None:
    with pytest.raises(IndexError, match=f"no piece {pick} of 2"):
        words.gather(parts([b"a"]), parts([b"b"]), array("q", [pick]))


@both
def test_starts_beyond_the_blob_are_refused(words: ModuleType) -> None:
    with pytest.raises(ValueError, match="blob's end"):
        words.gather((array("q", [0, 9]), b"a"), parts([]), array("q", [0]))
