/* Building an index: anchors are chosen by how often what they name occurs, clauses lie in the order of their first
 * key, so that the clauses of one place are read one after the other. */
#ifndef POI_BUILD_H
#define POI_BUILD_H

#include "_census.h"
#include "_windows.h"

enum { MAX_DIRECT = 1 << 22, CLAUSES_AHEAD = 8 };
#define NO_ANCHOR UINT32_MAX
/* What only asks for memory is pure to the compiler, and a call of it would be dropped. */
#define ASKING static inline __attribute__((always_inline))
enum { FINE, BROKEN_PROGRAM, OWNER_OUT_OF_ORDER, TOO_MANY_CLAUSES, TOO_LARGE, NO_MEMORY };

typedef struct {
    int64_t columns, families, owners, clauses;
    const int32_t *owner_of;
    const int64_t *starts;
    const int32_t *words;
} Offered;

/* Numbers of keys, in the order met. Stores and regions are few and dense: their numbers lie by value; the others hashed. */
typedef struct {
    Slot *slots;             /* of the hashed: `start` is the number */
    int64_t room, hashed;
    uint32_t *direct[2];     /* by store, by region: number + 1 */
    int64_t direct_room[2];
    uint64_t *key_of;        /* by number */
    int64_t count, known_room;
} Keys;

typedef struct {
    uint32_t *key, *clause;
    int64_t count, room;
} Pairs;

static inline bool keys_grow(Keys *keys) {
    int64_t room = keys->room ? 4 * keys->room : 1024;
    Slot *larger = malloc((size_t) room * sizeof *larger);
    if (!larger) return false;
    memset(larger, 0xff, (size_t) room * sizeof *larger);
    for (int64_t i = 0; i < keys->room; i++) {
        if (keys->slots[i].key == UINT64_MAX) continue;
        uint64_t at = mixed(keys->slots[i].key) & (uint64_t) (room - 1);
        while (larger[at].key != UINT64_MAX) at = (at + 1) & (uint64_t) (room - 1);
        larger[at] = keys->slots[i];
    }
    free(keys->slots);
    keys->slots = larger;
    keys->room = room;
    return true;
}

/* Number a key not met before; -1 when memory ran out. */
static inline int64_t new_key(Keys *keys, uint64_t key) {
    if (keys->count == keys->known_room) {
        int64_t room = keys->known_room ? 2 * keys->known_room : 1024;
        uint64_t *larger = realloc(keys->key_of, (size_t) room * sizeof *larger);
        if (!larger) return -1;
        keys->key_of = larger;
        keys->known_room = room;
    }
    keys->key_of[keys->count] = key;
    return keys->count++;
}

static inline int64_t hashed_id(Keys *keys, uint64_t key) {
    if (2 * keys->hashed >= keys->room && !keys_grow(keys)) return -1;
    uint64_t mask = (uint64_t) keys->room - 1, at = mixed(key) & mask;
    for (; keys->slots[at].key != key; at = (at + 1) & mask) {
        if (keys->slots[at].key != UINT64_MAX) continue;
        int64_t id = new_key(keys, key);
        if (id < 0) return -1;
        keys->slots[at] = (Slot) {key, (uint32_t) id, 0};
        keys->hashed++;
        return id;
    }
    return keys->slots[at].start;
}

/* The number of a key, a new one for a new key; -1 when memory ran out. */
static inline int64_t key_id(Keys *keys, uint64_t key) {
    uint64_t table = (key >> 56) - BY_STORE, value = key & 0xffffffff;
    if (table > 1 || value >= (uint64_t) keys->direct_room[table]) return hashed_id(keys, key);
    uint32_t *known = keys->direct[table] + value;
    if (!*known) {
        int64_t id = new_key(keys, key);
        if (id < 0) return -1;
        *known = (uint32_t) id + 1;
    }
    return *known - 1;
}

ASKING void keys_ahead(const Keys *keys, const Anchor *anchor) {
    for (int32_t k = 0; keys->room && !anchor->listed && k < anchor->count; k++)
        __builtin_prefetch(keys->slots + (mixed(anchor->keys[k]) & (uint64_t) (keys->room - 1)));
}

static inline bool keys_start(Keys *keys, const int64_t *highest) {
    for (int table = 0; table < 2; table++) {
        keys->direct_room[table] = highest[table] < MAX_DIRECT ? highest[table] + 1 : MAX_DIRECT;
        if (!(keys->direct[table] = calloc((size_t) keys->direct_room[table] + 1, sizeof(uint32_t)))) return false;
    }
    return true;
}

