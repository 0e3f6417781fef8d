/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The step `qi`: descriptors as a scenario wants them, right or wrong, at the tail of
 * whatever queue the unit has. See intel_driver.h.
 */
#include "guest/intel_driver.h"

#include "guest/op.h"
#include "guest/state.h"

/* What both kinds of device-TLB descriptors add. */
static uint64_t
pfsid_bits(const struct qi_descriptor *d)
{
    return (uint64_t)(d->pfsid & 15) << 12 | (uint64_t)(d->pfsid >> 4) << 52;
}

static struct vtd_pair
dev_iotlb(const struct qi_descriptor *d)
{
    struct vtd_pair p = vtd_desc_dev_iotlb(d->sid, d->mip, d->address, d->size_lg2);

    p.lo |= pfsid_bits(d);
    p.hi |= d->size_lg2 == 0 && d->sized ? VTD_DESC_DEV_IOTLB_HI_S : 0;
    return p;
}

static struct vtd_pair
pasid_dev_iotlb(const struct qi_descriptor *d)
{
    struct vtd_pair p = vtd_desc_pasid_dev_iotlb(d->sid, d->pasid, d->mip, d->address,
                                                 d->size_lg2, d->global);

    p.lo |= pfsid_bits(d);
    p.hi |= d->size_lg2 == 0 && d->sized ? VTD_DESC_PDEVTLB_HI_S : 0;
    return p;
}

static struct vtd_pair
iotlb(const struct qi_descriptor *d)
{
    struct vtd_pair p =
        vtd_desc_iotlb((enum vtd_gran)d->granularity, d->did, d->address, d->am, d->ih);

    p.lo &= ~(VTD_DESC_IOTLB_DR | VTD_DESC_IOTLB_DW);
    p.lo |= (d->drain_read ? VTD_DESC_IOTLB_DR : 0) |
            (d->drain_write ? VTD_DESC_IOTLB_DW : 0);
    return p;
}

static struct vtd_pair
wait(struct op *op, const struct qi_descriptor *d)
{
    struct vtd_pair own = intel_queue_wait(op);

    return vtd_desc_wait(
        (d->irq ? VTD_DESC_WAIT_IF : 0) | (d->status ? VTD_DESC_WAIT_SW : 0) |
            (d->fence ? VTD_DESC_WAIT_FN : 0) | (d->page_drain ? VTD_DESC_WAIT_PD : 0),
        d->has_address ? d->address
        : d->status    ? own.hi
                       : 0,
        d->data);
}

static struct vtd_pair
encode(struct op *op, const struct qi_descriptor *d)
{
    struct vtd_pair p = { 0, 0 };

    switch ((enum qi_type)d->type) {
    case QI_RAW:
        break;
    case QI_CONTEXT:
        return vtd_desc_context((enum vtd_gran)d->granularity, d->did, d->sid, d->fm);
    case QI_IOTLB:
        return iotlb(d);
    case QI_DEV_IOTLB:
        return dev_iotlb(d);
    case QI_IEC:
        return vtd_desc_iec(d->granularity == 0, d->index, d->im);
    case QI_WAIT:
        return wait(op, d);
    case QI_PASID_IOTLB:
        p = vtd_desc_pasid_iotlb((enum vtd_pasid_iotlb_gran)d->granularity, d->did,
                                 d->pasid, d->address, d->am, d->ih);
        break;
    case QI_PASID_CACHE:
        return vtd_desc_pasid_cache((enum vtd_pasid_gran)d->granularity, d->did,
                                    d->pasid);
    case QI_PASID_DEV_IOTLB:
        return pasid_dev_iotlb(d);
    case QI_PAGE_RESPONSE:
        return vtd_desc_page_response(d->sid, d->has_pasid, d->pasid, d->code, d->prgi);
    }
    return p;
}

static void
put(struct op *op, const struct qi_descriptor *d)
{
    uint64_t word[INTEL_DESC_WORDS] = { 0 };

    if (d->type == QI_RAW) {
        for (unsigned i = 0; i < d->n_raw; i++) {
            word[i] = d->raw[i];
        }
        if (d->n_raw > 2 && !op->vtd.unit->queue.wide) {
            op_fail(op, "descriptor-too-wide");
        }
    } else {
        struct vtd_pair p = encode(op, d);

        word[0] = p.lo;
        word[1] = p.hi;
    }
    intel_queue_put(op, word);
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
        put(op, &s->desc[(*sent)++]);
    }
    intel_queue_ring(op);
    return intel_queue_idle(op, queue_more);
}

static struct phase
queue_held(struct op *op)
{
    const struct step_qi *s = &op->step->u.qi;
    struct intel_unit *u = op->vtd.unit;

    if (!u->on) {
        intel_queue_probe(op, s->width);
    }
    if (!u->queue.enabled || !intel_queue_status(op)) {
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
