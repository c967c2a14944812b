/* Whole numbers, never negative, for exact shares: of 64 bits for most baskets, of 128, and wide ones of up to 1024 for
   the few where several caps cut across each other. What does not fit sets `bad`. */
#ifndef POI_CHOOSE_NUMBERS_H
#define POI_CHOOSE_NUMBERS_H

#include "_choose.h"

static inline uint64_t n64_of(int64_t value) { return (uint64_t)value; }

static inline uint64_t n64_add(uint64_t a, uint64_t b, int *bad) {
    uint64_t sum;
    *bad |= __builtin_add_overflow(a, b, &sum);
    return sum;
}

static inline uint64_t n64_sub(uint64_t a, uint64_t b) { return a - b; }

static inline uint64_t n64_mul(uint64_t a, uint64_t b, int *bad) {
    uint64_t product;
    *bad |= __builtin_mul_overflow(a, b, &product);
    return product;
}

static inline int n64_cmp(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static inline int n64_zero(uint64_t a) { return a == 0; }

static inline int64_t n64_quotient(uint64_t a, uint64_t b, uint64_t *rest) {
    *rest = a % b;
    return (int64_t)(a / b);
}

static inline uint64_t n64_divided(uint64_t a, uint64_t b) { return a / b; }

static inline uint64_t n64_gcd(uint64_t a, uint64_t b) {
    if (!a || !b) return a | b;
    int twos = __builtin_ctzll(a | b);
    a >>= __builtin_ctzll(a);
    while (b) {
        b >>= __builtin_ctzll(b);
        uint64_t less = a < b ? a : b;
        b = a < b ? b - a : a - b;
        a = less;
    }
    return a << twos;
}

static inline u128 n128_of(int64_t value) { return (u128)value; }

static inline u128 n128_add(u128 a, u128 b, int *bad) {
    u128 sum = a + b;
    *bad |= sum < a;
    return sum;
}

static inline u128 n128_sub(u128 a, u128 b) { return a - b; }

static inline u128 n128_mul(u128 a, u128 b, int *bad) {
    u128 product;
    *bad |= __builtin_mul_overflow(a, b, &product);
    return product;
}

static inline int n128_cmp(u128 a, u128 b) { return a < b ? -1 : a > b; }

static inline int n128_zero(u128 a) { return a == 0; }

static inline int64_t n128_quotient(u128 a, u128 b, u128 *rest) {
    if (!(a >> 64) && !(b >> 64)) {
        uint64_t quotient = (uint64_t)a / (uint64_t)b;
        *rest = (uint64_t)a - quotient * (uint64_t)b;
        return (int64_t)quotient;
    }
    u128 quotient = a / b;
    *rest = a - quotient * b;
    return (int64_t)quotient;
}

static inline u128 n128_divided(u128 a, u128 b) {
    if (!(a >> 64) && !(b >> 64)) return (uint64_t)a / (uint64_t)b;
    return a / b;
}

static inline int n128_twos(u128 a) { return lowest_bit(a); }

static inline u128 n128_gcd(u128 a, u128 b) {
    if (!(a >> 64) && !(b >> 64)) return n64_gcd((uint64_t)a, (uint64_t)b);
    if (!a || !b) return a | b;
    int twos = n128_twos(a | b);
    a >>= n128_twos(a);
    while (b) {
        b >>= n128_twos(b);
        if (a > b) {
            u128 swap = a;
            a = b;
            b = swap;
        }
        b -= a;
    }
    return a << twos;
}

enum { LIMBS = 16 }; /* and one more while multiplying */

typedef struct {
    int count;
    uint64_t limb[LIMBS + 1];
} Wide;

static inline Wide wide_of(int64_t value) {
    Wide number;
    number.count = value != 0;
    number.limb[0] = (uint64_t)value;
    return number;
}

static inline Wide wide_add(Wide a, Wide b, int *bad) {
    if (a.count < b.count) {
        Wide swap = a;
        a = b;
        b = swap;
    }
    uint64_t carry = 0;
    for (int i = 0; i < a.count; i++) {
        u128 sum = (u128)a.limb[i] + (i < b.count ? b.limb[i] : 0) + carry;
        a.limb[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    if (carry && a.count == LIMBS) *bad = 1;
    if (carry && a.count < LIMBS) a.limb[a.count++] = carry;
    return a;
}

static inline Wide wide_sub(Wide a, Wide b) {
    uint64_t borrow = 0;
    for (int i = 0; i < a.count; i++) {
        u128 less = (u128)(i < b.count ? b.limb[i] : 0) + borrow;
        borrow = a.limb[i] < less;
        a.limb[i] = (uint64_t)(a.limb[i] - less);
    }
    while (a.count && !a.limb[a.count - 1]) a.count--;
    return a;
}

static inline Wide wide_mul(Wide a, Wide b, int *bad) {
    Wide product = {0, {0}};
    if (!a.count || !b.count) return product;
    if (a.count + b.count > LIMBS + 1) {
        *bad = 1;
        return product;
    }
    product.count = a.count + b.count;
    memset(product.limb, 0, sizeof(uint64_t) * (size_t)product.count);
    for (int i = 0; i < a.count; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < b.count; j++) {
            u128 sum = (u128)a.limb[i] * b.limb[j] + product.limb[i + j] + carry;
            product.limb[i + j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        product.limb[i + b.count] = carry;
    }
    while (product.count && !product.limb[product.count - 1]) product.count--;
    *bad |= product.count > LIMBS;
    return product;
}

static inline int wide_cmp(Wide a, Wide b) {
    if (a.count != b.count) return a.count < b.count ? -1 : 1;
    for (int i = a.count - 1; i >= 0; i--)
        if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i] ? -1 : 1;
    return 0;
}

static inline int wide_zero(Wide a) { return a.count == 0; }

/* The three highest limbs from a place on, moved up by some bits: the two highest limbs of that. */
static inline u128 wide_top(Wide a, int place, int up) {
    u128 high = place < a.count ? a.limb[place] : 0, low = place > 0 && place - 1 < a.count ? a.limb[place - 1] : 0;
    u128 rest = place > 1 && place - 2 < a.count ? a.limb[place - 2] : 0;
    u128 top = high << 64 | low;
    return up ? top << up | rest >> (64 - up) : top;
}

/* The quotient is an amount in minor units, below 2**42, so it has one limb: estimated from the highest limbs, it is
   at most two too large. */
static inline int64_t wide_quotient(Wide a, Wide b, Wide *rest) {
    int up = __builtin_clzll(b.limb[b.count - 1]), bad = 0;
    u128 estimate = wide_top(a, b.count, up) / (uint64_t)(wide_top(b, b.count - 1, up) >> 64);
    int64_t quotient = (int64_t)(estimate >> 62 ? (u128)1 << 62 : estimate);
    Wide part = wide_mul(b, wide_of(quotient), &bad);
    while (wide_cmp(part, a) > 0) {
        part = wide_sub(part, b);
        quotient--;
    }
    *rest = wide_sub(a, part);
    return quotient;
}

/* By a number of one limb that divides it. */
static inline Wide wide_divided(Wide a, Wide b) {
    uint64_t rest = 0;
    for (int i = a.count - 1; i >= 0; i--) {
        u128 part = (u128)rest << 64 | a.limb[i];
        a.limb[i] = (uint64_t)(part / b.limb[0]);
        rest = (uint64_t)(part % b.limb[0]);
    }
    while (a.count && !a.limb[a.count - 1]) a.count--;
    return a;
}

static inline Wide wide_gcd(Wide a, Wide b) {
    (void)a;
    (void)b;
    return wide_of(1);
}

#endif
