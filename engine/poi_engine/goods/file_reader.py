"""Products as CSV: reading what spreadsheets write, French ones too, with every mistake told by line and column. Pure.

Known are `;`, `,`, tab and `|` as separators, decimal commas and points, UTF-8 with or without a byte order mark, and
Windows-1252. Reading keeps one row in memory, and knows the byte at which the next one begins.
"""

import csv
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from msgspec import Struct

from poi_engine.errors import RequestError
from poi_engine.goods.file_values import READERS, Unreadable, Values

MAX_LINE = 64 * 1024  # bytes
MAX_COLUMNS = 200
_SEPARATORS = (";", ",", "\t", "|")
_BOM = b"\xef\xbb\xbf"
_LANGUAGE = re.compile(r"(label|libelle|libellé|description)[_ :-]([a-z]{2})\Z")
_ATTRIBUTE = re.compile(r"(?:attribute|attribut)[ _:-]+(.{1,60})\Z")
NAMES: dict[str, tuple[str, ...]] = {
    "code": ("code", "ref", "reference", "référence", "sku", "code article", "code produit"),
    "label": ("label", "name", "libelle", "libellé", "designation", "désignation", "nom", "produit", "article"),
    "unit_price": ("unit_price", "price", "prix", "prix ttc", "prix de vente", "prix unitaire", "pu ttc", "tarif"),
    "category": ("category", "categorie", "catégorie", "famille", "rayon"),
    "brand": ("brand", "marque"),
    "unit": ("unit", "unite", "unité", "unité de vente"),
    "vat_rate": ("vat_rate", "vat", "tva", "taux tva", "taux de tva"),
    "cost": ("cost", "cout", "coût", "prix d'achat", "prix achat", "prix de revient"),
    "gtin": ("gtin", "ean", "eans", "gtins", "ean13", "code-barres", "code barres", "codes-barres", "barcode"),
    "active": ("active", "actif", "en vente"),
    "tracked": ("tracked", "suivi", "stock suivi"),
    "low_stock": ("low_stock", "seuil", "stock minimum", "seuil d'alerte"),
    "parent": ("parent", "variante de", "code parent", "modèle", "modele"),
    "attributes": ("attributes", "attributs", "variante", "variant"),
    "content": ("content", "contenu", "contenance", "conditionnement"),
    "description": ("description",),
}
"""The columns, by every name they may have in a file's first line."""
_BY_NAME = {alias: name for name, aliases in NAMES.items() for alias in aliases}


class Mistake(Struct, frozen=True, kw_only=True):
    """What is wrong in a file: the line from 1, the column's own name, a stable code, and how to mend it."""

    line: int
    column: str
    code: str
    value: str
    message: str


class Form(Struct, frozen=True, kw_only=True):
    """How a file is written. `columns` are (our name, the file's name), an empty name is skipped; `start` in bytes."""

    encoding: str
    separator: str
    columns: tuple[tuple[str, str], ...]
    start: int
    line: int


class Row(Struct, frozen=True, kw_only=True):
    """One product's line: its values by column, and the byte and line at which the next row begins."""

    line: int
    values: Values
    mistakes: tuple[Mistake, ...]
    position: int
    next_line: int


class NoForm(RequestError):
    """The file's first line cannot be made sense of."""

    def __init__(self, code: str, message: str, column: str = "") -> None:
        super().__init__(code, message, path="$")
        self.mistake = Mistake(line=1, column=column, code=code, value=column, message=message)


