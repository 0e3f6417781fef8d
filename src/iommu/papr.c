/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PAPR TCE model: a PCI host bridge with a default window, and a second one
 * if firmware makes it, or one VIO table. The devices of a bridge share one
 * address space, in which each window that is switched on is a section. Addresses
 * outside all windows fault.
 *
 * Source: reference on PAPR TCE, sections 2, 5, 7 and 8; LoPAR 2.9.
 */
#include "iommu/papr.h"

#include <assert.h>
#include <stdlib.h>

#include "iommu/papr_fmt.h"
#include "iommu/papr_hcall.h"
#include "iommu/papr_table.h"

enum {
    PAGE_LG2_MAX = 34,
    SECTIONS_MAX = 3, /* window 1 may lie in the middle of window 0 */
};

struct papr {
    struct iommu iommu;
    struct space space;
    struct papr_table table[PAPR_WINDOWS];
    unsigned n_tables; /* 1: a VIO table */
    const struct papr_rules *rules;
    bool silent_teardown; /* windows that go or are emptied announce nothing */
    /* The default window; no entries: there is none. */
    uint64_t default_base, default_entries;
    unsigned default_page_lg2;
    uint64_t faults;
};

static struct papr *
papr_of(struct iommu *m)
{
    assert(m->ops->kind == IOMMU_KIND_PAPR);
    return (struct papr *)m;
}

static const struct papr *
papr_of_const(const struct iommu *m)
{
    return (const struct papr *)m;
}

static struct papr_table *
table_of(struct papr *p, uint64_t liobn)
{
    for (unsigned i = 0; i < p->n_tables; i++) {
        if (p->table[i].liobn == liobn) {
            return &p->table[i];
        }
    }
    return NULL;
}

/* --- the address space --- */

static bool
is_on(const struct papr_table *t)
{
    return t->entries != 0;
}

static struct space_section
section_of(struct papr_table *t, uint64_t first, uint64_t last)
{
    return (struct space_section){
        .first = first,
        .last = last,
        .region = &t->region,
        .region_first = first - t->base,
    };
}

/*
 * Show the windows that are on, but not `without`, ascending; where both lie, window
 * 1 hides window 0.
 */
static void
show_windows(struct papr *p, const struct papr_table *without)
{
    struct space_section s[SECTIONS_MAX];
    struct papr_table *low = &p->table[0], *high = &p->table[1];
    bool low_shown = is_on(low) && low != without;
    bool high_shown = p->n_tables > 1 && is_on(high) && high != without;
    uint64_t low_last = low_shown ? papr_table_last(low) : 0;
    size_t n = 0;

    if (!high_shown) {
        if (low_shown) {
            s[n++] = section_of(low, low->base, low_last);
        }
        space_set(&p->space, s, n);
        return;
    }
    uint64_t first = high->base, last = papr_table_last(high);

    if (low_shown && low->base < first) {
        s[n++] = section_of(low, low->base, low_last < first ? low_last : first - 1);
    }
    s[n++] = section_of(high, first, last);
    if (low_shown && low_last > last) {
        s[n++] = section_of(low, low->base > last ? low->base : last + 1, low_last);
    }
    space_set(&p->space, s, n);
}

/* --- windows that come and go --- */

static void
trace_window(const struct papr *p, const struct papr_table *t, enum trace_event event)
{
    const struct env *env = p->iommu.env;
    struct trace_rec r;

    if (!trace_wants(env->trace, event)) {
        return;
    }
    trace_begin(&r, sim_now(env->sim), p->iommu.id, event);
    trace_u64(&r, TF_LIOBN, t->liobn);
    trace_u64(&r, TF_BASE, t->base);
    trace_u64(&r, TF_SIZE, t->region.last + 1);
    trace_u64(&r, TF_PAGE, UINT64_C(1) << t->page_lg2);
    trace_emit(env->trace, &r);
}

/*
 * The observer hears of every change of windows once, when all of it has taken
 * effect; the functions up to there leave that to their callers.
 */
static void
tell_switched(struct papr *p)
{
    observe(p->iommu.env, switched, &p->iommu);
}

static void
window_enable(struct papr *p, struct papr_table *t, uint64_t base, unsigned page_lg2,
              uint64_t entries)
{
    papr_table_enable(t, base, page_lg2, entries);
    trace_window(p, t, TE_WINDOW_ADD);
    show_windows(p, NULL);
}

