/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_late.h. */
#include "iommu/vtd_late.h"

#include <stdlib.h>

#include "iommu/vtd_caches.h"

static void
on_end(void *self, uint64_t serial)
{
    struct vtd *v = self;
    struct vtd_late *late = &v->late;
    size_t i = 0;

    while (late->walks[i].serial != serial) {
        i++;
    }
    const struct vtd_late_walk done = late->walks[i];
    late->walks[i] = late->walks[--late->n];
    if (done.invalidations == late->invalidations ||
        env_quirk(v->base.env, QUIRK_VTD_INSERT_AFTER_INV_RACE)) {
        vtd_caches_put_page(v, done.sid, &done.found);
    }
}

sim_time
vtd_late_walk(struct vtd *v)
{
    const sim_time time = latency_draw(&v->base.env->latency, LATENCY_WALK);

    sim_charge(v->base.env->sim, time);
    return time;
}

void
vtd_late_put_page(struct vtd *v, uint16_t sid, const struct vtd_cached *e, sim_time time)
{
    struct sim *sim = v->base.env->sim;
    struct vtd_late *late = &v->late;

    if (time == 0) {
        vtd_caches_put_page(v, sid, e);
        return;
    }
    if (late->n == late->size) {
        late->size = late->size == 0 ? 8 : 2 * late->size;
        late->walks = xrealloc(late->walks, late->size, sizeof(*late->walks));
    }
    late->walks[late->n++] = (struct vtd_late_walk){
        .serial = ++late->serial,
        .invalidations = late->invalidations,
        .sid = sid,
        .found = *e,
    };
    sim_at(sim, sim_now(sim) + time, on_end, v, late->serial);
}

void
vtd_late_fini(struct vtd *v)
{
    free(v->late.walks);
}
