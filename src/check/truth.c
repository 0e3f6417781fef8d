/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See truth.h. Devices and views; the tables' reverse index is in table_index.c. */
#include "check/truth.h"

#include <stdlib.h>
#include <string.h>

#include "check/table_index.h"
#include "iommu/papr_fmt.h"

enum {
    WINDOWS_MAX = 16,
};

struct truth {
    struct env *env;
    struct exposure_book *book;
    truth_change_fn *changed;
    void *self;
    struct truth_iommu *iommus;
    struct table_index index;
};

struct truth *
truth_new(struct env *env, struct exposure_book *book, truth_change_fn *changed,
          void *self)
{
    struct truth *t = xcalloc(1, sizeof(*t));

    t->env = env;
    t->book = book;
    t->changed = changed;
    t->self = self;
    table_index_init(&t->index, env->mem, changed, self);
    return t;
}

static bool
is_vtd(const struct truth_iommu *ti)
{
    return ti->iommu->ops->roots != NULL;
}

/* ---- views ---- */

static void
view_free(struct view *v)
{
    struct truth_iommu *ti = v->iommu;

    if (v->window.tces != NULL) {
        mem_set_watcher(v->window.tces, NULL, NULL);
        mem_watch_all(v->window.tces, NULL);
    } else {
        table_index_drop(&ti->truth->index, v);
        struct view **p = &ti->by_did[v->did % 256];
        while (*p != v) {
            p = &(*p)->did_next;
        }
        *p = v->did_next;
    }
    struct view **p = &ti->views;
    while (*p != v) {
        p = &(*p)->next;
    }
    *p = v->next;
    recordset_fini(&v->records);
    recordset_fini(&v->unlinked);
    rangemap_fini(&v->flat);
    rangemap_fini(&v->used);
    free(v);
}

static struct view *
view_new(struct truth_iommu *ti)
{
    struct view *v = xcalloc(1, sizeof(*v));

    v->iommu = ti;
    v->next = ti->views;
    ti->views = v;
    v->pasid = IOMMU_NO_PASID;
    recordset_init(&v->records, ti->truth->env->budget, ti->truth->book);
    recordset_init(&v->unlinked, ti->truth->env->budget, NULL);
    rangemap_init(&v->flat, RANGEMAP_LINEAR, ti->truth->env->budget);
    rangemap_init(&v->used, RANGEMAP_CONSTANT, ti->truth->env->budget);
    return v;
}

struct view *
view_next_by_did(struct truth_iommu *ti, uint16_t did, struct view *prev)
{
    struct view *v = prev == NULL ? ti->by_did[did % 256] : prev->did_next;

    while (v != NULL && v->did != did) {
        v = v->did_next;
    }
    return v;
}

static bool
same_table(const struct walk_table *a, const struct walk_table *b)
{
    return a->page == b->page && a->level == b->level &&
           a->first_stage == b->first_stage && a->accessed == b->accessed &&
           a->supervisor == b->supervisor && a->write_protect == b->write_protect &&
           memcmp(&a->zeroes, &b->zeroes, sizeof(a->zeroes)) == 0;
}

static struct view *
view_for(struct truth_iommu *ti, const struct entries *e)
{
    const uint32_t pasid = e->first_levels != 0 ? e->pasid : IOMMU_NO_PASID;
    struct walk_stages stages;

    entries_stages(ti->truth->env->mem, &ti->roots, e, &stages);
    for (struct view *v = NULL; (v = view_next_by_did(ti, e->did, v)) != NULL;) {
        if (v->pasid == pasid && v->stages.nested == stages.nested &&
            same_table(&v->stages.table, &stages.table) &&
            (!stages.nested || same_table(&v->stages.second, &stages.second))) {
            return v;
        }
    }
    struct view *v = view_new(ti);
    v->did = e->did;
    v->pasid = pasid;
    v->stages = stages;
    v->did_next = ti->by_did[e->did % 256];
    ti->by_did[e->did % 256] = v;
    table_index_add(&ti->truth->index, v);
    return v;
}

/* v has lost a device, or is NULL. */
static void
view_release(struct view *v)
{
    if (v != NULL && v->devices == NULL) {
        view_free(v);
    }
}

