# cython: cdivision=True, boundscheck=False, wraparound=False
"""The compiled matcher: `_match_py` in C. Everything that takes long runs without the GIL.

What a running question reads never changes under it: an index is immutable, a plan is made whole before it is known, and
arrays that grow do so by a larger copy, while whoever reads the old one holds it.
"""

from array import array
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.long cimport PyLong_AsLong, PyLong_FromLong
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.sequence cimport PySequence_Fast, PySequence_Fast_GET_ITEM, PySequence_Fast_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memcpy, memset

from poi_cext import ops


cdef extern from "_program.h" nogil:
    enum:
        BLOOM_WORDS, BLOOM_BITS, DAY, MINUTE, STORE, REGION, MAX_SUBJECTS, DAY_MINUTES, MAX_CLAUSES, UNKNOWN
    ctypedef struct Facts:
        int32_t* numbers
        int32_t* values
        int32_t* starts
        uint8_t* known
        uint64_t* bloom
        int32_t* tags
        int32_t* lines
        int32_t line_count, columns, families
        double point[3]
        double spot[2]
        int32_t has_point, has_spot
    int64_t program_fault(const int32_t*, int64_t, int32_t, int32_t)

cdef extern from "_index.h" nogil:
    enum:
        HEADER, BOUND_WORDS, INDEX_MAGIC, FORMAT, BY_VALUE, BY_ANY_VALUE, BY_BALL_CELL, BY_RING_CELL
    ctypedef struct Slot:
        uint64_t key
    ctypedef struct Meta:
        int64_t magic, format, columns, families, owners, clauses, slots, postings, words, windows, bits
        int64_t ball_levels, ring_levels, by_value, regions, region_total, areas, shapes
    ctypedef struct CIndex "Index":
        Meta meta
        const Slot* slots
        const uint32_t* postings
        const uint32_t* starts
        const int32_t* words
        const int32_t* windows
        const int32_t* bounds
        const uint64_t* bits
        const uint32_t* regions
        const uint32_t* areas
    ctypedef struct Anchor:
        uint64_t* keys
        const int32_t* listed
        int32_t count, kind
    uint64_t mixed(uint64_t)
    uint64_t make_key(int, uint64_t)
    uint64_t anchor_key(const Anchor*, int32_t)
    void choose_anchor(const int32_t*, int64_t, const CIndex*, Anchor*)
    bint clause_days(const int32_t*, int64_t, int32_t*, int32_t*)
    int64_t store_clause(const int32_t*, int64_t, int32_t, const Anchor*, int32_t*)

cdef extern from "_build.h" nogil:
    enum:
        FINE, BROKEN_PROGRAM, OWNER_OUT_OF_ORDER, TOO_MANY_CLAUSES, TOO_LARGE, NO_MEMORY
    ctypedef struct Offered:
        int64_t columns, families, owners, clauses
        const int32_t* owner_of
        const int64_t* starts
        const int32_t* words
    ctypedef struct Built:
        int64_t fault
    int index_build(const Offered*, Built*)
    CIndex built_index(const Built*)
    void built_free(Built*)

cdef extern from "_gather.h" nogil:
    ctypedef struct Node:
        uint32_t clause
        int32_t next
    ctypedef struct Overlay:
        const int32_t* words
        const uint32_t* starts
        const int64_t* orders
        const uint64_t* keys
        const int32_t* heads
        const Node* nodes
        int64_t clauses, owners, key_room, ball_levels, ring_levels
        uint64_t* valued
    ctypedef struct View:
        const CIndex* index
        Overlay overlay
        const uint64_t* dead
        int64_t dead_count, dead_room
    ctypedef struct Cell:
        bint exact, has_cell
        int64_t x, y
    ctypedef struct Candidate:
        const int32_t* clause
    ctypedef struct Candidates:
        Candidate* items
        int64_t count, room
    void set_head(int32_t*, int32_t)
    Cell cell_around(const Facts*)
    void shape_cell(Cell*)
    bint gather(const View*, const Facts*, const Cell*, int64_t, bint, Candidates*)

cdef extern from "_plan.h" nogil:
    ctypedef struct PlanBits:
        int64_t bytes, rows
    PlanBits* plan_make(const View*, const Facts*, const Cell*)
    void plan_free(PlanBits*)
    bint day_allows(const Candidate*, const Facts*)

cdef extern from "_scan.h" nogil:
    ctypedef struct Found:
        uint32_t* items
        int64_t count
    void found_start(Found*)
    void found_end(Found*)
    bint match_all(const PlanBits*, const View*, const uint32_t*, int64_t, const Facts*, int64_t, Found*)

cdef extern from "_merge.h" nogil:
    int merge_view(const View*, int64_t*, Built*)

