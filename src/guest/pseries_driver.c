/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PAPR driver: see pseries_driver.h. */
#include "guest/pseries_driver.h"

#include <string.h>

#include "guest/op.h"
#include "guest/state.h"
#include "iommu/papr_fmt.h"

#define BELOW_4GIB UINT64_C(0xffffffff)

void
pseries_init(struct guest *g)
{
    const struct scenario *sc = g->sc;
    bool any = false;

    for (size_t i = 0; i < sc->n_iommus; i++) {
        any |= sc->iommus[i].model == IOMMU_PAPR_TCE ||
               sc->iommus[i].model == IOMMU_PAPR_VIO;
    }
    if (!any || table_pages_take(&g->pages, &g->list_page)) {
        return;
    }
    for (size_t i = 0; i < sc->n_ranges; i++) {
        const struct scenario_range *r = &sc->ranges[i];
        uint64_t last = r->base + (r->size - 1);

        if (r->kind == SCENARIO_RAM && r->base <= BELOW_4GIB) {
            last = last < BELOW_4GIB ? last : BELOW_4GIB;
            g->list_page = GPA(align_down(last, PAPR_LIST_LG2));
        }
    }
}

/* ---- one call ---- */

static struct phase
call_returned(struct op *op)
{
    struct pseries_work *w = &op->papr;

    iommu_hcall_return(&w->call);
    op->reply.has_ret = true;
    op->reply.hypercalls++;
    op->reply.ret = w->call.ret;
    if (w->call.ret != PAPR_H_SUCCESS) {
        const char *name = hret_name(w->call.ret);

        op_fail(op, "%s", name != NULL ? name : "hcall-failed");
        return PHASE(op_end);
    }
    return PHASE(w->after);
}

/* Make op->papr.call and go on with `after` once it has returned H_SUCCESS. */
static struct phase
make_call(struct op *op, struct phase (*after)(struct op *op))
{
    struct guest *g = op->g;

    op->papr.after = after;
    iommu_hcall(g->iommus, g->sc->n_iommus, &op->papr.call);
    op_charge(op, LATENCY_HCALL, 1);
    op->cost += sim_take_charge(g->env->sim);
    return PHASE(call_returned);
}

static void
put_in_list(struct op *op, uint64_t i, uint64_t tce)
{
    mem_write64be(op->g->env->mem, GPA(op->g->list_page.v + 8 * i), tce);
}

/* ---- map, unmap, change ---- */

static uint64_t
next_iova(const struct pseries_work *w)
{
    return w->at + (w->have << w->page_lg2);
}

static struct phase next_chunk(struct op *op);

static struct phase
chunk_done(struct op *op)
{
    struct pseries_work *w = &op->papr;

    w->at += w->chunk << w->page_lg2;
    w->n -= w->chunk;
    return w->n > 0 ? PHASE(next_chunk) : PHASE(w->filled);
}

static struct phase
send_chunk(struct op *op)
{
    struct pseries_work *w = &op->papr;

    w->call = (struct hcall){ .liobn = w->liobn, .ioba = w->at };
    if (w->clears && !op->g->sc->guest.put_only) {
        w->call.op = HCALL_STUFF_TCE;
        w->call.npages = w->chunk;
    } else if (w->chunk == 1) {
        w->call.op = HCALL_PUT_TCE;
        w->call.tce = w->clears ? 0 : w->tce;
    } else {
        w->call.op = HCALL_PUT_TCE_INDIRECT;
        w->call.list = op->g->list_page.v;
        w->call.npages = w->chunk;
    }
    return make_call(op, chunk_done);
}

/* The entry for next_iova: what is not given comes from the `old` one. */
static void
add_tce(struct op *op, uint64_t old)
{
    struct pseries_work *w = &op->papr;
    uint64_t gpa = w->has_gpa ? w->gpa + (next_iova(w) - w->first)
                              : papr_tce_target(old, w->page_lg2);

    w->tce = papr_tce_make(gpa, w->has_perm ? w->perm : papr_tce_perm(old));
    if (w->chunk > 1) {
        put_in_list(op, w->have, w->tce);
    }
    w->have++;
}

static struct phase
fetched_old(struct op *op)
{
    struct pseries_work *w = &op->papr;

    if (!papr_tce_present(w->call.value)) {
        op_fail(op, "not-mapped");
        return PHASE(op_end);
    }
    add_tce(op, w->call.value);
    if (w->have == w->chunk) {
        return send_chunk(op);
    }
    w->call.ioba = next_iova(w);
    return make_call(op, fetched_old);
}

static struct phase
next_chunk(struct op *op)
{
    struct pseries_work *w = &op->papr;
    const uint64_t most = op->g->sc->guest.put_only ? 1 : PAPR_LIST_MAX;

    w->chunk = w->n < most ? w->n : most;
    w->have = 0;
    if (w->clears) {
        return send_chunk(op);
    }
    if (!w->has_gpa || !w->has_perm) {
        w->call = (struct hcall){ .op = HCALL_GET_TCE, .liobn = w->liobn, .ioba = w->at };
        return make_call(op, fetched_old);
    }
    while (w->have < w->chunk) {
        add_tce(op, 0);
    }
    return send_chunk(op);
}

