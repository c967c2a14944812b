/* An event's facts out of Python's numbers and lists, which is most of a small question's time: exact lists, tuples and
 * small ints are read in place; whatever else acts as a sequence or as a number goes the long way. */
#ifndef POI_EVENT_H
#define POI_EVENT_H

#include <Python.h>

#include "_program.h"

enum { SPARES = 8, SPARE_BYTES = 3968 };

/* Blocks of events that are gone, for the next ones. Touched with the GIL held. */
static char *spares[SPARES];
static int spare_count = 0;

typedef struct {
    char *data;
    size_t size;
} EventMemory;

static inline bool memory_take(EventMemory *memory, size_t size) {
    memory->size = size > SPARE_BYTES ? size : SPARE_BYTES;
    memory->data = size <= SPARE_BYTES && spare_count ? spares[--spare_count] : malloc(memory->size);
    return memory->data != NULL;
}

static inline void memory_give(EventMemory *memory) {
    if (memory->data && memory->size == SPARE_BYTES && spare_count < SPARES) spares[spare_count++] = memory->data;
    else free(memory->data);
    memory->data = NULL;
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

static int long_way(PyObject *value, int32_t *to) {
    long wide = PyLong_AsLong(value);
    if (wide == -1 && PyErr_Occurred()) return -1;
    if (wide < INT32_MIN || wide > INT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "%R has more than 32 bits", value);
        return -1;
    }
    *to = (int32_t) wide;
    return 0;
}

/* The number of an exact int that has at most 32 bits; false when it takes the long way. */
static inline bool short_way(PyObject *value, int32_t *to) {
    if (!PyLong_CheckExact(value)) return false;
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *) value)) return false;
    *to = (int32_t) PyUnstable_Long_CompactValue((PyLongObject *) value);
    return true;
#else
    const digit *digits = ((PyLongObject *) value)->ob_digit;
    Py_ssize_t size = Py_SIZE(value), count = size < 0 ? -size : size;
    int64_t wide = count == 0 ? 0 : digits[0];
    if (count > 1) wide |= (int64_t) digits[1] << PyLong_SHIFT;
    if (size < 0) wide = -wide;
    *to = (int32_t) wide;
    return count <= 2 && wide == *to;
#endif
}

static inline int number_of(PyObject *value, int32_t *to) { return short_way(value, to) ? 0 : long_way(value, to); }

/* --- sequences --------------------------------------------------------------------------------------------------- */

static inline Py_ssize_t length_of(PyObject *values) {
    if (PyList_CheckExact(values)) return PyList_GET_SIZE(values);
    return PyTuple_CheckExact(values) ? PyTuple_GET_SIZE(values) : PyObject_Size(values);
}

