/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Submissions to a VT-d unit: see intel_queue.h. */
#include "guest/intel_queue.h"

#include "guest/op.h"
#include "guest/state.h"

enum {
    QUEUE_SIZE = 256, /* QS = 0 */
    STATUS_WORDS = PAGE_BYTES / 4,
    STATUS_WAITING = 1,
    STATUS_DONE = 2,
};

#define GCMD_LEVELS (VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE | VTD_GCMD_CFI)

/* ---- registers ---- */

uint64_t
intel_read(struct op *op, enum vtd_reg reg, unsigned width)
{
    return op_mmio_read(op, op->vtd.unit->m, (uint64_t)reg, width);
}

void
intel_write(struct op *op, enum vtd_reg reg, unsigned width, uint64_t value)
{
    op_mmio_write(op, op->vtd.unit->m, (uint64_t)reg, width, value);
}

bool
intel_command(struct op *op, uint64_t bit)
{
    uint64_t levels = intel_read(op, VTD_GSTS, 4) & GCMD_LEVELS;

    intel_write(op, VTD_GCMD, 4, levels | bit);
    /* Write-buffer flush alone shows being busy, the others being done. */
    return ((intel_read(op, VTD_GSTS, 4) & bit) == 0) == (bit == VTD_GCMD_WBF);
}

/* ---- one after the other ---- */

struct phase
intel_hold(struct op *op, struct phase (*then)(struct op *op))
{
    struct intel_queue *q = &op->vtd.unit->queue;

    if (q->holder == NULL) {
        q->holder = op;
        return PHASE(then);
    }
    op->next = PHASE(then);
    op->link = NULL;
    if (q->first_wait == NULL) {
        q->first_wait = op;
    } else {
        q->last_wait->link = op;
    }
    q->last_wait = op;
    return PHASE_WAIT;
}

void
intel_release(struct op *op)
{
    struct intel_queue *q = &op->vtd.unit->queue;

    q->holder = q->first_wait;
    if (q->holder != NULL) {
        q->first_wait = q->holder->link;
        op_resume(q->holder);
    }
}

/* ---- waiting ---- */

static struct phase submission_done(struct op *op);
static struct phase queue_more(struct op *op);

static struct phase
after_idle(struct op *op)
{
    return op->step != NULL && op->step->kind == STEP_QI ? queue_more(op)
                                                         : submission_done(op);
}

static void
unit_idle(void *self)
{
    struct op *op = self;

    if (op->vtd.submit.calling) {
        op->vtd.submit.idle = true;
    } else {
        op_run(op, PHASE(after_idle));
    }
}

static struct phase
wait_idle(struct op *op)
{
    struct intel_submission *s = &op->vtd.submit;

    s->idle = false;
    s->calling = true;
    iommu_when_idle(op->vtd.unit->m, unit_idle, op);
    s->calling = false;
    return s->idle ? PHASE(after_idle) : PHASE_WAIT;
}

/* ---- the queue ---- */

static void
put_descriptor(struct op *op, struct vtd_pair d)
{
    struct intel_queue *q = &op->vtd.unit->queue;
    struct mem *mem = op->g->env->mem;
    gpa_t at = GPA(q->base.v + VTD_DESC_BYTES * (uint64_t)q->tail);

    mem_write64le(mem, at, d.lo);
    mem_write64le(mem, GPA(at.v + 8), d.hi);
    q->tail = (q->tail + 1) % q->size;
}

static gpa_t
status_word(const struct intel_queue *q, uint32_t slot)
{
    return GPA(q->status.v + 4 * (uint64_t)(slot % STATUS_WORDS));
}

static bool
have_status(struct op *op)
{
    struct intel_queue *q = &op->vtd.unit->queue;

    if (!q->has_status) {
        q->has_status = table_pages_take(&op->g->pages, &q->status);
    }
    if (!q->has_status) {
        op_fail(op, "table-memory-exhausted");
    }
    return q->has_status;
}

static struct vtd_pair
wait_descriptor(struct op *op)
{
    struct intel_queue *q = &op->vtd.unit->queue;
    gpa_t word = status_word(q, q->tail);

    op->vtd.submit.slot = q->tail;
    mem_write32le(op->g->env->mem, word, STATUS_WAITING);
    return vtd_desc_wait(VTD_DESC_WAIT_SW, word.v, STATUS_DONE);
}

