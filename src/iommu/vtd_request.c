/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_request.h. */
#include "iommu/vtd_request.h"

#include "iommu/vtd_inval.h"

static enum vtd_reg
request_reg(unsigned request)
{
    return request == VTD_REQUEST_CONTEXT ? VTD_CCMD : VTD_IOTLB;
}

/* Returns the granularity carried out; 0: refused. */
static unsigned
execute_context(struct vtd *v)
{
    uint64_t ccmd = vtd_get64(v, VTD_CCMD);
    unsigned g = ccmd >> 61 & 3;

    if (g != 0) {
        return vtd_inval_context(v, (enum vtd_gran)g, (uint16_t)ccmd,
                                 (uint16_t)(ccmd >> 16), ccmd >> 32 & 3);
    }
    return 0;
}

static unsigned
execute_iotlb(struct vtd *v)
{
    uint64_t iotlb = vtd_get64(v, VTD_IOTLB), pages = vtd_get64(v, VTD_IVA);
    unsigned g = iotlb >> 60 & 3;

    if (g == 0 || (g == VTD_GRAN_FINE && vtd_desc_am(pages) > v->cfg.mamv)) {
        return 0;
    }
    vtd_inval_iotlb(v, (enum vtd_gran)g, (uint16_t)(iotlb >> 32), pages,
                    ((iotlb & VTD_IOTLB_DR) != 0 ? PERM_R : 0U) |
                        ((iotlb & VTD_IOTLB_DW) != 0 ? PERM_W : 0U));
    return g;
}

/* The busy bit is bit 63 in both registers. */
static void
finish_request(struct vtd *v, unsigned request)
{
    const enum vtd_reg reg = request_reg(request);

    v->requests &= ~request;
    vtd_set64(v, reg, vtd_get64(v, reg) & ~VTD_BIT(63));
    observe(v->base.env, completed, &v->base);
    if (v->requests == 0) {
        iommu_idle(&v->base);
    }
}

/*
 * Returns how long it takes: what the notifications cost, or until the accesses are
 * done that had to be drained. What others charged before stays theirs.
 */
static sim_time
execute_request(struct vtd *v, unsigned request)
{
    struct sim *sim = v->base.env->sim;
    const sim_time before = sim_take_charge(sim);

    if (request == VTD_REQUEST_CONTEXT) {
        uint64_t g = execute_context(v);
        vtd_set64(v, VTD_CCMD,
                  (vtd_get64(v, VTD_CCMD) & ~VTD_CCMD_CAIG_MASK) | VTD_CCMD_CAIG(g));
    } else {
        uint64_t g = execute_iotlb(v);
        vtd_set64(v, VTD_IOTLB,
                  (vtd_get64(v, VTD_IOTLB) & ~VTD_IOTLB_IAIG_MASK) | VTD_IOTLB_IAIG(g));
    }
    sim_time cost = sim_take_charge(sim);
    if (v->drained > sim_now(sim) + cost) {
        cost = v->drained - sim_now(sim);
    }
    sim_charge(sim, before);
    return cost;
}

/* Events' arguments: the power-on they belong to, and the request. */
static uint64_t
event_arg(const struct vtd *v, unsigned request)
{
    return v->epoch << 2 | request;
}

static void
on_finish(void *self, uint64_t arg)
{
    struct vtd *v = self;

    if (arg >> 2 == v->epoch) {
        finish_request(v, arg & 3);
    }
}

static void
on_execute(void *self, uint64_t arg)
{
    struct vtd *v = self;

    if (arg >> 2 != v->epoch) {
        return;
    }
    sim_time cost = execute_request(v, arg & 3);
    if (cost != 0) {
        sim_at(v->base.env->sim, sim_now(v->base.env->sim) + cost, on_finish, v, arg);
    } else {
        on_finish(v, arg);
    }
}

void
vtd_request_begin(struct vtd *v, unsigned request)
{
    if (vtd_is_on(v, VTD_GCMD_QIE) || (v->requests & request) != 0) {
        return;
    }
    sim_time delay = latency_draw(&v->base.env->latency, LATENCY_INVALIDATE);
    v->requests |= request;
    if (delay != 0) {
        sim_at(v->base.env->sim, sim_now(v->base.env->sim) + delay, on_execute, v,
               event_arg(v, request));
    } else {
        on_execute(v, event_arg(v, request));
    }
}
