/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See table_index.h. What a store into a table changes is in table_change.c. */
#include "check/table_index.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "check/table_change.h"

enum {
    TABLE_WORDS = 512,
    USES_MAX = 64, /* of one page by one view, else it is tangled */
};

struct table_page {
    uint64_t page;
    struct table_use *uses;
    uint32_t n, cap;
    struct table_page *next, **link;
};

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
use_add(struct table_page *tp, const struct table_use *u)
{
    if (tp->n == tp->cap) {
        tp->cap = tp->cap == 0 ? 1 : 2 * tp->cap;
        tp->uses = xrealloc(tp->uses, tp->cap, sizeof(*tp->uses));
    }
    tp->uses[tp->n++] = *u;
}

static bool
same_use(const struct table_use *a, const struct table_use *b)
{
    return a->view == b->view && a->device == b->device && a->base == b->base &&
           a->level == b->level && a->second == b->second;
}

static void
use_remove(struct table_index *ix, uint64_t page, const struct table_use *u)
{
    struct table_page *tp = mem_watch_cookie(ix->mem, GPA(page));

    if (tp == NULL) {
        return;
    }
    for (uint32_t i = 0; i < tp->n; i++) {
        if (same_use(&tp->uses[i], u)) {
            tp->uses[i] = tp->uses[--tp->n];
            if (u->view != NULL) {
                u->view->pages--;
            }
            break;
        }
    }
    page_put(ix, tp);
}

/* ---- subtrees ---- */

/* Where the table is in memory that u's stage knows as `page`; false: nowhere. */
static bool
host_page(struct table_use *u, uint64_t page, uint64_t *out)
{
    const struct walk_stages *s = &u->view->stages;
    struct range_piece p;

    *out = page;
    if (s->nested && !u->second) {
        if (!walk_second_at(s, page, &p)) {
            return false;
        }
        *out = p.target + (page - p.first);
        u->locked = (p.perm & PERM_W) == 0;
    }
    return true;
}

static void
note_used(struct view *v, uint64_t first, uint64_t last)
{
    rangemap_remove(&v->used, first, last);
    rangemap_insert(&v->used, first, last, 0, PERM_NONE);
}

void
table_index_note_leaf(struct view *v, unsigned level, uint64_t entry)
{
    struct range_piece p;

    if (v->stages.nested) {
        walk_leaf_piece(&v->stages.table, level, 0, PERM_RW, entry, &p);
        if (p.perm != PERM_NONE) {
            note_used(v, p.target, p.target + (p.last - p.first));
        }
    }
}

typedef void child_fn(struct table_index *ix, struct table_use *u, uint64_t page);

/*
 * Call fn for each table that the entries of the page used as `u` lead to. The word
 * being stored to counts as it was, if `old`.
 */
static void
for_each_child(struct table_index *ix, const struct table_use *u, uint64_t page, bool old,
               child_fn *fn)
{
    const struct walk_table *t = table_use_stage(u);
    const uint64_t *words = mem_page_words(ix->mem, GPA(page));

    for (unsigned i = 0; words != NULL && i < TABLE_WORDS; i++) {
        uint64_t entry = le64toh(words[i]);
        if (old && ix->was.addr == page + 8 * i) {
            entry = ix->was.value;
        }
        if (entry == 0) {
            continue;
        }
        switch (walk_classify(t, u->level, entry)) {
        case WALK_HOLE:
            break;
        case WALK_LEAF:
            if (!u->second) {
                table_index_note_leaf(u->view, u->level, entry);
            }
            break;
        case WALK_TABLE: {
            struct walk_table below;
            walk_below(t, u->level, walk_slot_first(t, u->level, u->base, i), u->path,
                       entry, &below);
            struct table_use child = { .view = u->view,
                                       .second = u->second,
                                       .base = below.base,
                                       .level = below.level,
                                       .path = below.perm };
            fn(ix, &child, below.page);
            break;
        }
        }
    }
}

