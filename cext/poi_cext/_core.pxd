"""What the matcher's C headers offer to `_match.pyx`."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "_ints.h":
    bint compact_int(PyObject*, int32_t*)

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

cdef extern from "_event.h":
    ctypedef struct EventMemory:
        char* data
    int number_of(object, int32_t*) except -1
    int event_fill(Facts*, EventMemory*, object, object, object, object, object) except -1
    void memory_give(EventMemory*)

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
        int64_t anchor
    uint64_t mixed(uint64_t)
    uint64_t make_key(int, uint64_t)
    uint64_t anchor_key(const Anchor*, int32_t)
    void choose_anchor(const int32_t*, int64_t, const CIndex*, Anchor*)
    bint clause_days(const int32_t*, int64_t, int32_t*, int32_t*)
    int64_t store_clause(const int32_t*, int64_t, int32_t, int64_t, bint, int32_t*)

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

cdef extern from "_scan.h" nogil:
    ctypedef struct Found:
        uint32_t* items
        int64_t count
    void found_start(Found*)
    void found_end(Found*)
    bint match_all(const PlanBits*, const View*, const uint32_t*, int64_t, const Facts*, int64_t, Found*)

cdef extern from "_merge.h" nogil:
    int merge_view(const View*, int64_t*, Built*)
