# Included by `_match.pyx`: the event.

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
