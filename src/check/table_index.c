/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See table_index.h. */
#include "check/table_index.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    TABLE_WORDS = 512,
    ENTRY_BYTES = 16,
};

/* One use of a page. */
struct page_use {
    struct view *view;           /* as a second-stage table, or */
    struct truth_device *device; /* as the holder of an entry of it */
    uint64_t base;               /* IOVA of entry 0, or GPA of the entry */
    unsigned level;
    enum perm path;
};

struct table_page {
    uint64_t page;
    struct page_use *uses;
    uint32_t n, cap;
    struct table_page *next, **link;
};

/* Pieces in ascending order; adjacent ones that continue each other are joined. */
struct piece_list {
    struct range_piece *at;
    size_t n, cap;
};

static void
list_add(struct piece_list *l, const struct range_piece *p)
{
    if (p->perm == PERM_NONE) {
        return;
    }
    if (l->n > 0) {
        struct range_piece *prev = &l->at[l->n - 1];
        if (prev->last + 1 == p->first && prev->perm == p->perm &&
            prev->target + (p->first - prev->first) == p->target) {
            prev->last = p->last;
            return;
        }
    }
    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 64 : 2 * l->cap;
        l->at = xrealloc(l->at, l->cap, sizeof(*l->at));
    }
    l->at[l->n++] = *p;
}

/* ---- pages ---- */

static struct table_page *
page_get(struct table_index *ix, uint64_t page)
{
    struct table_page *tp = mem_watch_cookie(ix->mem, GPA(page));

    if (tp == NULL) {
        tp = xcalloc(1, sizeof(*tp));
        tp->page = page;
        tp->next = ix->pages;
        tp->link = &ix->pages;
        if (tp->next != NULL) {
            tp->next->link = &tp->next;
        }
        ix->pages = tp;
        mem_watch_page(ix->mem, GPA(page), tp);
    }
    return tp;
}

static void
page_put(struct table_index *ix, struct table_page *tp)
{
    if (tp->n > 0) {
        return;
    }
    mem_watch_page(ix->mem, GPA(tp->page), NULL);
    *tp->link = tp->next;
    if (tp->next != NULL) {
        tp->next->link = tp->link;
    }
    free(tp->uses);
    free(tp);
}

static void
use_add(struct table_page *tp, const struct page_use *u)
{
    if (tp->n == tp->cap) {
        tp->cap = tp->cap == 0 ? 1 : 2 * tp->cap;
        tp->uses = xrealloc(tp->uses, tp->cap, sizeof(*tp->uses));
    }
    tp->uses[tp->n++] = *u;
}

static void
use_remove(struct table_index *ix, uint64_t page, struct view *v,
           const struct truth_device *d, uint64_t base, unsigned level)
{
    struct table_page *tp = mem_watch_cookie(ix->mem, GPA(page));

    if (tp == NULL) {
        return;
    }
    for (uint32_t i = 0; i < tp->n; i++) {
        const struct page_use *u = &tp->uses[i];
        if (u->view == v && u->device == d && u->base == base && u->level == level) {
            tp->uses[i] = tp->uses[--tp->n];
            if (v != NULL) {
                v->pages--;
            }
            break;
        }
    }
    page_put(ix, tp);
}

/* ---- subtrees ---- */

typedef void child_fn(struct table_index *ix, struct view *v, uint64_t page,
                      unsigned level, uint64_t base, enum perm path);

/* Call fn for each table that the entries of `page` lead to. */
static void
for_each_child(struct table_index *ix, struct view *v, uint64_t page, unsigned level,
               uint64_t base, enum perm path, child_fn *fn)
{
    const uint64_t *words = level > 1 ? mem_page_words(ix->mem, GPA(page)) : NULL;

    for (unsigned i = 0; words != NULL && i < TABLE_WORDS; i++) {
        uint64_t entry = le64toh(words[i]);
        if (entry != 0 && walk_classify(&v->table, level, entry) == WALK_TABLE) {
            fn(ix, v, vtd_ss_addr(entry), level - 1,
               base + ((uint64_t)i << vtd_ss_span_lg2(level)),
               (enum perm)(path & vtd_ss_perm(entry)));
        }
    }
}

void
table_index_link(struct table_index *ix, struct view *v, uint64_t page, unsigned level,
                 uint64_t base, enum perm path)
{
    if (!mem_is_ram(ix->mem, GPA(page))) {
        return; /* cannot change */
    }
    v->pages++;
    use_add(page_get(ix, page),
            &(struct page_use){ .view = v, .base = base, .level = level, .path = path });
    for_each_child(ix, v, page, level, base, path, table_index_link);
}