static void
window_disable(struct papr *p, struct papr_table *t, enum notify_cause cause)
{
    if (!p->silent_teardown) {
        papr_table_revoke(t, cause);
    }
    trace_window(p, t, TE_WINDOW_DEL);
    show_windows(p, t);
    papr_table_clear(t);
    papr_table_disable(t);
}

static bool
is_default(const struct papr *p, const struct papr_table *t)
{
    return t->base == p->default_base && t->page_lg2 == p->default_page_lg2 &&
           t->entries == p->default_entries;
}

/* Empty a window that stays where it is. */
static void
window_empty(struct papr *p, struct papr_table *t, enum notify_cause cause)
{
    if (!p->silent_teardown) {
        papr_table_revoke(t, cause);
    }
    papr_table_clear(t);
}

/*
 * Back to the default window alone, empty. Silently, a bridge's default window
 * leaves and returns, as listeners of its address space see; a VIO table is
 * emptied in its place.
 */
static void
restore_default(struct papr *p, enum notify_cause cause)
{
    struct papr_table *t = &p->table[0];
    bool leaves = p->silent_teardown && p->n_tables > 1;

    for (unsigned i = p->n_tables; i-- > 0;) {
        struct papr_table *other = &p->table[i];

        if (is_on(other) && (other != t || leaves || !is_default(p, t))) {
            window_disable(p, other, cause);
        }
    }
    if (is_on(t)) {
        window_empty(p, t, cause);
    } else if (p->default_entries != 0) {
        window_enable(p, t, p->default_base, p->default_page_lg2, p->default_entries);
    }
    tell_switched(p);
}

static bool
geometry_is_possible(uint64_t base, unsigned page_lg2, uint64_t entries)
{
    if (page_lg2 < PAGE_LG2 || page_lg2 > PAGE_LG2_MAX || !is_aligned(base, page_lg2) ||
        entries == 0 || entries >= PAPR_ENTRIES_MAX ||
        entries - 1 > UINT64_MAX >> page_lg2) {
        return false;
    }
    return (entries << page_lg2) - 1 <= UINT64_MAX - base;
}

bool
papr_window_create(struct iommu *iommu, uint64_t liobn, uint64_t base, unsigned page_lg2,
                   uint64_t entries)
{
    struct papr *p = papr_of(iommu);
    struct papr_table *t = table_of(p, liobn);

    if (t == NULL || is_on(t) || p->n_tables == 1 ||
        !geometry_is_possible(base, page_lg2, entries)) {
        return false;
    }
    window_enable(p, t, base, page_lg2, entries);
    tell_switched(p);
    return true;
}

bool
papr_window_remove(struct iommu *iommu, uint64_t liobn)
{
    struct papr *p = papr_of(iommu);
    struct papr_table *t = table_of(p, liobn);

    if (t == NULL || !is_on(t) || p->n_tables == 1) {
        return false;
    }
    window_disable(p, t, CAUSE_WINDOW);
    tell_switched(p);
    return true;
}

void
papr_window_reset(struct iommu *iommu)
{
    restore_default(papr_of(iommu), CAUSE_WINDOW);
}

/* --- what every IOMMU does --- */

static struct space *
papr_attach(struct iommu *m, uint16_t sid, const char *device, struct err *e)
{
    (void)sid;
    (void)device;
    (void)e;
    return &papr_of(m)->space;
}

static void
papr_detach(struct iommu *m, uint16_t sid)
{
    (void)m;
    (void)sid;
}

static void
record_fault(struct papr *p, uint16_t sid, uint64_t addr, enum perm access)
{
    const struct env *env = p->iommu.env;
    struct trace_rec r;

    p->faults++;
    if (!trace_wants(env->trace, TE_FAULT)) {
        return;
    }
    trace_begin(&r, sim_now(env->sim), p->iommu.id, TE_FAULT);
    trace_u64(&r, TF_SID, sid);
    trace_u64(&r, TF_ADDR, addr);
    trace_text(&r, TF_ACCESS, access == PERM_W ? "write" : "read");
    trace_emit(env->trace, &r);
}

/* The window that a device's address meets, or NULL. */
static const struct papr_table *
window_at(const struct papr *p, uint64_t iova, uint64_t *index)
{
    for (unsigned i = p->n_tables; i-- > 0;) {
        if (papr_table_index(&p->table[i], iova, index)) {
            return &p->table[i];
        }
    }
    return NULL;
}

