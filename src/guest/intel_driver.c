/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Units, map, unmap, change and flush: see intel_driver.h.
 *
 * The three changes of tables go one way: take away (and change in place what can
 * be), invalidate, give unlinked table pages back, write what is to be written,
 * and, with caching mode on, invalidate again. Steps that have nothing to do fall
 * out of it.
 */
#include "guest/intel_driver.h"

#include <stdlib.h>

#include "guest/intel_context.h"
#include "guest/intel_domain.h"
#include "guest/op.h"
#include "guest/state.h"
#include "iommu/vtd_reg_fmt.h"
#include "util/alloc.h"

/* ---- units ---- */

static struct intel_unit *
unit_new(struct guest *g, size_t iommu)
{
    struct intel_unit *u = xcalloc(1, sizeof(*u));

    u->g = g;
    u->m = g->iommus[iommu];
    u->cfg = &g->sc->iommus[iommu];
    u->cap = iommu_mmio_read(u->m, VTD_CAP, 8);
    u->ecap = iommu_mmio_read(u->m, VTD_ECAP, 8);
    u->dids = xcalloc(65536 / 8, 1);
    u->scalable = (u->ecap & VTD_ECAP_SMTS) != 0;
    u->identity.unit = u;
    u->identity.type = DOMAIN_PASSTHROUGH;
    return u;
}

static void
lazy_fini(struct intel_lazy *l)
{
    free(l->domains);
    page_list_fini(&l->pages);
}

void
intel_init(struct guest *g)
{
    g->units = xcalloc(g->sc->n_iommus + 1, sizeof(struct intel_unit *));
    for (size_t i = 0; i < g->sc->n_iommus; i++) {
        if (g->sc->iommus[i].model == IOMMU_INTEL_VTD) {
            g->units[i] = unit_new(g, i);
        }
    }
    intel_domains_init(g);
}

void
intel_fini(struct guest *g)
{
    intel_domains_fini(g);
    for (size_t i = 0; i < g->sc->n_iommus; i++) {
        if (g->units[i] != NULL) {
            lazy_fini(&g->units[i]->lazy);
            free(g->units[i]->identity.tags);
            free(g->units[i]->dids);
            free(g->units[i]);
        }
    }
    free(g->units);
}

void
intel_work_fini(struct intel_work *w)
{
    table_work_fini(&w->tables);
    lazy_fini(&w->drain);
    free(w->plan.list);
}

bool
intel_translates(const struct intel_unit *u)
{
    return (u->cap & VTD_CAP_SAGAW_MASK) != 0;
}

void
intel_flush_write_buffer(struct op *op)
{
    if ((op->vtd.unit->cap & VTD_CAP_RWBF) != 0 && !intel_command(op, VTD_GCMD_WBF)) {
        op_fail(op, "write-buffer-not-flushed");
    }
}

void
intel_forget_tables(struct guest *g)
{
    for (size_t i = 0; i < g->sc->guest.n_domains + g->sc->n_devices; i++) {
        if (g->domains[i] != NULL) {
            intel_tables_forget(&g->domains[i]->tables);
        }
    }
}

/* ---- invalidation by policy ---- */

/* Go on with `then` after invalidating what the tables' change covers. */
static inline struct phase
invalidate(struct op *op, enum flush_scope scope, bool ih,
           struct phase (*then)(struct op *op))
{
    struct intel_work *w = &op->vtd;

    switch (scope) {
    case FLUSH_POLICY:
    case FLUSH_STRICT:
    case FLUSH_LAZY:
    case FLUSH_NONE:
        return PHASE(then);
    case FLUSH_PAGE:
        intel_plan_range(op, w->domain, w->tables.first, w->tables.last, ih);
        break;
    case FLUSH_DOMAIN:
        intel_plan_domain(op, w->domain);
        break;
    case FLUSH_GLOBAL:
        intel_plan_global(op, w->domain);
        break;
    }
    return intel_plan_run(op, then);
}

/* Whose policy this step follows. */
static enum guest_driver
policy_of(const struct op *op)
{
    return op->vtd.flush == FLUSH_STRICT ? GUEST_STRICT
           : op->vtd.flush == FLUSH_LAZY ? GUEST_LAZY
                                         : op->g->driver;
}

/* Whether this step says itself what is to be invalidated. */
static bool
is_forced(const struct op *op)
{
    return op->vtd.flush >= FLUSH_NONE && op->vtd.flush <= FLUSH_GLOBAL;
}

/* What a policy that wants pages invalidated comes to in this step. */
static enum flush_scope
scope_of(const struct op *op)
{
    if (is_forced(op)) {
        return (enum flush_scope)op->vtd.flush;
    }
    return policy_of(op) == GUEST_MANUAL ? FLUSH_NONE : FLUSH_PAGE;
}

/* Whether the unit may have cached that nothing was there. */
static bool
caches_absence(const struct op *op)
{
    return (op->vtd.unit->cap & VTD_CAP_CM) != 0 &&
           !intel_domain_by_pasid(op->vtd.domain);
}

