/* The choice of the best combination: what it is given, and the memory it works in.

   Offers are positions in the order of priority (highest first), sets of offers are 128-bit masks. Amounts are whole
   minor units, values and costs thousandths of one. Nothing here knows what an offer means. */
#ifndef POI_CHOOSE_H
#define POI_CHOOSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __int128 i128;
typedef unsigned __int128 u128;
typedef u128 Mask;

enum { MAX_OFFERS = 128, MAX_LINES = 512, LINE_WORDS = MAX_LINES / 64 };
enum { UNITS, LINE_PERCENT, LINE_AMOUNT, BASKET_PERCENT, BASKET_AMOUNT, RANKS };
enum { FIXED, FREE, BUY_GET, CHEAPEST, UNIT, PERCENT, AMOUNT };
enum { CUSTOMER_BEST, PRIORITY, MARGIN_BEST };
enum { FINE_BITS = 20, RATIO_BITS = 32, SHARE_BITS = 20 };

/* What a function of the solver may return beside 0. */
enum { TOO_LARGE = 1, BOUND_HIT = 2 };

#define ONE ((int64_t)1 << SHARE_BITS)
#define THOUSAND ((int64_t)1000)
#define WHOLE_PERCENT 10000
#define WIDEST ((i128)1 << 60)
#define NONE (-1)

typedef struct {
    uint64_t word[LINE_WORDS];
} Lines;

typedef struct {
    int32_t offer, rank, kind, count; /* count: of its lines */
    uint16_t *lines;
    int64_t percent, amount, cap, units, buy, get; /* cap, units: NONE = no bound */
    int64_t share, of;                             /* what a percent leaves, as a fraction in lowest terms */
} Step;

typedef struct {
    int32_t offer, position, cashback, count;
    uint16_t *lines; /* NULL: the whole sale */
    int64_t worth, fixed, times, each, divisor, cap;
} Gain;

typedef struct {
    int32_t priority, group, group_max, id_rank; /* group: NONE = in none */
    int64_t reward, room;                        /* NONE: no price in points, no money limit */
} Terms;

typedef struct {
    int lines, steps, gains, offers, policy;
    int64_t *amounts, *prices, *spared; /* spared: what a unit given away costs beyond its price */
    int32_t *units;
    Step *step;
    Gain *gain;
    Terms *terms;
    Mask exclusive, valued;
    int64_t points, subtotal, node_bound;
} Problem;

/* Memory: a first pass with no base counts the bytes, a second one hands them out. */
typedef struct {
    char *base;
    size_t used;
} Arena;

static inline void *take(Arena *arena, size_t bytes) {
    size_t at = arena->used;
    arena->used += (bytes + 63) & ~(size_t)63;
    return arena->base ? arena->base + at : NULL;
}

#define TAKE(arena, type, count) ((type *)take((arena), sizeof(type) * (size_t)((count) > 0 ? (count) : 1)))

static inline Mask bit_of(int position) { return (Mask)1 << position; }

static inline int has(Mask mask, int position) { return (int)(mask >> position & 1); }

static inline int lowest_bit(Mask mask) {
    uint64_t low = (uint64_t)mask;
    return low ? __builtin_ctzll(low) : 64 + __builtin_ctzll((uint64_t)(mask >> 64));
}

static inline int highest_bit(Mask mask) {
    uint64_t high = (uint64_t)(mask >> 64);
    return high ? 127 - __builtin_clzll(high) : 63 - __builtin_clzll((uint64_t)mask);
}

static inline int bits_in(Mask mask) {
    return __builtin_popcountll((uint64_t)mask) + __builtin_popcountll((uint64_t)(mask >> 64));
}

#define FOR_BITS(i, mask) \
    for (Mask rest_##i = (mask); rest_##i && ((i) = lowest_bit(rest_##i), 1); rest_##i &= rest_##i - 1)

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static inline int64_t ceil_div(i128 a, i128 b) { return (int64_t)(a >= 0 ? (a + b - 1) / b : -(-a / b)); }

/* That share of an amount in minor units, in thousandths, rounded up. */
static inline int64_t kept(int64_t amount, int64_t share) {
    return (int64_t)(((i128)(amount * THOUSAND) * share + ONE - 1) >> SHARE_BITS);
}

/* How many of `units` are bought and how many got: whole rounds, then a last round with fewer got. */
static inline void deal(int64_t units, int64_t buy, int64_t get, int64_t times, int64_t *bought, int64_t *got) {
    int64_t rounds = least(times, units / (buy + get));
    *bought = rounds * buy;
    *got = rounds * get;
    int64_t left = units - *bought - *got;
    if (rounds < times && left > buy) {
        *bought += buy;
        *got += left - buy;
    }
}

static inline int serves(const Step *step) { return step->kind <= BUY_GET; }

/* --- points and cashback ------------------------------------------------------------------------------------- */

static inline int64_t gain_base(const Gain *gain, const int64_t *left, int lines) {
    int64_t sum = 0;
    if (gain->lines == NULL)
        for (int i = 0; i < lines; i++) sum += left[i];
    else
        for (int i = 0; i < gain->count; i++) sum += left[gain->lines[i]];
    return sum;
}

static inline i128 gain_amount(const Gain *gain, int64_t paid) {
    i128 amount = gain->fixed + (i128)gain->times * (paid / gain->each) / gain->divisor;
    return gain->cap != NONE && amount > gain->cap ? gain->cap : amount;
}

/* A bound that grows evenly with what is paid, thousandths. */
static inline int64_t gain_most(const Gain *gain, int64_t paid) {
    i128 each = (i128)gain->each * gain->divisor;
    i128 even = (i128)gain->fixed * gain->worth;
    even += ((i128)gain->times * gain->worth * most(paid, 0) + each - 1) / each;
    i128 cap = (i128)gain->cap * gain->worth;
    return (int64_t)(gain->cap != NONE && cap < even ? cap : even);
}

#endif
