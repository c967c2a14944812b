# Included by `_match.pyx`: the live view, its plans and its questions.

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


cdef class Matcher(Changes):
    """One process's live view: an index, and the changes since."""

    cdef dict known          # place -> Plan
    cdef uint64_t asked
    cdef readonly int64_t plan_limit
    cdef readonly int64_t plans
    cdef readonly int64_t plan_bytes_used

    def __init__(self, Index index not None, int64_t plan_bytes=64 << 20):
        self.plan_limit = plan_bytes
        self.known = {}
        self._begin(index)

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
                if owner != last:
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
