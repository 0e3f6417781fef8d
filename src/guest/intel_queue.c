/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Submissions to a VT-d unit: see intel_queue.h. */
#include "guest/intel_queue.h"

#include "guest/op.h"
#include "guest/state.h"

enum {
    QUEUE_SIZE = 256,
    WIDE_QUEUE_PAGES = 2, /* of so many descriptors of 32 bytes: QS = 1 */
    STATUS_WORDS = PAGE_BYTES / 4,
    STATUS_WAITING = 1,
    STATUS_DONE = 2,
    TRIES = 3, /* that a silent device is given */
};

#define GCMD_LEVELS (VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE | VTD_GCMD_CFI)

/* ---- registers ---- */

static uint64_t
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

static struct phase
after_idle(struct op *op)
{
    return op->vtd.submit.at_idle(op);
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

struct phase
intel_queue_idle(struct op *op, struct phase (*then)(struct op *op))
{
    struct intel_submission *s = &op->vtd.submit;

    s->at_idle = then;
    s->idle = false;
    s->calling = true;
    iommu_when_idle(op->vtd.unit->m, unit_idle, op);
    s->calling = false;
    return s->idle ? PHASE(then) : PHASE_WAIT;
}

/* ---- the queue ---- */

static uint64_t
descriptor_bytes(const struct intel_queue *q)
{
    return q->wide ? 2 * VTD_DESC_BYTES : VTD_DESC_BYTES;
}

/* `upper`: of a wide queue's descriptor; NULL: zeros. */
static void
put(struct op *op, struct vtd_pair d, const struct vtd_pair *upper)
{
    struct intel_queue *q = &op->vtd.unit->queue;
    struct mem *mem = op->g->env->mem;
    uint64_t at = q->base.v + descriptor_bytes(q) * q->tail;

    mem_write64le(mem, GPA(at), d.lo);
    mem_write64le(mem, GPA(at + 8), d.hi);
    if (q->wide) {
        mem_write64le(mem, GPA(at + 16), upper != NULL ? upper->lo : 0);
        mem_write64le(mem, GPA(at + 24), upper != NULL ? upper->hi : 0);
    }
    q->tail = q->tail + 1 == q->size ? 0 : q->tail + 1;
}

void
intel_queue_put(struct op *op, const uint64_t word[INTEL_DESC_WORDS])
{
    put(op, (struct vtd_pair){ word[0], word[1] },
        &(struct vtd_pair){ word[2], word[3] });
}

static gpa_t
status_word(const struct intel_queue *q, uint32_t slot)
{
    return GPA(q->status.v + 4 * (uint64_t)(slot % STATUS_WORDS));
}

bool
intel_queue_status(struct op *op)
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

struct vtd_pair
intel_queue_wait(struct op *op)
{
    struct intel_queue *q = &op->vtd.unit->queue;
    gpa_t word = status_word(q, q->tail);

    op->vtd.submit.slot = q->tail;
    mem_write32le(op->g->env->mem, word, STATUS_WAITING);
    return vtd_desc_wait(VTD_DESC_WAIT_SW, word.v, STATUS_DONE);
}

void
intel_queue_ring(struct op *op)
{
    const struct intel_queue *q = &op->vtd.unit->queue;

    intel_write(op, VTD_IQT, 8, descriptor_bytes(q) * q->tail);
}

/* Drains are asked for where the unit has them. */
static bool
drains(const struct intel_unit *u, bool reads)
{
    return (u->cap & (reads ? VTD_CAP_DRD : VTD_CAP_DWD)) != 0;
}

static struct vtd_pair
encode_iotlb(const struct intel_unit *u, const struct intel_request *r)
{
    struct vtd_pair d =
        vtd_desc_iotlb((enum vtd_gran)r->gran, r->did, r->addr, r->am, r->ih);

    d.lo &= ~((drains(u, true) ? 0 : VTD_DESC_IOTLB_DR) |
              (drains(u, false) ? 0 : VTD_DESC_IOTLB_DW));
    return d;
}

static struct vtd_pair
encode(const struct intel_unit *u, const struct intel_request *r)
{
    switch ((enum intel_inv)r->kind) {
    case INTEL_INV_IOTLB:
        break;
    case INTEL_INV_CONTEXT:
        return vtd_desc_context((enum vtd_gran)r->gran, r->did, r->sid, 0);
    case INTEL_INV_PASID_CACHE:
        return vtd_desc_pasid_cache((enum vtd_pasid_gran)r->gran, r->did, r->pasid);
    case INTEL_INV_PASID_IOTLB:
        return vtd_desc_pasid_iotlb((enum vtd_pasid_iotlb_gran)r->gran, r->did, r->pasid,
                                    r->addr, r->am, r->ih);
    case INTEL_INV_DEV_IOTLB:
        return vtd_desc_dev_iotlb(r->sid, 0, r->addr, r->lg2);
    case INTEL_INV_PASID_DEV_IOTLB:
        return vtd_desc_pasid_dev_iotlb(r->sid, r->pasid, 0, r->addr, r->lg2, false);
    }
    return encode_iotlb(u, r);
}

static struct phase submission_done(struct op *op);

static struct phase
submit_to_queue(struct op *op)
{
    op->vtd.submit.first = op->vtd.unit->queue.tail;
    put(op, encode(op->vtd.unit, &op->vtd.submit.request), NULL);
    put(op, intel_queue_wait(op), NULL);
    intel_queue_ring(op);
    return intel_queue_idle(op, submission_done);
}

/* ---- the registers ---- */

static struct phase
submit_to_registers(struct op *op)
{
    const struct intel_request *r = &op->vtd.submit.request;

    if (r->kind == INTEL_INV_CONTEXT) {
        intel_write(op, VTD_CCMD, 8,
                    VTD_CCMD_ICC | VTD_CCMD_CIRG(r->gran) | VTD_CCMD_SID(r->sid) |
                        VTD_CCMD_DID(r->did));
    } else if (r->kind == INTEL_INV_IOTLB) {
        if (r->gran == VTD_GRAN_FINE) {
            intel_write(op, VTD_IVA, 8,
                        r->addr | (r->ih ? VTD_DESC_IOTLB_IH : 0) | r->am);
        }
        intel_write(op, VTD_IOTLB, 8,
                    VTD_IOTLB_IVT | VTD_IOTLB_IIRG(r->gran) |
                        (drains(op->vtd.unit, true) ? VTD_IOTLB_DR : 0) |
                        (drains(op->vtd.unit, false) ? VTD_IOTLB_DW : 0) |
                        VTD_IOTLB_DID(r->did));
    } else {
        op_fail(op, "queue-off");
    }
    return intel_queue_idle(op, submission_done);
}

static void
check_registers(struct op *op)
{
    bool context = op->vtd.submit.request.kind == INTEL_INV_CONTEXT;
    uint64_t v = intel_read(op, context ? VTD_CCMD : VTD_IOTLB, 8);

    if ((v & (context ? VTD_CCMD_ICC : VTD_IOTLB_IVT)) != 0) {
        op_fail(op, "invalidation-not-done");
    } else if ((v & (context ? VTD_CCMD_CAIG_MASK : VTD_IOTLB_IAIG_MASK)) == 0) {
        op_fail(op, "invalidation-rejected");
    }
}

/* ---- submissions ---- */

/*
 * The queue stopped at our own request: a copy of its wait takes its place, which the
 * next submission sets going.
 */
static void
replace_request(struct op *op)
{
    const struct intel_queue *q = &op->vtd.unit->queue;
    const struct intel_submission *s = &op->vtd.submit;
    uint64_t bytes = descriptor_bytes(q);
    struct mem *mem = op->g->env->mem;

    if (intel_read(op, VTD_IQH, 8) / bytes != s->first) {
        return;
    }
    for (uint64_t i = 0; i < bytes; i += 8) {
        mem_write64le(mem, GPA(q->base.v + bytes * s->first + i),
                      mem_read64le(mem, GPA(q->base.v + bytes * s->slot + i)));
    }
    intel_write(op, VTD_FSTS, 4, VTD_FSTS_IQE);
}

/* The wait was not done: why? True: the device was silent, and may be asked again. */
static bool
handle_error(struct op *op)
{
    uint64_t fsts = intel_read(op, VTD_FSTS, 4);

    if ((fsts & VTD_FSTS_IQE) != 0) {
        replace_request(op);
    }
    if ((fsts & VTD_FSTS_ITE) != 0) {
        intel_write(op, VTD_FSTS, 4, VTD_FSTS_ITE);
        if (++op->vtd.submit.tries < TRIES) {
            return true;
        }
        op_fail(op, "device-tlb-timeout");
    }
    if ((fsts & VTD_FSTS_ICE) != 0) {
        intel_write(op, VTD_FSTS, 4, VTD_FSTS_ICE);
    }
    op_fail(op, "queue-error");
    return false;
}

/* Whether what is in submit.request has been dealt with. */
static bool
check_done(struct op *op)
{
    const struct intel_submission *s = &op->vtd.submit;
    const struct intel_queue *q = &op->vtd.unit->queue;

    if (s->resets != q->resets) {
        return true; /* nothing is cached any more */
    }
    if (!q->enabled) {
        check_registers(op);
        return true;
    }
    return mem_read32le(op->g->env->mem, status_word(q, s->slot)) == STATUS_DONE ||
           !handle_error(op);
}

static struct phase
submission_done(struct op *op)
{
    if (!check_done(op)) {
        return PHASE(submit_to_queue);
    }
    if (!op->vtd.submit.keep) {
        intel_release(op);
    }
    return PHASE(op->vtd.submit.after);
}

void
intel_queue_probe(struct op *op, unsigned width)
{
    struct intel_queue *q = &op->vtd.unit->queue;

    q->enabled = (intel_read(op, VTD_GSTS, 4) & VTD_GCMD_QIE) != 0;
    if (q->enabled) {
        uint64_t iqa = intel_read(op, VTD_IQA, 8);

        q->base = GPA(iqa & VTD_IQA_BASE);
        q->wide = width == 0 ? (iqa & VTD_IQA_DW) != 0 : width == 256;
        q->size = (uint32_t)(vtd_queue_bytes(iqa) / descriptor_bytes(q));
        q->tail = (uint32_t)((intel_read(op, VTD_IQT, 8) & VTD_IQ_OFFSET) /
                             descriptor_bytes(q));
        q->tail %= q->size;
    }
}

static struct phase
submit_held(struct op *op)
{
    struct intel_unit *u = op->vtd.unit;

    if (op->g->driver == GUEST_MANUAL) {
        intel_queue_probe(op, 0);
    }
    op->vtd.submit.resets = u->queue.resets;
    op->vtd.submit.tries = 0;
    if (!u->queue.enabled) {
        return submit_to_registers(op);
    }
    if (!intel_queue_status(op)) {
        intel_release(op);
        return PHASE(op->vtd.submit.after);
    }
    return submit_to_queue(op);
}

struct phase
intel_submit(struct op *op, const struct intel_request *r,
             struct phase (*after)(struct op *op))
{
    op->vtd.submit.request = *r;
    op->vtd.submit.after = after;
    return op->vtd.submit.keep ? PHASE(submit_held) : intel_hold(op, submit_held);
}

/* ---- setting up ---- */

/* Stop a queue that runs, whatever state it is in. */
static void
stop_leftovers(struct op *op)
{
    uint64_t levels = intel_read(op, VTD_GSTS, 4) & GCMD_LEVELS;

    if ((levels & VTD_GCMD_QIE) != 0) {
        intel_write(op, VTD_FSTS, 4, VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE);
        intel_write(op, VTD_GCMD, 4, levels & ~VTD_GCMD_QIE);
    }
}

struct phase
intel_queue_start(struct op *op, struct phase (*then)(struct op *op))
{
    struct intel_unit *u = op->vtd.unit;
    struct intel_queue *q = &u->queue;
    uint64_t qs;

    q->enabled = false;
    if ((u->ecap & VTD_ECAP_QI) == 0) {
        return PHASE(then);
    }
    q->wide = (u->ecap & VTD_ECAP_SMTS) != 0;
    qs = q->wide ? 1 : 0;
    if (q->size == 0 &&
        !table_pages_take_many(&op->g->pages, q->wide ? WIDE_QUEUE_PAGES : 1, &q->base)) {
        op_fail(op, "table-memory-exhausted");
        return PHASE(then);
    }
    if (!intel_queue_status(op)) {
        return PHASE(then);
    }
    stop_leftovers(op);
    q->size = QUEUE_SIZE;
    q->tail = 0;
    intel_write(op, VTD_IQT, 8, 0);
    intel_write(op, VTD_IQA, 8, q->base.v | (q->wide ? VTD_IQA_DW : 0) | qs);
    q->enabled = intel_command(op, VTD_GCMD_QIE);
    return PHASE(then);
}