if ops.MAX_CLAUSES != MAX_CLAUSES or ops.UNKNOWN != UNKNOWN or (ops.DAY, ops.MINUTE) != (DAY, MINUTE) or (
    ops.STORE, ops.REGION) != (STORE, REGION):
    raise ImportError("poi_cext._match was built for another language: build it again")


cdef class Block:
    """A piece of memory that lives as long as somebody holds it."""

    cdef char* data
    cdef int64_t size

    def __cinit__(self, int64_t size):
        self.size = size
        self.data = <char*> malloc(size if size > 0 else 1)
        if self.data == NULL:
            raise MemoryError(f"{size} bytes for the matcher")

    def __dealloc__(self):
        free(self.data)


cdef Block grown(Block block, int64_t used, int64_t needed):
    """The same block if `needed` bytes fit, else a larger copy."""
    if needed <= block.size:
        return block
    cdef Block larger = Block(max(needed, 2 * block.size))
    memcpy(larger.data, block.data, used)
    return larger


cdef Block copied(Block block):
    cdef Block copy = Block(block.size)
    memcpy(copy.data, block.data, block.size)
    return copy


# --- the event ---------------------------------------------------------------------------------------------------


cdef inline object item(object sequence, Py_ssize_t i):
    return <object> PySequence_Fast_GET_ITEM(sequence, i)


cdef int32_t number(object value) except? -1:
    cdef long wide = PyLong_AsLong(value)
    if wide < -2147483648 or wide > 2147483647:
        raise OverflowError(f"{value} has more than 32 bits")
    return <int32_t> wide


cdef int compare(const void* one, const void* other) noexcept nogil:
    cdef int32_t a = (<const int32_t*> one)[0]
    cdef int32_t b = (<const int32_t*> other)[0]
    return (a > b) - (a < b)


cdef Py_ssize_t fill_sorted(int32_t* to, object values) except -1:
    """Write the values, sorted, each once; gives how many."""
    cdef object fast = PySequence_Fast(values, "a sequence of numbers is needed")
    cdef Py_ssize_t count = PySequence_Fast_GET_SIZE(fast)
    cdef Py_ssize_t i, kept
    cdef bint ordered = True
    for i in range(count):
        to[i] = number(item(fast, i))
        if i and to[i] <= to[i - 1]:
            ordered = False
    if ordered:
        return count
    qsort(to, count, sizeof(int32_t), compare)
    kept = 0
    for i in range(count):
        if i == 0 or to[i] != to[kept - 1]:
            to[kept] = to[i]
            kept += 1
    return kept


cdef class Event:
    """One question's facts.

    A number per column, a set per family (None = unknown), lines of (tags, weight 0, weight 1), a point of the unit
    sphere, and a spot in a plane that repeats every 360 along x.
    """

    cdef Facts facts
    cdef char* memory

    def __cinit__(self, numbers, sets, lines=(), point=None, spot=None):
        cdef object columns = PySequence_Fast(numbers, "numbers are a sequence")
        cdef object families = PySequence_Fast(sets, "sets are a sequence")
        cdef object rows = PySequence_Fast(lines, "lines are a sequence")
        cdef Facts* facts = &self.facts
        cdef Py_ssize_t n = PySequence_Fast_GET_SIZE(columns)
        cdef Py_ssize_t f = PySequence_Fast_GET_SIZE(families)
        cdef Py_ssize_t l = PySequence_Fast_GET_SIZE(rows)
        cdef Py_ssize_t values = 0, tags = 0, i
        for i in range(f):
            if item(families, i) is not None:
                values += len(item(families, i))
        for i in range(l):
            tags += len(item(rows, i)[0])
        self.memory = <char*> malloc(8 * BLOOM_WORDS * f + 4 * (n + values + f + 1 + tags + 3 * l + 1) + f + 1)
        if self.memory == NULL:
            raise MemoryError("an event for the matcher")
        facts.columns = <int32_t> n
        facts.families = <int32_t> f
        facts.line_count = <int32_t> l
        facts.bloom = <uint64_t*> self.memory
        facts.numbers = <int32_t*> (facts.bloom + BLOOM_WORDS * f)
        facts.values = facts.numbers + n
        facts.starts = facts.values + values
        facts.tags = facts.starts + f + 1
        facts.lines = facts.tags + tags
        facts.known = <uint8_t*> (facts.lines + 3 * l + 1)
        for i in range(n):
            facts.numbers[i] = number(item(columns, i))
        self._fill_sets(families, f)
        self._fill_lines(rows, l)
        facts.has_point = point is not None
        if point is not None:
            facts.point[0], facts.point[1], facts.point[2] = point
        facts.has_spot = spot is not None
        if spot is not None:
            facts.spot[0], facts.spot[1] = spot

    def __dealloc__(self):
        free(self.memory)

    cdef int _fill_sets(self, object families, Py_ssize_t count) except -1:
        cdef Facts* facts = &self.facts
        cdef uint64_t* bloom
        cdef uint32_t bit
        cdef int32_t at = 0
        cdef int32_t start
        cdef Py_ssize_t f
        for f in range(count):
            facts.starts[f] = start = at
            values = item(families, f)
            facts.known[f] = values is not None
            if values is None:
                continue
            at += <int32_t> fill_sorted(facts.values + at, values)
            if at == start:
                continue
            bloom = facts.bloom + BLOOM_WORDS * f
            memset(bloom, 0, 8 * BLOOM_WORDS)
            while start < at:
                bit = <uint32_t> facts.values[start] % <uint32_t> BLOOM_BITS
                bloom[bit >> 6] |= (<uint64_t> 1) << (bit & 63)
                start += 1
        facts.starts[count] = at
        return 0

    cdef int _fill_lines(self, object rows, Py_ssize_t count) except -1:
        cdef int32_t* line = self.facts.lines
        cdef int32_t at = 0
        cdef Py_ssize_t i
        for i in range(count):
            tags, one, two = item(rows, i)
            line[0] = at
            line[1] = number(one)
            line[2] = number(two)
            at += <int32_t> fill_sorted(self.facts.tags + at, tags)
            line += 3
        line[0] = at
        return 0