static inline void keys_free(Keys *keys) {
    free(keys->slots);
    free(keys->direct[0]);
    free(keys->direct[1]);
    free(keys->key_of);
}

static inline bool pair_add(Pairs *pairs, int64_t key, int64_t clause) {
    if (key < 0) return false;
    if (pairs->count == pairs->room) {
        int64_t room = pairs->room ? 2 * pairs->room : 4096;
        uint32_t *larger = realloc(pairs->key, (size_t) room * sizeof *larger);
        if (!larger) return false;
        pairs->key = larger;
        larger = realloc(pairs->clause, (size_t) room * sizeof *larger);
        if (!larger) return false;
        pairs->clause = larger;
        pairs->room = room;
    }
    pairs->key[pairs->count] = (uint32_t) key;
    pairs->clause[pairs->count++] = (uint32_t) clause;
    return true;
}

/* --- the build --------------------------------------------------------------------------------------------------- */

typedef struct {
    const Offered *from;
    Built *to;
    Census census;
    Keys keys;
    Pairs pairs;
    Windows windows;
    uint32_t *first_key, *new_of, *position;
    uint32_t *anchored;  /* by clause: twice where its anchoring part begins, and whether its key implies that; NO_ANCHOR */
} Build;

static inline int check_offered(Build *build) {
    const Offered *from = build->from;
    int32_t before = -1, of_owner = 0;
    if (from->clauses >= UINT32_MAX || from->owners >= (1LL << 30)) return TOO_LARGE;
    for (int64_t i = 0; i < from->clauses; i++) {
        int64_t length = from->starts[i + 1] - from->starts[i];
        build->to->fault = i;
        if (length > HIGHEST) return TOO_LARGE;
        if (length < 0 || program_fault(from->words + from->starts[i], length, (int32_t) from->columns, (int32_t) from->families) >= 0)
            return BROKEN_PROGRAM;
        if (from->owner_of[i] < before || from->owner_of[i] < 0 || from->owner_of[i] >= from->owners) return OWNER_OUT_OF_ORDER;
        of_owner = from->owner_of[i] == before ? of_owner + 1 : 1;
        if (of_owner > MAX_CLAUSES) return TOO_MANY_CLAUSES;
        before = from->owner_of[i];
        count_clause(&build->census, from->words + from->starts[i], length);
    }
    return keys_start(&build->keys, build->census.highest_place) ? FINE : NO_MEMORY;
}

static inline int post_clauses(Build *build) {
    const Offered *from = build->from;
    Index odds = built_index(build->to);
    Anchor anchor;
    for (int64_t i = 0; i < from->clauses; i++) {
        const int32_t *words = from->words + from->starts[i];
        int64_t length = from->starts[i + 1] - from->starts[i];
        int32_t first, last;
        build->first_key[i] = UINT32_MAX;
        if (!clause_days(words, length, &first, &last)) continue;
        choose_anchor(words, length, &odds, &anchor);
        build->anchored[i] = anchor.anchor < 0 ? NO_ANCHOR : (uint32_t) anchor.anchor << 1 | (anchor.listed != NULL);
        keys_ahead(&build->keys, &anchor);
        for (int32_t k = 0; k < anchor.count; k++) {
            int64_t id = key_id(&build->keys, anchor_key(&anchor, k));
            if (!pair_add(&build->pairs, id, i)) return NO_MEMORY;
            if (!k) build->first_key[i] = (uint32_t) id;
            if (!anchor.listed && anchor.kind == BY_BALL_CELL) build->to->meta.ball_levels |= 1LL << (anchor.keys[k] >> 48 & 0xff);
            if (!anchor.listed && anchor.kind == BY_RING_CELL) build->to->meta.ring_levels |= 1LL << (anchor.keys[k] >> 48 & 0xff);
        }
        if (anchor.kind == BY_VALUE && !pair_add(&build->pairs, key_id(&build->keys, make_key(BY_ANY_VALUE, 0)), i)) return NO_MEMORY;
    }
    return build->pairs.count < UINT32_MAX ? FINE : TOO_LARGE;
}

