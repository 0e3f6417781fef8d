/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DMA windows: how they come and go, what devices see of them, what a migration makes
 * of them. See papr_bridge.h and papr.h.
 */
#include "iommu/papr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/papr_bridge.h"

enum {
    PAGE_LG2_MAX = 34,
    /* Each window shows itself in one piece more than it hides, and so do interrupts. */
    SECTIONS_MAX = 2 * (PAPR_WINDOWS_MAX + 1),
};

struct papr_table *
papr_table_of(struct papr *p, uint64_t liobn)
{
    for (unsigned i = 0; i < p->n_tables; i++) {
        if (p->table[i].liobn == liobn) {
            return &p->table[i];
        }
    }
    return NULL;
}

unsigned
papr_windows_on(const struct papr *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < p->n_tables; i++) {
        n += papr_is_on(&p->table[i]);
    }
    return n;
}

/* --- what devices see --- */

/* Sections, ascending. */
struct view {
    struct space_section s[SECTIONS_MAX];
    size_t n;
};

static void
insert(struct view *v, const struct space_section *s)
{
    size_t at = v->n;

    assert(v->n < SECTIONS_MAX);
    while (at > 0 && v->s[at - 1].first > s->first) {
        at--;
    }
    memmove(&v->s[at + 1], &v->s[at], (v->n - at) * sizeof(*s));
    v->s[at] = *s;
    v->n++;
}

/* Add what of [first, last] is not covered yet; region NULL: the interrupt page. */
static void
add_below(struct view *v, uint64_t first, uint64_t last, struct notify_region *region)
{
    const struct view above = *v;
    uint64_t at = first;

    for (size_t i = 0; i <= above.n && at <= last; i++) {
        const struct space_section *over = i < above.n ? &above.s[i] : NULL;
        if (over != NULL && (over->last < at || over->first > last)) {
            continue;
        }
        if (over == NULL || over->first > at) {
            insert(v, &(struct space_section){
                          .first = at,
                          .last = over != NULL ? over->first - 1 : last,
                          .region = region,
                          .region_first = at - first,
                      });
        }
        if (over == NULL || over->last >= last) {
            return;
        }
        at = over->last + 1;
    }
}

/*
 * Show the windows that are on: those of higher number hide those of lower, and the
 * interrupt page, which is no section, hides them all.
 */
static void
show_windows(struct papr *p)
{
    struct view v = { .n = 0 };
    size_t n = 0;

    if (p->bypass) {
        space_set_bypass(&p->space);
        return;
    }
    if (!p->vio && !p->quirk.msi_shadowed) {
        add_below(&v, PAPR_MSI_FIRST, PAPR_MSI_LAST, NULL);
    }
    for (unsigned i = p->n_tables; i-- > 0;) {
        struct papr_table *t = &p->table[i];
        if (papr_is_on(t) && !t->is_leaving) {
            add_below(&v, t->region_base, papr_table_last(t), &t->region);
        }
    }
    for (size_t i = 0; i < v.n; i++) {
        if (v.s[i].region != NULL) {
            v.s[n++] = v.s[i];
        }
    }
    space_set(&p->space, v.s, n);
}

bool
papr_meets_interrupts(const struct papr *p, uint64_t bus_address)
{
    uint64_t index;

    if (p->vio || !papr_is_interrupt(bus_address)) {
        return false;
    }
    for (unsigned i = 0; p->quirk.msi_shadowed && i < p->n_tables; i++) {
        if (papr_table_met_at(&p->table[i], bus_address, &index)) {
            return false;
        }
    }
    return true;
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
    trace_u64(&r, TF_SIZE, t->entries << t->page_lg2);
    trace_u64(&r, TF_PAGE, UINT64_C(1) << t->page_lg2);
    trace_emit(env->trace, &r);
}

void
papr_tell_switched(struct papr *p)
{
    observe(p->iommu.env, switched, &p->iommu);
}

bool
papr_geometry_is_possible(uint64_t base, unsigned page_lg2, uint64_t entries)
{
    if (page_lg2 < PAGE_LG2 || page_lg2 > PAGE_LG2_MAX || !is_aligned(base, page_lg2) ||
        entries == 0 || entries >= PAPR_ENTRIES_MAX ||
        entries - 1 > UINT64_MAX >> page_lg2) {
        return false;
    }
    return (entries << page_lg2) - 1 <= UINT64_MAX - base;
}

/*
 * Devices will not meet any more what other windows have where t is: that is unmapped.
 * A page may be hidden in part, and what is left of it is news again, so those windows
 * leave and come back, as listeners see them.
 */
static void
revoke_hidden(struct papr *p, const struct papr_table *t)
{
    const uint64_t first = t->base, last = papr_table_last(t);
    bool any = false;

    for (struct papr_table *low = p->table; low < t; low++) {
        if (papr_is_on(low) &&
            ranges_overlap(first, last, low->region_base, papr_table_last(low))) {
            papr_table_revoke(low, first, last, CAUSE_WINDOW);
            low->is_leaving = any = true;
        }
    }
    if (any) {
        show_windows(p);
    }
    for (struct papr_table *low = p->table; low < t; low++) {
        low->is_leaving = false;
    }
}

bool
papr_window_on(struct papr *p, struct papr_table *t, uint64_t base, unsigned page_lg2,
               uint64_t entries)
{
    if (t->leftover) {
        env_abort(p->iommu.env, p->iommu.id, BLAME_IOMMU,
                  "subregion-already-has-a-container");
        return false;
    }
    papr_table_enable(t, base, page_lg2, entries);
    if (!p->quirk.silent_teardown) {
        revoke_hidden(p, t);
    }
    trace_window(p, t, TE_WINDOW_ADD);
    show_windows(p);
    return true;
}