/* ---- lazy ---- */

static struct phase
drain_next(struct op *op)
{
    struct intel_lazy *l = &op->vtd.drain;

    while (op->vtd.at < l->n) {
        const struct intel_domain *d = l->domains[op->vtd.at++];

        if (d->did != 0) {
            intel_plan_domain(op, d);
            return intel_plan_run(op, drain_next);
        }
    }
    table_pages_give_list(&op->g->pages, &l->pages);
    return PHASE(op_end);
}

/* Take over all that is queued; what comes later waits for the next time. */
static struct phase
drain(struct op *op)
{
    struct intel_lazy *queue = &op->vtd.unit->lazy, mine = *queue;

    *queue = op->vtd.drain;
    queue->n = 0;
    queue->entries = 0;
    queue->epoch = mine.epoch;
    op->vtd.drain = mine;
    op->vtd.at = 0;
    for (size_t i = 0; i < mine.n; i++) {
        mine.domains[i]->queued = false;
    }
    return PHASE(drain_next);
}

static void
lazy_timer(void *self, uint64_t epoch)
{
    struct intel_unit *u = self;

    if (u->lazy.entries > 0 && u->lazy.epoch == epoch) {
        struct op *op = op_new(u->g, NULL, NULL, NULL);

        op->vtd.unit = u;
        op_run(op, PHASE(drain));
    }
}

static struct phase
defer(struct op *op)
{
    const struct guest_config *c = &op->g->sc->guest;
    struct intel_work *w = &op->vtd;
    struct intel_lazy *l = &w->unit->lazy;

    if (!w->domain->queued) {
        if (l->n == l->capacity) {
            l->capacity = l->capacity == 0 ? 8 : 2 * l->capacity;
            l->domains = xrealloc(l->domains, l->capacity, sizeof(struct intel_domain *));
        }
        l->domains[l->n++] = w->domain;
        w->domain->queued = true;
    }
    for (size_t i = 0; i < w->tables.unlinked.n; i++) {
        page_list_add(&l->pages, w->tables.unlinked.at[i]);
    }
    w->tables.unlinked.n = 0;
    if (l->entries++ == 0) {
        struct sim *sim = op->g->env->sim;

        l->epoch++;
        sim_at(sim, sim_now(sim) + c->flush_timer, lazy_timer, w->unit, l->epoch);
    }
    return l->entries < c->flush_entries ? PHASE(op_end) : PHASE(drain);
}

bool
intel_lazy_pending(const struct intel_unit *u)
{
    return u->lazy.entries > 0;
}

/* ---- map, unmap, change ---- */

static struct phase take_away(struct op *op);

static struct phase
written(struct op *op)
{
    struct intel_work *w = &op->vtd;

    op_charge(op, LATENCY_PTE_WRITE, w->tables.stores);
    w->tables.stores = 0;
    if (is_forced(op) && (caches_absence(op) || w->kind == STEP_MAP)) {
        return invalidate(op, scope_of(op), false, op_end);
    }
    if (caches_absence(op) && scope_of(op) != FLUSH_NONE) {
        intel_plan_new_range(op, w->domain, w->tables.first, w->tables.last);
        return intel_plan_run(op, op_end);
    }
    if (scope_of(op) != FLUSH_NONE) {
        intel_flush_write_buffer(op);
    }
    return PHASE(op_end);
}

/* A map that ran out of table pages takes back what it had mapped. */
static struct phase
roll_back(struct op *op, uint64_t done)
{
    struct intel_work *w = &op->vtd;

    op_fail(op, "table-memory-exhausted");
    if (done == w->change.first) {
        return PHASE(op_end);
    }
    w->kind = STEP_UNMAP;
    w->change.last = done - 1;
    return PHASE(take_away);
}

static struct phase
write_new(struct op *op)
{
    struct intel_work *w = &op->vtd;
    struct intel_tables *t = &w->domain->tables;
    uint64_t done;

    table_pages_give_list(&op->g->pages, &w->tables.unlinked);
    if (w->kind == STEP_MAP) {
        const struct table_run run = {
            .first = w->change.first,
            .last = w->change.last,
            .gpa = w->change.gpa,
            .perm = w->change.perm,
            .page_lg2 = w->change.page_lg2,
        };

        return intel_tables_map(t, &run, &w->tables, &done) ? PHASE(written)
                                                            : roll_back(op, done);
    }
    if (w->tables.n_runs == 0) {
        return PHASE(op_end);
    }
    for (size_t i = 0; i < w->tables.n_runs; i++) {
        if (!intel_tables_map(t, &w->tables.runs[i], &w->tables, &done)) {
            op_fail(op, "table-memory-exhausted");
            break;
        }
    }
    return PHASE(written);
}