# --- the index ---------------------------------------------------------------------------------------------------


cdef class Index:
    """Owners 0, 1, 2 ... in their order (0 is the best), each with its clauses; never changes."""

    cdef CIndex index
    cdef Built built     # what this object has to free
    cdef tuple held      # the buffers of others that it reads

    def __dealloc__(self):
        built_free(&self.built)

    @staticmethod
    def build(int64_t columns, int64_t families, int64_t owners, clause_owners, starts, words):
        """Clause i is `words[starts[i]:starts[i + 1]]` (int64, int32), owned by `clause_owners[i]` (int32)."""
        cdef const uint8_t[::1] owned = bytes_of(clause_owners)
        cdef const uint8_t[::1] begun = bytes_of(starts)
        cdef const uint8_t[::1] said = bytes_of(words)
        cdef Offered offered
        cdef int64_t total = said.shape[0] // 4
        cdef int outcome
        cdef Index made = Index.__new__(Index)
        check_shape(columns, families)
        offered.columns, offered.families, offered.owners = columns, families, owners
        offered.clauses = owned.shape[0] // 4
        if begun.shape[0] // 8 != offered.clauses + 1 or (<const int64_t*> &begun[0])[offered.clauses] != total:
            raise ValueError("there must be one start more than clauses, the last one the end of the words")
        offered.owner_of = <const int32_t*> (&owned[0] if owned.shape[0] else NULL)
        offered.starts = <const int64_t*> &begun[0]
        offered.words = <const int32_t*> (&said[0] if said.shape[0] else NULL)
        if offered.starts[0] < 0 or offered.starts[offered.clauses] > total or not ascends(offered.starts, offered.clauses):
            raise ValueError("the starts must ascend within the words")
        with nogil:
            outcome = index_build(&offered, &made.built)
        check_outcome(outcome, made.built.fault)
        made.index = built_index(&made.built)
        return made

    @property
    def owners(self):
        """Owners held."""
        return self.index.meta.owners

    @property
    def clauses(self):
        """Clauses held; those that can never hold are left out."""
        return self.index.meta.clauses

    @property
    def nbytes(self):
        """Bytes of all sections."""
        return sum(section.nbytes for section in self.sections().values())

    def sections(self):
        """Flat read-only pieces that `open` takes back."""
        cdef int64_t sizes[10]
        cdef const char* pieces[10]
        self._pieces(pieces, sizes)
        return {
            name: memoryview(Section.of(self, pieces[i], sizes[i]))
            for i, name in enumerate(SECTIONS)
        }

    @staticmethod
    def open(sections):
        """The index back from its sections; ValueError when they do not fit together."""
        cdef Index made = Index.__new__(Index)
        cdef int64_t sizes[10]
        cdef const char* pieces[10]
        cdef const uint8_t[::1] piece
        if set(sections) != set(SECTIONS):
            raise ValueError(f"these are not the compiled matcher's sections: {', '.join(sorted(sections))}")
        held = []
        for name in SECTIONS:
            piece = bytes_of(sections[name])
            held.append((piece.base, piece.shape[0], <uint64_t> <const void*> &piece[0] if piece.shape[0] else 0))
        made.held = tuple(held)
        if held[0][1] != sizeof(Meta):
            raise ValueError(f"section meta has {held[0][1]} bytes, not {sizeof(Meta)}")
        memcpy(&made.index.meta, <const void*> <uint64_t> held[0][2], sizeof(Meta))
        check_meta(&made.index.meta)
        made._pieces(pieces, sizes)
        for i, name in enumerate(SECTIONS):
            if held[i][1] != sizes[i]:
                raise ValueError(f"section {name} has {held[i][1]} bytes, not {sizes[i]}")
            if <uint64_t> held[i][2] % 8:
                raise ValueError(f"section {name} does not lie on a multiple of 8 bytes")
        made.index.slots = <const Slot*> <uint64_t> held[1][2]
        made.index.postings = <const uint32_t*> <uint64_t> held[2][2]
        made.index.starts = <const uint32_t*> <uint64_t> held[3][2]
        made.index.words = <const int32_t*> <uint64_t> held[4][2]
        made.index.windows = <const int32_t*> <uint64_t> held[5][2]
        made.index.bounds = <const int32_t*> <uint64_t> held[6][2]
        made.index.bits = <const uint64_t*> <uint64_t> held[7][2]
        made.index.regions = <const uint32_t*> <uint64_t> held[8][2]
        made.index.areas = <const uint32_t*> <uint64_t> held[9][2]
        return made

    cdef void _pieces(self, const char** pieces, int64_t* sizes) noexcept:
        cdef CIndex* index = &self.index
        cdef Meta* meta = &index.meta
        pieces[0], sizes[0] = <const char*> meta, sizeof(Meta)
        pieces[1], sizes[1] = <const char*> index.slots, meta.slots * sizeof(Slot) * 1
        pieces[2], sizes[2] = <const char*> index.postings, meta.postings * 4
        pieces[3], sizes[3] = <const char*> index.starts, (meta.clauses + 1) * 4
        pieces[4], sizes[4] = <const char*> index.words, meta.words * 4
        pieces[5], sizes[5] = <const char*> index.windows, meta.windows * 4
        pieces[6], sizes[6] = <const char*> index.bounds, meta.columns * BOUND_WORDS * 4
        pieces[7], sizes[7] = <const char*> index.bits, meta.bits * 8
        pieces[8], sizes[8] = <const char*> index.regions, meta.regions * 4
        pieces[9], sizes[9] = <const char*> index.areas, meta.areas * 4


