/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See table_change.h. */
#include "check/table_change.h"

#include <stdlib.h>

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

/* Add what the stages below `s` say in [first, last]. */
static void
list_walk(struct piece_list *l, const struct walk_stages *s, uint64_t first,
          uint64_t last)
{
    struct range_piece p;

    for (uint64_t at = first;; at = p.last + 1) {
        walk_stages_at(s, at, last, &p);
        if (p.first < at) { /* more of a leaf than was asked for */
            p.target += at - p.first;
            p.first = at;
        }
        const bool end = p.last >= last;
        p.last = end ? last : p.last;
        list_add(l, &p);
        if (end) {
            return;
        }
    }
}

/* ---- reporting ---- */

/* The change being worked out. */
struct change {
    struct table_index *ix;
    struct view *view;
    unsigned need;
    uint64_t input_first, input_last; /* as in struct record */
};

static inline void
report(const struct change *ch, uint64_t first, uint64_t last,
       const struct range_piece *old, const struct range_piece *now)
{
    struct truth_change c = {
        .view = ch->view,
        .first = first,
        .last = last,
        .now_present = now != NULL,
        .need = ch->need,
        .did = ch->view->did,
        .pasid = ch->view->pasid,
        .input_first = ch->input_first,
        .input_last = ch->input_last,
    };

    if (old != NULL) {
        c.old_target = old->target;
        c.old_perm = old->perm;
        c.revokes = now == NULL || walk_piece_revokes(old, now);
    }
    ch->ix->changed(ch->ix->self, &c);
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

/* What p says from addr on, in *out; NULL if it is. */
static const struct range_piece *
cut_at(const struct range_piece *p, uint64_t addr, struct range_piece *out)
{
    if (p == NULL) {
        return NULL;
    }
    *out = *p;
    out->target += addr - p->first;
    out->first = addr;
    return out;
}

/* Report each stretch in which the two lists differ. */
static void
report_difference(const struct change *ch, uint64_t first, uint64_t last,
                  const struct piece_list *was, const struct piece_list *is)
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
            struct range_piece a, b;
            report(ch, at, end, cut_at(old, at, &a), cut_at(now, at, &b));
        }
        if (end == last) {
            return;
        }
        at = end + 1;
    }
}

/* ---- entries ---- */

/* How the entry read before the store, and how it does now. */
struct readings {
    enum walk_entry was, is;
};

static struct readings
readings(const struct table_use *u, const struct table_store *st)
{
    const struct walk_table *t = table_use_stage(u);

    return (struct readings){ walk_classify(t, u->level, st->old),
                              walk_classify(t, u->level, st->new) };
}

/* ---- one stage ---- */

/* What an entry maps, as pieces: one leaf, or all below the table it names. */
static void
collect(const struct table_use *u, uint64_t first, uint64_t entry,
        const struct walk_word *was, struct piece_list *out)
{
    const struct walk_table *t = table_use_stage(u);
    const uint64_t last = first + ((UINT64_C(1) << vtd_ss_span_lg2(u->level)) - 1);
    struct walk_table below;
    struct range_piece p;

    if (walk_classify(t, u->level, entry) != WALK_TABLE) {
        walk_leaf_piece(t, u->level, first, u->path, entry, &p);
        list_add(out, &p);
        return;
    }
    walk_below(t, u->level, first, u->path, entry, &below);
    below.was = was;
    for (uint64_t at = first;; at = p.last + 1) {
        walk_table_at(&below, at, last, &p);
        list_add(out, &p);
        if (p.last >= last) {
            return;
        }
    }
}

/* The table that `entry` in the slot at `first` leads to gains or loses a use. */
static void
relink_below(struct table_index *ix, const struct table_use *u, uint64_t first,
             uint64_t entry,
             void (*fn)(struct table_index *, struct table_use *, uint64_t))
{
    const struct walk_table *t = table_use_stage(u);
    struct walk_table below;

    if (walk_classify(t, u->level, entry) == WALK_TABLE) {
        walk_below(t, u->level, first, u->path, entry, &below);
        fn(ix,
           &(struct table_use){ .view = u->view,
                                .second = u->second,
                                .base = first,
                                .level = below.level,
                                .path = below.perm },
           below.page);
    }
}

