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


cdef class Matcher:
    """One process's live view: an index, and the changes since."""

    cdef readonly Index index
    cdef View view
    cdef tuple held          # the blocks that `view` points into
    cdef Block words, starts, orders, keys, heads, nodes, dead
    cdef int64_t words_used, node_count, key_count
    cdef dict known          # place -> Plan
    cdef uint64_t asked
    cdef readonly int64_t plan_limit
    cdef readonly int64_t plans
    cdef readonly int64_t plan_bytes_used

    def __init__(self, Index index not None, int64_t plan_bytes=64 << 20):
        self.index = index
        self.plan_limit = plan_bytes
        self.known = {}
        self.words, self.starts, self.orders = Block(4096), Block(4096), Block(4096)
        self.nodes, self.dead = Block(4096), Block(0)
        (<uint32_t*> self.starts.data)[0] = 0
        self.view.index = &index.index
        self._grow_keys(0)
        self._publish()

    cdef void _publish(self):
        """Let questions see the blocks as they are now."""
        cdef Overlay* overlay = &self.view.overlay
        self.held = (self.words, self.starts, self.orders, self.keys, self.heads, self.nodes, self.dead)
        overlay.words = <const int32_t*> self.words.data
        overlay.starts = <const uint32_t*> self.starts.data
        overlay.orders = <const int64_t*> self.orders.data
        overlay.keys = <const uint64_t*> self.keys.data
        overlay.heads = <const int32_t*> self.heads.data
        overlay.nodes = <const Node*> self.nodes.data
        overlay.key_room = self.keys.size // 8
        self.view.dead = <const uint64_t*> self.dead.data
        self.view.dead_room = 8 * self.dead.size

    @property
    def added(self):
        """Owners added since the index was built."""
        return self.view.overlay.owners

    @property
    def dead(self):
        """Owners discarded."""
        return self.view.dead_count

    # --- changes -------------------------------------------------------------------------------------------------

    def add(self, int64_t order, clauses):
        """A new owner that sorts by `order` (owner i of the index has i << 32), seen by the next match."""
        cdef int64_t owner = self.index.index.meta.owners + self.view.overlay.owners
        cdef Overlay* overlay = &self.view.overlay
        if len(clauses) > MAX_CLAUSES:
            raise ValueError(f"an owner has at most {MAX_CLAUSES} clauses")
        programs = [self._program(clause) for clause in clauses]
        self.orders = grown(self.orders, 8 * overlay.owners, 8 * (overlay.owners + 1))
        (<int64_t*> self.orders.data)[overlay.owners] = order
        overlay.owners += 1
        for program in programs:
            self._add(owner, program)
        self._publish()
        return owner

    cdef Block _program(self, object clause):
        cdef object fast = PySequence_Fast(clause, "a clause is a sequence of words")
        cdef Py_ssize_t count = PySequence_Fast_GET_SIZE(fast)
        cdef Block program = Block(4 * count)
        cdef int64_t fault
        for i in range(count):
            (<int32_t*> program.data)[i] = number(item(fast, i))
        fault = program_fault(
            <const int32_t*> program.data, count, <int32_t> self.index.index.meta.columns,
            <int32_t> self.index.index.meta.families
        )
        if fault >= 0:
            raise ValueError(f"part at {fault} is malformed")
        return program

    cdef int _add(self, int64_t owner, Block program) except -1:
        cdef const int32_t* words = <const int32_t*> program.data
        cdef int64_t length = program.size // 4
        cdef Overlay* overlay = &self.view.overlay
        cdef int64_t clause = overlay.clauses
        cdef Anchor anchor
        cdef int32_t first, last
        cdef int32_t i
        cdef uint64_t key
        self.words = grown(self.words, 4 * self.words_used, 4 * (self.words_used + length + HEADER + 1))
        self.starts = grown(self.starts, 4 * (clause + 1), 4 * (clause + 2))
        choose_anchor(words, length, &self.index.index, &anchor)
        self.words_used += store_clause(
            words, length, <int32_t> owner, &anchor, <int32_t*> self.words.data + self.words_used
        )
        if self.words_used >= 4294967295:
            raise MemoryError("too many changes: merge them")
        (<uint32_t*> self.starts.data)[clause + 1] = <uint32_t> self.words_used
        if clause_days(words, length, &first, &last):
            for i in range(anchor.count):
                key = anchor_key(&anchor, i)
                self._post(key, clause)
                if anchor.listed == NULL and anchor.kind == BY_BALL_CELL:
                    overlay.ball_levels |= (<int64_t> 1) << (key >> 48 & 0xff)
                if anchor.listed == NULL and anchor.kind == BY_RING_CELL:
                    overlay.ring_levels |= (<int64_t> 1) << (key >> 48 & 0xff)
                if anchor.kind == BY_VALUE:
                    overlay.valued[(anchor.listed[i] % BLOOM_BITS) >> 6] |= (<uint64_t> 1) << (anchor.listed[i] & 63)
            if anchor.kind == BY_VALUE:
                self._post(make_key(BY_ANY_VALUE, 0), clause)
        overlay.clauses = clause + 1
        return 0

    cdef int _post(self, uint64_t key, int64_t clause) except -1:
        cdef uint64_t at
        cdef int32_t* heads
        cdef Node* node
        if 3 * self.key_count >= 2 * (self.keys.size // 8):
            self._grow_keys(self.keys.size // 4)
        at = self._slot(key)
        heads = <int32_t*> self.heads.data
        if (<uint64_t*> self.keys.data)[at] != key:
            heads[at] = -1
            (<uint64_t*> self.keys.data)[at] = key
            self.key_count += 1
        if sizeof(Node) * (self.node_count + 1) > self.nodes.size:  # old heads must not name nodes of the new block
            self.nodes = grown(self.nodes, sizeof(Node) * self.node_count, sizeof(Node) * (self.node_count + 1))
            self.heads = copied(self.heads)
            heads = <int32_t*> self.heads.data
        node = <Node*> self.nodes.data + self.node_count
        node.clause = <uint32_t> clause
        node.next = heads[at]
        set_head(heads + at, <int32_t> self.node_count)
        self.node_count += 1
        return 0

    cdef uint64_t _slot(self, uint64_t key) noexcept:
        cdef uint64_t mask = self.keys.size // 8 - 1
        cdef uint64_t at = mixed(key) & mask
        while (<uint64_t*> self.keys.data)[at] != key and (<uint64_t*> self.keys.data)[at] != <uint64_t> -1:
            at = (at + 1) & mask
        return at

    cdef int _grow_keys(self, int64_t room) except -1:
        cdef Block keys = self.keys
        cdef Block heads = self.heads
        cdef int64_t i
        cdef uint64_t at
        room = max(room, 256)
        self.keys, self.heads = Block(8 * room), Block(4 * room)
        memset(self.keys.data, 0xff, 8 * room)
        memset(self.heads.data, 0xff, 4 * room)
        if keys is None:
            return 0
        for i in range(keys.size // 8):
            if (<uint64_t*> keys.data)[i] != <uint64_t> -1:
                at = self._slot((<uint64_t*> keys.data)[i])
                (<uint64_t*> self.keys.data)[at] = (<uint64_t*> keys.data)[i]
                (<int32_t*> self.heads.data)[at] = (<int32_t*> heads.data)[i]
        return 0

    def discard(self, int64_t owner):
        """Stop answering with this owner."""
        cdef int64_t everyone = self.index.index.meta.owners + self.view.overlay.owners
        cdef int64_t size = self.dead.size
        if not 0 <= owner < everyone or not self.lives(owner):
            return
        if owner >= 8 * size:
            self.dead = grown(self.dead, size, 8 * ((everyone + 1024) // 64))
            memset(self.dead.data + size, 0, self.dead.size - size)
        (<uint64_t*> self.dead.data)[owner >> 6] |= (<uint64_t> 1) << (owner & 63)
        self.view.dead_count += 1
        self._publish()

    def lives(self, int64_t owner):
        """The owner is there and was not discarded."""
        if not 0 <= owner < self.index.index.meta.owners + self.view.overlay.owners:
            return False
        return owner >= 8 * self.dead.size or not (<uint64_t*> self.dead.data)[owner >> 6] >> (owner & 63) & 1

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