static void
unlink_child(struct table_index *ix, struct view *v, uint64_t page, unsigned level,
             uint64_t base, enum perm path)
{
    (void)path;
    table_index_unlink(ix, v, page, level, base);
}

void
table_index_unlink(struct table_index *ix, struct view *v, uint64_t page, unsigned level,
                   uint64_t base)
{
    if (!mem_is_ram(ix->mem, GPA(page))) {
        return;
    }
    for_each_child(ix, v, page, level, base, PERM_NONE, unlink_child);
    use_remove(ix, page, v, NULL, base, level);
}

void
table_index_drop(struct table_index *ix, struct view *v)
{
    table_index_unlink(ix, v, v->table.page, v->table.level, v->table.base);
    for (struct table_page *tp = ix->pages, *next; tp != NULL && v->pages != 0;
         tp = next) {
        next = tp->next;
        for (uint32_t i = tp->n; i-- > 0;) {
            if (tp->uses[i].view == v) {
                tp->uses[i] = tp->uses[--tp->n];
                v->pages--;
            }
        }
        page_put(ix, tp);
    }
}

/* ---- entries of devices ---- */

void
table_index_watch_entry(struct table_index *ix, struct truth_device *d, uint64_t entry)
{
    if (entry != 0 && mem_is_ram(ix->mem, GPA(entry))) {
        use_add(page_get(ix, align_down(entry, PAGE_LG2)),
                &(struct page_use){ .device = d, .base = entry });
    }
}

void
table_index_unwatch_entry(struct table_index *ix, struct truth_device *d, uint64_t entry)
{
    if (entry != 0) {
        use_remove(ix, align_down(entry, PAGE_LG2), NULL, d, entry, 0);
    }
}

/* ---- stores ---- */

static void
report(struct table_index *ix, struct view *v, uint64_t first, uint64_t last,
       const struct range_piece *old, bool now_present, unsigned need)
{
    struct truth_change c = {
        .view = v,
        .first = first,
        .last = last,
        .now_present = now_present,
        .need = need,
        .did = v->did,
    };

    if (old != NULL) {
        c.old_target = old->target + (first - old->first);
        c.old_perm = old->perm;
    }
    ix->changed(ix->self, &c);
}

/* What an entry maps, as pieces: one leaf, or all below the table it names. */
static void
collect(const struct view *v, const struct page_use *u, uint64_t first, uint64_t entry,
        struct piece_list *out)
{
    struct range_piece p;
    uint64_t last = first + ((UINT64_C(1) << vtd_ss_span_lg2(u->level)) - 1);

    if (walk_classify(&v->table, u->level, entry) != WALK_TABLE) {
        walk_leaf_piece(&v->table, u->level, first, u->path, entry, &p);
        list_add(out, &p);
        return;
    }
    struct walk_table below = v->table;
    below.page = vtd_ss_addr(entry);
    below.level = u->level - 1;
    below.base = first;
    below.perm = (enum perm)(u->path & vtd_ss_perm(entry));
    for (uint64_t at = first;; at = p.last + 1) {
        walk_table_at(&below, at, last, &p);
        list_add(out, &p);
        if (p.last >= last) {
            return;
        }
    }
}

static const struct range_piece *
piece_at(const struct piece_list *l, size_t *i, uint64_t addr, uint64_t *end)
{
    while (*i < l->n && l->at[*i].last < addr) {
        (*i)++;
    }
    if (*i == l->n) {
        return NULL;
    }
    const struct range_piece *p = &l->at[*i];
    uint64_t stop = p->first > addr ? p->first - 1 : p->last;
    *end = stop < *end ? stop : *end;
    return p->first > addr ? NULL : p;
}

/* Report each stretch in which the two lists differ. */
static void
report_difference(struct table_index *ix, struct view *v, uint64_t first, uint64_t last,
                  const struct piece_list *was, const struct piece_list *is,
                  unsigned need)
{
    size_t i = 0, j = 0;

    for (uint64_t at = first;;) {
        uint64_t end = last;
        const struct range_piece *old = piece_at(was, &i, at, &end);
        const struct range_piece *now = piece_at(is, &j, at, &end);
        bool same = old == NULL || now == NULL
                        ? old == now
                        : old->perm == now->perm && old->target + (at - old->first) ==
                                                        now->target + (at - now->first);
        if (!same) {
            struct range_piece cut;
            if (old != NULL) {
                cut = *old;
                cut.target += at - old->first;
                cut.first = at;
                old = &cut;
            }
            report(ix, v, at, end, old, now != NULL, need);
        }
        if (end == last) {
            return;
        }
        at = end + 1;
    }
}

