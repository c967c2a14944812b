# Included by `_match.pyx`: the event.

cdef inline object item(object sequence, Py_ssize_t i):
    return <object> PySequence_Fast_GET_ITEM(sequence, i)


cdef inline int32_t number(object value) except? -1:
    cdef int32_t to
    number_of(value, &to)
    return to


@freelist(8)
cdef class Event:
    """One question's facts.

    A number per column, a set per family (None = unknown), lines of (tags, weight 0, weight 1), a point of the unit
    sphere, and a spot in a plane that repeats every 360 along x.
    """

    cdef Facts facts
    cdef EventMemory memory

    def __cinit__(self, numbers, sets, lines=(), point=None, spot=None):
        event_fill(&self.facts, &self.memory, numbers, sets, lines, point, spot)

    def __dealloc__(self):
        memory_give(&self.memory)