static struct phase
begin(struct op *op, uint64_t first, uint64_t n, struct phase (*then)(struct op *op))
{
    struct pseries_work *w = &op->papr;

    w->first = w->at = first;
    w->n = n;
    w->filled = then;
    return PHASE(next_chunk);
}

struct phase
pseries_fill(struct op *op, uint64_t first, uint64_t n, uint64_t gpa,
             struct phase (*then)(struct op *op))
{
    struct pseries_work *w = &op->papr;

    w->clears = false;
    w->has_gpa = w->has_perm = true;
    w->gpa = gpa;
    w->perm = PERM_RW;
    return begin(op, first, n, then);
}

struct phase
pseries_clear(struct op *op, uint64_t first, uint64_t n,
              struct phase (*then)(struct op *op))
{
    op->papr.clears = true;
    return begin(op, first, n, then);
}

/* The window that iova is in. */
static void
choose_window(struct op *op, uint32_t iommu, uint64_t iova)
{
    const struct papr_config *c = &op->g->sc->iommus[iommu].papr;
    const struct pseries_direct *d = &op->g->direct[iommu];
    struct pseries_work *w = &op->papr;
    const bool direct = d->live && iova >= d->base && iova - d->base < d->size;

    w->liobn = direct ? d->liobn : c->liobn;
    w->page_lg2 = direct                    ? d->page_lg2
                  : c->window_page_lg2 != 0 ? c->window_page_lg2
                                            : PAGE_LG2;
}

struct phase
pseries_map(struct op *op)
{
    const struct step_map *s = &op->step->u.map;
    struct pseries_work *w = &op->papr;

    choose_window(op, op->g->sc->devices[s->device].iommu, s->iova);
    w->clears = op->step->kind == STEP_UNMAP;
    w->has_gpa = s->has_gpa;
    w->has_perm = s->has_perm;
    w->gpa = s->gpa;
    w->perm = (enum perm)s->perm;
    if (s->page_lg2 != 0 && s->page_lg2 != w->page_lg2) {
        op_fail(op, "page-size-unsupported");
    } else if (!is_aligned(s->iova | s->size, w->page_lg2) ||
               (s->has_gpa && !is_aligned(s->gpa, w->page_lg2))) {
        op_fail(op, "misaligned");
    }
    return op->reply.ok ? begin(op, s->iova, s->size >> w->page_lg2, op_end)
                        : PHASE(op_end);
}

/* ---- hypercalls as steps ---- */

static struct phase
got_tce(struct op *op)
{
    op->reply.has_value = true;
    op->reply.value = op->papr.call.value;
    return PHASE(op_end);
}

struct phase
pseries_hcall(struct op *op)
{
    const struct step_tce *s = &op->step->u.tce;
    struct hcall *h = &op->papr.call;

    *h = (struct hcall){ .liobn = s->liobn, .ioba = s->ioba };
    if (op->step->kind == STEP_H_GET_TCE) {
        h->op = HCALL_GET_TCE;
        return make_call(op, got_tce);
    }
    if (op->step->kind == STEP_H_PUT_TCE_INDIRECT) {
        h->op = HCALL_PUT_TCE_INDIRECT;
        h->list = s->values != NULL ? op->g->list_page.v : s->tce;
        for (uint32_t i = 0; i < s->n_values && i < PAPR_LIST_MAX; i++) {
            put_in_list(op, i, s->values[i]);
        }
    } else {
        h->op = op->step->kind == STEP_H_PUT_TCE ? HCALL_PUT_TCE : HCALL_STUFF_TCE;
        h->tce = s->tce;
    }
    h->npages = s->npages;
    return make_call(op, op_end);
}

/* ---- firmware calls ---- */

struct phase
pseries_rtas(struct op *op)
{
    const struct step_rtas *s = &op->step->u.rtas;
    struct guest *g = op->g;
    struct rtas r = { .call = s->call, .nargs = s->nargs, .nret = s->nret };

    for (unsigned i = 0; i < s->nargs; i++) {
        r.args[i] = (uint32_t)s->args[i];
    }
    iommu_rtas(g->iommus, g->sc->n_iommus, &r);
    op_charge(op, LATENCY_HCALL, 1);
    op->cost += sim_take_charge(g->env->sim);
    op->reply.has_ret = op->reply.has_rets = true;
    op->reply.ret = (int32_t)r.rets[0];
    op->reply.n_rets = r.written;
    memcpy(op->reply.rets, r.rets, sizeof(r.rets));
    if (op->reply.ret != PAPR_RTAS_OK) {
        op_fail(op, "status-%d", (int)op->reply.ret);
    }
    return PHASE(op_end);
}