static enum xlate_result
papr_translate(struct iommu *m, const struct iommu_request *q, struct xlate *out)
{
    struct papr *p = papr_of(m);
    const uint64_t iova = q->iova;
    uint64_t index;
    const struct papr_table *t = window_at(p, iova, &index);
    uint64_t tce = t != NULL ? papr_table_get(t, index) : 0;

    if ((papr_tce_perm(tce) & q->access) != q->access) {
        record_fault(p, q->sid, iova, q->access);
        return XLATE_FAULT;
    }
    assert(t != NULL);
    uint64_t offset_mask = (UINT64_C(1) << t->page_lg2) - 1;

    *out = (struct xlate){
        .gpa = GPA(papr_tce_target(tce, t->page_lg2) | (iova & offset_mask)),
        .first = iova & ~offset_mask,
        .last = iova | offset_mask,
        .perm = papr_tce_perm(tce),
    };
    return XLATE_OK;
}

static void
papr_reset(struct iommu *m)
{
    const struct env *env = m->env;

    if (trace_wants(env->trace, TE_RESET)) {
        struct trace_rec r;

        trace_begin(&r, sim_now(env->sim), m->id, TE_RESET);
        trace_emit(env->trace, &r);
    }
    restore_default(papr_of(m), CAUSE_RESET);
}

static uint64_t
papr_faults(const struct iommu *m)
{
    return papr_of_const(m)->faults;
}

static bool
papr_owns_liobn(const struct iommu *m, uint64_t liobn)
{
    const struct papr *p = papr_of_const(m);

    return liobn - p->table[0].liobn < p->n_tables;
}

static void
papr_hcall(struct iommu *m, struct hcall *h)
{
    struct papr *p = papr_of(m);
    struct papr_table *t = table_of(p, h->liobn);
    const struct mem *ram = m->env->mem;

    switch (h->op) {
    case HCALL_PUT_TCE:
        h->ret = p->rules->put(t, ram, h);
        break;
    case HCALL_PUT_TCE_INDIRECT:
        h->ret = p->rules->put_indirect(t, ram, h);
        break;
    case HCALL_STUFF_TCE:
        h->ret = p->rules->stuff(t, ram, h);
        break;
    case HCALL_GET_TCE:
        h->ret = papr_hcall_get(t, h);
        break;
    }
}

static size_t
papr_windows(const struct iommu *m, struct iommu_window *out, size_t max)
{
    const struct papr *p = papr_of_const(m);
    size_t n = 0;

    for (; n < p->n_tables && n < max; n++) {
        const struct papr_table *t = &p->table[n];

        out[n] = (struct iommu_window){
            .liobn = t->liobn,
            .base = t->base,
            .page_lg2 = t->page_lg2,
            .entries = t->entries,
            .tces = t->tces,
        };
    }
    return n;
}

static void
papr_free(struct iommu *m)
{
    struct papr *p = papr_of(m);

    space_fini(&p->space);
    for (unsigned i = 0; i < p->n_tables; i++) {
        papr_table_fini(&p->table[i]);
    }
    free(p);
}

static const struct iommu_ops papr_ops = {
    .kind = IOMMU_KIND_PAPR,
    .free = papr_free,
    .attach = papr_attach,
    .detach = papr_detach,
    .translate = papr_translate,
    .reset = papr_reset,
    .faults = papr_faults,
    .owns_liobn = papr_owns_liobn,
    .hcall = papr_hcall,
    .windows = papr_windows,
};

struct iommu *
papr_new(const struct iommu_papr_config *c, struct env *env)
{
    struct papr *p = xcalloc(1, sizeof(*p));
    bool lone_map = env_quirk(env, QUIRK_PAPR_LONE_MAP);

    p->iommu = (struct iommu){ .ops = &papr_ops, .id = c->id, .env = env };
    p->rules =
        env_quirk(env, QUIRK_PAPR_PER_ENTRY) ? &papr_rules_qemu : &papr_rules_lopar;
    p->silent_teardown = env_quirk(env, QUIRK_PAPR_SILENT_TEARDOWN);
    p->n_tables = c->vio ? 1 : PAPR_WINDOWS;
    for (unsigned i = 0; i < p->n_tables; i++) {
        papr_table_init(&p->table[i], c->liobn + i, c->id, env, lone_map);
    }
    space_init(&p->space, c->id, env);
    if (c->has_window) {
        p->default_base = c->window_base;
        p->default_page_lg2 = c->page_lg2;
        p->default_entries = c->window_size >> c->page_lg2;
        assert(geometry_is_possible(p->default_base, c->page_lg2, p->default_entries));
        papr_table_enable(&p->table[0], p->default_base, c->page_lg2, p->default_entries);
        show_windows(p, NULL);
    }
    return &p->iommu;
}
