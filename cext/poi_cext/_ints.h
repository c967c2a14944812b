/* Python's small integers, read without a call. */
#ifndef POI_INTS_H
#define POI_INTS_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

/* The number, when it is a plain integer of 32 bits; false says nothing about it. */
static inline bool compact_int(PyObject *object, int32_t *to) {
    if (!PyLong_CheckExact(object)) return false;
#if PY_VERSION_HEX >= 0x030c0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *) object)) return false;
    Py_ssize_t value = PyUnstable_Long_CompactValue((PyLongObject *) object);
    *to = (int32_t) value;
    return value == *to;
#else
    const digit *digits = ((PyLongObject *) object)->ob_digit;  /* of 30 bits */
    int64_t value;
    switch (Py_SIZE(object)) {
        case -2: value = -((int64_t) digits[1] << PyLong_SHIFT | digits[0]); break;
        case -1: value = -(int64_t) digits[0]; break;
        case 0: value = 0; break;
        case 1: value = digits[0]; break;
        case 2: value = (int64_t) digits[1] << PyLong_SHIFT | digits[0]; break;
        default: return false;
    }
    *to = (int32_t) value;
    return value == *to;
#endif
}

#endif
