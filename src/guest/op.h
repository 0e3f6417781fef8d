/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations: what the guest has in progress. An operation is a chain of phases.
 * A phase does its work at once and adds up what it cost; if that is nothing the
 * next phase follows at once, else at an event that much later. So with all
 * latencies zero a whole operation is one call and no event is ever made, and with
 * latencies other parties act between the phases.
 *
 * The rule for costs: an access takes effect at once, its cost passes after it.
 */
#ifndef IOMMUSIM_GUEST_OP_H
#define IOMMUSIM_GUEST_OP_H

#include <stdint.h>

#include "guest/guest.h"
#include "guest/intel_driver.h"
#include "guest/pseries_driver.h"
#include "util/latency.h"

struct op;

/* What to do next. NULL: nothing, the operation is over or waits for op_resume. */
struct phase {
    struct phase (*fn)(struct op *op);
};
#define PHASE(f)   ((struct phase){ (f) })
#define PHASE_WAIT ((struct phase){ NULL })

struct op {
    struct guest *g;
    struct op *link;         /* spare ones, or those that wait for a unit */
    struct op *next_of_all;  /* every one ever made */
    const struct step *step; /* NULL: the driver's own work */
    guest_done_fn *done;     /* NULL: nobody wants to know */
    void *self;
    struct guest_reply reply;
    sim_time cost;         /* of the phase so far */
    struct phase next;     /* where op_resume goes on */
    struct intel_work vtd; /* of the driver concerned; buffers stay from use to use */
    struct pseries_work papr;
};

/* An operation with reply.ok and nothing else set. The guest owns it. */
struct op *op_new(struct guest *g, const struct step *s, guest_done_fn *done, void *self);
void op_free_all(struct guest *g);

/* Run from phase p until the end, or until it has to wait. */
void op_run(struct op *op, struct phase p);
/* Go on with op->next: by an event at this very time. */
void op_resume(struct op *op);

/* The last phase: replies, and gives the operation back. */
struct phase op_end(struct op *op);
/* The reply says why it failed (the first reason stands). The operation goes on. */
void op_fail(struct op *op, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Add the cost of n things of that kind. */
void op_charge(struct op *op, enum latency_kind kind, uint64_t n);

/* Register accesses with their cost, that of what a write set off included. */
uint64_t op_mmio_read(struct op *op, struct iommu *m, uint64_t off, unsigned width);
void op_mmio_write(struct op *op, struct iommu *m, uint64_t off, unsigned width,
                   uint64_t value);

#endif