/* Write the numbers of a sequence of `count` as they stand. A number that is no int may run code that changes the list. */
static int fill_numbers(int32_t *to, PyObject *values, Py_ssize_t count, const char *what) {
    PyObject *fast = PySequence_Fast(values, what);
    Py_ssize_t i = 0;
    if (!fast) return -1;
    if (PySequence_Fast_GET_SIZE(fast) == count) {
        PyObject **items = PySequence_Fast_ITEMS(fast);
        while (i < count && short_way(items[i], to + i)) i++;
    }
    for (; i < count && PySequence_Fast_GET_SIZE(fast) == count; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(fast, i);
        Py_INCREF(item);
        int outcome = number_of(item, to + i);
        Py_DECREF(item);
        if (outcome) break;
    }
    if (i < count && !PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a sequence changed while it was read");
    Py_DECREF(fast);
    return i < count ? -1 : 0;
}

static int by_number(const void *one, const void *other) {
    int32_t a = *(const int32_t *) one, b = *(const int32_t *) other;
    return (a > b) - (a < b);
}

/* Write the values, sorted, each once; gives how many, -1 when one is no number. */
static inline Py_ssize_t fill_sorted(int32_t *to, PyObject *values, Py_ssize_t count) {
    Py_ssize_t kept = 0, i = 1;
    if (fill_numbers(to, values, count, "a sequence of numbers is needed")) return -1;
    while (i < count && to[i - 1] < to[i]) i++;
    if (i >= count) return count;
    qsort(to, (size_t) count, sizeof *to, by_number);
    for (i = 0; i < count; i++)
        if (!kept || to[kept - 1] != to[i]) to[kept++] = to[i];
    return kept;
}

/* A new reference to an item; NULL when there is none there, or no more. */
static inline PyObject *item_of(PyObject *fast, Py_ssize_t i) {
    if (i < PySequence_Fast_GET_SIZE(fast)) return Py_NewRef(PySequence_Fast_GET_ITEM(fast, i));
    PyErr_SetString(PyExc_ValueError, "a sequence is shorter than it was, or than it must be");
    return NULL;
}

/* --- an event ---------------------------------------------------------------------------------------------------- */

typedef struct {   /* what was given, and how much of it there is */
    PyObject *numbers, *sets, *lines;
    Py_ssize_t columns, families, count, values, tags;
} Given;

/* How many values the sets have; -1 when one is no sequence. */
static Py_ssize_t count_values(PyObject *sets, Py_ssize_t count) {
    Py_ssize_t total = 0, length = 0;
    for (Py_ssize_t f = 0; f < count && length >= 0; f++, total += length) {
        PyObject *values = item_of(sets, f);
        if (!values) return -1;
        length = values == Py_None ? 0 : length_of(values);
        Py_DECREF(values);
    }
    return length < 0 ? -1 : total;
}

static inline PyObject *tags_of(PyObject *line) {
    if (PyTuple_CheckExact(line) && PyTuple_GET_SIZE(line)) return Py_NewRef(PyTuple_GET_ITEM(line, 0));
    return PySequence_GetItem(line, 0);
}

/* How many tags the lines have; -1 when one is no line. */
static Py_ssize_t count_tags(PyObject *lines, Py_ssize_t count) {
    Py_ssize_t total = 0, length = 0;
    for (Py_ssize_t i = 0; i < count && length >= 0; i++, total += length) {
        PyObject *line = item_of(lines, i), *tags = line ? tags_of(line) : NULL;
        length = tags ? length_of(tags) : -1;
        Py_XDECREF(tags);
        Py_XDECREF(line);
    }
    return length < 0 ? -1 : total;
}

/* Write a set's values within their room; gives how many, -1 when they are wrong. */
static Py_ssize_t fill_within(int32_t *to, const int32_t *end, PyObject *values) {
    Py_ssize_t count = length_of(values);
    if (count <= end - to) return count < 0 ? -1 : fill_sorted(to, values, count);
    PyErr_SetString(PyExc_ValueError, "a sequence changed while it was read");
    return -1;
}

static int fill_sets(Facts *facts, const Given *given) {
    int32_t *to = facts->values;
    const int32_t *end = facts->values + given->values;
    for (int32_t f = 0; f < facts->families; f++) {
        PyObject *values = item_of(given->sets, f);
        uint64_t *bloom = facts->bloom + (size_t) f * BLOOM_WORDS;
        if (!values) return -1;
        facts->starts[f] = (int32_t) (to - facts->values);
        facts->known[f] = values != Py_None;
        Py_ssize_t count = values == Py_None ? 0 : fill_within(to, end, values);
        Py_DECREF(values);
        if (count < 0) return -1;
        if (count) memset(bloom, 0, BLOOM_WORDS * sizeof *bloom);
        for (; count; count--, to++) {
            uint32_t bit = (uint32_t) *to % BLOOM_BITS;
            bloom[bit >> 6] |= 1ULL << (bit & 63);
        }
    }
    facts->starts[facts->families] = (int32_t) (to - facts->values);
    return 0;
}

/* One line: its tags from `at` on; gives how many, -1 when it is wrong. */
static Py_ssize_t fill_line(const Facts *facts, const Given *given, PyObject *line, int32_t *words) {
    PyObject *fast = PySequence_Fast(line, "a line is a sequence"), *parts[3] = {NULL, NULL, NULL};
    Py_ssize_t count = -1;
    if (!fast) return -1;
    if (PySequence_Fast_GET_SIZE(fast) != 3) PyErr_SetString(PyExc_ValueError, "a line is its tags and two weights");
    else for (int i = 0; i < 3; i++) parts[i] = item_of(fast, i);
    if (parts[2] && !number_of(parts[1], words + 1) && !number_of(parts[2], words + 2))
        count = fill_within(facts->tags + words[0], facts->tags + given->tags, parts[0]);
    for (int i = 0; i < 3; i++) Py_XDECREF(parts[i]);
    Py_DECREF(fast);
    return count;
}

static int fill_lines(Facts *facts, const Given *given) {
    int32_t *words = facts->lines;
    words[0] = 0;
    for (int32_t i = 0; i < facts->line_count; i++, words += 3) {
        PyObject *line = item_of(given->lines, i);
        Py_ssize_t count = line ? fill_line(facts, given, line, words) : -1;
        Py_XDECREF(line);
        if (count < 0) return -1;
        words[3] = words[0] + (int32_t) count;
    }
    return 0;
}

/* Coordinates, when there are any. */
static int fill_doubles(double *to, int32_t *has, PyObject *given, Py_ssize_t count) {
    *has = given != Py_None;
    if (!*has) return 0;
    PyObject *fast = PySequence_Tuple(given);
    if (!fast) return -1;
    bool fits = PyTuple_GET_SIZE(fast) == count;
    if (!fits) PyErr_Format(PyExc_ValueError, "a position needs %zd coordinates", count);
    for (Py_ssize_t i = 0; fits && i < count; i++) to[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(fast, i));
    Py_DECREF(fast);
    return PyErr_Occurred() ? -1 : 0;
}

static int fill_all(Facts *facts, EventMemory *memory, Given *given) {
    Py_ssize_t n = given->columns = PySequence_Fast_GET_SIZE(given->numbers);
    Py_ssize_t f = given->families = PySequence_Fast_GET_SIZE(given->sets);
    Py_ssize_t l = given->count = PySequence_Fast_GET_SIZE(given->lines);
    if ((given->values = count_values(given->sets, f)) < 0 || (given->tags = count_tags(given->lines, l)) < 0) return -1;
    size_t words = (size_t) (n + given->values + f + 1 + given->tags + 3 * l + 1);
    if (!memory_take(memory, 8 * BLOOM_WORDS * (size_t) f + 4 * words + (size_t) f + 1)) {
        PyErr_NoMemory();
        return -1;
    }
    facts->columns = (int32_t) n;
    facts->families = (int32_t) f;
    facts->line_count = (int32_t) l;
    facts->bloom = (uint64_t *) (void *) memory->data;
    facts->numbers = (int32_t *) (facts->bloom + BLOOM_WORDS * f);
    facts->values = facts->numbers + n;
    facts->starts = facts->values + given->values;
    facts->tags = facts->starts + f + 1;
    facts->lines = facts->tags + given->tags;
    facts->known = (uint8_t *) (facts->lines + 3 * l + 1);
    if (fill_numbers(facts->numbers, given->numbers, n, "numbers are a sequence")) return -1;
    return fill_sets(facts, given) || fill_lines(facts, given) ? -1 : 0;
}

/* An event's facts in memory of its own; -1 with an exception when they are wrong. */
static int event_fill(
    Facts *facts, EventMemory *memory, PyObject *numbers, PyObject *sets, PyObject *lines, PyObject *point, PyObject *spot
) {
    Given given = {NULL, NULL, NULL, 0, 0, 0, 0, 0};
    int outcome = -1;
    if ((given.numbers = PySequence_Fast(numbers, "numbers are a sequence")) &&
        (given.sets = PySequence_Fast(sets, "sets are a sequence")) &&
        (given.lines = PySequence_Fast(lines, "lines are a sequence")))
        outcome = fill_all(facts, memory, &given);
    Py_XDECREF(given.numbers);
    Py_XDECREF(given.sets);
    Py_XDECREF(given.lines);
    if (outcome || fill_doubles(facts->point, &facts->has_point, point, 3)) return -1;
    return fill_doubles(facts->spot, &facts->has_spot, spot, 2);
}

#endif
