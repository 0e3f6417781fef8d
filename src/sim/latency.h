/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The run's latencies: one distribution and one random stream for each kind.
 */
#ifndef IOMMUSIM_SIM_LATENCY_H
#define IOMMUSIM_SIM_LATENCY_H

#include "sim/dist.h"
#include "sim/sim.h"
#include "util/dist.h"
#include "util/latency.h"

struct latencies {
    struct sim *sim; /* borrowed */
    struct latency_slot {
        struct dist dist;
        struct sim_stream *stream; /* NULL while the distribution is constant */
        sim_time constant;         /* its value then */
    } slot[LATENCY_COUNT];
};

/* All zero. */
void latencies_init(struct latencies *l, struct sim *sim);
void latencies_set(struct latencies *l, enum latency_kind kind, const struct dist *d);

/* One draw, in ns. */
static inline sim_time
latency_draw(struct latencies *l, enum latency_kind kind)
{
    const struct latency_slot *s = &l->slot[kind];

    return s->stream == NULL ? s->constant : sim_draw(s->stream, &s->dist);
}

/* One draw, charged to the synchronous work in progress. */
static inline void
latency_charge(struct latencies *l, enum latency_kind kind)
{
    sim_time ns = latency_draw(l, kind);

    if (ns != 0) {
        sim_charge(l->sim, ns);
    }
}

#endif