/* How often the page serves v; with `like`, only in such a way at any address. */
static unsigned
count_uses(const struct table_page *tp, const struct table_use *like, bool any)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < tp->n; i++) {
        const struct table_use *u = &tp->uses[i];
        n += u->view == like->view &&
             (any || (u->second == like->second && u->level == like->level));
    }
    return n;
}

void
table_index_link(struct table_index *ix, struct table_use *u, uint64_t page)
{
    struct view *v = u->view;
    uint64_t host;

    if (v->stages.nested && !u->second) {
        note_used(v, page, page + PAGE_MASK);
    }
    if (!host_page(u, page, &host) || !mem_is_ram(ix->mem, GPA(host))) {
        return; /* cannot change */
    }
    struct table_page *tp = page_get(ix, host);
    if (v->tangled && count_uses(tp, u, false) > 0) {
        return;
    }
    if (!v->tangled && tp->n >= USES_MAX && count_uses(tp, u, true) >= USES_MAX) {
        v->tangled = true;
        return;
    }
    v->pages++;
    use_add(tp, u);
    for_each_child(ix, u, host, false, table_index_link);
}

void
table_index_unlink(struct table_index *ix, struct table_use *u, uint64_t page)
{
    uint64_t host;

    if (host_page(u, page, &host) && mem_is_ram(ix->mem, GPA(host))) {
        for_each_child(ix, u, host, true, table_index_unlink);
        use_remove(ix, host, u);
    }
}

/* Remove every use by v, or those of its first stage. */
static void
drop_uses(struct table_index *ix, struct view *v, bool all)
{
    for (struct table_page *tp = ix->pages, *next; tp != NULL && v->pages != 0;
         tp = next) {
        next = tp->next;
        for (uint32_t i = tp->n; i-- > 0;) {
            if (tp->uses[i].view == v && (all || !tp->uses[i].second)) {
                tp->uses[i] = tp->uses[--tp->n];
                v->pages--;
            }
        }
        page_put(ix, tp);
    }
}

static void
link_top(struct table_index *ix, struct view *v, const struct walk_table *t, bool second)
{
    table_index_link(
        ix,
        &(struct table_use){
            .view = v, .second = second, .level = t->level, .path = PERM_RW },
        t->page);
}

static void
link_all(struct table_index *ix, struct view *v)
{
    if (v->stages.nested) {
        link_top(ix, v, &v->stages.second, true);
    }
    rangemap_clear(&v->used);
    link_top(ix, v, &v->stages.table, false);
}

void
table_index_relink(struct table_index *ix, struct view *v)
{
    drop_uses(ix, v, true);
    v->tangled = false;
    link_all(ix, v);
    if (v->tangled) {
        drop_uses(ix, v, true);
        link_all(ix, v);
    }
}

void
table_index_relink_first(struct table_index *ix, struct view *v)
{
    drop_uses(ix, v, false);
    rangemap_clear(&v->used);
    link_top(ix, v, &v->stages.table, false);
}

void
table_index_add(struct table_index *ix, struct view *v)
{
    table_index_relink(ix, v);
    table_change_begin(v);
}

void
table_index_drop(struct table_index *ix, struct view *v)
{
    if (!v->tangled) {
        struct table_use top = {
            .view = v,
            .level = v->stages.table.level,
            .path = PERM_RW,
        };
        table_index_unlink(ix, &top, v->stages.table.page);
    }
    drop_uses(ix, v, true);
}

/* ---- entries of devices ---- */

void
table_index_watch_entry(struct table_index *ix, struct truth_device *d,
                        const struct entry_place *entry)
{
    if (entry->bytes != 0) {
        use_add(
            page_get(ix, align_down(entry->at, PAGE_LG2)),
            &(struct table_use){ .device = d, .base = entry->at, .bytes = entry->bytes });
    }
}

void
table_index_unwatch_entry(struct table_index *ix, struct truth_device *d,
                          const struct entry_place *entry)
{
    if (entry->bytes != 0) {
        use_remove(ix, align_down(entry->at, PAGE_LG2),
                   &(struct table_use){ .device = d, .base = entry->at });
    }
}