/* Nothing can be said but that all of v may have changed. */
static void
change_anything(const struct change *ch)
{
    uint64_t first[2], last[2];
    const unsigned n = walk_halves(&ch->view->stages, first, last);

    for (unsigned i = 0; i < n; i++) {
        ch->ix->changed(ch->ix->self, &(struct truth_change){ .view = ch->view,
                                                              .first = first[i],
                                                              .last = last[i],
                                                              .anything = true,
                                                              .now_present = true,
                                                              .need = ch->need,
                                                              .did = ch->view->did,
                                                              .pasid = ch->view->pasid });
    }
}

static void
change_tangled(const struct change *ch, bool tables)
{
    ch->view->settled = ch->ix->stores;
    if (tables) {
        table_index_relink(ch->ix, ch->view);
        table_change_begin(ch->view);
    }
    change_anything(ch);
}

static void
change_leaf(const struct change *ch, const struct table_use *u, uint64_t first,
            const struct table_store *st, struct readings r)
{
    const struct walk_table *t = table_use_stage(u);
    const uint64_t last = first + ((UINT64_C(1) << vtd_ss_span_lg2(u->level)) - 1);
    struct range_piece a = { .perm = PERM_NONE }, b = a;

    if (r.was == WALK_LEAF) {
        walk_leaf_piece(t, u->level, first, u->path, st->old, &a);
    }
    if (r.is == WALK_LEAF) {
        walk_leaf_piece(t, u->level, first, u->path, st->new, &b);
    }
    if (a.perm != b.perm || (a.perm != PERM_NONE && a.target != b.target)) {
        report(ch, first, last, a.perm != PERM_NONE ? &a : NULL,
               b.perm != PERM_NONE ? &b : NULL);
    }
}

static void
change_table(const struct change *ch, const struct table_use *u, uint64_t first,
             const struct table_store *st)
{
    const uint64_t last = first + ((UINT64_C(1) << vtd_ss_span_lg2(u->level)) - 1);
    struct piece_list before = { 0 }, after = { 0 };

    collect(u, first, st->old, &ch->ix->was, &before);
    relink_below(ch->ix, u, first, st->old, table_index_unlink);
    relink_below(ch->ix, u, first, st->new, table_index_link);
    if (ch->view->tangled) {
        change_tangled(ch, true);
    } else {
        collect(u, first, st->new, NULL, &after);
        report_difference(ch, first, last, &before, &after);
    }
    free(before.at);
    free(after.at);
}

/* ---- two stages ---- */

static void
flat_replace(struct view *v, uint64_t first, uint64_t last, const struct piece_list *is)
{
    rangemap_remove(&v->flat, first, last);
    for (size_t i = 0; i < is->n; i++) {
        const struct range_piece *p = &is->at[i];
        rangemap_insert(&v->flat, p->first, p->last, p->target, p->perm);
    }
}

static void
flat_list(const struct view *v, uint64_t first, uint64_t last, struct piece_list *out)
{
    struct range_piece p;

    for (uint64_t at = first; rangemap_next_until(&v->flat, at, last, &p);
         at = p.last + 1) {
        if (p.first < at) {
            p.target += at - p.first;
            p.first = at;
        }
        const bool end = p.last >= last;
        p.last = end ? last : p.last;
        list_add(out, &p);
        if (end) {
            return;
        }
    }
}

/* What both stages say in [first, last] now, against what they said. */
static void
change_flat(const struct change *ch, uint64_t first, uint64_t last)
{
    struct piece_list before = { 0 }, after = { 0 };

    flat_list(ch->view, first, last, &before);
    list_walk(&after, &ch->view->stages, first, last);
    flat_replace(ch->view, first, last, &after);
    report_difference(ch, first, last, &before, &after);
    free(before.at);
    free(after.at);
}

void
table_change_begin(struct view *v)
{
    uint64_t first[2], last[2];
    const unsigned n = walk_halves(&v->stages, first, last);

    rangemap_clear(&v->flat);
    for (unsigned i = 0; v->stages.nested && !v->tangled && i < n; i++) {
        struct piece_list is = { 0 };
        list_walk(&is, &v->stages, first[i], last[i]);
        flat_replace(v, first[i], last[i], &is);
        free(is.at);
    }
}

static void
change_first_of_two(const struct change *ch, const struct table_use *u, uint64_t first,
                    const struct table_store *st)
{
    relink_below(ch->ix, u, first, st->old, table_index_unlink);
    relink_below(ch->ix, u, first, st->new, table_index_link);
    table_index_note_leaf(u->view, u->level, st->new);
    if (u->view->tangled) {
        change_tangled(ch, true);
    } else {
        change_flat(ch, first, first + ((UINT64_C(1) << vtd_ss_span_lg2(u->level)) - 1));
    }
}

