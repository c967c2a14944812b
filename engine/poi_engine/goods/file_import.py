"""Importing products from a CSV file of any size, in constant memory.

First the whole file is read and judged; a file with a mistake changes nothing. Then the rows are written, some hundred
in a transaction together with a bookmark: after a kill the same file goes on behind the last row that was committed.
Tills go on selling between the transactions.
"""

import asyncio
import hashlib
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO, Literal

from msgspec import Struct, json
from msgspec.structs import asdict

from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict
from poi_engine.goods.file_reader import Form, Mistake, NoForm, Row, encoding_of, form_of, rows
from poi_engine.goods.file_rows import Written, check_rows, write_rows
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql

AT_ONCE = 400  # rows a transaction
MOST_MISTAKES = 200
"""Mistakes that are told; more are counted."""
_BLOCK = 1 << 20  # bytes

Phase = Literal["checking", "writing"]
Progress = Callable[[Phase, int, int], None]
"""Called with the phase, how many lines are behind, and how many there are."""


class ImportReport(Struct, frozen=True, kw_only=True):
    """What came of a file. `written` is False after a dry run and when a mistake stood in the way.

    `mistakes` are the first ones, `mistake_count` all of them; `resumed_at` is the line where an earlier run stopped.
    """

    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    written: bool = False
    resumed_at: int | None = None
    mistake_count: int = 0
    mistakes: tuple[Mistake, ...] = ()


class _Figures(Struct, kw_only=True):
    """What the bookmark's document keeps."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    mistake_count: int = 0
    mistakes: list[Mistake] = []


class _Bookmark(Struct, kw_only=True):
    import_id: str
    position: int
    line: int
    rows: int
    figures: _Figures


class Examined(Struct, frozen=True, kw_only=True):
    """A file at first sight: its digest, how many lines it has, how it is written."""

    fingerprint: str
    lines: int
    form: Form


def _silent(_phase: Phase, _done: int, _of: int) -> None:
    """No progress shown."""


class GoodsImport:
    """One file for one merchant. `digits`: decimals of the merchant's currency; `who` stands in the price history."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, merchant_id: str, who: str, digits: int) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._m = merchant_id
        self._who = who
        self._digits = digits

    async def run(self, file: BinaryIO, *, dry_run: bool = False, progress: Progress = _silent) -> ImportReport:
        """Check the file, then, unless it is a dry run or has mistakes, write it."""
        try:
            found = await asyncio.to_thread(examine, file)
        except NoForm as error:
            return ImportReport(mistake_count=1, mistakes=(error.mistake,))
        mark = None if dry_run else await self._sql.read(lambda: _open_mark(self._m, found.fingerprint))
        if mark is None:
            checked = await self._check(file, found, progress)
            if dry_run or checked.mistake_count:
                return checked
        return await self._write(file, found, mark, progress)

    async def _check(self, file: BinaryIO, found: Examined, progress: Progress) -> ImportReport:
        count, told, read = 0, list[Mistake](), 0
        source = rows(file, found.form, self._digits)
        while batch := await asyncio.to_thread(_next, source):
            wrong = [mistake for row in batch for mistake in row.mistakes]
            readable = [row for row in batch if not row.mistakes]
            wrong += await self._sql.read(lambda some=readable: check_rows(self._m, some))  # type: ignore[misc]
            count, read = count + len(wrong), read + len(batch)
            told += sorted(wrong, key=lambda mistake: mistake.line)[: MOST_MISTAKES - len(told)]
            progress("checking", batch[-1].next_line, found.lines)
        return ImportReport(rows=read, mistake_count=count, mistakes=tuple(told))

    async def _write(
        self, file: BinaryIO, found: Examined, before: _Bookmark | None, progress: Progress
    ) -> ImportReport:
        form = found.form
        mark = before or _Bookmark(
            import_id=self._ids.new("imp"), position=form.start, line=form.line, rows=0, figures=_Figures()
        )
        source = rows(file, form, self._digits, mark.position, mark.line)
        while batch := await asyncio.to_thread(_next, source):
            at = micros(self._clock.now())
            mark = await self._sql.write(lambda b=batch, k=mark, at=at: self._batch(found.fingerprint, b, k, at))  # type: ignore[misc]
            progress("writing", mark.line, found.lines)
        at = micros(self._clock.now())
        await self._sql.write(lambda: _put_mark(self._m, found.fingerprint, "done", mark, self._who, at))
        figures = mark.figures
        return ImportReport(
            rows=mark.rows,
            created=figures.created,
            changed=figures.changed,
            unchanged=figures.unchanged,
            written=True,
            resumed_at=before.line if before else None,
            mistake_count=figures.mistake_count,
            mistakes=tuple(figures.mistakes),
        )

    def _batch(self, fingerprint: str, batch: list[Row], mark: _Bookmark, at: int) -> Job[_Bookmark]:
        """Some rows and the bookmark behind them, in one transaction."""
        done = yield from write_rows(self._m, batch, self._who, ids=self._ids, at=at)
        after = _Bookmark(
            import_id=mark.import_id,
            position=batch[-1].position,
            line=batch[-1].next_line,
            rows=mark.rows + len(batch),
            figures=_sum(mark.figures, done),
        )
        yield from _put_mark(self._m, fingerprint, "importing", after, self._who, at)
        return after