/* ---- stores ---- */

/* Whether tp is still what watches `page` and still has this use. */
static bool
use_stands(const struct table_index *ix, uint64_t page, const struct table_page *tp,
           const struct table_use *u)
{
    if (mem_watch_cookie(ix->mem, GPA(page)) != tp) {
        return false;
    }
    for (uint32_t i = 0; i < tp->n; i++) {
        if (same_use(&tp->uses[i], u)) {
            return true;
        }
    }
    return false;
}

static int
higher_first(const void *a, const void *b)
{
    const struct table_use *x = a, *y = b;

    if (x->level != y->level) {
        return x->level > y->level ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

/*
 * Whether the slot of one of the uses before `i`, which are of higher levels, holds all
 * that i's slot stands for: then it was dealt with.
 */
static bool
is_within_another(const struct table_use *uses, uint32_t i, unsigned slot)
{
    const struct table_use *u = &uses[i];
    uint64_t at = walk_slot_first(table_use_stage(u), u->level, u->base, slot);

    for (uint32_t j = 0; j < i; j++) {
        const struct table_use *w = &uses[j];
        if (w->view == u->view && w->second == u->second && w->level > u->level &&
            align_down(at, vtd_ss_span_lg2(w->level)) ==
                walk_slot_first(table_use_stage(w), w->level, w->base, slot)) {
            return true;
        }
    }
    return false;
}

/* Whether the page is used in another way, too, in both stages of one view or in one. */
static bool
serves_two_stages(const struct table_use *uses, uint32_t n, const struct table_use *u)
{
    unsigned same = 0;

    for (uint32_t i = 0; i < n; i++) {
        same += uses[i].view == u->view;
    }
    return u->view->stages.nested && same > 1;
}

static void
stored_to_many(struct table_index *ix, struct table_page *tp, gpa_t word,
               const struct table_store *st)
{
    const uint64_t page = tp->page;
    const uint32_t n = tp->n;
    /* Uses may come and go as the store is worked through: work on a copy. */
    struct table_use *uses = xcalloc(n, sizeof(*uses));

    memcpy(uses, tp->uses, n * sizeof(*uses));
    for (uint32_t i = 0; i < n; i++) {
        uses[i].order = i;
    }
    qsort(uses, n, sizeof(*uses), higher_first);
    for (uint32_t i = 0; i < n; i++) {
        const struct table_use *u = &uses[i];
        if (!use_stands(ix, page, tp, u)) {
            continue;
        }
        if (u->view == NULL) {
            if (word.v - u->base < u->bytes) {
                truth_entry_changed(u->device);
            }
        } else if (u->view->settled == ix->stores) {
            continue;
        } else if (serves_two_stages(uses, n, u)) {
            table_change_all(ix, u, st);
        } else if (!is_within_another(uses, i, st->slot)) {
            table_change(ix, u, st);
        }
    }
    free(uses);
}

static void
stored(void *self, gpa_t word, void *cookie, uint64_t old, uint64_t new)
{
    struct table_index *ix = self;
    struct table_page *tp = cookie;
    const struct table_store st = {
        .slot = (unsigned)((word.v - tp->page) / 8),
        .old = old,
        .new = new,
    };

    ix->stores++;
    ix->was = (struct walk_word){ .addr = word.v, .value = old };
    if (tp->n == 1 && tp->uses[0].view != NULL) {
        const struct table_use u = tp->uses[0];
        ix->links += u.level != 1;
        table_change(ix, &u, &st);
    } else {
        ix->links++;
        stored_to_many(ix, tp, word, &st);
    }
    ix->was.addr = UINT64_MAX;
}

void
table_index_init(struct table_index *ix, struct mem *mem, truth_change_fn *changed,
                 void *self)
{
    *ix = (struct table_index){ .mem = mem,
                                .changed = changed,
                                .self = self,
                                .stores = 1,
                                .was = { .addr = UINT64_MAX } };
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