/* Clauses in the order of their first key; those that never hold come last and are left out. */
static inline int order_clauses(Build *build) {
    int64_t keys = build->keys.count, kept = 0;
    uint32_t *at = calloc((size_t) keys + 1, sizeof *at);
    if (!at) return NO_MEMORY;
    for (int64_t i = 0; i < build->from->clauses; i++)
        if (build->first_key[i] != UINT32_MAX) at[build->first_key[i] + 1]++, kept++;
    for (int64_t k = 0; k < keys; k++) at[k + 1] += at[k];
    for (int64_t i = 0; i < build->from->clauses; i++)
        if (build->first_key[i] != UINT32_MAX) {
            build->new_of[i] = at[build->first_key[i]]++;
            build->position[build->new_of[i]] = (uint32_t) i;
        }
    free(at);
    build->to->meta.clauses = kept;
    return FINE;
}

/* Clauses lie scattered in what is offered: ask for those to come. */
ASKING void clause_ahead(const Build *build, int64_t n) {
    const Offered *from = build->from;
    if (n + 2 * CLAUSES_AHEAD < build->to->meta.clauses) {
        int64_t far = build->position[n + 2 * CLAUSES_AHEAD];
        __builtin_prefetch(from->starts + far);
        __builtin_prefetch(from->owner_of + far);
        __builtin_prefetch(build->anchored + far);
    }
    if (n + CLAUSES_AHEAD < build->to->meta.clauses) {
        int64_t near = build->position[n + CLAUSES_AHEAD];
        const char *end = (const char *) (from->words + from->starts[near + 1]);
        const char *at = (const char *) (from->words + from->starts[near]);
        for (int line = 0; line < 8 && at < end; line++, at += 64) __builtin_prefetch(at);
    }
}

static inline int write_clauses(Build *build) {
    const Offered *from = build->from;
    Built *to = build->to;
    int64_t room = from->starts[from->clauses] - from->starts[0] + 4 * to->meta.clauses + 1, used = 0;
    to->starts = large_room(((size_t) to->meta.clauses + 1) * sizeof *to->starts);
    to->words = large_room((size_t) room * sizeof *to->words);
    if (!to->starts || !to->words) return NO_MEMORY;
    for (int64_t n = 0; n < to->meta.clauses; n++) {
        clause_ahead(build, n);
        int64_t i = build->position[n];
        const int32_t *words = from->words + from->starts[i];
        int64_t length = from->starts[i + 1] - from->starts[i];
        uint32_t anchored = build->anchored[i];
        int64_t anchor = anchored == NO_ANCHOR ? -1 : (int64_t) (anchored >> 1);
        length = store_clause(words, length, from->owner_of[i], anchor, anchored & 1, to->words + used);
        length = share_windows(to->words + used, length, &build->windows);
        if (length < 0) return NO_MEMORY;
        if (used + length >= UINT32_MAX) return TOO_LARGE;
        to->starts[n] = (uint32_t) used;
        used += length;
    }
    to->starts[to->meta.clauses] = (uint32_t) used;
    to->meta.words = used;
    int32_t *smaller = realloc(to->words, (size_t) (used ? used : 1) * sizeof *smaller);
    if (smaller) to->words = smaller;
    return FINE;
}

static inline int write_postings(Build *build) {
    Built *to = build->to;
    int64_t keys = build->keys.count, room = 8 + 5 * keys / 4;
    uint32_t *at = calloc((size_t) keys + 1, sizeof *at);
    to->slots = large_room((size_t) room * sizeof *to->slots);
    to->postings = large_room(((size_t) build->pairs.count + 1) * sizeof *to->postings);
    if (!at || !to->slots || !to->postings) {
        free(at);
        return NO_MEMORY;
    }
    memset(to->slots, 0xff, (size_t) room * sizeof *to->slots);
    for (int64_t i = 0; i < build->pairs.count; i++) at[build->pairs.key[i] + 1]++;
    for (int64_t k = 0; k < keys; k++) at[k + 1] += at[k];
    for (int64_t id = 0; id < keys; id++) {
        uint64_t key = build->keys.key_of[id];
        uint64_t where = first_slot(key, room);
        while (to->slots[where].key != UINT64_MAX) where = where + 1 == (uint64_t) room ? 0 : where + 1;
        to->slots[where] = (Slot) {key, at[id], at[id + 1] - at[id]};
    }
    for (int64_t i = 0; i < build->pairs.count; i++)
        to->postings[at[build->pairs.key[i]]++] = build->new_of[build->pairs.clause[i]];
    free(at);
    to->meta.slots = room;
    to->meta.postings = build->pairs.count;
    return FINE;
}