/* ---- PAPR windows ---- */

void
truth_trace_entry(const struct truth_iommu *ti, uint64_t first, uint64_t last,
                  unsigned level, uint64_t old, uint64_t new)
{
    const struct env *env = ti->iommu->env;
    struct trace_rec r;

    if (trace_wants(env->trace, TE_ENTRY)) {
        trace_begin(&r, sim_now(env->sim), ti->iommu->id, TE_ENTRY);
        trace_u64(&r, TF_IOVA, first);
        trace_u64(&r, TF_SIZE, last - first + 1);
        trace_u64(&r, TF_LEVEL, level);
        trace_u64(&r, TF_OLD, old);
        trace_u64(&r, TF_NEW, new);
        trace_emit(env->trace, &r);
    }
}

static void
tce_changed(void *self, gpa_t word, void *cookie, uint64_t old, uint64_t new)
{
    struct truth *t = self;
    struct view *v = cookie;
    struct range_piece was, is;

    walk_tce_piece(&v->window, word.v / 8, old, &was);
    walk_tce_piece(&v->window, word.v / 8, new, &is);
    truth_trace_entry(v->iommu, is.first, is.last, 1, old, new);
    if (was.perm == is.perm && (was.perm == PERM_NONE || was.target == is.target)) {
        return;
    }
    t->changed(t->self, &(struct truth_change){ .view = v,
                                                .first = was.first,
                                                .last = was.last,
                                                .old_target = was.target,
                                                .old_perm = was.perm,
                                                .revokes = walk_piece_revokes(&was, &is),
                                                .now_present = is.perm != PERM_NONE,
                                                .need = RECORD_NEED_HCALL });
}

static bool
same_window(const struct iommu_window *a, const struct iommu_window *b)
{
    return a->tces == b->tces && a->liobn == b->liobn && a->base == b->base &&
           a->page_lg2 == b->page_lg2 && a->entries == b->entries;
}

/* Make the views those of the windows that are switched on. */
static void
read_windows(struct truth_iommu *ti)
{
    struct iommu_window now[WINDOWS_MAX];
    size_t n = ti->iommu->ops->windows(ti->iommu, now, WINDOWS_MAX);
    bool known[WINDOWS_MAX] = { false };

    for (struct view *v = ti->views, *next; v != NULL; v = next) {
        next = v->next;
        size_t i = 0;
        while (i < n && !same_window(&v->window, &now[i])) {
            i++;
        }
        if (i < n) {
            known[i] = true;
        } else {
            view_free(v);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!known[i] && now[i].entries != 0) {
            struct view *v = view_new(ti);
            v->window = now[i];
            mem_set_watcher(v->window.tces, tce_changed, ti->truth);
            mem_watch_all(v->window.tces, v);
        }
    }
}

/* ---- devices ---- */

static struct truth_iommu *
add_iommu(struct truth *t, struct iommu *m)
{
    struct truth_iommu *ti = xcalloc(1, sizeof(*ti));

    ti->truth = t;
    ti->iommu = m;
    ti->next = t->iommus;
    t->iommus = ti;
    if (m->ops->windows != NULL) {
        read_windows(ti);
    } else if (m->ops->roots != NULL) {
        m->ops->roots(m, &ti->roots);
    }
    return ti;
}

struct truth_iommu *
truth_first(const struct truth *t)
{
    return t->iommus;
}

struct truth_iommu *
truth_find(const struct truth *t, const struct iommu *m)
{
    struct truth_iommu *ti = t->iommus;

    while (ti != NULL && ti->iommu != m) {
        ti = ti->next;
    }
    return ti;
}

static void
view_join(struct view *v, struct truth_device *d)
{
    struct truth_device **end = &v->devices;

    while (*end != NULL) {
        end = &(*end)->beside;
    }
    *end = d;
    d->beside = NULL;
    d->view = v;
}

/* Returns the view that d looked through, or NULL. */
static struct view *
view_leave(struct truth_device *d)
{
    struct view *v = d->view;

    if (v != NULL) {
        struct truth_device **p = &v->devices;
        while (*p != d) {
            p = &(*p)->beside;
        }
        *p = d->beside;
        d->view = NULL;
    }
    return v;
}

