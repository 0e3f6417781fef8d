/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest: what its IOMMU drivers do for the steps of a scenario. VT-d tables,
 * contexts and queue are real bytes in guest RAM, written through the pure format
 * headers; the IOMMU is told by its doorbells alone. PAPR tables are changed by
 * hypercalls.
 *
 * A step may take simulated time (latencies, a queue that runs dry later). Several
 * actors may have steps in progress at once; submissions to one queue follow one
 * another in order of arrival.
 */
#ifndef IOMMUSIM_GUEST_GUEST_H
#define IOMMUSIM_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "notify/env.h"
#include "scenario/scenario.h"
#include "util/err.h"

struct guest;

/* How a step ended. */
struct guest_reply {
    bool ok;
    bool has_ret;        /* a hypercall was made: its (last) status */
    unsigned hypercalls; /* made by the step */
    int64_t ret;
    bool has_rets; /* a firmware call: the words that it wrote, status first */
    unsigned n_rets;
    uint32_t rets[RTAS_WORDS];
    bool has_value; /* H_GET_TCE, mmio_expect: what was read */
    uint64_t value;
    char why[96]; /* !ok: words for the trace's `result` and messages */
};

/* Good, and nothing else said; what a flag speaks of is left as it was. */
static inline void
guest_reply_init(struct guest_reply *r)
{
    r->ok = true;
    r->has_ret = false;
    r->hypercalls = 0;
    r->has_rets = false;
    r->has_value = false;
    r->why[0] = '\0';
}

typedef void guest_done_fn(void *self, const struct guest_reply *reply);

/*
 * The scenario and iommus[] (one for each of sc->iommus, same order) are borrowed.
 * Domains of the scenario exist from the start, without tables.
 */
struct guest *guest_new(struct env *env, const struct scenario *sc,
                        struct iommu *const *iommus);
void guest_free(struct guest *g); /* NULL is fine */

/*
 * What the driver does before time 0 (strict, lazy): root table, queue,
 * translation on, a domain for each plugged device that has no attach of its own.
 * Latencies do not count. manual: nothing.
 */
void guest_boot(struct guest *g);

/*
 * A device came (after its subscribers have registered) or went: the driver gives
 * it its domain, or takes it away. manual: nothing. done as for guest_do.
 */
void guest_plugged(struct guest *g, uint32_t device, guest_done_fn *done, void *self);
void guest_unplugged(struct guest *g, uint32_t device, guest_done_fn *done, void *self);

/*
 * The IOMMU, or the whole machine (SCENARIO_NONE), was reset: what the driver knew is
 * void.
 */
void guest_reset(struct guest *g, uint32_t iommu);

/*
 * Carry out one step. done(self, reply) is called exactly once, before this
 * returns if no simulated time passes. `s` must stay as it is until then.
 */
void guest_do(struct guest *g, const struct step *s, guest_done_fn *done, void *self);

/*
 * The id by which descriptors name a domain: of the scenario, or (SCENARIO_NONE) the one
 * that the device is attached to, or else its own. False: it has none.
 */
bool guest_domain_id(struct guest *g, uint32_t device, uint32_t domain, uint16_t *did);

/* The lazy driver holds unmaps that its timer has still to flush. */
bool guest_pending(const struct guest *g);

#endif
