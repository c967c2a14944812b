# Included by `_match.pyx`: what came and went since the index was built.

cdef enum:
    FEW_WORDS = 512      # of a new offer's clauses: read without asking for memory
    MOST_CLAUSES = 16


if MOST_CLAUSES != MAX_CLAUSES:
    raise ImportError("poi_cext._match was built for another language: build it again")


cdef class Changes:
    """The offers added beside an index, posted under the same kind of keys, and a bit for each one discarded."""

    cdef readonly Index index
    cdef View view
    cdef tuple held          # the blocks that `view` points into
    cdef Block words, starts, orders, keys, heads, nodes, dead
    cdef int64_t words_used, node_count, key_count
    cdef bint replaced       # blocks were, and questions do not see it yet

    cdef int _begin(self, Index index) except -1:
        self.index = index
        self.words, self.starts, self.orders = Block(4096), Block(4096), Block(4096)
        self.nodes, self.dead = Block(4096), Block(0)
        (<uint32_t*> self.starts.data)[0] = 0
        self.view.index = &index.index
        self._grow_keys(0)
        self._publish()
        return 0

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
        self.replaced = False

    @property
    def added(self):
        """Owners added since the index was built."""
        return self.view.overlay.owners

    @property
    def dead(self):
        """Owners discarded."""
        return self.view.dead_count

    # --- adding --------------------------------------------------------------------------------------------------

    def add(self, int64_t order, clauses):
        """A new owner that sorts by `order` (owner i of the index has i << 32), seen by the next match."""
        cdef int64_t owner = self.index.index.meta.owners + self.view.overlay.owners
        cdef int32_t[FEW_WORDS] few
        cdef int64_t[MOST_CLAUSES] lengths
        cdef object every = PySequence_Fast(clauses, "clauses are a sequence")
        cdef Py_ssize_t count = PySequence_Fast_GET_SIZE(every)
        cdef int64_t total = 0, used = 0
        cdef Py_ssize_t i
        cdef int32_t* words = few
        cdef Block many
        if count > MAX_CLAUSES:
            raise ValueError(f"an owner has at most {MAX_CLAUSES} clauses")
        for i in range(count):
            total += len(item(every, i))
        if total > FEW_WORDS:
            many = Block(4 * total)
            words = <int32_t*> many.data
        for i in range(count):
            lengths[i] = self._read(item(every, i), words + used, total - used)
            used += lengths[i]
        self._own(owner, order)
        for i in range(count):
            self._add(owner, words, lengths[i])
            words += lengths[i]
        if self.replaced:
            self._publish()
        return owner

    cdef int64_t _read(self, object clause, int32_t* to, int64_t room) except -1:
        """The clause's words; how many."""
        cdef object fast = PySequence_Fast(clause, "a clause is a sequence of words")
        cdef Py_ssize_t count = PySequence_Fast_GET_SIZE(fast)
        cdef Py_ssize_t i
        cdef int64_t fault
        if count > room:
            raise ValueError("a clause became longer while it was read")
        for i in range(count):
            if not compact_int(PySequence_Fast_GET_ITEM(fast, i), to + i):
                to[i] = number(item(fast, i))
                if PySequence_Fast_GET_SIZE(fast) != count:  # a number may be an object with code of its own
                    raise ValueError("a clause changed while it was read")
        fault = program_fault(
            to, count, <int32_t> self.index.index.meta.columns, <int32_t> self.index.index.meta.families
        )
        if fault >= 0:
            raise ValueError(f"part at {fault} is malformed")
        return count

    cdef int _own(self, int64_t owner, int64_t order) except -1:
        cdef Overlay* overlay = &self.view.overlay
        if 8 * (overlay.owners + 1) > self.orders.size:
            self.orders = grown(self.orders, 8 * overlay.owners, 8 * (overlay.owners + 1))
            self.replaced = True
        (<int64_t*> self.orders.data)[overlay.owners] = order
        overlay.owners += 1
        return 0

    cdef int _add(self, int64_t owner, const int32_t* words, int64_t length) except -1:
        cdef Overlay* overlay = &self.view.overlay
        cdef int64_t clause = overlay.clauses
        cdef Anchor anchor
        cdef int32_t first, last
        cdef int32_t i
        cdef uint64_t key
        self._ready_for(clause, length)
        choose_anchor(words, length, &self.index.index, &anchor)
        self.words_used += store_clause(
            words, length, <int32_t> owner, anchor.anchor, anchor.listed != NULL,
            <int32_t*> self.words.data + self.words_used
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

    cdef int _ready_for(self, int64_t clause, int64_t length) except -1:
        cdef int64_t words = 4 * (self.words_used + length + HEADER + 1)
        if words > self.words.size:
            self.words = grown(self.words, 4 * self.words_used, words)
            self.replaced = True
        if 4 * (clause + 2) > self.starts.size:
            self.starts = grown(self.starts, 4 * (clause + 1), 4 * (clause + 2))
            self.replaced = True
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
        if <int64_t> sizeof(Node) * (self.node_count + 1) > self.nodes.size:
            # old heads must not name nodes of the new block
            self.nodes = grown(self.nodes, sizeof(Node) * self.node_count, sizeof(Node) * (self.node_count + 1))
            self.heads = copied(self.heads)
            self.replaced = True
            heads = <int32_t*> self.heads.data
        node = <Node*> self.nodes.data + self.node_count
        node.clause = <uint32_t> clause
        node.next = heads[at]
        set_head(heads + at, <int32_t> self.node_count)
        self.node_count += 1
        return 0

    cdef inline uint64_t _slot(self, uint64_t key) noexcept:
        cdef const uint64_t* keys = <const uint64_t*> self.keys.data
        cdef uint64_t mask = self.keys.size // 8 - 1
        cdef uint64_t at = mixed(key) & mask
        while keys[at] != key and keys[at] != <uint64_t> -1:
            at = (at + 1) & mask
        return at

    cdef int _grow_keys(self, int64_t room) except -1:
        cdef Block keys = self.keys
        cdef Block heads = self.heads
        cdef int64_t i
        cdef uint64_t at
        room = max(room, 256)
        self.keys, self.heads = Block(8 * room), Block(4 * room)
        self.replaced = True
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

    # --- discarding ----------------------------------------------------------------------------------------------

    def discard(self, int64_t owner):
        """Stop answering with this owner."""
        if not self._lives(owner):
            return
        if owner >= 8 * self.dead.size:
            self._grow_dead()
        (<uint64_t*> self.dead.data)[owner >> 6] |= (<uint64_t> 1) << (owner & 63)
        self.view.dead_count += 1

    cdef int _grow_dead(self) except -1:
        cdef int64_t everyone = self.index.index.meta.owners + self.view.overlay.owners
        cdef int64_t size = self.dead.size
        self.dead = grown(self.dead, size, 8 * ((everyone + 1024) // 64))
        memset(self.dead.data + size, 0, self.dead.size - size)
        self._publish()
        return 0

    def lives(self, int64_t owner):
        """The owner is there and was not discarded."""
        return self._lives(owner)

    cdef inline bint _lives(self, int64_t owner) noexcept:
        if not 0 <= owner < self.index.index.meta.owners + self.view.overlay.owners:
            return False
        return owner >= 8 * self.dead.size or not (<uint64_t*> self.dead.data)[owner >> 6] >> (owner & 63) & 1