class GoodsImports:
    """The imports' service: one file at a time for each merchant."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._parts = (sql, clock, ids)
        self._busy: set[str] = set()

    async def run(
        self,
        merchant_id: str,
        who: str,
        digits: int,
        file: BinaryIO,
        *,
        dry_run: bool = False,
        progress: Progress = _silent,
    ) -> ImportReport:
        """Import a file; `digits`: decimals of the merchant's currency."""
        if merchant_id in self._busy:
            raise Conflict("import-under-way", "Another file is being imported; wait for its end.")
        self._busy.add(merchant_id)
        try:
            made = GoodsImport(*self._parts, merchant_id, who, digits)
            return await made.run(file, dry_run=dry_run, progress=progress)
        finally:
            self._busy.discard(merchant_id)


def _sum(figures: _Figures, done: Written) -> _Figures:
    told = [*figures.mistakes, *done.mistakes][:MOST_MISTAKES]
    return _Figures(
        created=figures.created + done.created,
        changed=figures.changed + done.changed,
        unchanged=figures.unchanged + done.unchanged,
        mistake_count=figures.mistake_count + len(done.mistakes),
        mistakes=told,
    )


def _next(source: Iterator[Row]) -> list[Row]:
    return list(islice(source, AT_ONCE))


def examine(file: BinaryIO) -> Examined:
    """Read a file once, in blocks. `NoForm` when it is no CSV file. Takes its time: for threads."""
    file.seek(0)
    head = file.read(_BLOCK)
    digest, lines, valid, decoder = hashlib.sha256(), 0, True, getincrementaldecoder("utf-8")()
    block = head
    while block:
        digest.update(block)
        lines += block.count(b"\n")
        if valid:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                valid = False
        if b"\0" in block:
            encoding_of(b"\0", valid)
        block = file.read(_BLOCK)
    return Examined(fingerprint=digest.hexdigest(), lines=lines + 1, form=form_of(file, encoding_of(head, valid)))


# --- the bookmark --------------------------------------------------------------------------------------------------


def _open_mark(merchant_id: str, fingerprint: str) -> Job[_Bookmark | None]:
    """Where an import of the same file stopped, if one did."""
    rows = yield Query(
        "select import_id, position, line, rows, document from product_import where merchant_id = ? and fingerprint = ?"
        " and state = 'importing' order by import_id desc limit 1",
        (merchant_id, fingerprint),
    )
    if not rows:
        return None
    row = rows[0]
    figures = json.decode(row["document"], type=_Figures)
    return _Bookmark(
        import_id=row["import_id"], position=row["position"], line=row["line"], rows=row["rows"], figures=figures
    )


def _put_mark(merchant_id: str, fingerprint: str, state: str, mark: _Bookmark, who: str, at: int) -> Job[None]:
    yield Query(
        "insert into product_import (merchant_id, import_id, fingerprint, state, position, line, rows, document, who,"
        " created_at, changed_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (merchant_id, import_id) do"
        " update set state = excluded.state, position = excluded.position, line = excluded.line, rows = excluded.rows,"
        " document = excluded.document, changed_at = excluded.changed_at",
        (
            *(merchant_id, mark.import_id, fingerprint, state, mark.position, mark.line, mark.rows),
            *(json.encode(asdict(mark.figures)).decode(), who, at, at),
        ),
    )
