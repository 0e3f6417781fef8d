/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operations: see op.h. */
#include "guest/op.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "guest/state.h"
#include "util/alloc.h"

struct op *
op_new(struct guest *g, const struct step *s, guest_done_fn *done, void *self)
{
    struct op *op = g->spare_ops;

    if (op != NULL) {
        g->spare_ops = op->link;
    } else {
        op = xcalloc(1, sizeof(*op));
        op->g = g;
        op->next_of_all = g->all_ops;
        g->all_ops = op;
    }
    op->link = NULL;
    op->step = s;
    op->done = done;
    op->self = self;
    guest_reply_init(&op->reply);
    op->cost = 0;
    return op;
}

void
op_free_all(struct guest *g)
{
    while (g->all_ops != NULL) {
        struct op *op = g->all_ops;

        g->all_ops = op->next_of_all;
        intel_work_fini(&op->vtd);
        free(op);
    }
    g->spare_ops = NULL;
}

static void
resume_event(void *self, uint64_t arg)
{
    struct op *op = self;

    (void)arg;
    op_run(op, op->next);
}

void
op_run(struct op *op, struct phase p)
{
    while (p.fn != NULL) {
        p = p.fn(op);
        if (p.fn != NULL && op->cost != 0) {
            struct sim *sim = op->g->env->sim;

            op->next = p;
            sim_at(sim, sim_now(sim) + op->cost, resume_event, op, 0);
            op->cost = 0;
            return;
        }
    }
}

void
op_resume(struct op *op)
{
    struct sim *sim = op->g->env->sim;

    sim_at(sim, sim_now(sim), resume_event, op, 0);
}

struct phase
op_end(struct op *op)
{
    struct guest *g = op->g;
    guest_done_fn *done = op->done;

    /* Back into the pool only afterwards: the reply lives in the operation. */
    if (done != NULL) {
        done(op->self, &op->reply);
    }
    op->link = g->spare_ops;
    g->spare_ops = op;
    return PHASE_WAIT;
}

void
op_fail(struct op *op, const char *fmt, ...)
{
    va_list ap;

    if (!op->reply.ok) {
        return;
    }
    op->reply.ok = false;
    va_start(ap, fmt);
    vsnprintf(op->reply.why, sizeof(op->reply.why), fmt, ap);
    va_end(ap);
}

void
op_charge(struct op *op, enum latency_kind kind, uint64_t n)
{
    struct latencies *l = &op->g->env->latency;

    if (l->slot[kind].stream == NULL) {
        op->cost += n * l->slot[kind].constant;
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        op->cost += latency_draw(l, kind);
    }
}

uint64_t
op_mmio_read(struct op *op, struct iommu *m, uint64_t off, unsigned width)
{
    op_charge(op, LATENCY_MMIO, 1);
    return iommu_mmio_read(m, off, width);
}

void
op_mmio_write(struct op *op, struct iommu *m, uint64_t off, unsigned width,
              uint64_t value)
{
    op_charge(op, LATENCY_MMIO, 1);
    iommu_mmio_write(m, off, width, value);
    op->cost += sim_take_charge(op->g->env->sim);
}
