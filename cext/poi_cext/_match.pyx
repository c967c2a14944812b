# cython: cdivision=True
"""The compiled matcher: clauses of numeric columns and exact sets, scanned without the GIL.

Buffers only grow, and growing makes a new buffer: a scan in another thread keeps reading the one it began with.
Appending behind the rows a scan counted, and marking an owner dead, are the only writes to a shared buffer.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from poi_cext._judge cimport ANY, COLUMNS, FAMILIES, Facts, NO, PERHAPS, RANGE, run
from poi_cext._rows cimport Found, Row, bit, search
from poi_cext.ops import HOT_COLUMNS, HOT_FAMILIES, check_program

cdef int32_t UNKNOWN = -2147483647 - 1
cdef int32_t HIGH = 2147483647
cdef uint32_t FREE = 0x80000000  # the signature bit of "no condition"; every event has it

if HOT_COLUMNS != COLUMNS or HOT_FAMILIES != FAMILIES:
    raise ImportError("poi_cext._match was built for another layout: build it again")


cdef class Block:
    """A piece of memory that lives as long as somebody holds it."""

    cdef char* data
    cdef Py_ssize_t size

    def __cinit__(self, Py_ssize_t size):
        self.size = size
        self.data = <char*> malloc(size)
        if self.data == NULL:
            raise MemoryError(f"{size} bytes for the matcher")

    def __dealloc__(self):
        free(self.data)


cdef Block grown(Block block, Py_ssize_t used, Py_ssize_t needed):
    """The same block if `needed` bytes fit, else a larger copy."""
    if needed <= block.size:
        return block
    cdef Block larger = Block(max(needed, 2 * block.size))
    memcpy(larger.data, block.data, used)
    return larger


cdef class Event:
    """One question's facts.

    A number per column, a set per family (None = unknown), lines of (tags, weight 0, weight 1), a point of the unit
    sphere, and a spot in a plane that repeats every 360 along x.
    """

    cdef Facts facts
    cdef Block memory
    cdef readonly Py_ssize_t columns
    cdef readonly Py_ssize_t families

    def __cinit__(self, numbers, sets, lines=(), point=None, spot=None):
        cdef Py_ssize_t total = sum([len(values) for values in sets if values is not None])
        cdef Py_ssize_t tags = sum([len(line[0]) for line in lines])
        self.columns = len(numbers)
        self.families = len(sets)
        self.facts.line_count = len(lines)
        self.memory = Block(
            4 * (self.columns + total + self.families + 1 + tags + 3 * len(lines) + 1) + self.families + 1
        )
        self.facts.numbers = <int32_t*> self.memory.data
        self.facts.values = self.facts.numbers + self.columns
        self.facts.starts = self.facts.values + total
        self.facts.tags = self.facts.starts + self.families + 1
        self.facts.lines = self.facts.tags + tags
        self.facts.known = <uint8_t*> (self.facts.lines + 3 * len(lines) + 1)
        self._fill_numbers(numbers)
        self._fill_sets(sets)
        self._fill_lines(lines)
        self.facts.has_point = point is not None
        if point is not None:
            self.facts.point[0], self.facts.point[1], self.facts.point[2] = point
        self.facts.has_spot = spot is not None
        if spot is not None:
            self.facts.spot[0], self.facts.spot[1] = spot

    cdef int _fill_numbers(self, numbers) except -1:
        cdef Py_ssize_t i = 0
        for number in numbers:
            self.facts.numbers[i] = number
            i += 1
        for i in range(COLUMNS):
            self.facts.hot[i] = self.facts.numbers[i] if i < self.columns else UNKNOWN
        return 0

    cdef int _fill_sets(self, sets) except -1:
        cdef Py_ssize_t family = 0
        cdef int32_t at = 0
        cdef int32_t value
        cdef uint32_t signature
        for values in sets:
            signature = FREE
            self.facts.starts[family] = at
            self.facts.known[family] = values is not None
            if values is not None:
                for one in sorted(values):
                    value = one
                    self.facts.values[at] = value
                    signature |= bit(value)
                    at += 1
            if family < FAMILIES:
                self.facts.signature[family] = signature
            family += 1
        self.facts.starts[family] = at
        while family < FAMILIES:
            self.facts.signature[family] = FREE
            family += 1
        return 0

    cdef int _fill_lines(self, lines) except -1:
        cdef int32_t* line = self.facts.lines
        cdef int32_t at = 0
        for tags, weight, other in lines:
            line[0], line[1], line[2] = at, weight, other
            for tag in sorted(tags):
                self.facts.tags[at] = tag
                at += 1
            line += 3
        line[0] = at
        return 0


cdef class Table:
    """Clauses by owner. A clause's `fixed` part depends on the place alone, its `live` part on the moment."""

    cdef Block rows_   # Row
    cdef Block fixed_  # uint32: where each row's fixed program begins in the pool
    cdef Block pool_   # int32 programs, each led by its length; the first is the empty one
    cdef Block alive_  # uint8 by owner
    cdef Py_ssize_t count
    cdef Py_ssize_t pool_used
    cdef Py_ssize_t owners
    cdef dict clauses  # owner -> number of clauses
    cdef readonly Py_ssize_t columns
    cdef readonly Py_ssize_t families
    cdef readonly Py_ssize_t dead

    def __cinit__(self, Py_ssize_t columns, Py_ssize_t families):
        self.columns = columns
        self.families = families
        self.rows_ = Block(16 * sizeof(Row))
        self.fixed_ = Block(16 * sizeof(uint32_t))
        self.pool_ = Block(256 * sizeof(int32_t))
        self.alive_ = Block(64)
        self.clauses = {}
        self.dead = 0
        self.owners = 0
        self.count = 0
        (<int32_t*> self.pool_.data)[0] = 0
        self.pool_used = 1

    @property
    def rows(self):
        """Clauses held, dead ones included."""
        return self.count

    def add(self, Py_ssize_t owner, fixed, live):
        """Add a clause; all clauses of one owner are added one after the other."""
        if not 0 <= owner < 1 << 30:
            raise ValueError(f"owner {owner} is out of range")
        check_program(fixed, self.columns, self.families)
        check_program(live, self.columns, self.families)
        cdef Row row
        blank(&row)
        row.owner = <int32_t> (2 * owner)
        row.rest = self._store(absorb(&row, live))
        cdef uint32_t fixed_at = self._store(fixed)
        self._append(&row, fixed_at)
        self._revive(owner)
        self.clauses[owner] = self.clauses.get(owner, 0) + 1

    def discard(self, Py_ssize_t owner):
        """Stop answering with this owner."""
        if owner in self.clauses and self.lives(owner):
            (<uint8_t*> self.alive_.data)[owner] = 0
            self.dead += self.clauses[owner]

    def lives(self, Py_ssize_t owner):
        """The owner was not discarded."""
        return not 0 <= owner < self.owners or (<uint8_t*> self.alive_.data)[owner] != 0

    def compacted(self):
        """A copy without the dead clauses."""
        cdef Table copy = Table(self.columns, self.families)
        cdef Row row
        cdef Py_ssize_t i
        for i in range(self.count):
            row = (<Row*> self.rows_.data)[i]
            owner = row.owner >> 1
            if self.lives(owner):
                row.rest = copy._store(self._program(row.rest))
                copy._append(&row, copy._store(self._program((<uint32_t*> self.fixed_.data)[i])))
                copy._revive(owner)
                copy.clauses[owner] = copy.clauses.get(owner, 0) + 1
        return copy

    cdef int _append(self, Row* row, uint32_t fixed_at) except -1:
        cdef Py_ssize_t n = self.count
        self.rows_ = grown(self.rows_, n * sizeof(Row), (n + 1) * sizeof(Row))
        self.fixed_ = grown(self.fixed_, n * sizeof(uint32_t), (n + 1) * sizeof(uint32_t))
        (<Row*> self.rows_.data)[n] = row[0]
        (<uint32_t*> self.fixed_.data)[n] = fixed_at
        self.count = n + 1
        return 0

    cdef uint32_t _store(self, program) except? 4294967295:
        """Put a program into the pool and say where; 0 is the empty one."""
        cdef Py_ssize_t length = len(program)
        cdef Py_ssize_t at = self.pool_used
        cdef Py_ssize_t i
        if length == 0:
            return 0
        if at + length >= 4294967295:
            raise MemoryError("the matcher's pool is full")
        self.pool_ = grown(self.pool_, at * sizeof(int32_t), (at + length + 1) * sizeof(int32_t))
        cdef int32_t* words = <int32_t*> self.pool_.data
        words[at] = <int32_t> length
        for i in range(length):
            words[at + 1 + i] = program[i]
        self.pool_used = at + length + 1
        return <uint32_t> at

    cdef list _program(self, uint32_t at):
        cdef int32_t* words = <int32_t*> self.pool_.data + at
        return [words[1 + i] for i in range(words[0])]

    cdef int _revive(self, Py_ssize_t owner) except -1:
        if owner >= self.owners:
            self.alive_ = grown(self.alive_, self.owners, owner + 1)
            memset(self.alive_.data + self.owners, 1, owner + 1 - self.owners)
            self.owners = owner + 1
        return 0


