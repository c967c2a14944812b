# cython: cdivision=True
"""The compiled choice: effect programs and a basket's lines in, the chosen offers and their exact money out.

It works without the GIL. What does not fit its numbers raises OverflowError: the plain twin then answers.
"""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

cdef extern from "_choose_build.h":
    enum: MAX_OFFERS, MAX_LINES, KINDS, MAX_EFFECTS, NONE, THOUSAND
    ctypedef unsigned long long Mask  # 128 bits in truth: only passed on here
    ctypedef struct Step:
        int32_t offer, rank, kind, count
    ctypedef struct Gain:
        int32_t offer, position, cashback
        int64_t worth
    ctypedef struct Terms:
        int32_t priority, group, group_max, id_rank
        int64_t reward, room
    ctypedef struct Problem:
        int lines, steps, gains, offers, policy
        int64_t* amounts
        int64_t* prices
        int64_t* spared
        int32_t* units
        Step* step
        Gain* gain
        Terms* terms
        Mask exclusive, valued
        int64_t points, subtotal, node_bound
    ctypedef struct Arena:
        char* base
        size_t used
    ctypedef struct Program:
        const int32_t* words
        int count
    ctypedef struct Build:
        int32_t* tag_starts
        int32_t* tag_list
        Program* programs
        int64_t points, points_amount, point_value
        int earns
        Mask giving
    int program_fits(const int32_t* words, int count) nogil
    void lay_out_build(Build* build, Problem* problem, int tags, int effects, Arena* arena) nogil
    int build_problem "build"(Build* build, Problem* problem) nogil

cdef extern from "_choose_search.h":
    enum: TOO_LARGE, BOUND_HIT
    ctypedef struct Cut:
        int32_t step, line
        int64_t share
    ctypedef struct Exact:
        int64_t* left
        int64_t* after
        int32_t* freed
        int32_t* members
        Cut* cuts
        int cut_count
    ctypedef struct Worth:
        int64_t value, cost, total
    ctypedef struct Search:
        Exact exact
        int64_t all_nodes
    void lay_out_search(Search* search, const Problem* problem, Arena* arena) nogil
    void set_up_search(Search* search) nogil
    int choose(Search* search, Mask* chosen) nogil

cdef extern from *:
    """
    static inline uint64_t mask_low(Mask mask) { return (uint64_t)mask; }
    static inline uint64_t mask_high(Mask mask) { return (uint64_t)(mask >> 64); }
    static inline Mask mask_of(uint64_t low, uint64_t high) { return (Mask)high << 64 | low; }
    static inline int64_t amount_given(const Problem *p, const Exact *e, int gain) {
        return (int64_t)gain_amount(&p->gain[gain], gain_base(&p->gain[gain], e->left, p->lines));
    }
    """
    uint64_t mask_low(Mask mask) nogil
    uint64_t mask_high(Mask mask) nogil
    Mask mask_of(uint64_t low, uint64_t high) nogil
    int64_t amount_given(const Problem* problem, const Exact* exact, int gain) nogil
    int has(Mask mask, int position) nogil
    int members_of(const Problem* problem, Exact* exact, Mask mask, int* at) nogil
    int run_class(const Problem* problem, Exact* exact, int count, int shares) nogil
    int evaluate(const Problem* problem, Exact* exact, Mask mask, int shares, Worth* worth) nogil


cdef object to_int(Mask mask):
    return (<object> mask_high(mask) << 64) | mask_low(mask)


cdef Mask to_mask(object mask):
    return mask_of(<uint64_t> (mask & 0xFFFFFFFFFFFFFFFF), <uint64_t> (mask >> 64))


cdef class Effects:
    """One offer's effects as words (see `poi_offers.effects`)."""

    cdef int32_t* words
    cdef readonly int count

    def __cinit__(self, words):
        self.count = len(words)
        self.words = <int32_t*> malloc(max(self.count, 1) * sizeof(int32_t))
        if self.words == NULL:
            raise MemoryError("no memory for an offer's effects")
        for at, word in enumerate(words):
            self.words[at] = word
        if not program_fits(self.words, self.count):
            raise ValueError("the words are no program of effects")

    def __dealloc__(self):
        free(self.words)