/* How many bits tell which values have a key: one for each value there may be, fewer where values lie far apart. */
static inline int64_t bits_for(int64_t values, int64_t keys) {
    int64_t bits = 64;
    while (bits < values && bits < 64 * keys) bits *= 2;
    return bits;
}

/* The bits of the values that have a key. */
static inline int write_bits(Build *build) {
    Built *to = build->to;
    int64_t words = 0;
    for (int32_t f = 0; f < to->meta.families && to->meta.by_value; f++) {
        if (to->meta.highest[f] < RARE_VALUES) continue;
        to->meta.bits_at[f] = words;
        to->meta.bits_of[f] = bits_for(to->meta.highest[f] + 1, build->keys.count);
        words += to->meta.bits_of[f] / 64;
    }
    to->bits = calloc((size_t) words + 1, sizeof *to->bits);
    if (!to->bits) return NO_MEMORY;
    to->meta.bits = words;
    for (int64_t id = 0; id < build->keys.count; id++) {
        uint64_t key = build->keys.key_of[id];
        if (key >> 56 != BY_VALUE) continue;
        int32_t family = (int32_t) (key >> 32 & 0xff);
        int64_t value = (int32_t) (uint32_t) key;
        if (value < 0 || !to->meta.bits_of[family]) continue;
        value &= to->meta.bits_of[family] - 1;
        to->bits[to->meta.bits_at[family] + (value >> 6)] |= 1ULL << (value & 63);
    }
    return FINE;
}

static inline int build_all(Build *build) {
    const Offered *from = build->from;
    Built *to = build->to;
    size_t clauses = (size_t) from->clauses + 1;
    int outcome;
    to->bounds = calloc((size_t) (from->columns + 1) * BOUND_WORDS, sizeof *to->bounds);
    to->regions = calloc(MAX_REGIONS, sizeof *to->regions);
    to->areas = calloc(COARSE_CELLS, sizeof *to->areas);
    build->first_key = large_room(clauses * sizeof *build->first_key);
    build->new_of = large_room(clauses * sizeof *build->new_of);
    build->position = large_room(clauses * sizeof *build->position);
    build->anchored = large_room(clauses * sizeof *build->anchored);
    if (!to->bounds || !to->regions || !to->areas || !build->first_key || !build->new_of || !build->position || !build->anchored)
        return NO_MEMORY;
    for (int64_t c = 0; c < from->columns; c++)
        if (!(build->census.samples[c] = malloc(SAMPLES * sizeof(int32_t)))) return NO_MEMORY;
    if ((outcome = check_offered(build))) return outcome;
    to->meta.by_value = build->census.valued > FEW;
    choose_bounds(&build->census, from->columns, to->bounds);
    if ((outcome = post_clauses(build)) || (outcome = order_clauses(build)) || (outcome = write_clauses(build))) return outcome;
    if ((outcome = write_postings(build)) || (outcome = write_bits(build))) return outcome;
    uint32_t *smaller = realloc(to->regions, (size_t) (to->meta.regions + 1) * sizeof *smaller);
    if (smaller) to->regions = smaller;
    to->meta.areas = to->meta.shapes ? COARSE_CELLS : 0;
    to->windows = build->windows.pool ? build->windows.pool : calloc(1, sizeof *to->windows);
    build->windows.pool = NULL;
    to->meta.windows = build->windows.used;
    return to->windows ? FINE : NO_MEMORY;
}

/* Make an index of what is offered; FINE, or why not (and `fault` says at which clause). */
static inline int index_build(const Offered *from, Built *to) {
    Build build;
    memset(to, 0, sizeof *to);
    memset(&build, 0, sizeof build);
    build.from = from;
    build.to = to;
    build.census.to = to;
    build.census.highest_place[STORE] = build.census.highest_place[REGION] = -1;
    memset(to->meta.highest, 0xff, sizeof to->meta.highest);
    to->meta.magic = INDEX_MAGIC;
    to->meta.format = FORMAT;
    to->meta.columns = from->columns;
    to->meta.families = from->families;
    to->meta.owners = from->owners;
    int outcome = build_all(&build);
    for (int c = 0; c < MAX_SUBJECTS; c++) free(build.census.samples[c]);
    keys_free(&build.keys);
    free(build.pairs.key);
    free(build.pairs.clause);
    free(build.windows.pool);
    free(build.windows.slots);
    free(build.first_key);
    free(build.new_of);
    free(build.position);
    free(build.anchored);
    if (outcome) {
        int64_t fault = to->fault;
        built_free(to);
        to->fault = fault;
    }
    return outcome;
}

#endif