static struct phase
taken_away(struct op *op)
{
    struct intel_work *w = &op->vtd;
    bool unlinked = w->tables.unlinked.n > 0;

    if (w->kind == STEP_MAP &&
        (!unlinked || env_quirk(op->g->env, QUIRK_GUEST_NO_FLUSH_ON_SUPERPAGE))) {
        return PHASE(write_new);
    }
    if (w->kind == STEP_UNMAP && policy_of(op) == GUEST_LAZY && !is_forced(op) &&
        w->tables.n_runs == 0 &&
        (!caches_absence(op) || env_quirk(op->g->env, QUIRK_GUEST_LAZY_FLUSH))) {
        return defer(op);
    }
    return invalidate(op, scope_of(op), !unlinked, write_new);
}

/* A loop that takes the end of a page directory for its own leaves the rest. */
static uint64_t
last_to_clear(const struct op *op)
{
    const struct table_change *c = &op->vtd.change;
    const uint64_t directory = c->first | ((UINT64_C(1) << 30) - 1);

    return directory < c->last && env_quirk(op->g->env, QUIRK_GUEST_UNMAP_STOPS_AT_DIR)
               ? directory
               : c->last;
}

static struct phase
take_away(struct op *op)
{
    struct intel_work *w = &op->vtd;
    const struct table_change *c = &w->change;
    struct intel_tables *t = &w->domain->tables;

    table_work_begin(&w->tables, c->first, c->last);
    if (w->kind == STEP_UNMAP) {
        intel_tables_unmap(t, c->first, last_to_clear(op), &w->tables);
    } else if (w->kind == STEP_CHANGE) {
        if (!intel_tables_change(t, c, &w->tables)) {
            op_fail(op, "not-mapped");
            return PHASE(op_end);
        }
    } else {
        const struct table_run run = {
            .first = c->first,
            .last = c->last,
            .gpa = c->gpa,
            .page_lg2 = c->page_lg2,
        };

        intel_tables_make_way(t, &run, &w->tables);
    }
    op_charge(op, LATENCY_PTE_WRITE, w->tables.stores);
    w->tables.stores = 0;
    return PHASE(taken_away);
}

/* Whether the tables have pages of 2^lg2 bytes, and the step is made of such. */
static bool
page_size_fits(struct op *op, const struct step_map *s)
{
    unsigned sizes = op->vtd.domain->tables.superpages;
    unsigned lg2 = s->page_lg2;

    if (lg2 == 0 || op->step->kind == STEP_UNMAP) {
        return true;
    }
    if (lg2 != 12 && !(lg2 == 21 && (sizes & 1) != 0) &&
        !(lg2 == 30 && (sizes & 2) != 0)) {
        op_fail(op, "page-size-unsupported");
        return false;
    }
    if (!is_aligned(s->iova | s->size | (s->has_gpa ? s->gpa : 0), lg2)) {
        op_fail(op, "misaligned");
        return false;
    }
    return true;
}

struct phase
intel_map(struct op *op)
{
    const struct step_map *s = &op->step->u.map;
    struct intel_work *w = &op->vtd;

    w->domain = intel_domain_meant(op, s->device, s->domain);
    if (w->domain == NULL) {
        return PHASE(op_end);
    }
    w->unit = w->domain->unit;
    w->kind = op->step->kind;
    w->flush = s->flush;
    w->change = (struct table_change){
        .first = s->iova,
        .last = s->iova + (s->size - 1),
        .has_gpa = s->has_gpa,
        .has_perm = s->has_perm,
        .gpa = s->gpa,
        .perm = (enum perm)s->perm,
        .page_lg2 = s->page_lg2,
    };
    if (w->domain->type == DOMAIN_PASSTHROUGH) {
        op_fail(op, "no-tables");
    } else if (w->change.last >> w->domain->iova_bits != 0) {
        op_fail(op, "beyond-address-width");
    }
    if (!op->reply.ok || !page_size_fits(op, s)) {
        return PHASE(op_end);
    }
    return intel_need_unit(op, take_away);
}

/* ---- flush ---- */

static struct phase
flush_on(struct op *op)
{
    return invalidate(op, (enum flush_scope)op->step->u.flush.scope, false, op_end);
}

/* Global, and no unit meant: all of them, one after the other. */
static struct phase
flush_next_unit(struct op *op)
{
    struct intel_work *w = &op->vtd;

    while (w->at < op->g->sc->n_iommus) {
        w->unit = op->g->units[w->at++];
        if (w->unit != NULL) {
            intel_plan_global(op, NULL);
            return intel_plan_run(op, flush_next_unit);
        }
    }
    return PHASE(op_end);
}

struct phase
intel_flush(struct op *op)
{
    const struct step_flush *s = &op->step->u.flush;
    struct intel_work *w = &op->vtd;

    if (s->device == SCENARIO_NONE && s->domain == SCENARIO_NONE) {
        w->at = 0;
        return PHASE(flush_next_unit);
    }
    w->domain = intel_domain_meant(op, s->device, s->domain);
    if (w->domain == NULL) {
        return PHASE(op_end);
    }
    w->unit = w->domain->unit;
    table_work_begin(&w->tables, s->iova,
                     s->size == 0 ? s->iova : s->iova + (s->size - 1));
    return intel_need_unit(op, flush_on);
}
