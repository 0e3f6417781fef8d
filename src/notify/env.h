/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every part of one machine shares: the clock, the trace, guest memory, the
 * quirks that are on, the latencies, the memory budget, the observer (the checker's
 * ear) and what is made to fail. Owned by the machine, borrowed by everybody else.
 */
#ifndef IOMMUSIM_NOTIFY_ENV_H
#define IOMMUSIM_NOTIFY_ENV_H

#include <stdbool.h>

#include "mem/dirty.h"
#include "mem/mem.h"
#include "notify/fail.h"
#include "notify/observer.h"
#include "sim/latency.h"
#include "sim/sim.h"
#include "trace/trace.h"
#include "util/alloc.h"
#include "util/names.h"
#include "util/quirks.h"

/* How a device answers the invalidation of its TLB that it is told of. */
enum completion {
    COMPLETION_GOOD,
    COMPLETION_INVALID, /* with an answer that belongs to no request */
    COMPLETION_NEVER,
};

struct env {
    struct sim *sim;
    struct trace *trace; /* never NULL */
    struct mem *mem;
    struct dirty dirty; /* of the migration that runs, or ran last */
    struct budget *budget;
    struct latencies latency;
    struct quirk_set quirks;
    struct observer observer; /* members may be NULL */
    enum completion answer;   /* of the device TLBs told last: see notify_answer */
    struct fail_plan fail;    /* what is made to fail */
    bool aborted;             /* the modelled monitor died; the run stops */
};

static inline bool
env_quirk(const struct env *e, enum quirk q)
{
    return quirk_on(&e->quirks, q);
}

/* A point of `subject` is met: 0 to go on, or the errno with which it fails. */
static inline int
fail_point(struct env *env, const char *subject, enum fail_op op)
{
    struct fail_plan *p = &env->fail;

    return ++p->points != p->nth && p->n == 0 ? 0 : fail_asked(env, subject, op);
}

/*
 * The monitor of this profile would have died here (an assertion of that version):
 * told to the observer as vmm-abort, and the run stops after this event. `subject`
 * and `why` are words for the trace; `who` did what the assertion forbids.
 */
void env_abort(struct env *e, const char *subject, enum blame who, const char *why);

/*
 * A migration that runs cannot succeed any more, since `subject` failed with `error`, a
 * positive errno: a line for the first such failure. Nothing if none runs.
 */
void env_migration_failed(struct env *e, const char *subject, int error);

#endif