def encoding_of(head: bytes, valid_utf8: bool) -> str:
    """How the text is written; a `NoForm` for what is no text at all."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoForm("csv-utf16", "The file is UTF-16. Save it as 'CSV UTF-8'.")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise NoForm("csv-spreadsheet", "This is a spreadsheet, not a CSV file. Save it as 'CSV UTF-8'.")
    if b"\0" in head:
        raise NoForm("csv-binary", "This is no text file. Save the table as 'CSV UTF-8'.")
    return "utf-8" if valid_utf8 else "cp1252"


def form_of(file: BinaryIO, encoding: str) -> Form:
    """The separator and the columns, from the first line that is not empty."""
    file.seek(0)
    begin = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
    lines = Lines(file, encoding, begin, 1)
    for text in lines:
        if text.strip(" \t\r\n;,|"):
            separator = max(_SEPARATORS, key=lambda one: _unquoted(text).count(one))
            names = next(csv.reader([text], delimiter=separator))
            columns = _columns([name.strip() for name in names])
            return Form(
                encoding=encoding,
                separator=separator,
                columns=columns,
                start=lines.position,
                line=lines.line,
            )
    raise NoForm("csv-empty", "The file is empty. Its first line names the columns, such as code;label;price.")


def _unquoted(text: str) -> str:
    return re.sub(r'"[^"]*"', "", text)


def _columns(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if len(names) > MAX_COLUMNS:
        raise NoForm("csv-columns", f"The file has {len(names)} columns; at most {MAX_COLUMNS} are read.")
    columns = tuple((column_of(name), name) for name in names)
    ours = [column for column, _ in columns if column]
    if "code" not in ours:
        raise NoForm("csv-no-code", "No column is named 'code'. The first line names the columns.", names[0][:60])
    for column, name in columns:
        if column and ours.count(column) > 1:
            raise NoForm("csv-column-twice", f"Two columns mean {column!r}. Leave one, or empty its name.", name[:60])
    return columns


def column_of(name: str) -> str:
    """Our name of a column; empty for a column without a name, which is skipped."""
    plain = " ".join(name.lower().replace("\N{NO-BREAK SPACE}", " ").split())
    if not plain:
        return ""
    if found := _BY_NAME.get(plain) or _BY_NAME.get(plain.replace(" ", "_")):
        return found
    if words := _LANGUAGE.match(plain):
        return f"{'description' if words[1] == 'description' else 'label'}:{words[2]}"
    if attribute := _ATTRIBUTE.match(name.strip()) or _ATTRIBUTE.match(plain):
        return f"attribute:{attribute[1].strip()}"
    near = difflib.get_close_matches(plain, _BY_NAME, 1)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(NAMES)}."
    raise NoForm("csv-column", f"The column {name[:60]!r} is not known.{hint} Empty its name to skip it.", name[:60])


class Lines:
    """A file's lines as text, with the byte and the line at which the next one begins."""

    def __init__(self, file: BinaryIO, encoding: str, position: int, line: int) -> None:
        self._file = file
        self._encoding = encoding
        self.position = position
        self.line = line
        file.seek(position)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        data = self._file.readline(MAX_LINE + 1)
        if not data:
            raise StopIteration
        if len(data) > MAX_LINE:
            message = f"The line is longer than {MAX_LINE // 1024} KB. Is a quote opened and never closed?"
            raise csv.Error(message)
        self.position += len(data)
        self.line += 1
        return data.decode(self._encoding, "replace")


def rows(
    file: BinaryIO, form: Form, digits: int, position: int | None = None, line: int | None = None
) -> Iterator[Row]:
    """The file's rows from its beginning, or from the byte and the line where reading stopped.

    `digits`: decimals of the currency. A line that breaks the form itself is the last one: what follows is not known.
    """
    lines = Lines(file, form.encoding, form.start if position is None else position, line or form.line)
    reader = csv.reader(lines, delimiter=form.separator, strict=True)
    while True:
        first = lines.line
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken(first, error, lines)
            return
        if any(field.strip() for field in fields):
            yield _row(form, fields, digits, first, lines)


def _row(form: Form, fields: Sequence[str], digits: int, line: int, lines: Lines) -> Row:
    values: Values = {}
    mistakes: list[Mistake] = []
    if len(fields) > len(form.columns) and any(field.strip() for field in fields[len(form.columns) :]):
        message = f"{len(fields)} fields, {len(form.columns)} columns. Put a text that holds a separator in quotes."
        mistakes.append(Mistake(line=line, column="", code="csv-fields", value="", message=message))
    for (column, name), field in zip(form.columns, fields, strict=False):
        if not column:
            continue
        text = _clean(field)
        try:
            values[column] = READERS[column.partition(":")[0]](text, digits)
        except Unreadable as error:
            mistakes.append(Mistake(line=line, column=name, code=error.code, value=text[:80], message=error.message))
    return Row(line=line, values=values, mistakes=tuple(mistakes), position=lines.position, next_line=lines.line)


def _clean(field: str) -> str:
    """Without the spaces around, and without the apostrophe that keeps a spreadsheet from calculating."""
    text = field.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _broken(line: int, error: csv.Error, lines: Lines) -> Row:
    words = str(error)
    message = (
        words if words.startswith("The line") else f"The line is no CSV: {words}. Double the quotes inside a text."
    )
    mistake = Mistake(line=line, column="", code="csv-line", value="", message=message)
    return Row(line=line, values={}, mistakes=(mistake,), position=lines.position, next_line=lines.line)
