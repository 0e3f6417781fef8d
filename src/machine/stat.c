/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Figures of a result: what `stats` of an expectation can ask for. */
#include <string.h>

#include "machine/machine.h"

static uint64_t
exposure_figure(const struct exposure_stats *x, enum run_stat stat)
{
    const uint64_t figures[STAT_COUNT] = {
        [STAT_EXPOSURE_COUNT] = x->count, [STAT_EXPOSURE_TOTAL] = x->total_ns,
        [STAT_EXPOSURE_MAX] = x->max_ns,  [STAT_EXPOSURE_P50] = x->p50_ns,
        [STAT_EXPOSURE_P90] = x->p90_ns,  [STAT_EXPOSURE_P99] = x->p99_ns,
        [STAT_EXPOSURE_BYTES] = x->bytes, [STAT_EXPOSURE_BYTE_SECONDS] = x->byte_ns,
    };

    return figures[stat];
}

uint64_t
machine_stat(const struct machine_result *r, enum run_stat stat)
{
    const uint64_t figures[STAT_COUNT] = {
        [STAT_EVENTS] = r->events,
        [STAT_TIME] = r->time,
        [STAT_STEPS] = r->steps,
        [STAT_HYPERCALLS] = r->hypercalls,
        [STAT_DMA] = r->dmas,
        [STAT_MISSES] = r->misses,
        [STAT_BATCHES] = r->batches,
        [STAT_FAULTS] = r->faults,
        [STAT_VIOLATIONS] = r->violations,
    };

    return stat < STAT_EXPOSURE_COUNT ? figures[stat]
                                      : exposure_figure(&r->exposure, stat);
}

uint64_t
machine_stat_of(const struct machine_result *r, const char *subject,
                enum violation_class class, enum run_stat stat)
{
    for (size_t i = 0; i < r->n_exposures; i++) {
        const struct exposure_stats *x = &r->exposures[i];
        if (x->class == class && strcmp(x->subject, subject) == 0) {
            return exposure_figure(x, stat);
        }
    }
    return 0;
}
