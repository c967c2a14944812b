"""The matcher's rows: what can be told of a clause within one cache line, and the scan over them."""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.stdlib cimport realloc

from poi_cext._judge cimport COLUMNS, FAMILIES, Facts, NO, SURE, run


cdef struct Row:  # one cache line
    int32_t low[COLUMNS]
    int32_t high[COLUMNS]
    uint32_t signature[FAMILIES]
    int32_t owner   # times two, plus one when the fixed part is only perhaps true
    uint32_t rest   # where the parts the row itself cannot say begin in the pool; 0 = none


cdef struct Found:
    int32_t* owners  # times two, plus one when sure
    Py_ssize_t count
    Py_ssize_t room


cdef inline uint32_t bit(int32_t value) noexcept nogil:
    return (<uint32_t> 1) << ((<uint32_t> value) % 31)


cdef inline bint row_fits(const Row* row, const int32_t* hot, const uint32_t* signature) noexcept nogil:
    """The hot columns and signatures, without a branch."""
    cdef bint fits = True
    cdef int i
    for i in range(COLUMNS):
        fits &= (row.low[i] <= hot[i]) & (hot[i] <= row.high[i])
    for i in range(FAMILIES):
        fits &= (row.signature[i] & signature[i]) != 0
    return fits


cdef inline bint note(Found* found, int32_t owner, int verdict) noexcept nogil:
    """Add an owner, or make the last one sure when this is another clause of its."""
    cdef int32_t sure = verdict == SURE and not owner & 1
    cdef int32_t entry = (owner & ~1) | sure
    cdef int32_t* larger
    if found.count and found.owners[found.count - 1] >> 1 == owner >> 1:
        found.owners[found.count - 1] |= sure
        return True
    if found.count == found.room:
        found.room = 64 if found.room == 0 else 2 * found.room
        larger = <int32_t*> realloc(found.owners, found.room * sizeof(int32_t))
        if larger == NULL:
            return False
        found.owners = larger
    found.owners[found.count] = entry
    found.count += 1
    return True


cdef inline bint search(
    Row* rows, Py_ssize_t count, int32_t* pool, uint8_t* alive, Facts* facts, Found* found
) noexcept nogil:
    """Collect the owners of rows that are true; False when memory ran out."""
    cdef Row* row
    cdef Py_ssize_t i
    cdef int verdict
    for i in range(count):
        row = rows + i
        if not row_fits(row, facts.hot, facts.signature) or not alive[row.owner >> 1]:
            continue
        verdict = run(pool + row.rest, facts)
        if verdict != NO and not note(found, row.owner, verdict):
            return False
    return True