SECTIONS = ("meta", "slots", "postings", "starts", "words", "windows", "bounds", "bits", "regions", "areas")


cdef class Section:
    """A read-only buffer over memory that its owner keeps."""

    cdef Index owner
    cdef const char* data
    cdef Py_ssize_t size

    @staticmethod
    cdef Section of(Index owner, const char* data, Py_ssize_t size):
        cdef Section section = Section.__new__(Section)
        section.owner, section.data, section.size = owner, data, size
        return section

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if flags & 1:  # PyBUF_WRITABLE
            raise BufferError("the sections of an index are read-only")
        buffer.buf = <void*> self.data
        buffer.format = "B"
        buffer.internal = NULL
        buffer.itemsize = 1
        buffer.len = self.size
        buffer.ndim = 1
        buffer.obj = self
        buffer.readonly = 1
        buffer.shape = &self.size
        buffer.strides = &buffer.itemsize
        buffer.suboffsets = NULL


cdef object bytes_of(object buffer):
    view = memoryview(buffer)
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


cdef bint ascends(const int64_t* starts, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        if starts[i] > starts[i + 1]:
            return False
    return True


cdef int check_shape(int64_t columns, int64_t families) except -1:
    if not (2 <= columns <= MAX_SUBJECTS and 2 <= families <= MAX_SUBJECTS):
        raise ValueError(f"columns and families are 2 to {MAX_SUBJECTS} each, not {columns} and {families}")
    return 0


cdef int check_meta(const Meta* meta) except -1:
    if meta.magic != INDEX_MAGIC or meta.format != FORMAT:
        raise ValueError(f"the index has format {meta.format}, this matcher reads {FORMAT}")
    check_shape(meta.columns, meta.families)
    if min(meta.owners, meta.clauses, meta.slots, meta.postings, meta.words, meta.windows, meta.bits) < 0:
        raise ValueError("the index has a negative size")
    return 0


cdef int check_outcome(int outcome, int64_t fault) except -1:
    if outcome == BROKEN_PROGRAM:
        raise ValueError(f"clause {fault} is malformed")
    if outcome == OWNER_OUT_OF_ORDER:
        raise ValueError(f"clause {fault}: owners ascend and are less than their number")
    if outcome == TOO_MANY_CLAUSES:
        raise ValueError(f"clause {fault}: an owner has at most {MAX_CLAUSES} clauses")
    if outcome == TOO_LARGE:
        raise ValueError("more clauses, words or owners than an index can hold")
    if outcome == NO_MEMORY:
        raise MemoryError("an index for the matcher")
    return 0


# --- the live view -----------------------------------------------------------------------------------------------


cdef class Plan:
    """The clauses of one place on one day."""

    cdef PlanBits* bits
    cdef long day
    cdef long weekday
    cdef int64_t seen       # added clauses it knows of
    cdef Block tail         # numbers of added clauses that came later
    cdef int64_t tail_count
    cdef uint64_t stamp     # when it was last asked for
    cdef Plan other         # of another day at the same place
    cdef object key

    def __dealloc__(self):
        if self.bits != NULL:
            plan_free(self.bits)


cdef class Matcher:
    """One process's live view: an index, and the changes since."""

    cdef readonly Index index
    cdef View view
    cdef tuple held          # the blocks that `view` points into
    cdef Block words, starts, orders, keys, heads, nodes, dead
    cdef int64_t words_used, node_count, key_count
    cdef dict known          # place -> Plan
    cdef uint64_t asked
    cdef readonly int64_t plan_limit
    cdef readonly int64_t plans
    cdef readonly int64_t plan_bytes_used

    def __init__(self, Index index not None, int64_t plan_bytes=64 << 20):
        self.index = index
        self.plan_limit = plan_bytes
        self.known = {}
        self.words, self.starts, self.orders = Block(4096), Block(4096), Block(4096)
        self.nodes, self.dead = Block(4096), Block(0)
        (<uint32_t*> self.starts.data)[0] = 0
        self.view.index = &index.index
        self._grow_keys(0)
        self._publish()

    cdef void _publish(self):
        """Let questions see the blocks as they are now."""
        cdef Overlay* overlay = &self.view.overlay
        self.held = (self.words, self.starts, self.orders, self.keys, self.heads, self.nodes, self.dead)
        overlay.words = <const int32_t*> self.words.data
        overlay.starts = <const uint32_t*> self.starts.data
        overlay.orders = <const int64_t*> self.orders.data
        overlay.keys = <const uint64_t*> self.keys.data
        overlay.heads = <const int32_t*> self.heads.data
        overlay.nodes = <const Node*> self.nodes.data
        overlay.key_room = self.keys.size // 8
        self.view.dead = <const uint64_t*> self.dead.data
        self.view.dead_room = 8 * self.dead.size

    @property
    def added(self):
        """Owners added since the index was built."""
        return self.view.overlay.owners

    @property
    def dead(self):
        """Owners discarded."""
        return self.view.dead_count

    # --- changes -------------------------------------------------------------------------------------------------

    def add(self, int64_t order, clauses):
        """A new owner that sorts by `order` (owner i of the index has i << 32), seen by the next match."""
        cdef int64_t owner = self.index.index.meta.owners + self.view.overlay.owners
        cdef Overlay* overlay = &self.view.overlay
        if len(clauses) > MAX_CLAUSES:
            raise ValueError(f"an owner has at most {MAX_CLAUSES} clauses")
        programs = [self._program(clause) for clause in clauses]
        self.orders = grown(self.orders, 8 * overlay.owners, 8 * (overlay.owners + 1))
        (<int64_t*> self.orders.data)[overlay.owners] = order
        overlay.owners += 1
        for program in programs:
            self._add(owner, program)
        self._publish()
        return owner

    cdef Block _program(self, object clause):
        cdef object fast = PySequence_Fast(clause, "a clause is a sequence of words")
        cdef Py_ssize_t count = PySequence_Fast_GET_SIZE(fast)
        cdef Block program = Block(4 * count)
        cdef int64_t fault
        for i in range(count):
            (<int32_t*> program.data)[i] = number(item(fast, i))
        fault = program_fault(
            <const int32_t*> program.data, count, <int32_t> self.index.index.meta.columns,
            <int32_t> self.index.index.meta.families
        )
        if fault >= 0:
            raise ValueError(f"part at {fault} is malformed")
        return program

    cdef int _add(self, int64_t owner, Block program) except -1:
        cdef const int32_t* words = <const int32_t*> program.data
        cdef int64_t length = program.size // 4
        cdef Overlay* overlay = &self.view.overlay
        cdef int64_t clause = overlay.clauses
        cdef Anchor anchor
        cdef int32_t first, last
        cdef int32_t i
        cdef uint64_t key
        self.words = grown(self.words, 4 * self.words_used, 4 * (self.words_used + length + HEADER + 1))
        self.starts = grown(self.starts, 4 * (clause + 1), 4 * (clause + 2))
        choose_anchor(words, length, &self.index.index, &anchor)
        self.words_used += store_clause(
            words, length, <int32_t> owner, &anchor, <int32_t*> self.words.data + self.words_used
        )
        if self.words_used >= 4294967295:
            raise MemoryError("too many changes: merge them")
        (<uint32_t*> self.starts.data)[clause + 1] = <uint32_t> self.words_used
        if clause_days(words, length, &first, &last):
            for i in range(anchor.count):
                key = anchor_key(&anchor, i)
                self._post(key, clause)
                if anchor.listed == NULL and anchor.kind == BY_BALL_CELL:
                    overlay.ball_levels |= (<int64_t> 1) << (key >> 48 & 0xff)
                if anchor.listed == NULL and anchor.kind == BY_RING_CELL:
                    overlay.ring_levels |= (<int64_t> 1) << (key >> 48 & 0xff)
                if anchor.kind == BY_VALUE:
                    overlay.valued[(anchor.listed[i] % BLOOM_BITS) >> 6] |= (<uint64_t> 1) << (anchor.listed[i] & 63)
            if anchor.kind == BY_VALUE:
                self._post(make_key(BY_ANY_VALUE, 0), clause)
        overlay.clauses = clause + 1
        return 0

    cdef int _post(self, uint64_t key, int64_t clause) except -1:
        cdef uint64_t at
        cdef int32_t* heads
        cdef Node* node
        if 3 * self.key_count >= 2 * (self.keys.size // 8):
            self._grow_keys(self.keys.size // 4)
        at = self._slot(key)
        heads = <int32_t*> self.heads.data
        if (<uint64_t*> self.keys.data)[at] != key:
            heads[at] = -1
            (<uint64_t*> self.keys.data)[at] = key
            self.key_count += 1
        if sizeof(Node) * (self.node_count + 1) > self.nodes.size:  # old heads must not name nodes of the new block
            self.nodes = grown(self.nodes, sizeof(Node) * self.node_count, sizeof(Node) * (self.node_count + 1))
            self.heads = copied(self.heads)
            heads = <int32_t*> self.heads.data
        node = <Node*> self.nodes.data + self.node_count
        node.clause = <uint32_t> clause
        node.next = heads[at]
        set_head(heads + at, <int32_t> self.node_count)
        self.node_count += 1
        return 0

    cdef uint64_t _slot(self, uint64_t key) noexcept:
        cdef uint64_t mask = self.keys.size // 8 - 1
        cdef uint64_t at = mixed(key) & mask
        while (<uint64_t*> self.keys.data)[at] != key and (<uint64_t*> self.keys.data)[at] != <uint64_t> -1:
            at = (at + 1) & mask
        return at

    cdef int _grow_keys(self, int64_t room) except -1:
        cdef Block keys = self.keys
        cdef Block heads = self.heads
        cdef int64_t i
        cdef uint64_t at
        room = max(room, 256)
        self.keys, self.heads = Block(8 * room), Block(4 * room)
        memset(self.keys.data, 0xff, 8 * room)
        memset(self.heads.data, 0xff, 4 * room)
        if keys is None:
            return 0
        for i in range(keys.size // 8):
            if (<uint64_t*> keys.data)[i] != <uint64_t> -1:
                at = self._slot((<uint64_t*> keys.data)[i])
                (<uint64_t*> self.keys.data)[at] = (<uint64_t*> keys.data)[i]
                (<int32_t*> self.heads.data)[at] = (<int32_t*> heads.data)[i]
        return 0

    def discard(self, int64_t owner):
        """Stop answering with this owner."""
        cdef int64_t everyone = self.index.index.meta.owners + self.view.overlay.owners
        cdef int64_t size = self.dead.size
        if not 0 <= owner < everyone or not self.lives(owner):
            return
        if owner >= 8 * size:
            self.dead = grown(self.dead, size, 8 * ((everyone + 1024) // 64))
            memset(self.dead.data + size, 0, self.dead.size - size)
        (<uint64_t*> self.dead.data)[owner >> 6] |= (<uint64_t> 1) << (owner & 63)
        self.view.dead_count += 1
        self._publish()

    def lives(self, int64_t owner):
        """The owner is there and was not discarded."""
        if not 0 <= owner < self.index.index.meta.owners + self.view.overlay.owners:
            return False
        return owner >= 8 * self.dead.size or not (<uint64_t*> self.dead.data)[owner >> 6] >> (owner & 63) & 1

    # --- questions -----------------------------------------------------------------------------------------------

    def match(self, Event event not None, place=None, int64_t top=0):
        """Owners with a true clause, and those of which a clause may be true, in order; `top` stops after so many.

        All events of one `place` have the same stores, regions, point and spot.
        """
        self._check(event)
        cdef Plan plan = self._plan(event, place)
        cdef Block tail = plan.tail
        cdef int64_t tail_count = plan.tail_count
        cdef tuple held = self.held
        cdef Index index = self.index
        cdef View view = self.view
        cdef Found found
        cdef bint whole
        with nogil:
            found_start(&found)
            whole = match_all(
                plan.bits, &view, <const uint32_t*> tail.data, tail_count, &event.facts, top, &found
            )
        try:
            if not whole:
                raise MemoryError("the matcher's answer")
            return answer(&found)
        finally:
            found_end(&found)

    def reach(self, Event event not None, place=None):
        """Owners that neither the place nor the day rules out, in order."""
        self._check(event)
        cdef tuple held = self.held
        cdef View view = self.view
        cdef Candidates found
        cdef bint whole
        cdef int64_t i, owner
        cdef int64_t last = -1
        memset(&found, 0, sizeof(found))
        with nogil:
            whole = gather(&view, &event.facts, NULL, -1, True, &found)
        try:
            if not whole:
                raise MemoryError("the matcher's answer")
            owners = []
            for i in range(found.count):
                owner = found.items[i].clause[0]
                if owner != last and day_allows(found.items + i, &event.facts):
                    owners.append(owner)
                    last = owner
            return owners
        finally:
            free(found.items)

    cdef int _check(self, Event event) except -1:
        cdef Meta* meta = &self.index.index.meta
        cdef Facts* facts = &event.facts
        if facts.columns != meta.columns or facts.families != meta.families:
            raise ValueError(f"the event needs {meta.columns} numbers and {meta.families} sets")
        if facts.numbers[DAY] == UNKNOWN or not 0 <= facts.numbers[MINUTE] < 7 * DAY_MINUTES:
            raise ValueError("the event needs its day, and its minute of the week from 0 to 10079")
        return 0

    # --- plans ---------------------------------------------------------------------------------------------------

    def forget_plans(self):
        """Make every plan anew when it is next needed."""
        self.known = {}
        self.plans = 0
        self.plan_bytes_used = 0

    cdef Plan _plan(self, Event event, object place):
        """The plan of the event's place and day, up to date."""
        cdef Cell cell
        cdef bint free = place is None
        cdef long day = event.facts.numbers[DAY]
        cdef long weekday = event.facts.numbers[MINUTE] // DAY_MINUTES
        cdef Plan plan
        cdef Plan first
        if free:
            cell = cell_around(&event.facts)
            if cell.exact:
                return self._made(event, NULL, day, weekday)
            place = free_key(event, &cell)
            free = cell.has_cell
        first = <Plan> self.known.get(place)
        plan = first
        while plan is not None and (plan.day != day or plan.weekday != weekday):
            plan = plan.other
        if free and (plan is None or plan.seen != self.view.overlay.clauses):
            shape_cell(&cell)
        if plan is None:
            plan = self._made(event, &cell if free else NULL, day, weekday)
            self._keep(place, plan)
        elif plan.seen != self.view.overlay.clauses and not self._catch_up(plan, event, &cell if free else NULL):
            self._drop(plan)
            plan = self._made(event, &cell if free else NULL, day, weekday)
            self._keep(place, plan)
        self.asked += 1
        plan.stamp = self.asked
        return plan

    cdef Plan _made(self, Event event, const Cell* cell, long day, long weekday):
        cdef tuple held = self.held
        cdef View view = self.view
        cdef Plan plan = Plan.__new__(Plan)
        plan.day, plan.weekday, plan.seen = day, weekday, view.overlay.clauses
        plan.tail = NO_TAIL
        with nogil:
            plan.bits = plan_make(&view, &event.facts, cell)
        if plan.bits == NULL:
            raise MemoryError("a plan for the matcher")
        return plan

    cdef int _keep(self, object place, Plan plan) except -1:
        """Make the plan known, unless another thread was first; make room when the limit is passed."""
        cdef Plan first = <Plan> self.known.get(place)
        cdef Plan one = first
        while one is not None:
            if one.day == plan.day and one.weekday == plan.weekday:
                return 0
            one = one.other
        plan.key = place
        plan.other = first
        self.known[place] = plan
        self.plans += 1
        self.plan_bytes_used += plan.bits.bytes
        self.asked += 1
        plan.stamp = self.asked
        if self.plan_bytes_used > self.plan_limit:
            self._make_room()
        return 0

    cdef int _drop(self, Plan plan) except -1:
        cdef Plan one = <Plan> self.known.get(plan.key)
        if one is plan:
            if plan.other is None:
                del self.known[plan.key]
            else:
                self.known[plan.key] = plan.other
        else:
            while one is not None and one.other is not plan:
                one = one.other
            if one is None:
                return 0
            one.other = plan.other
        self.plans -= 1
        self.plan_bytes_used -= plan.bits.bytes
        return 0

    cdef int _make_room(self) except -1:
        """Drop the plans asked for longest ago, down to three quarters of the limit; the newest stays."""
        cdef Plan plan
        every = []
        for plan in self.known.values():
            while plan is not None:
                every.append((plan.stamp, plan))
                plan = plan.other
        every.sort(key=first_of)
        for _, plan in every[:len(every) - 1]:
            if 4 * self.plan_bytes_used <= 3 * self.plan_limit:
                break
            self._drop(plan)
        return 0

    cdef bint _catch_up(self, Plan plan, Event event, const Cell* cell) except -1:
        """Note the clauses added since that can hold at the plan's place; False when a new plan is better."""
        cdef View* view = &self.view
        cdef Candidates found
        cdef Block tail
        cdef int64_t i
        cdef bint whole
        memset(&found, 0, sizeof(found))
        whole = gather(view, &event.facts, cell, plan.seen, False, &found)
        if not whole or plan.tail_count + found.count > 4 + plan.bits.rows // 64:
            free(found.items)
            return False
        if found.count:
            tail = Block(4 * (plan.tail_count + found.count))
            memcpy(tail.data, plan.tail.data, 4 * plan.tail_count)
            for i in range(found.count):
                (<uint32_t*> tail.data)[plan.tail_count + i] = self._number_of(found.items[i].clause)
            plan.tail = tail
            plan.tail_count += found.count
        free(found.items)
        plan.seen = view.overlay.clauses
        return True

    cdef uint32_t _number_of(self, const int32_t* clause) noexcept:
        """Which added clause begins there."""
        cdef uint32_t* starts = <uint32_t*> self.starts.data
        cdef int64_t at = clause - <const int32_t*> self.words.data
        cdef int64_t first = 0
        cdef int64_t last = self.view.overlay.clauses
        cdef int64_t middle
        while first < last:
            middle = (first + last) // 2
            if starts[middle] < at:
                first = middle + 1
            else:
                last = middle
        return <uint32_t> first

    # --- the rest ------------------------------------------------------------------------------------------------

    def merged(self):
        """An index of the owners that live now, and which owner each one was here."""
        cdef tuple held = self.held
        cdef View view = self.view
        cdef Index made = Index.__new__(Index)
        cdef Block old = Block(8 * (view.index.meta.owners + view.overlay.owners + 1))
        cdef Block dead = copied(self.dead)  # discarding goes on meanwhile
        cdef int outcome
        view.dead = <const uint64_t*> dead.data
        with nogil:
            outcome = merge_view(&view, <int64_t*> old.data, &made.built)
        check_outcome(outcome, made.built.fault)
        made.index = built_index(&made.built)
        owners = array("q")
        owners.frombytes(PyBytes_FromStringAndSize(old.data, 8 * made.index.meta.owners))
        return made, owners

    def timed(self, events, places, int64_t rounds):
        """Best nanoseconds of a match (its plan being there), and how many owners it found, by event."""
        cdef int64_t count = len(events)
        cdef Block memory = Block(count * (2 * sizeof(int64_t) + 3 * sizeof(void*)))
        cdef int64_t* best = <int64_t*> memory.data
        cdef int64_t* matches = best + count
        cdef const Facts** facts = <const Facts**> (matches + count)
        cdef const PlanBits** plans = <const PlanBits**> (facts + count)
        cdef tuple held = self.held
        cdef View view
        cdef Event event
        cdef Plan plan
        cdef int64_t i
        alive = []
        for i in range(count):
            event = events[i]
            self._check(event)
            plan = self._plan(event, places[i])
            if plan.tail_count:
                self._drop(plan)
                plan = self._plan(event, places[i])
            alive.append(plan)
            facts[i], plans[i], best[i] = &event.facts, plan.bits, -1
        view = self.view
        with nogil:
            time_all(&view, facts, plans, count, rounds, best, matches)
        return [best[i] for i in range(count)], [matches[i] for i in range(count)]


cdef Block NO_TAIL = Block(0)


def first_of(pair):
    """What a pair is sorted by."""
    return pair[0]


cdef object free_key(Event event, const Cell* cell):
    """What makes two free positions share a plan: the cell, the stores and the regions."""
    cdef Facts* facts = &event.facts
    cdef int32_t start = facts.starts[STORE]
    cdef int32_t end = facts.starts[REGION + 1]
    known = (facts.known[STORE], facts.known[REGION], facts.has_point, facts.has_spot, facts.starts[REGION] - start)
    where = (cell.x, cell.y) if cell.has_cell else None
    return known, where, PyBytes_FromStringAndSize(<const char*> (facts.values + start), 4 * (end - start))


cdef tuple answer(Found* found):
    cdef int64_t i
    cdef int64_t unsure = 0
    cdef object owner
    for i in range(found.count):
        unsure += found.items[i] & 1
    if unsure:
        return (
            [found.items[i] >> 1 for i in range(found.count) if not found.items[i] & 1],
            [found.items[i] >> 1 for i in range(found.count) if found.items[i] & 1],
        )
    sure = PyList_New(found.count)
    for i in range(found.count):
        owner = PyLong_FromLong(found.items[i] >> 1)
        Py_INCREF(owner)
        PyList_SET_ITEM(sure, i, owner)
    return sure, []


cdef void time_all(
    const View* view, const Facts** facts, const PlanBits** plans, int64_t count, int64_t rounds, int64_t* best,
    int64_t* matches
) noexcept nogil:
    cdef timespec before, after
    cdef Found found
    cdef int64_t took, i, r
    for r in range(rounds):
        for i in range(count):
            clock_gettime(CLOCK_MONOTONIC, &before)
            found_start(&found)
            match_all(plans[i], view, NULL, 0, facts[i], 0, &found)
            clock_gettime(CLOCK_MONOTONIC, &after)
            matches[i] = found.count
            found_end(&found)
            took = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec
            if best[i] < 0 or took < best[i]:
                best[i] = took