static void
ring(struct op *op)
{
    intel_write(op, VTD_IQT, 8, VTD_DESC_BYTES * (uint64_t)op->vtd.unit->queue.tail);
}

static struct phase
submit_to_queue(struct op *op)
{
    const struct intel_request *r = &op->vtd.submit.request;

    put_descriptor(op, r->context
                           ? vtd_desc_context(r->gran, r->did, r->sid, 0)
                           : vtd_desc_iotlb(r->gran, r->did, r->addr, r->am, r->ih));
    put_descriptor(op, wait_descriptor(op));
    ring(op);
    return PHASE(wait_idle);
}

/* ---- the registers ---- */

static struct phase
submit_to_registers(struct op *op)
{
    const struct intel_request *r = &op->vtd.submit.request;

    if (r->context) {
        intel_write(op, VTD_CCMD, 8,
                    VTD_CCMD_ICC | VTD_CCMD_CIRG(r->gran) | VTD_CCMD_SID(r->sid) |
                        VTD_CCMD_DID(r->did));
    } else {
        if (r->gran == VTD_GRAN_FINE) {
            intel_write(op, VTD_IVA, 8,
                        r->addr | (r->ih ? VTD_DESC_IOTLB_IH : 0) | r->am);
        }
        intel_write(op, VTD_IOTLB, 8,
                    VTD_IOTLB_IVT | VTD_IOTLB_IIRG(r->gran) | VTD_IOTLB_DR |
                        VTD_IOTLB_DW | VTD_IOTLB_DID(r->did));
    }
    return PHASE(wait_idle);
}

static void
check_registers(struct op *op)
{
    bool context = op->vtd.submit.request.context;
    uint64_t v = intel_read(op, context ? VTD_CCMD : VTD_IOTLB, 8);

    if ((v & (context ? VTD_CCMD_ICC : VTD_IOTLB_IVT)) != 0) {
        op_fail(op, "invalidation-not-done");
    } else if ((v & (context ? VTD_CCMD_CAIG_MASK : VTD_IOTLB_IAIG_MASK)) == 0) {
        op_fail(op, "invalidation-rejected");
    }
}

/* ---- submissions ---- */

static void
check_done(struct op *op)
{
    const struct intel_submission *s = &op->vtd.submit;
    const struct intel_queue *q = &op->vtd.unit->queue;

    if (s->resets != q->resets) {
        return; /* nothing is cached any more */
    }
    if (!q->enabled) {
        check_registers(op);
    } else if (mem_read32le(op->g->env->mem, status_word(q, s->slot)) != STATUS_DONE) {
        op_fail(op, "queue-error");
    }
}

static struct phase
submission_done(struct op *op)
{
    check_done(op);
    if (!op->vtd.submit.keep) {
        intel_release(op);
    }
    return PHASE(op->vtd.submit.after);
}

/* A unit that the driver has not set up: whatever its registers say. */
static void
probe(struct op *op)
{
    struct intel_queue *q = &op->vtd.unit->queue;

    q->enabled = (intel_read(op, VTD_GSTS, 4) & VTD_GCMD_QIE) != 0;
    if (q->enabled) {
        uint64_t iqa = intel_read(op, VTD_IQA, 8);

        q->base = GPA(iqa & VTD_IQA_BASE);
        q->size = (uint32_t)(vtd_queue_bytes(iqa) / VTD_DESC_BYTES);
        q->tail =
            (uint32_t)((intel_read(op, VTD_IQT, 8) & VTD_IQ_OFFSET) / VTD_DESC_BYTES);
        q->tail %= q->size;
    }
}

static struct phase
submit_held(struct op *op)
{
    struct intel_unit *u = op->vtd.unit;

    if (op->g->driver == GUEST_MANUAL) {
        probe(op);
    }
    op->vtd.submit.resets = u->queue.resets;
    if (!u->queue.enabled) {
        return submit_to_registers(op);
    }
    if (!have_status(op)) {
        intel_release(op);
        return PHASE(op->vtd.submit.after);
    }
    return submit_to_queue(op);
}

struct phase
intel_submit(struct op *op, struct intel_request r, struct phase (*after)(struct op *op))
{
    op->vtd.submit.request = r;
    op->vtd.submit.after = after;
    return op->vtd.submit.keep ? PHASE(submit_held) : intel_hold(op, submit_held);
}

