# Included by `_match.pyx`: the index and its sections.

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
        pieces[1], sizes[1] = <const char*> index.slots, meta.slots * sizeof(Slot)
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