static void
table_stored(struct table_index *ix, struct page_use u, unsigned slot, uint64_t old,
             uint64_t new)
{
    struct view *v = u.view;
    unsigned lg2 = vtd_ss_span_lg2(u.level);
    uint64_t first = u.base + ((uint64_t)slot << lg2);
    uint64_t last = first + ((UINT64_C(1) << lg2) - 1);
    enum walk_entry was = walk_classify(&v->table, u.level, old);
    enum walk_entry is = walk_classify(&v->table, u.level, new);
    unsigned need = vtd_required_ss(was == WALK_HOLE ? 0 : old, is == WALK_HOLE ? 0 : new,
                                    u.level, v->iommu->roots.caching_mode);

    truth_trace_entry(v->iommu, first, last, u.level, old, new);
    if (was != WALK_TABLE && is != WALK_TABLE) {
        struct range_piece a, b;
        walk_leaf_piece(&v->table, u.level, first, u.path, old, &a);
        walk_leaf_piece(&v->table, u.level, first, u.path, new, &b);
        if (a.perm != b.perm || (a.perm != PERM_NONE && a.target != b.target)) {
            report(ix, v, first, last, &a, b.perm != PERM_NONE, need);
        }
        return;
    }
    struct piece_list before = { 0 }, after = { 0 };
    collect(v, &u, first, old, &before);
    collect(v, &u, first, new, &after);
    if (was == WALK_TABLE) {
        table_index_unlink(ix, v, vtd_ss_addr(old), u.level - 1, first);
    }
    if (is == WALK_TABLE) {
        table_index_link(ix, v, vtd_ss_addr(new), u.level - 1, first,
                         (enum perm)(u.path & vtd_ss_perm(new)));
    }
    report_difference(ix, v, first, last, &before, &after, need);
    free(before.at);
    free(after.at);
}

/* Whether tp is still what watches `page` and still has this use. */
static bool
use_stands(const struct table_index *ix, uint64_t page, const struct table_page *tp,
           const struct page_use *u)
{
    if (mem_watch_cookie(ix->mem, GPA(page)) != tp) {
        return false;
    }
    for (uint32_t i = 0; i < tp->n; i++) {
        const struct page_use *w = &tp->uses[i];
        if (w->view == u->view && w->device == u->device && w->base == u->base &&
            w->level == u->level) {
            return true;
        }
    }
    return false;
}

static void
stored(void *self, gpa_t word, void *cookie, uint64_t old, uint64_t new)
{
    struct table_index *ix = self;
    struct table_page *tp = cookie;
    uint64_t page = tp->page;
    unsigned slot = (unsigned)((word.v - page) / 8);

    ix->stores++;
    if (tp->n == 1 && tp->uses[0].view != NULL) {
        table_stored(ix, tp->uses[0], slot, old, new);
        return;
    }
    /* Uses may come and go as the store is worked through: work on a copy. */
    uint32_t n = tp->n;
    struct page_use *uses = xcalloc(n, sizeof(*uses));
    memcpy(uses, tp->uses, n * sizeof(*uses));
    for (uint32_t i = 0; i < n; i++) {
        if (!use_stands(ix, page, tp, &uses[i])) {
            continue;
        }
        if (uses[i].view != NULL) {
            table_stored(ix, uses[i], slot, old, new);
        } else if (word.v - uses[i].base < ENTRY_BYTES) {
            truth_entry_changed(uses[i].device);
        }
    }
    free(uses);
}

void
table_index_init(struct table_index *ix, struct mem *mem, truth_change_fn *changed,
                 void *self)
{
    *ix =
        (struct table_index){ .mem = mem, .changed = changed, .self = self, .stores = 1 };
    mem_set_watcher(mem, stored, ix);
}

void
table_index_fini(struct table_index *ix)
{
    mem_set_watcher(ix->mem, NULL, NULL);
    for (struct table_page *tp = ix->pages, *next; tp != NULL; tp = next) {
        next = tp->next;
        tp->n = 0;
        page_put(ix, tp);
    }
}