cdef class Plan:
    """The clauses whose fixed part is true at one place: every event it scans must come from there.

    It catches up with the table by itself.
    """

    cdef Table table
    cdef Block rows_
    cdef Py_ssize_t count
    cdef Py_ssize_t seen

    def __cinit__(self, Table table not None):
        self.table = table
        self.rows_ = Block(16 * sizeof(Row))
        self.count = 0
        self.seen = 0

    @property
    def rows(self):
        """Clauses of the plan so far."""
        return self.count

    def owners(self, Event event not None):
        """Owners with a clause in the plan, each once, in the order added: those that the place does not rule out."""
        check_event(self.table, event)
        self._catch_up(event)
        cdef Py_ssize_t i
        cdef Py_ssize_t owner
        cdef Py_ssize_t last = -1
        found = []
        for i in range(self.count):
            owner = (<Row*> self.rows_.data)[i].owner >> 1
            if owner != last and self.table.lives(owner):
                found.append(owner)
            last = owner
        return found

    def scan(self, Event event not None):
        """Owners with a true clause, and those of which a clause may be true, each once, in the order added."""
        check_event(self.table, event)
        self._catch_up(event)
        cdef Block rows = self.rows_
        cdef Block pool = self.table.pool_
        cdef Block alive = self.table.alive_
        cdef Py_ssize_t count = self.count
        cdef Found found
        cdef bint whole
        found.owners = NULL
        found.count = found.room = 0
        with nogil:
            whole = search(<Row*> rows.data, count, <int32_t*> pool.data, <uint8_t*> alive.data, &event.facts, &found)
        try:
            if not whole:
                raise MemoryError("the matcher's answer")
            return answer(&found)
        finally:
            free(found.owners)

    cdef int _catch_up(self, Event event) except -1:
        cdef Table table = self.table
        cdef int32_t* pool = <int32_t*> table.pool_.data
        cdef uint32_t* fixed = <uint32_t*> table.fixed_.data
        cdef int verdict
        while self.seen < table.count:
            verdict = run(pool + fixed[self.seen], &event.facts)
            if verdict != NO:
                self.rows_ = grown(self.rows_, self.count * sizeof(Row), (self.count + 1) * sizeof(Row))
                (<Row*> self.rows_.data)[self.count] = (<Row*> table.rows_.data)[self.seen]
                (<Row*> self.rows_.data)[self.count].owner |= verdict == PERHAPS
                self.count += 1
            self.seen += 1
        return 0