static void
watch_entries(struct truth_device *d, const struct entries *was)
{
    struct table_index *index = &d->iommu->truth->index;

    for (unsigned i = 0; i < ENTRY_KINDS; i++) {
        table_index_watch_entry(index, d, &d->entries.places[i]);
    }
    for (unsigned i = 0; i < ENTRY_KINDS; i++) {
        table_index_unwatch_entry(index, d, &was->places[i]);
    }
}

/*
 * Read where a VT-d device's entries lead and watch them. Returns the view that it
 * left, for view_release.
 */
static struct view *
look(struct truth_device *d)
{
    struct truth_iommu *ti = d->iommu;
    struct entries was = d->entries;
    struct view *left = view_leave(d);

    d->state = TRUTH_IDENTITY;
    d->entries = (struct entries){ .state = ENTRIES_IDENTITY };
    if (ti->roots.translation) {
        entries_read(ti->truth->env->mem, &ti->roots, d->sid, d->pasid, &d->entries);
        d->state = d->entries.state == ENTRIES_IDENTITY ? TRUTH_IDENTITY : TRUTH_BLOCKED;
    }
    watch_entries(d, &was);
    if (ti->roots.translation && d->entries.state == ENTRIES_TRANSLATED) {
        d->state = TRUTH_VIEWS;
        view_join(view_for(ti, &d->entries), d);
    }
    return left;
}

/* What devices see of an IOMMU that has windows, or nothing to translate by. */
static enum truth_state
state_of_windows(const struct iommu *m)
{
    bool translates =
        m->ops->windows != NULL && (m->ops->bypassed == NULL || !m->ops->bypassed(m));

    return translates ? TRUTH_VIEWS : TRUTH_IDENTITY;
}

/* In the list of its IOMMU behind all that are there. */
static struct truth_device *
device_new(struct truth_iommu *ti, const char *id, uint16_t sid, uint32_t pasid)
{
    struct truth_device *d = xcalloc(1, sizeof(*d));
    struct budget *budget = ti->truth->env->budget;

    d->iommu = ti;
    d->id = id;
    d->sid = sid;
    d->pasid = pasid;
    recordset_init(&d->records, budget, ti->truth->book);
    recordset_init(&d->tlb, budget, ti->truth->book);
    rangemap_init(&d->wrong_dma, RANGEMAP_CONSTANT, budget);
    struct truth_device **end = &ti->devices;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = d;
    if (is_vtd(ti)) {
        look(d);
    } else {
        d->state = state_of_windows(ti->iommu);
    }
    return d;
}

struct truth_device *
truth_add_device(struct truth *t, struct iommu *m, const char *id, uint16_t sid)
{
    struct truth_iommu *ti = truth_find(t, m);

    return device_new(ti != NULL ? ti : add_iommu(t, m), id, sid, IOMMU_NO_PASID);
}

struct truth_device *
truth_pasid(struct truth_device *d, uint32_t pasid)
{
    if (pasid == IOMMU_NO_PASID || !is_vtd(d->iommu)) {
        return d;
    }
    for (struct truth_device *p = d->iommu->devices; p != NULL; p = p->next) {
        if (p->sid == d->sid && p->pasid == pasid) {
            return p;
        }
    }
    return device_new(d->iommu, d->id, d->sid, pasid);
}

static void
device_free(struct truth_device *d)
{
    struct truth_device **p = &d->iommu->devices;
    const struct entries none = { .state = ENTRIES_BLOCKED }, was = d->entries;

    while (*p != d) {
        p = &(*p)->next;
    }
    *p = d->next;
    d->entries = none;
    watch_entries(d, &was);
    view_release(view_leave(d));
    recordset_fini(&d->records);
    recordset_fini(&d->tlb);
    rangemap_fini(&d->wrong_dma);
    free(d);
}

