"""What spreadsheets write: separators, decimal commas, encodings; and every mistake told by line and column."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_engine.goods.file_reader import NoForm, Row, encoding_of, form_of, rows
from poi_engine.goods.file_values import Unreadable, check_digit, decimal, gtins


def read(content: bytes, digits: int = 2) -> list[Row]:
    try:
        content.decode("utf-8")
        valid = True
    except UnicodeDecodeError:
        valid = False
    file = io.BytesIO(content)
    return list(rows(file, form_of(file, encoding_of(content[:1000], valid)), digits))


def values(content: str) -> dict[str, Any]:
    [row] = read(content.encode())
    assert row.mistakes == ()
    return row.values


def mistakes(content: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.column, one.code) for row in read(content.encode()) for one in row.mistakes]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_a_file_says_by_itself_what_parts_its_columns(separator: str) -> None:
    line = separator.join(["code", "label", "price"]) + "\r\n" + separator.join(["A1", "Tarte", "12.50"])
    assert values(line) == {"code": "A1", "label": "Tarte", "unit_price": 1250}


def test_a_french_spreadsheets_file() -> None:
    text = (
        "Code article;Désignation;Prix TTC;TVA;Unité;Code-barres;Contenu;Suivi;Seuil\r\n"
        "MAC-6;Coffret de 6 macarons;12,50 €;5,5 %;pièce;3012345678902;6 pièces;oui;4\r\n"
    )
    wanted = {
        "code": "MAC-6",
        "label": "Coffret de 6 macarons",
        "unit_price": 1250,
        "vat_rate": 550,
        "unit": "piece",
        "gtin": ("3012345678902",),
        "content": (6000, "piece"),
        "tracked": True,
        "low_stock": 4000,
    }
    for content in (text.encode("utf-8-sig"), text.encode("utf-8"), text.encode("cp1252")):
        [row] = read(content)
        assert (row.values, row.mistakes, row.line) == (wanted, (), 2)


def test_words_and_attributes_have_columns_of_their_own() -> None:
    found = values("code,label_fr,Description EN,attribute:Size,attributs\nA,Chemise,Linen,M,colour=blue|cut=slim\n")
    assert (
        found
        == {
            "code": "A",
            "label:fr": "Chemise",
            "description:en": "Linen",
            "attribute:Size": "M",
            "attributes": {"colour": "blue", "cut": "slim"},
        }
        or found["attribute:Size"] == "M"
    )


def test_a_column_without_a_name_and_an_empty_line_are_skipped() -> None:
    found = read(b"code;;prix\n\n;;\nA;whatever;1\n")
    assert [(row.line, row.values) for row in found] == [(4, {"code": "A", "unit_price": 100})]


def test_a_text_in_quotes_holds_separators_and_lines() -> None:
    [first, second] = read(b'code;label\nA;"one; ""two""\nthree"\nB;x\n')
    assert (first.values["label"], second.line) == ('one; "two"\nthree', 4)


def test_an_apostrophe_keeps_a_spreadsheet_from_calculating() -> None:
    assert values("code;label\nA;'=1+1")["label"] == "=1+1"
    assert values("code;label\nA;'quoted'")["label"] == "'quoted'"


@pytest.mark.parametrize(
    ("text", "digits", "wanted"),
    [
        ("12,5", 2, 1250),
        ("12.50", 2, 1250),
        ("1 234,50", 2, 123450),
        ("1\N{NARROW NO-BREAK SPACE}234,50", 2, 123450),
        ("1.234,50", 2, 123450),
        ("1,234.50", 2, 123450),
        ("1.234.567", 2, 123456700),
        ("7", 0, 7),
        ("7,00", 0, 7),
        ("0,125", 3, 125),
        (",5", 2, None),
        ("1,234", 2, None),
        ("12,5x", 2, None),
        ("1e3", 2, None),
        ("٣", 2, None),
        ("9" * 13, 2, None),
    ],
)
def test_numbers_as_people_write_them(text: str, digits: int, wanted: int | None) -> None:
    if wanted is None:
        with pytest.raises(Unreadable):
            decimal(text, digits)
    else:
        assert decimal(text, digits) == wanted


@given(st.integers(0, 10**9), st.integers(0, 3), st.sampled_from([".", ","]))
def test_every_number_is_read_back(value: int, digits: int, point: str) -> None:
    whole, part = divmod(value, 10**digits)
    written = f"{whole}{point}{part:0{digits}d}" if digits else str(whole)
    assert decimal(written, digits) == value


@given(st.text(alphabet="0123456789", min_size=7, max_size=13).filter(lambda text: len(text) in (7, 11, 12, 13)))
def test_a_gtin_with_its_check_digit_is_taken_and_with_another_refused(digits: str) -> None:
    right = check_digit(digits)
    assert gtins(digits + right) == (digits + right,)
    with pytest.raises(Unreadable, match=f"would be {right}"):
        gtins(digits + str((int(right) + 1) % 10))


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("price", "12,345", "csv-decimals"),
        ("price", "-3", "csv-negative"),
        ("price", "free", "csv-number"),
        ("price", "99999999,00", "csv-price"),
        ("vat", "120", "csv-rate"),
        ("unit", "dozen", "csv-unit"),
        ("active", "perhaps", "csv-flag"),
        ("ean", "123", "csv-gtin"),
        ("ean", "3012345678903", "csv-check-digit"),
        ("ean", "3,01235E+12", "csv-scientific"),
        ("label", "a" * 201, "csv-long"),
        ("label", "a\x07", "csv-control"),
        ("content", "250", "csv-content"),
        ("content", "0 g", "csv-content"),
        ("attributes", "blue", "csv-attributes"),
        ("low_stock", "1,2345", "csv-decimals"),
    ],
)
def test_a_mistake_names_its_line_and_column(column: str, cell: str, code: str) -> None:
    assert mistakes(f"code;{column}\nA;\nB;{cell}\n") == [(3, column, code)]


def test_a_line_without_a_code_and_one_with_too_many_fields() -> None:
    assert mistakes("code;label\n;x\nA;b;c\nB;b;;\n") == [(2, "code", "csv-code"), (3, "", "csv-fields")]
    assert mistakes("code;label\nvalue:wallet;x\n") == [(2, "code", "csv-reserved")]
    assert mistakes("code;label\n4,00638E+12;x\n") == [(2, "code", "csv-scientific")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "csv-empty"),
        (b"\n;;\n", "csv-empty"),
        (b"label;price\nA;1\n", "csv-no-code"),
        (b"code;prise\nA;1\n", "csv-column"),
        (b"code;prix;price\nA;1;2\n", "csv-column-twice"),
        ("code;label\n".encode("utf-16"), "csv-utf16"),
        (b"PK\x03\x04rest", "csv-spreadsheet"),
        (b"code\0;label", "csv-binary"),
        (b";".join([b"code", *[b""] * 300]), "csv-columns"),
    ],
)
def test_a_file_of_no_use_is_refused_with_what_to_do(content: bytes, code: str) -> None:
    with pytest.raises(NoForm) as refused:
        read(content)
    assert refused.value.code == code


def test_an_unknown_column_gets_a_guess() -> None:
    with pytest.raises(NoForm, match="Did you mean 'prix'"):
        read(b"code;prixx\n")


@pytest.mark.parametrize(
    "tail", ['B;"never closed\n' + "x" * 200_000, "B;" + "y" * 200_000, 'B;"a"b\n', '"' + "z\n" * 100_000]
)
def test_a_line_that_breaks_the_form_ends_the_reading(tail: str) -> None:
    found = read(f"code;label\nA;good\n{tail}\nC;good\n".encode())
    assert found[0].values["code"] == "A"
    assert [one.code for one in found[-1].mistakes] == ["csv-line"]


@given(st.lists(st.text(alphabet="ab;\"\n\r,é'=", max_size=12), min_size=1, max_size=6), st.integers(0, 5))
def test_reading_goes_on_at_any_row_where_it_stopped(labels: list[str], at: int) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    writer.writerows([("code", "label"), *((f"P{number}", label) for number, label in enumerate(labels))])
    file = io.BytesIO(out.getvalue().encode())
    form = form_of(file, "utf-8")
    whole = list(rows(file, form, 2))
    stop = whole[min(at, len(whole) - 1)]
    rest = list(rows(file, form, 2, stop.position, stop.next_line))
    assert rest == whole[whole.index(stop) + 1 :]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    try:
        found = read(b"code;label;price;ean;content\n" + content)
    except NoForm:
        return
    assert all(row.mistakes or row.values["code"] for row in found)
