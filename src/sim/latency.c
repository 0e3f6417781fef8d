/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See latency.h. A stream is named after its latency, so that setting one shifts no
 * other.
 */
#include "sim/latency.h"

#include <stdio.h>
#include <string.h>

void
latencies_init(struct latencies *l, struct sim *sim)
{
    memset(l, 0, sizeof(*l));
    l->sim = sim;
}

void
latencies_set(struct latencies *l, enum latency_kind kind, const struct dist *d)
{
    struct latency_slot *s = &l->slot[kind];
    char name[32];

    s->dist = *d;
    if (d->kind == DIST_CONSTANT) {
        s->stream = NULL;
        s->constant = sim_draw(NULL, d);
        return;
    }
    snprintf(name, sizeof(name), "latency/%u", (unsigned)kind);
    s->stream = sim_stream(l->sim, name);
}