void
truth_remove_device(struct truth_device *d)
{
    const uint16_t sid = d->sid;

    for (struct truth_device *p = d->iommu->devices, *next; p != NULL; p = next) {
        next = p->next;
        if (p != d && p->sid == sid && p->pasid != IOMMU_NO_PASID && is_vtd(d->iommu)) {
            device_free(p);
        }
    }
    device_free(d);
}

void
truth_free(struct truth *t)
{
    if (t == NULL) {
        return;
    }
    for (struct truth_iommu *ti = t->iommus, *next; ti != NULL; ti = next) {
        next = ti->next;
        while (ti->devices != NULL) {
            device_free(ti->devices);
        }
        while (ti->views != NULL) {
            view_free(ti->views);
        }
        free(ti);
    }
    table_index_fini(&t->index);
    free(t);
}

/* ---- what a device sees ---- */

static void
hole(struct range_piece *out, uint64_t first, uint64_t last)
{
    *out = (struct range_piece){ .first = first, .last = last, .perm = PERM_NONE };
}

static void
identity_at(const struct mem *mem, uint64_t addr, struct range_piece *out)
{
    uint64_t first = 0;

    for (size_t i = 0; i < mem_range_count(mem); i++) {
        const struct mem_range *r = mem_range_at(mem, i);
        if (r->kind != MEM_RAM) {
            continue;
        }
        if (addr < r->first) {
            hole(out, first, r->first - 1);
            return;
        }
        if (addr <= r->last) {
            *out = (struct range_piece){
                .first = r->first, .last = r->last, .target = r->first, .perm = PERM_RW
            };
            return;
        }
        first = r->last + 1;
    }
    hole(out, first, UINT64_MAX);
}

/* Whether devices see `a` where both windows lie; the order of LIOBNs is theirs. */
static bool
is_above(const struct view *a, const struct view *b)
{
    return b == NULL || a->window.liobn > b->window.liobn;
}

/* The window that devices meet at addr, or NULL; *last is cut to where that holds. */
static const struct view *
window_met_at(const struct truth_iommu *ti, uint64_t addr, uint64_t *last)
{
    const struct view *top = NULL;
    const struct view *only =
        ti->views != NULL && ti->views->next == NULL ? ti->views : NULL;

    if (only != NULL && addr >= only->window.base &&
        addr <= walk_window_last(&only->window)) {
        return only;
    }
    for (const struct view *v = ti->views; v != NULL; v = v->next) {
        if (addr >= v->window.base && addr <= walk_window_last(&v->window) &&
            is_above(v, top)) {
            top = v;
        }
    }
    for (const struct view *v = ti->views; v != NULL; v = v->next) {
        if (v->window.base > addr && is_above(v, top) && v->window.base - 1 < *last) {
            *last = v->window.base - 1;
        }
    }
    return top;
}

static void
windows_at(const struct truth_iommu *ti, uint64_t addr, uint64_t limit,
           struct range_piece *out)
{
    uint64_t last = UINT64_MAX;
    const struct view *v = window_met_at(ti, addr, &last);

    if (ti->views != NULL && ti->views->window.interrupts) {
        if (papr_is_interrupt(addr)) {
            hole(out, PAPR_MSI_FIRST, PAPR_MSI_LAST);
            return;
        }
        if (addr < PAPR_MSI_FIRST && last >= PAPR_MSI_FIRST) {
            last = PAPR_MSI_FIRST - 1;
        }
    }
    if (v == NULL) {
        hole(out, addr, last);
        return;
    }
    uint64_t end = walk_window_last(&v->window);

    walk_window_at(&v->window, addr, limit < end ? limit : end, out);
    out->last = out->last < last ? out->last : last;
}

static void
view_at(struct view *v, bool interrupts, uint64_t addr, uint64_t limit,
        struct range_piece *out)
{
    const struct table_index *ix = &v->iommu->truth->index;

    if (interrupts && vtd_is_interrupt(addr)) {
        hole(out, VTD_INTERRUPT_FIRST, VTD_INTERRUPT_LAST);
        return;
    }
    if (v->memo_stores == ix->stores && addr >= v->memo.first && addr <= v->memo.last) {
        *out = v->memo; /* each mirror of a domain asks the same */
    } else {
        v->near.known = v->near.known && v->near_links == ix->links;
        v->near_links = ix->links;
        walk_stages_near(&v->stages, addr, limit, &v->near, out);
        v->memo = *out;
        v->memo_stores = ix->stores;
    }
}

