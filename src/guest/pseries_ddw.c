/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See pseries_ddw.h. */
#include "guest/pseries_ddw.h"

#include "guest/op.h"
#include "guest/state.h"
#include "iommu/papr_fmt.h"

static uint32_t
bridge_of(const struct op *op)
{
    return op->g->sc->devices[op->step->u.attach.device].iommu;
}

static struct pseries_direct *
direct_of(struct op *op)
{
    return &op->g->direct[bridge_of(op)];
}

void
pseries_forget(struct guest *g, uint32_t iommu)
{
    g->direct[iommu] = (struct pseries_direct){ .live = false };
}

/* ---- calls of the firmware ---- */

/* About the bridge; `more` words follow its name. */
static struct rtas
firmware_call(const struct op *op, enum rtas_call call, unsigned nret)
{
    const uint64_t buid = op->g->sc->iommus[bridge_of(op)].papr.buid;

    return (struct rtas){
        .call = call,
        .nargs = 3,
        .nret = nret,
        .args = { 0, (uint32_t)(buid >> 32), (uint32_t)buid },
    };
}

/* False: it failed, and so has the operation. */
static bool
make_firmware_call(struct op *op, struct rtas *r)
{
    iommu_rtas(op->g->iommus, op->g->sc->n_iommus, r);
    op_charge(op, LATENCY_HCALL, 1);
    op->cost += sim_take_charge(op->g->env->sim);
    if (r->rets[0] != PAPR_RTAS_OK) {
        op_fail(op, "no-window");
        return false;
    }
    return true;
}

/* ---- a window for all of RAM ---- */

/* The largest page offered that RAM consists of; 0: none. */
static unsigned
choose_page(const struct op *op, uint32_t offered)
{
    const struct scenario *sc = op->g->sc;

    for (unsigned lg2 = 34; lg2 >= PAGE_LG2; lg2--) {
        bool fits = (papr_page_mask(UINT64_C(1) << lg2) & offered) != 0;
        for (size_t i = 0; fits && i < sc->n_ranges; i++) {
            const struct scenario_range *r = &sc->ranges[i];
            fits = r->kind != SCENARIO_RAM || is_aligned(r->base | r->size, lg2);
        }
        if (fits) {
            return lg2;
        }
    }
    return 0;
}

/* log2 of the bytes up to the end of RAM. */
static unsigned
window_lg2(const struct op *op)
{
    const struct scenario *sc = op->g->sc;
    uint64_t last = 0;

    for (size_t i = 0; i < sc->n_ranges; i++) {
        const struct scenario_range *r = &sc->ranges[i];
        if (r->kind == SCENARIO_RAM && r->base + (r->size - 1) > last) {
            last = r->base + (r->size - 1);
        }
    }
    return 64 - (unsigned)__builtin_clzll(last);
}

static struct phase next_range(struct op *op);

/* The RAM range after the one just filled, or the end. */
static struct phase
range_done(struct op *op)
{
    op->papr.range++;
    return next_range(op);
}

static struct phase
next_range(struct op *op)
{
    const struct scenario *sc = op->g->sc;
    const struct pseries_direct *d = direct_of(op);
    struct pseries_work *w = &op->papr;

    while (w->range < sc->n_ranges && sc->ranges[w->range].kind != SCENARIO_RAM) {
        w->range++;
    }
    if (w->range == sc->n_ranges) {
        return PHASE(op_end);
    }
    const struct scenario_range *r = &sc->ranges[w->range];
    return pseries_fill(op, d->base + r->base, r->size >> d->page_lg2, r->base,
                        range_done);
}

static struct phase
create(struct op *op)
{
    struct pseries_direct *d = direct_of(op);
    struct rtas query = firmware_call(op, RTAS_QUERY_PE_DMA_WINDOW, 6);

    if (!make_firmware_call(op, &query)) {
        return PHASE(op_end);
    }
    const unsigned page_lg2 = choose_page(op, query.rets[4]);
    if (query.rets[1] == 0 || page_lg2 == 0) {
        op_fail(op, query.rets[1] == 0 ? "no-window" : "no-page-size");
        return PHASE(op_end);
    }
    struct rtas make = firmware_call(op, RTAS_CREATE_PE_DMA_WINDOW, 4);
    make.args[make.nargs++] = page_lg2;
    make.args[make.nargs++] = window_lg2(op);
    if (!make_firmware_call(op, &make)) {
        return PHASE(op_end);
    }
    *d = (struct pseries_direct){
        .live = true,
        .liobn = make.rets[1],
        .base = (uint64_t)make.rets[2] << 32 | make.rets[3],
        .size = UINT64_C(1) << window_lg2(op),
        .page_lg2 = page_lg2,
    };
    op->papr.liobn = d->liobn;
    op->papr.page_lg2 = page_lg2;
    op->papr.range = 0;
    return PHASE(next_range);
}

/* ---- and its end ---- */

static struct phase
cleared(struct op *op)
{
    struct pseries_direct *d = direct_of(op);
    struct rtas r = {
        .call = RTAS_REMOVE_PE_DMA_WINDOW,
        .nargs = 1,
        .nret = 1,
        .args = { (uint32_t)d->liobn },
    };

    if (make_firmware_call(op, &r)) {
        d->live = false;
    }
    return PHASE(op_end);
}

static struct phase
take_down(struct op *op)
{
    const struct pseries_direct *d = direct_of(op);

    op->papr.liobn = d->liobn;
    op->papr.page_lg2 = d->page_lg2;
    return pseries_clear(op, d->base, d->size >> d->page_lg2, cleared);
}

struct phase
pseries_attach(struct op *op)
{
    const struct step_attach *s = &op->step->u.attach;

    if (op->step->kind == STEP_DETACH) {
        if (!direct_of(op)->live) {
            op_fail(op, "not-attached");
            return PHASE(op_end);
        }
        return PHASE(take_down);
    }
    if (s->type == ATTACH_DIRECT && !direct_of(op)->live) {
        return PHASE(create);
    }
    return PHASE(op_end); /* it has its bridge's windows already */
}
