/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_devtlb.h. */
#include "iommu/vtd_devtlb.h"

#include <stdlib.h>

#include "iommu/vtd_fault.h"
#include "iommu/vtd_queue.h"

/* What happens to a request; an event's argument is serial number and one of these. */
enum { COMPLETES, ANSWERS_BADLY, TIMES_OUT, HAPPENINGS };

size_t
vtd_devtlb_pending(const struct vtd *v)
{
    return v->devtlb.n;
}

size_t
vtd_devtlb_pending_of(const struct vtd *v, uint16_t sid)
{
    size_t n = 0;

    for (size_t i = 0; i < v->devtlb.n; i++) {
        n += v->devtlb.sent[i].sid == sid;
    }
    return n;
}

static void
trace_completion(const struct vtd *v, uint16_t sid)
{
    struct trace_rec r;

    if (vtd_wants(v, TE_COMPLETION)) {
        vtd_trace_begin(v, &r, TE_COMPLETION);
        trace_u64(&r, TF_SID, sid);
        trace_emit(v->base.env->trace, &r);
    }
}

/* Serial numbers are never used again: the event of a forgotten request finds none. */
static void
on_event(void *self, uint64_t arg)
{
    struct vtd *v = self;
    struct vtd_devtlb *t = &v->devtlb;
    size_t i = 0;

    while (i < t->n && t->sent[i].serial != arg / HAPPENINGS) {
        i++;
    }
    if (i == t->n) {
        return;
    }
    const uint16_t sid = t->sent[i].sid;
    if (arg % HAPPENINGS == ANSWERS_BADLY) {
        vtd_fault_bad_completion(v, sid);
        return;
    }
    if (arg % HAPPENINGS == TIMES_OUT && env_quirk(v->base.env, QUIRK_ATS_NO_TIMEOUT)) {
        /* It would wait for ever; the run goes on as if it had not. */
        observe(v->base.env, overspent, v->base.id, BLAME_IOMMU, "device-tlb-completion",
                v->cfg.ats_timeout);
    }
    t->sent[i] = t->sent[--t->n];
    if (arg % HAPPENINGS == TIMES_OUT) {
        vtd_fault_timeout(v, sid);
        vtd_queue_abort_wait(v);
    } else {
        trace_completion(v, sid);
    }
    vtd_queue_resume(v);
}

static void
expect(struct vtd *v, sim_time after, unsigned happening)
{
    struct sim *sim = v->base.env->sim;

    sim_at(sim, sim_now(sim) + after, on_event, v,
           v->devtlb.serial * HAPPENINGS + happening);
}

void
vtd_devtlb_sent(struct vtd *v, uint16_t sid, sim_time cost, enum completion how)
{
    struct vtd_devtlb *t = &v->devtlb;
    const sim_time limit = v->cfg.ats_timeout;
    const bool in_time = cost <= limit;

    if (cost == 0 && how == COMPLETION_GOOD) {
        trace_completion(v, sid);
        return;
    }
    if (t->n == t->size) {
        t->size = t->size == 0 ? 8 : 2 * t->size;
        t->sent = xrealloc(t->sent, t->size, sizeof(*t->sent));
    }
    t->sent[t->n++] = (struct vtd_devtlb_request){ ++t->serial, sid };
    if (in_time && how == COMPLETION_GOOD) {
        expect(v, cost, COMPLETES);
        return;
    }
    if (in_time && how == COMPLETION_INVALID) {
        expect(v, cost, ANSWERS_BADLY);
    }
    expect(v, limit, TIMES_OUT);
}

void
vtd_devtlb_reset(struct vtd *v)
{
    free(v->devtlb.sent);
    v->devtlb = (struct vtd_devtlb){ .serial = v->devtlb.serial };
}
