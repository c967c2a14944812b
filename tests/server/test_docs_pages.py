"""The pages for readers: their links lead somewhere, the files they name are there, the matcher's picture is right."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SVG = "{http://www.w3.org/2000/svg}text"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_matchers_page_names_files_that_are_there() -> None:
    table = (ROOT / "docs" / "matcher.md").read_text("utf-8").partition("## Where to read")[2]
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", row)
        folder = Path(first).parent
        for name in (first, *(other if "/" in other else str(folder / other) for other in others)):
            assert list(ROOT.glob(name)), name


def test_the_pictures_strips_add_up_to_its_answer() -> None:
    picture = ElementTree.parse(ROOT / "docs" / "matcher.svg")
    strips = [text.text or "" for text in picture.iter(SVG) if re.fullmatch("[1·]{16}", text.text or "")]
    (rest,) = [text.text or "" for text in picture.iter(SVG) if re.fullmatch("[–a-z]{16}", text.text or "")]
    *asked, answer = strips
    assert len(asked) == 5
    assert answer == "".join("1" if all(bit == "1" for bit in column) else "·" for column in zip(*asked, strict=True))
    left = [part for part, bit in zip(rest, answer, strict=True) if bit == "1"]
    told = [text.text or "" for text in picture.iter(SVG) if re.match("[–a-z]  (holds|does|maybe)", text.text or "")]
    assert [line[0] for line in told] == left
