/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The trace lines that subscribers of all kinds have in common. See internal.h.
 */
#include "subscriber/internal.h"

/* A line of s; false: nobody wants it. */
static bool
begin_line(const struct subscriber *s, struct trace_rec *rec, enum trace_event event)
{
    if (!trace_wants(s->env->trace, event)) {
        return false;
    }
    trace_begin(rec, sim_now(s->env->sim), s->config.name, event);
    return true;
}

void
subscriber_trace_range(const struct subscriber *s, enum trace_event event, uint64_t first,
                       uint64_t last)
{
    struct trace_rec rec;

    if (begin_line(s, &rec, event)) {
        trace_u64(&rec, TF_IOVA, first);
        trace_u64(&rec, TF_SIZE, last - first + 1);
        if (event == TE_BYPASS_MAP) {
            trace_u64(&rec, TF_GPA, first);
            trace_u64(&rec, TF_PERM, PERM_RW);
        }
        trace_emit(s->env->trace, &rec);
    }
}

void
subscriber_trace_refused(const struct env *env, const char *who, const char *why,
                         int error)
{
    struct trace_rec rec;

    if (trace_wants(env->trace, TE_REFUSED)) {
        trace_begin(&rec, sim_now(env->sim), who, TE_REFUSED);
        trace_text(&rec, TF_REASON, why);
        trace_u64(&rec, TF_ERRNO, (uint64_t)error);
        trace_emit(env->trace, &rec);
    }
}

void
subscriber_note_failure(struct subscriber *s, const char *op, uint64_t first,
                        uint64_t last, int error)
{
    struct trace_rec rec;

    s->errors++;
    if (begin_line(s, &rec, TE_ERROR)) {
        trace_text(&rec, TF_OP, op);
        trace_u64(&rec, TF_ERRNO, (uint64_t)error);
        trace_u64(&rec, TF_IOVA, first);
        trace_u64(&rec, TF_SIZE, last - first + 1);
        trace_emit(s->env->trace, &rec);
    }
}