struct intel_request
intel_request_pages(uint64_t cap, uint16_t did, uint64_t first, uint64_t last, bool ih)
{
    uint64_t differ = (first ^ last) >> PAGE_LG2;
    unsigned am = differ == 0 ? 0 : 64U - (unsigned)__builtin_clzll(differ);

    if ((cap & VTD_CAP_PSI) == 0 || am > (cap >> 48 & 63)) {
        return (struct intel_request){ .gran = VTD_GRAN_DOMAIN, .did = did };
    }
    return (struct intel_request){
        .gran = VTD_GRAN_FINE,
        .did = did,
        .addr = align_down(first, PAGE_LG2 + am),
        .am = am,
        .ih = ih,
    };
}

/* ---- setting up ---- */

struct phase
intel_queue_start(struct op *op, struct phase (*then)(struct op *op))
{
    struct intel_unit *u = op->vtd.unit;
    struct intel_queue *q = &u->queue;

    q->enabled = false;
    if ((u->ecap & VTD_ECAP_QI) == 0) {
        return PHASE(then);
    }
    if (q->size == 0 && !table_pages_take(&op->g->pages, &q->base)) {
        op_fail(op, "table-memory-exhausted");
        return PHASE(then);
    }
    if (!have_status(op)) {
        return PHASE(then);
    }
    q->size = QUEUE_SIZE;
    q->tail = 0;
    intel_write(op, VTD_IQT, 8, 0);
    intel_write(op, VTD_IQA, 8, q->base.v);
    q->enabled = intel_command(op, VTD_GCMD_QIE);
    return PHASE(then);
}

/* ---- raw descriptors ---- */

static struct vtd_pair
encode(struct op *op, const struct qi_descriptor *d)
{
    struct vtd_pair p;

    switch ((enum qi_type)d->type) {
    case QI_RAW:
        return (struct vtd_pair){ .lo = d->raw[0], .hi = d->raw[1] };
    case QI_CONTEXT:
        return vtd_desc_context((enum vtd_gran)d->granularity, d->did, d->sid, d->fm);
    case QI_IOTLB:
        p = vtd_desc_iotlb((enum vtd_gran)d->granularity, d->did, d->address, d->am,
                           d->ih);
        p.lo &= ~(VTD_DESC_IOTLB_DR | VTD_DESC_IOTLB_DW);
        p.lo |= (d->drain_read ? VTD_DESC_IOTLB_DR : 0) |
                (d->drain_write ? VTD_DESC_IOTLB_DW : 0);
        return p;
    case QI_IEC:
        return vtd_desc_iec(d->granularity == 0, d->index, d->im);
    case QI_WAIT:
        break;
    }
    p = wait_descriptor(op);
    return vtd_desc_wait((d->irq ? VTD_DESC_WAIT_IF : 0) |
                             (d->status ? VTD_DESC_WAIT_SW : 0) |
                             (d->fence ? VTD_DESC_WAIT_FN : 0),
                         d->has_address ? d->address
                         : d->status    ? p.hi
                                        : 0,
                         d->data);
}

/* Write as many as fit, one slot staying free, and ring. */
static struct phase
queue_more(struct op *op)
{
    const struct step_qi *s = &op->step->u.qi;
    uint32_t *sent = &op->vtd.submit.sent;

    if (*sent == s->n) {
        intel_release(op);
        return PHASE(op_end);
    }
    for (uint32_t room = op->vtd.unit->queue.size - 1; room > 0 && *sent < s->n; room--) {
        put_descriptor(op, encode(op, &s->desc[(*sent)++]));
    }
    ring(op);
    return PHASE(wait_idle);
}

static struct phase
queue_held(struct op *op)
{
    struct intel_unit *u = op->vtd.unit;

    if (!u->on) {
        probe(op);
    }
    if (!u->queue.enabled || !have_status(op)) {
        op_fail(op, "queue-off");
        intel_release(op);
        return PHASE(op_end);
    }
    op->vtd.submit.sent = 0;
    return queue_more(op);
}

struct phase
intel_qi(struct op *op)
{
    op->vtd.unit = op->g->units[op->step->u.qi.iommu];
    return intel_hold(op, queue_held);
}