cdef class Solver:
    """One basket and the offers it may get, in the order of priority, then id.

    A line is (tags, amount, unit price, whole units, what a unit given away costs beyond its price). The terms of an
    offer are (priority, exclusive, group, group_max, reward points, room, rank of its id): -1 for no group, price or
    limit.
    """

    cdef Problem problem
    cdef Build build
    cdef Search search
    cdef Arena arena, room  # what is given, and what the search works in
    cdef list programs

    def __cinit__(
        self,
        list lines,
        list programs,
        list terms,
        int policy,
        int64_t node_bound,
        int64_t points_balance,
        int64_t points,
        int64_t points_amount,
        int64_t point_value,
        bint earns,
    ):
        if len(programs) > MAX_OFFERS or len(lines) > MAX_LINES:
            raise OverflowError("more offers or lines than the compiled choice takes")
        if len(terms) != len(programs) or points_amount < 1 or not 0 <= policy <= 2 or points < 0 or point_value < 0:
            raise ValueError("the terms do not fit the programs, or the policy is none")
        self.programs = programs
        self.problem.lines, self.problem.offers = len(lines), len(programs)
        self.problem.policy, self.problem.node_bound, self.problem.points = policy, node_bound, points_balance
        self.build.points, self.build.points_amount, self.build.point_value = points, points_amount, point_value
        self.build.earns = earns
        cdef int tags = 0, effects = len(programs) * MAX_EFFECTS
        for line in lines:
            tags += len(line[0])
        self._make_room(tags, effects)
        self._read_lines(lines)
        self._read_offers(programs, terms)
        self._set_up()

    cdef _make_room(self, int tags, int effects):
        cdef Arena count
        count.base, count.used = NULL, 0
        lay_out_build(&self.build, &self.problem, tags, effects, &count)
        self.arena.base, self.arena.used = <char*> malloc(count.used), 0
        if self.arena.base == NULL:
            raise MemoryError("no memory for a choice")
        lay_out_build(&self.build, &self.problem, tags, effects, &self.arena)

    cdef _read_lines(self, list lines):
        cdef int at = 0, line = 0
        cdef tuple item
        for item in lines:
            self.build.tag_starts[line] = at
            for tag in item[0]:
                self.build.tag_list[at] = tag
                at += 1
            self.problem.amounts[line] = item[1]
            self.problem.prices[line] = item[2]
            self.problem.units[line] = item[3]
            self.problem.spared[line] = item[4]
            line += 1
        self.build.tag_starts[line] = at

    cdef _read_offers(self, list programs, list terms):
        cdef int offer
        cdef Effects program
        cdef uint64_t low = 0, high = 0
        cdef Terms* into
        for offer in range(len(programs)):
            program = programs[offer]
            self.build.programs[offer].words, self.build.programs[offer].count = program.words, program.count
            into = &self.problem.terms[offer]
            priority, exclusive, group, group_max, reward, room, id_rank = terms[offer]
            into.priority, into.group, into.group_max = priority, group, group_max
            into.reward, into.room, into.id_rank = reward, room, id_rank
            if not -1 <= into.group < len(programs) or not 0 <= into.id_rank < len(programs):
                raise ValueError("a group or a rank beyond the number of offers")
            if exclusive and offer < 64:
                low |= <uint64_t> 1 << offer
            elif exclusive:
                high |= <uint64_t> 1 << (offer - 64)
        self.problem.exclusive = mask_of(low, high)

    cdef _set_up(self):
        cdef Arena count
        cdef char* base
        if build_problem(&self.build, &self.problem):
            raise OverflowError("figures too large for the compiled choice")
        count.base, count.used = NULL, 0
        lay_out_search(&self.search, &self.problem, &count)
        self.room.base, self.room.used = <char*> malloc(count.used), 0
        if self.room.base == NULL:
            raise MemoryError("no memory for a choice")
        lay_out_search(&self.search, &self.problem, &self.room)
        set_up_search(&self.search)

    def __dealloc__(self):
        free(self.arena.base)
        free(self.room.base)

    @property
    def valued(self):
        """The offers that may be worth something here, as a mask."""
        return to_int(self.problem.valued)

    @property
    def giving(self):
        """The offers that give points or cashback here, as a mask."""
        return to_int(self.build.giving)

    def choose(self):
        """The best combination as a mask, whether it is known to be the best, and the nodes it took."""
        cdef Mask chosen
        cdef int outcome
        with nogil:
            outcome = choose(&self.search, &chosen)
        if outcome == TOO_LARGE:
            raise OverflowError("figures too large for the compiled choice")
        return to_int(chosen), outcome != BOUND_HIT, self.search.all_nodes

    def evaluate(self, mask):
        """A combination's exact money: (left by line, money off by (offer, line), units given away by line, gains as
        (offer, position, cashback, worth, amount), value, cost)."""
        cdef Mask combination = to_mask(mask)
        cdef Exact* exact = &self.search.exact
        cdef Problem* problem = &self.problem
        cdef Worth worth
        cdef int count, i, at = 0
        cdef dict shares = {}
        for i in range(problem.lines):
            exact.left[i] = problem.amounts[i]
        count = members_of(problem, exact, combination, &at)
        while count:
            if run_class(problem, exact, count, 1):
                raise OverflowError("figures too large for the compiled choice")
            for i in range(exact.cut_count):
                if exact.cuts[i].share:
                    key = (problem.step[exact.members[exact.cuts[i].step]].offer, exact.cuts[i].line)
                    shares[key] = shares.get(key, 0) + exact.cuts[i].share
            self._keep_after()
            count = members_of(problem, exact, combination, &at)
        if evaluate(problem, exact, combination, 0, &worth):
            raise OverflowError("figures too large for the compiled choice")
        left = [exact.left[i] for i in range(problem.lines)]
        freed = {i: exact.freed[i] for i in range(problem.lines) if exact.freed[i]}
        return left, shares, freed, self._given(combination), worth.value, worth.cost

    cdef list _given(self, Mask combination):
        cdef int i
        cdef list given = []
        for i in range(self.problem.gains):
            gain = self.problem.gain[i]
            if has(combination, gain.offer):
                amount = amount_given(&self.problem, &self.search.exact, i)
                if amount:
                    given.append((gain.offer, gain.position, bool(gain.cashback), gain.worth, amount))
        return given

    cdef _keep_after(self):
        cdef int i
        for i in range(self.problem.lines):
            self.search.exact.left[i] = self.search.exact.after[i]
