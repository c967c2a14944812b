/* Amounts in floating point, each with a bound of its error: a filter before the long numbers. Whatever has to be told
   apart is told only when the bound leaves no doubt. An error of 0 goes with whole amounts alone. */
#ifndef POI_CHOOSE_FINE_H
#define POI_CHOOSE_FINE_H

#include <float.h>

#include "_choose.h"

/* More than what one operation can be off, as a share of its result. */
#define OFF_BY (2 * LDBL_EPSILON)

typedef struct {
    long double value, error;
} Fine;

static inline Fine fine_of(int64_t amount) { return (Fine){(long double)amount, 0}; }

static inline Fine fine_less(Fine a, Fine b) {
    long double less = a.value > b.value ? a.value - b.value : 0, error = a.error + b.error;
    return (Fine){less, error > 0 ? error + a.value * OFF_BY : 0};
}

static inline Fine fine_sum(const Fine *fine, const uint16_t *lines, int count) {
    Fine sum = {0, 0};
    long double error = 0;
    for (int i = 0; i < count; i++) {
        sum.value += fine[lines[i]].value;
        sum.error += fine[lines[i]].error;
        error += sum.value * OFF_BY;
    }
    if (sum.error > 0) sum.error += error;
    return sum;
}

/* A percent of it, in basis points. */
static inline Fine fine_percent(Fine a, int64_t percent) {
    int64_t product = (int64_t)a.value * percent;
    if (a.error == 0 && product % WHOLE_PERCENT == 0) return fine_of(product / WHOLE_PERCENT);
    long double value = a.value * (long double)percent / WHOLE_PERCENT;
    return (Fine){value, a.error * (long double)percent / WHOLE_PERCENT + (a.error + value) * 3 * OFF_BY};
}

/* Its part of an amount that is taken off a sum; the sum's error is small beside it. */
static inline Fine fine_part(Fine a, int64_t amount, Fine sum) {
    long double ratio = (long double)amount / sum.value, value = a.value * ratio;
    return (Fine){value, 2 * ratio * (a.error + a.value / sum.value * sum.error) + (a.error + value) * 4 * OFF_BY};
}

/* Rounded down; `bad` when that is not certain. */
static inline int64_t fine_floor(Fine a, int *bad) {
    int64_t whole = (int64_t)a.value;
    if (a.error > 0 && ((whole && a.value - a.error < whole) || a.value + a.error >= whole + 1)) *bad = 1;
    return whole;
}

static inline int64_t fine_round(Fine a, int *bad) {
    if (a.error == 0) return (int64_t)a.value;
    return fine_floor((Fine){a.value + 0.5L, a.error + (a.value + 1) * OFF_BY}, bad);
}

/* Whether it is above an amount; `bad` when that is not certain. */
static inline int fine_above(Fine a, long double amount, int *bad) {
    long double error = a.error > 0 ? a.error + (a.value + amount) * OFF_BY : 0;
    if (error > 0 && a.value > amount - error && a.value <= amount + error) *bad = 1;
    return a.value > amount;
}

#endif