cdef int check_event(Table table, Event event) except -1:
    if event.columns != table.columns or event.families != table.families:
        raise ValueError(f"the event needs {table.columns} numbers and {table.families} sets")
    return 0


cdef tuple answer(Found* found):
    sure = []
    maybe = []
    cdef Py_ssize_t i
    for i in range(found.count):
        (sure if found.owners[i] & 1 else maybe).append(found.owners[i] >> 1)
    return sure, maybe


cdef void blank(Row* row) noexcept:
    cdef int i
    for i in range(COLUMNS):
        row.low[i] = UNKNOWN
        row.high[i] = HIGH
    for i in range(FAMILIES):
        row.signature[i] = FREE


cdef list absorb(Row* row, program):
    """Write into the row what it can say of a program, and give back the parts it cannot say exactly."""
    cdef Py_ssize_t at = 0
    cdef int32_t subject
    cdef uint32_t signature
    rest = []
    while at < len(program):
        op, subject, count = program[at], program[at + 1], program[at + 2]
        values = program[at + 3 : at + 3 + count]
        if op == RANGE and subject < COLUMNS:
            row.low[subject] = max(row.low[subject], <int32_t> values[0], UNKNOWN + 1)
            row.high[subject] = min(row.high[subject], <int32_t> values[1])
        else:
            rest.extend(program[at : at + 3 + count])
        if op == ANY and subject < FAMILIES and row.signature[subject] == FREE:
            signature = 0
            for value in values:
                signature |= bit(value)
            row.signature[subject] = signature
        at += 3 + count
    return rest