/* Nothing that the first stage does not use matters. */
static void
change_second(struct change *ch, const struct table_use *u, uint64_t at,
              const struct table_store *st)
{
    struct view *v = u->view;
    uint64_t first[2], last[2];
    const unsigned n = walk_halves(&v->stages, first, last);

    ch->input_first = at;
    ch->input_last = at + ((UINT64_C(1) << vtd_ss_span_lg2(u->level)) - 1);
    relink_below(ch->ix, u, at, st->old, table_index_unlink);
    relink_below(ch->ix, u, at, st->new, table_index_link);
    if (!v->tangled && rangemap_any(&v->used, ch->input_first, ch->input_last)) {
        table_index_relink_first(ch->ix, v);
        for (unsigned i = 0; !v->tangled && i < n; i++) {
            change_flat(ch, first[i], last[i]);
        }
    }
    if (v->tangled) {
        change_tangled(ch, true);
    }
}

/* ---- any store ---- */

/* The entry at `first` leads elsewhere, or nowhere, whatever its table had in it. */
static void
report_unlinked(const struct change *ch, uint64_t first, unsigned lg2)
{
    ch->ix->changed(ch->ix->self,
                    &(struct truth_change){ .view = ch->view,
                                            .first = first,
                                            .last = first + ((UINT64_C(1) << lg2) - 1),
                                            .unlinked = true,
                                            .need = ch->need,
                                            .did = ch->view->did,
                                            .pasid = ch->view->pasid });
}

static unsigned
required(const struct table_use *u, const struct table_store *st, struct readings r)
{
    const struct walk_table *t = table_use_stage(u);
    const uint64_t old = r.was != WALK_HOLE ? st->old : 0;
    const uint64_t now = r.is != WALK_HOLE ? st->new : 0;

    return t->first_stage
               ? vtd_required_fs(old, now, u->level)
               : vtd_required_ss(old, now, u->level, u->view->iommu->roots.caching_mode);
}

void
table_change_all(struct table_index *ix, const struct table_use *u,
                 const struct table_store *st)
{
    struct view *v = u->view;
    uint64_t first[2], last[2];
    const unsigned n = walk_halves(&v->stages, first, last);
    const struct change ch = { .ix = ix,
                               .view = v,
                               .need = required(u, st, readings(u, st)) };

    v->settled = ix->stores;
    table_index_relink(ix, v);
    if (v->tangled) {
        change_tangled(&ch, false);
    }
    for (unsigned i = 0; !v->tangled && i < n; i++) {
        change_flat(&ch, first[i], last[i]);
    }
}

/* Whether the two entries lead to the same, as A and D bits do not change. */
static inline bool
reads_the_same(const struct table_use *u, const struct table_store *st, struct readings r)
{
    const struct walk_table *t = table_use_stage(u);
    struct walk_table x, y;

    if (r.was != r.is || r.is == WALK_HOLE) {
        return r.was == r.is;
    }
    walk_below(t, u->level, 0, PERM_RW, st->old, &x);
    walk_below(t, u->level, 0, PERM_RW, st->new, &y);
    return x.page == y.page && x.perm == y.perm;
}

void
table_change(struct table_index *ix, const struct table_use *u,
             const struct table_store *st)
{
    struct view *v = u->view;
    const struct walk_table *t = table_use_stage(u);
    const uint64_t first = walk_slot_first(t, u->level, u->base, st->slot);
    const struct readings r = readings(u, st);
    const bool tables = r.was == WALK_TABLE || r.is == WALK_TABLE;
    struct change ch = { .ix = ix, .view = v, .need = required(u, st, r) };

    truth_trace_entry(v->iommu, first,
                      first + ((UINT64_C(1) << vtd_ss_span_lg2(u->level)) - 1), u->level,
                      st->old, st->new);
    if (!u->locked && reads_the_same(u, st, r)) {
        return;
    }
    if (r.was == WALK_TABLE && !u->second) {
        report_unlinked(&ch, first, vtd_ss_span_lg2(u->level));
    }
    if (v->tangled) {
        change_tangled(&ch, tables);
    } else if (u->second) {
        change_second(&ch, u, first, st);
    } else if (v->stages.nested) {
        change_first_of_two(&ch, u, first, st);
    } else if (tables) {
        change_table(&ch, u, first, st);
    } else {
        change_leaf(&ch, u, first, st, r);
    }
}