void
truth_at(const struct truth_device *d, uint64_t addr, uint64_t limit,
         struct range_piece *out)
{
    switch (d->state) {
    case TRUTH_BLOCKED:
        hole(out, 0, UINT64_MAX);
        return;
    case TRUTH_IDENTITY:
        identity_at(d->iommu->truth->env->mem, addr, out);
        return;
    case TRUTH_VIEWS:
        if (d->view == NULL) {
            windows_at(d->iommu, addr, limit, out);
        } else {
            view_at(d->view, d->pasid == IOMMU_NO_PASID, addr, limit, out);
        }
        return;
    }
}

bool
truth_left_at(const struct truth_device *d, uint64_t addr, uint64_t limit,
              struct range_piece *out)
{
    bool open = !recordset_empty(&d->records) || !recordset_empty(&d->tlb);

    if (d->left.table.mem == NULL || !open ||
        (vtd_is_interrupt(addr) && d->pasid == IOMMU_NO_PASID)) {
        return false;
    }
    walk_stages_at(&d->left, addr, limit, out);
    return true;
}

/* The second-stage table of v, or NULL. */
static const struct walk_table *
second_of(const struct view *v)
{
    if (v->stages.nested) {
        return &v->stages.second;
    }
    return v->stages.table.first_stage ? NULL : &v->stages.table;
}

/* Whether the IOMMU's caches could take one's translations for the other's. */
static bool
collide(const struct view *a, const struct view *b)
{
    const struct walk_table *x = second_of(a), *y = second_of(b);

    return a->pasid == b->pasid || (x != NULL && y != NULL && !same_table(x, y));
}

bool
truth_is_ambiguous(const struct truth_device *d, uint64_t addr,
                   const struct record **unlinked)
{
    struct view *v = d->view;
    struct range_piece p;
    uint32_t newest;

    if (unlinked != NULL) {
        *unlinked = NULL;
    }
    if (v == NULL || v->window.tces != NULL) {
        return false;
    }
    if (recordset_next(&v->unlinked, addr, &p, &newest) && p.first <= addr) {
        if (unlinked != NULL) {
            *unlinked = recordset_at(&v->unlinked, newest);
        }
        return true;
    }
    for (struct view *w = NULL; (w = view_next_by_did(d->iommu, v->did, w)) != NULL;) {
        if (w != v && w->devices != NULL && collide(v, w)) {
            return true;
        }
    }
    return false;
}

/* ---- a device moves ---- */

/* Whether d no longer sees all that `was` said from `at` on. */
static bool
loses(const struct truth_device *d, uint64_t at, const struct range_piece *was)
{
    struct range_piece now, old = *was;

    if (was->perm == PERM_NONE) {
        return false;
    }
    truth_at(d, at, was->last, &now);
    now.target += at - now.first;
    old.target += at - old.first;
    return now.last < was->last || walk_piece_revokes(&old, &now);
}

/* All that the device saw becomes its own record, holes included. */
static void
record_all(struct truth_device *d, const struct truth_device *was, unsigned need)
{
    struct truth *t = d->iommu->truth;
    bool led = was->state != TRUTH_BLOCKED, leads = d->state != TRUTH_BLOCKED;
    const struct entries *named = was->entries.led ? &was->entries : &d->entries;
    struct range_piece p;

    for (uint64_t at = 0;; at = p.last + 1) {
        truth_at(was, at, UINT64_MAX, &p);
        t->changed(t->self,
                   &(struct truth_change){ .device = d,
                                           .first = at,
                                           .last = p.last,
                                           .old_target = p.target + (at - p.first),
                                           .old_perm = p.perm,
                                           .revokes = loses(d, at, &p),
                                           .now_present = leads,
                                           .in_place = led && leads,
                                           .ats = was->entries.ats,
                                           .need = need,
                                           .did = named->did,
                                           .pasid = named->pasid });
        if (p.last == UINT64_MAX) {
            return;
        }
    }
}

