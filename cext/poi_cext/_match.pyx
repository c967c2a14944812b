# cython: cdivision=True, boundscheck=False, wraparound=False
"""The compiled matcher: `_match_py` in C. Everything that takes long runs without the GIL.

What a running question reads never changes under it: an index is immutable, a plan is made whole before it is known, and
arrays that grow do so by a larger copy, while whoever reads the old one holds it.
"""

from array import array
from cython cimport freelist
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.long cimport PyLong_FromLong
from cpython.ref cimport Py_INCREF
from cpython.sequence cimport PySequence_Fast, PySequence_Fast_GET_ITEM, PySequence_Fast_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from poi_cext import ops

from poi_cext._core cimport *

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


include "_event.pxi"
include "_index.pxi"
include "_changes.pxi"
include "_live.pxi"
