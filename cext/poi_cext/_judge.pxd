"""The matcher's language in C: what `ops` describes, judged over an event's facts. Everything here is inline."""

from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy


cdef enum:
    ANY = 1
    NONE = 2
    RANGE = 3
    UNION = 4
    EITHER = 5
    STEP = 6
    NOT_STEP = 7
    NEAR = 8
    FAR = 9
    MAYBE = 10
    SUM = 11
    INSIDE = 12
    OUTSIDE = 13
    COLUMNS = 3    # hot columns
    FAMILIES = 8   # hot families
    NO = 0
    SURE = 1
    PERHAPS = 2


cdef struct Facts:
    int32_t* numbers
    int32_t* values       # the families' sorted values, one after the other
    int32_t* starts       # where each family begins in `values`; one more for the end
    uint8_t* known
    int32_t hot[COLUMNS]  # the first numbers again, UNKNOWN where there are fewer
    uint32_t signature[FAMILIES]
    int32_t* tags         # the lines' sorted tags, one line after the other
    int32_t* lines        # three a line: where its tags begin, weight 0, weight 1; one start more for the end
    int32_t line_count
    double point[3]
    bint has_point
    double spot[2]
    bint has_spot


cdef inline int32_t unknown() noexcept nogil:
    return -2147483647 - 1


cdef inline double skin() noexcept nogil:
    return 1e-14


cdef inline double doubt() noexcept nogil:
    return 1e-9


cdef inline bint inside(int32_t number, int32_t low, int32_t high) noexcept nogil:
    return number != unknown() and low <= number <= high


cdef inline bint in_union(int32_t number, const int32_t* values, int32_t count) noexcept nogil:
    """In one of the sorted ranges, by halving."""
    cdef int32_t first = 0
    cdef int32_t last = count // 2
    cdef int32_t middle
    while first < last:
        middle = (first + last) // 2
        if values[2 * middle + 1] < number:
            first = middle + 1
        else:
            last = middle
    return first < count // 2 and values[2 * first] <= number


cdef inline bint has(const int32_t* values, int32_t count, int32_t wanted) noexcept nogil:
    cdef int32_t first = 0
    cdef int32_t last = count
    cdef int32_t middle
    while first < last:
        middle = (first + last) // 2
        if values[middle] < wanted:
            first = middle + 1
        else:
            last = middle
    return first < count and values[first] == wanted


cdef inline bint share(const int32_t* held, int32_t holds, const int32_t* values, int32_t count) noexcept nogil:
    """Two sorted lists have a value in common: each of the shorter one is looked up in the longer."""
    cdef int32_t i
    if holds <= count:
        for i in range(holds):
            if has(values, count, held[i]):
                return True
        return False
    for i in range(count):
        if has(held, holds, values[i]):
            return True
    return False


cdef inline bint meets(const Facts* facts, int32_t family, const int32_t* values, int32_t count) noexcept nogil:
    """The family's values and these have one in common."""
    cdef int32_t start = facts.starts[family]
    return share(facts.values + start, facts.starts[family + 1] - start, values, count)


cdef inline bint adds_up(int32_t weight, const int32_t* values, int32_t count, const Facts* facts) noexcept nogil:
    """The selected lines' weights add up to the range."""
    cdef const int32_t* wanted = values + 3
    cdef const int32_t* refused = wanted + values[2]
    cdef int32_t refusals = count - 3 - values[2]
    cdef const int32_t* line = facts.lines
    cdef const int32_t* tags
    cdef int32_t length
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(facts.line_count):
        tags = facts.tags + line[0]
        length = line[3] - line[0]
        if not share(tags, length, refused, refusals) and (values[2] == 0 or share(tags, length, wanted, values[2])):
            total += line[1 + weight]
        line += 3
    return values[0] <= total <= values[1]


cdef inline int ball(int32_t op, const int32_t* words, const Facts* facts) noexcept nogil:
    cdef double sphere[4]
    cdef double away = 0
    cdef double inner
    cdef double outer
    cdef int i
    if not facts.has_point:
        return NO
    memcpy(sphere, words, sizeof(sphere))
    for i in range(3):
        away += (sphere[i] - facts.point[i]) * (sphere[i] - facts.point[i])
    inner = sphere[3] - skin() if sphere[3] > skin() else 0
    outer = sphere[3] + skin()
    if inner * inner <= away <= outer * outer:
        return PERHAPS
    return (away < inner * inner) == (op == NEAR)


cdef inline int locate(double x, double y, const int32_t* words, int32_t length) noexcept nogil:
    """SURE inside, NO outside, PERHAPS too near to an edge's line to tell."""
    cdef double a[2]
    cdef double b[2]
    cdef double first
    cdef double second
    cdef bint within = False
    cdef int32_t i
    memcpy(b, words, sizeof(b))
    for i in range(1, length):
        memcpy(a, b, sizeof(b))
        memcpy(b, words + 4 * i, sizeof(b))
        if (a[1] < y and b[1] < y) or (a[1] > y and b[1] > y) or (x > a[0] and x > b[0]):
            continue
        first = (b[0] - a[0]) * (y - a[1])
        second = (b[1] - a[1]) * (x - a[0])
        if fabs(first - second) <= doubt() * (fabs(first) + fabs(second)):
            return PERHAPS
        if (a[1] > y) != (b[1] > y) and (first > second) == (b[1] > a[1]):
            within = not within
    return SURE if within else NO


cdef inline int rings(int32_t op, const int32_t* words, const Facts* facts) noexcept nogil:
    cdef const int32_t* points = words + 1 + words[0]
    cdef int where
    cdef int32_t i
    if not facts.has_spot:
        return NO
    for i in range(words[0]):
        where = max(
            locate(facts.spot[0], facts.spot[1], points, words[1 + i]),
            locate(facts.spot[0] - 360.0, facts.spot[1], points, words[1 + i]),
            locate(facts.spot[0] + 360.0, facts.spot[1], points, words[1 + i]),
        )
        if where == PERHAPS:
            return PERHAPS
        if (where == SURE) == (i > 0):
            return op == OUTSIDE
        points += 4 * words[1 + i]
    return op == INSIDE


cdef inline int judge(int32_t op, int32_t subject, const int32_t* values, int32_t count, const Facts* facts) noexcept nogil:
    if op == ANY:
        return facts.known[subject] and meets(facts, subject, values, count)
    if op == NONE:
        return facts.known[subject] and not meets(facts, subject, values, count)
    if op == NEAR or op == FAR:
        return ball(op, values, facts)
    if op == MAYBE:
        return PERHAPS
    if op == SUM:
        return adds_up(subject, values, count, facts)
    if op == INSIDE or op == OUTSIDE:
        return rings(op, values, facts)
    cdef int32_t number = facts.numbers[subject]
    if op == EITHER:
        return inside(number, values[0], values[1]) or inside(facts.numbers[values[2]], values[3], values[4])
    if number == unknown():
        return NO
    if op == RANGE:
        return values[0] <= number <= values[1]
    if op == STEP:
        return number % values[0] == 0
    if op == NOT_STEP:
        return number % values[0] != 0
    return in_union(number, values, count)


cdef inline int run(const int32_t* program, const Facts* facts) noexcept nogil:
    """Judge a program: NO, SURE or PERHAPS."""
    cdef const int32_t* at = program + 1
    cdef const int32_t* end = at + program[0]
    cdef int verdict = SURE
    cdef int part
    while at < end:
        part = judge(at[0], at[1], at + 3, at[2], facts)
        if part == NO:
            return NO
        if part > verdict:
            verdict = part
        at += 3 + at[2]
    return verdict