/*
 * What the view that d left, which was of type `was`, still had open goes on concerning
 * it until all of the domain, or the PASID, has been invalidated.
 */
static void
keep_records(struct truth_device *d, const struct entries *was,
             const struct recordset *rs)
{
    const unsigned need = was->scalable
                              ? vtd_required_pgtt(vtd_pasid_pgtt(&was->pasid_entry))
                              : (unsigned)VTD_NEED_IOTLB_DOMAIN;
    struct truth *t = d->iommu->truth;
    struct range_piece p;
    uint32_t newest;

    for (uint64_t at = 0; recordset_next(rs, at, &p, &newest); at = p.last + 1) {
        for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
            const struct record *r = recordset_at(rs, i);
            t->changed(t->self,
                       &(struct truth_change){ .device = d,
                                               .first = p.first,
                                               .last = p.last,
                                               .old_target = record_target(r, p.first),
                                               .old_perm = r->perm,
                                               .revokes = r->revokes,
                                               .need = need,
                                               .did = r->did,
                                               .pasid = r->pasid,
                                               .origin = &r->origin });
        }
        if (p.last == UINT64_MAX) {
            return;
        }
    }
}

/*
 * Whether d, with which no view goes, is the same as it was but for the DID or PASID
 * under which the IOMMU caches what it sees. That is the begin of a change, or all of it.
 */
static bool
is_renamed(const struct truth_device *d, const struct truth_device *was)
{
    return d->state == TRUTH_IDENTITY && was->state == TRUTH_IDENTITY && d->entries.led &&
           was->entries.led &&
           (d->entries.did != was->entries.did || d->entries.pasid != was->entries.pasid);
}

/* What leads d to its table changed: `need` is what that requires. */
static void
move(struct truth_device *d, unsigned need)
{
    const struct truth_device was = *d;
    struct view *left = look(d);

    if (!was.entries.led) { /* no domain had anything cached for it */
        need &= ~(unsigned)(VTD_NEED_PASID_DOMAIN | VTD_NEED_IOTLB_DOMAIN);
    }
    const bool moved = d->state != was.state || d->view != left;
    if (moved && left != NULL && need != 0) {
        keep_records(d, &was.entries, &left->records);
        if (recordset_empty(&was.records)) { /* else it follows an older one */
            d->left = left->stages;
        }
    }
    if (moved || is_renamed(d, &was)) {
        record_all(d, &was, need);
    }
    view_release(left);
}

void
truth_entry_changed(struct truth_device *d)
{
    const struct truth_iommu *ti = d->iommu;
    struct entries now;

    entries_read(ti->truth->env->mem, &ti->roots, d->sid, d->pasid, &now);
    move(d, entries_required(&d->entries, &now, d->sid, ti->roots.caching_mode));
}

/* ---- the IOMMU switches ---- */

void
truth_refresh(struct truth_iommu *ti)
{
    struct iommu_roots now;

    if (ti->iommu->ops->windows != NULL) {
        read_windows(ti);
        for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
            d->state = state_of_windows(ti->iommu);
        }
        return;
    }
    if (!is_vtd(ti)) {
        return;
    }
    ti->iommu->ops->roots(ti->iommu, &now);
    if (now.translation == ti->roots.translation &&
        now.root_table.v == ti->roots.root_table.v && now.ttm == ti->roots.ttm) {
        return;
    }
    bool moved = ti->roots.translation && now.translation;
    bool scalable = now.ttm == VTD_TTM_SCALABLE || ti->roots.ttm == VTD_TTM_SCALABLE;
    ti->roots = now;
    for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
        if (moved) {
            move(d, vtd_required_srtp(scalable));
        } else {
            view_release(look(d));
        }
    }
}

void
truth_switched(struct truth_iommu *ti)
{
    truth_refresh(ti);
    if (ti->roots.translation) {
        return;
    }
    for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
        recordset_clear(&d->records);
        recordset_clear(&d->tlb);
    }
    for (struct view *v = ti->views; v != NULL; v = v->next) {
        recordset_clear(&v->records);
        recordset_clear(&v->unlinked);
    }
}
