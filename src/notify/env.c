/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See env.h. A monitor dies once: what follows its first death is not told. */
#include "notify/env.h"

void
env_abort(struct env *e, const char *subject, enum blame who, const char *why)
{
    if (!e->aborted) {
        e->aborted = true;
        observe(e, aborted, subject, who, why);
    }
}

void
env_migration_failed(struct env *e, const char *subject, int error)
{
    struct trace_rec rec;

    if (!e->dirty.on || e->dirty.failed) {
        return;
    }
    e->dirty.failed = true;
    if (trace_wants(e->trace, TE_MIGRATION_FAILED)) {
        trace_begin(&rec, sim_now(e->sim), subject, TE_MIGRATION_FAILED);
        trace_u64(&rec, TF_ERRNO, (uint64_t)error);
        trace_emit(e->trace, &rec);
    }
}