void
papr_window_off(struct papr *p, struct papr_table *t, enum notify_cause cause)
{
    if (!p->quirk.silent_teardown) {
        papr_table_revoke(t, 0, UINT64_MAX, cause);
    }
    trace_window(p, t, TE_WINDOW_DEL);
    t->is_leaving = true;
    show_windows(p);
    papr_table_clear(t);
    papr_table_disable(t);
    t->is_leaving = false;
}

void
papr_window_empty(struct papr *p, struct papr_table *t, enum notify_cause cause)
{
    if (!p->quirk.silent_teardown) {
        papr_table_revoke(t, 0, UINT64_MAX, cause);
    }
    papr_table_clear(t);
}

static void
mark_default(struct papr_table *t)
{
    t->is_default = true;
    t->was_default = true;
}

/*
 * Silently, a bridge's default window leaves and returns, as listeners of its address
 * space see; a VIO table is emptied in its place.
 */
void
papr_restore_default(struct papr *p, enum notify_cause cause)
{
    struct papr_table *t = &p->table[0];
    bool leaves = p->quirk.silent_teardown && !p->vio;

    for (unsigned i = p->n_tables; i-- > 0;) {
        struct papr_table *other = &p->table[i];

        if (papr_is_on(other) && (other != t || leaves || !t->is_default)) {
            papr_window_off(p, other, cause);
        }
    }
    if (papr_is_on(t)) {
        papr_window_empty(p, t, cause);
    } else if (p->default_entries != 0 &&
               papr_window_on(p, t, p->default_base, p->default_page_lg2,
                              p->default_entries)) {
        mark_default(t);
    }
    papr_tell_switched(p);
}

void
papr_set_bypass(struct papr *p, bool on)
{
    if (p->bypass == on) {
        return;
    }
    if (on && !p->quirk.silent_teardown) {
        papr_table_revoke(&p->table[0], 0, UINT64_MAX, CAUSE_WINDOW);
    }
    p->bypass = on;
    show_windows(p);
    papr_tell_switched(p);
}

void
papr_power_on(struct papr *p)
{
    struct papr_table *t = &p->table[0];

    if (p->default_entries != 0) {
        papr_table_enable(t, p->default_base, p->default_page_lg2, p->default_entries);
        mark_default(t);
    }
    show_windows(p);
}

/* --- for those who play the firmware --- */

bool
papr_window_create(struct iommu *iommu, uint64_t liobn, uint64_t base, unsigned page_lg2,
                   uint64_t entries)
{
    struct papr *p = (struct papr *)iommu;
    struct papr_table *t = papr_table_of(p, liobn);

    if (t == NULL || papr_is_on(t) || p->vio ||
        !papr_geometry_is_possible(base, page_lg2, entries) ||
        !papr_window_on(p, t, base, page_lg2, entries)) {
        return false;
    }
    papr_tell_switched(p);
    return true;
}

bool
papr_window_remove(struct iommu *iommu, uint64_t liobn)
{
    struct papr *p = (struct papr *)iommu;
    struct papr_table *t = papr_table_of(p, liobn);

    if (t == NULL || !papr_is_on(t) || p->vio) {
        return false;
    }
    papr_window_off(p, t, CAUSE_WINDOW);
    papr_tell_switched(p);
    return true;
}

void
papr_window_reset(struct iommu *iommu)
{
    papr_restore_default((struct papr *)iommu, CAUSE_WINDOW);
}

/* --- migration --- */

/* One table in the stream. */
struct saved_table {
    uint64_t base, entries;
    unsigned page_lg2;
    bool is_default, was_default;
    struct mem *tces;
};

static void
save(struct papr_table *t, struct saved_table *s)
{
    *s = (struct saved_table){
        .base = t->base,
        .entries = t->entries,
        .page_lg2 = t->page_lg2,
        .is_default = t->is_default,
        .was_default = t->was_default,
        .tces = papr_table_take_entries(t),
    };
}

static void
switch_off(struct papr_table *t)
{
    if (papr_is_on(t)) {
        papr_table_disable(t);
    }
    t->leftover = t->was_default = false;
}

static void
load(struct papr *p, struct papr_table *t, const struct saved_table *s)
{
    bool alike = s->base == t->base && s->page_lg2 == t->page_lg2;

    if (s->entries != t->entries || (!alike && !p->quirk.migrate_by_count)) {
        if (papr_is_on(t)) {
            papr_table_disable(t);
        }
        if (s->entries != 0) {
            papr_table_enable(t, s->base, s->page_lg2, s->entries);
        }
    } else if (!alike) {
        papr_table_reinterpret(t, s->base, s->page_lg2);
    }
    papr_table_load(t, s->tces);
    t->is_default = s->is_default;
    t->was_default = s->was_default;
}

void
papr_migrate(struct papr *p)
{
    struct saved_table s[PAPR_WINDOWS_MAX];
    bool bypass = p->bypass;

    for (unsigned i = 0; i < p->n_tables; i++) {
        save(&p->table[i], &s[i]);
    }
    p->bypass = false;
    space_set(&p->space, NULL, 0);
    for (unsigned i = 0; i < p->n_tables; i++) {
        switch_off(&p->table[i]);
    }
    papr_power_on(p);
    space_set(&p->space, NULL, 0);
    for (unsigned i = 0; i < p->n_tables; i++) {
        load(p, &p->table[i], &s[i]);
    }
    p->bypass = bypass && !p->quirk.no_rebuild;
    show_windows(p);
    p->bypass = bypass;
    papr_tell_switched(p);
    for (unsigned i = 0; i < p->n_tables; i++) {
        mem_free(s[i].tces);
    }
}
