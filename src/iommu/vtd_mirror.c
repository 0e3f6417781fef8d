/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See vtd_mirror.h. What a quirk makes of the walk is settled once, in begin_diff.
 *
 * All ranges in the tree are naturally aligned powers of two, so any two of them are
 * disjoint or nested, with each other and with entries of the tables. That is what
 * makes "the larger of the two" the right range of an UNMAP.
 *
 * A replay tells one notifier what is there now, which may be more or other than
 * what its neighbours were told. Such leaves are not put in the tree, the neighbours
 * are still to hear of them; they are kept as *owed*, and the next walk over them
 * unmaps and maps them for everybody.
 */
#include "iommu/vtd_mirror.h"

/* ---- events ---- */

static struct notify_event
unmap_event(const struct vtd_block *b, enum notify_cause cause)
{
    return (struct notify_event){
        .type = NOTIFY_UNMAP,
        .cause = cause,
        .iova = b->first,
        .mask = b->last - b->first,
    };
}

static struct notify_event
map_event(const struct vtd_page *p, enum notify_cause cause)
{
    return (struct notify_event){
        .type = NOTIFY_MAP,
        .cause = cause,
        .perm = p->perm,
        .iova = p->first,
        .mask = p->last - p->first,
        .target = GPA(p->target),
    };
}

static void
tell_mirrors(struct vtd_space *s, const struct notify_event *ev)
{
    for (struct notifier *n = s->region.head, *next; n != NULL; n = next) {
        next = n->next;
        if (!vtd_is_cache(n)) {
            notify_one(n, ev);
        }
    }
}

bool
vtd_caches_share_tree(const struct vtd_space *s)
{
    return env_quirk(s->v->base.env, QUIRK_VTD_WIDE_SKIPS_UNMAP_ONLY);
}

/* ---- the record ---- */

/* Widen b to whole entries of m at both ends. */
static inline void
widen(const struct rangemap *m, struct vtd_block *b)
{
    struct range_piece p;

    if (m->pages == 0) {
        return;
    }
    if (rangemap_entry(m, b->first, &p)) {
        b->first = p.first;
        if (p.last >= b->last) {
            b->last = p.last;
            return;
        }
    }
    if (b->last - b->first >= PAGE_BYTES && rangemap_entry(m, b->last, &p)) {
        b->last = p.last;
    }
}

static void
forget_in(struct rangemap *m, const struct vtd_block *range)
{
    struct vtd_block b = { align_down(range->first, PAGE_LG2), range->last | PAGE_MASK };

    if (m->pages != 0) {
        widen(m, &b);
        rangemap_remove(m, b.first, b.last);
    }
}

void
vtd_mirror_forget(struct vtd_space *s, const struct vtd_block *range)
{
    forget_in(&s->tree, range);
    forget_in(&s->owed, range);
}

void
vtd_mirror_forget_all(struct vtd_space *s)
{
    if (!env_quirk(s->v->base.env, QUIRK_VTD_TREE_KEPT)) {
        rangemap_clear(&s->tree);
        rangemap_clear(&s->owed);
    }
}

/* ---- the difference walk ---- */

enum { WIDE_PAGES = 64 };

struct diff {
    struct vtd_visitor visitor;
    struct vtd_space *s;
    enum notify_cause cause; /* CAUSE_MAP: each item its own */
    bool piecemeal;          /* old leaves that stick out of an item go untold */
    bool lone;               /* a replay, to `n` alone: what is gone is not told */
    struct notifier *n;      /* NULL once it has left */
    bool wide;               /* the range is large, and may be mostly empty */
    struct vtd_block clear;  /* then: nothing is announced there; none if first > last */
};

struct old {
    struct vtd_block at;
    uint64_t target;
    enum perm perm;
    bool agreed; /* everybody concerned holds just this */
};

static inline bool
next_block(const struct rangemap *m, uint64_t from, uint64_t last,
           struct range_piece *out)
{
    if (m->pages == 0) {
        return false;
    }
    return from >> PAGE_LG2 == last >> PAGE_LG2
               ? rangemap_entry(m, from, out)
               : rangemap_next_until(m, from, last, out) &&
                     rangemap_entry(m, out->first, out);
}

/* The first of what was announced to anybody in [from, last]; nested ones as one. */
static bool
next_old(const struct vtd_space *s, uint64_t from, uint64_t last, struct old *out)
{
    struct range_piece tree, owed;
    bool has_tree = next_block(&s->tree, from, last, &tree);
    bool has_owed = next_block(&s->owed, from, last, &owed);

    if (has_owed && has_tree &&
        ranges_overlap(owed.first, owed.last, tree.first, tree.last)) {
        out->at = tree.last - tree.first > owed.last - owed.first
                      ? (struct vtd_block){ tree.first, tree.last }
                      : (struct vtd_block){ owed.first, owed.last };
        out->agreed = false;
    } else if (has_tree && !(has_owed && owed.first < tree.first)) {
        *out = (struct old){ { tree.first, tree.last }, tree.target, tree.perm, true };
        out->agreed = !has_owed || owed.first > tree.last;
    } else if (has_owed) {
        *out = (struct old){ .at = { owed.first, owed.last } };
    }
    return has_tree || has_owed;
}

bool
vtd_mirror_told(const struct vtd_space *s, uint64_t from, uint64_t last,
                struct vtd_block *out)
{
    struct old old;

    if (!next_old(s, from, last, &old)) {
        return false;
    }
    *out = old.at;
    return true;
}

/*
 * next_old in a hole of the tables. A wide search looks beyond the hole, so that those
 * that follow, up to what was announced next, need none: no walk adds to them.
 */
static bool
old_in_hole(struct diff *d, uint64_t first, uint64_t last, struct old *out)
{
    if (!d->wide) {
        return next_old(d->s, first, last, out);
    }
    if (first >= d->clear.first && last <= d->clear.last) {
        return false;
    }
    const bool any = next_old(d->s, first, UINT64_MAX, out);
    if (any && out->at.first <= last) {
        return true;
    }
    d->clear = (struct vtd_block){ first, any ? out->at.first - 1 : UINT64_MAX };
    return false;
}

static enum notify_cause
cause_of(const struct diff *d, enum notify_cause item)
{
    return d->cause == CAUSE_MAP ? item : d->cause;
}

static void
announce(struct diff *d, const struct notify_event *ev)
{
    if (d->lone) {
        if (d->n != NULL && !notify_one(d->n, ev)) {
            d->n = NULL;
        }
    } else if (ev->type == NOTIFY_UNMAP && vtd_has_caches(d->s) &&
               !vtd_caches_share_tree(d->s)) {
        tell_mirrors(d->s, ev); /* caches are told otherwise */
    } else {
        notify_all(&d->s->region, 0, ev);
    }
}

/* Take b out of the record and say so. */
static inline void
drop(struct diff *d, const struct vtd_block *b, enum notify_cause item)
{
    struct vtd_space *s = d->s;
    struct notify_event ev = unmap_event(b, cause_of(d, item));

    if (d->piecemeal) {
        vtd_mirror_forget(s, b);
    } else {
        rangemap_remove(&s->tree, b->first, b->last);
        if (s->owed.pages != 0) {
            rangemap_remove(&s->owed, b->first, b->last);
        }
    }
    if (item == CAUSE_CHANGE && env_quirk(s->v->base.env, QUIRK_VTD_NO_CHANGE_UNMAP)) {
        return;
    }
    announce(d, &ev);
}

static struct vtd_block
larger(const struct vtd_block *a, const struct vtd_block *b)
{
    return a->last - a->first > b->last - b->first ? *a : *b;
}

/* What is unmapped where `item` of the tables meets what was announced as `old`. */
static struct vtd_block
unmapped(const struct diff *d, const struct vtd_block *old, const struct vtd_block *item)
{
    return d->piecemeal ? *item : larger(old, item);
}

enum told { TOLD_NOTHING, TOLD_THIS, TOLD_OTHER };

/*
 * What of p was announced, asked quickly: leaves of 4 KiB and 1 GiB are one piece of the
 * map, what is said of others is only that it may be anything.
 */
static inline enum told
told_of(const struct vtd_space *s, const struct vtd_page *p)
{
    struct range_piece old;

    if (s->owed.pages != 0) {
        return TOLD_OTHER;
    }
    if (!rangemap_lookup(&s->tree, p->first, &old)) {
        return p->last - p->first < PAGE_BYTES ? TOLD_NOTHING : TOLD_OTHER;
    }
    return old.head && old.first == p->first && old.last == p->last &&
                   old.target == p->target && old.perm == p->perm
               ? TOLD_THIS
               : TOLD_OTHER;
}

static void
diff_page(struct vtd_visitor *self, const struct vtd_page *p)
{
    struct diff *d = (struct diff *)(void *)self;
    struct vtd_space *s = d->s;
    struct vtd_block at = { p->first, p->last };
    struct old old;
    const enum told told = told_of(s, p);

    if (told == TOLD_THIS) {
        return;
    }
    const bool had = told != TOLD_NOTHING && next_old(s, p->first, p->last, &old);

    if (had && old.agreed && old.at.first == at.first && old.at.last == at.last &&
        old.target == p->target && old.perm == p->perm) {
        return;
    }
    if (had) {
        struct vtd_block gone = unmapped(d, &old.at, &at);
        drop(d, &gone, CAUSE_CHANGE);
    }
    rangemap_insert(&s->tree, p->first, p->last, p->target, p->perm);
    struct notify_event ev = map_event(p, cause_of(d, had ? CAUSE_CHANGE : CAUSE_MAP));
    announce(d, &ev);
}

/* One UNMAP for each table entry, or for each old leaf where that is larger. */
static void
diff_hole(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last)
{
    struct diff *d = (struct diff *)(void *)self;
    const uint64_t span = (UINT64_C(1) << vtd_ss_span_lg2(level)) - 1;
    struct old old;

    if (d->lone) {
        return;
    }
    while (old_in_hole(d, first, last, &old)) {
        uint64_t slot = (old.at.first > first ? old.at.first : first) & ~span;
        struct vtd_block entry = { slot, slot + span };
        struct vtd_block gone = unmapped(d, &old.at, &entry);
        drop(d, &gone, CAUSE_UNMAP);
        if (gone.last >= last) {
            return;
        }
        first = gone.last + 1;
    }
}

/* What an empty directory entry takes away is not told. */
static void
diff_small_hole(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last)
{
    if (level == 1) {
        diff_hole(self, level, first, last);
    }
}

static void
skip_bad(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last)
{
    (void)self;
    (void)level;
    (void)first;
    (void)last;
}

static struct diff
begin_diff(struct vtd_space *s, enum notify_cause cause)
{
    const struct env *env = s->v->base.env;

    return (struct diff){
        .visitor = {
            .page = diff_page,
            .hole = env_quirk(env, QUIRK_VTD_PSI_SKIPS_EMPTY_DIR) ? diff_small_hole
                                                                  : diff_hole,
            .bad = env_quirk(env, QUIRK_VTD_BAD_ENTRY_KEEPS) ? skip_bad : NULL,
            .interrupt_pages = env_quirk(env, QUIRK_VTD_WALK_MAPS_INTERRUPT),
        },
        .s = s,
        .cause = cause,
        .piecemeal = env_quirk(env, QUIRK_VTD_SPLIT_WITHOUT_UNMAP),
    };
}

/* Widen b to whole leaves, as they were announced. */
static void
widen_to_old(const struct vtd_space *s, struct vtd_block *b)
{
    struct vtd_block owed = *b;

    widen(&s->tree, b);
    if (s->owed.pages != 0) {
        widen(&s->owed, &owed);
        b->first = b->first < owed.first ? b->first : owed.first;
        b->last = b->last > owed.last ? b->last : owed.last;
    }
}

/* The context under which to walk: that of s, or what can be read into `as` instead. */
static const struct vtd_context *
walked_context(const struct vtd_space *s, struct vtd_context *as)
{
    if (!vtd_context_passes(&s->ctx) ||
        !env_quirk(s->v->base.env, QUIRK_VTD_WALK_THROUGH_PASS)) {
        return &s->ctx;
    }
    *as = vtd_context_as_translating(&s->ctx);
    return as;
}

/* The last address of a walk. */
static uint64_t
walk_limit(const struct vtd_space *s, const struct vtd_context *c)
{
    if (env_quirk(s->v->base.env, QUIRK_VTD_WALK_STOPS_AT_WIDTH) &&
        vtd_context_translates(c)) {
        return (UINT64_C(1) << vtd_context_width(s->v, c)) - 1;
    }
    return vtd_address_last(s->v);
}

static inline void
run_diff(struct diff *d, const struct vtd_block *range)
{
    struct vtd_space *s = d->s;
    struct vtd_context as;
    const struct vtd_context *c = walked_context(s, &as);
    const uint64_t limit = walk_limit(s, c);
    struct vtd_block b = *range;

    if (b.last > limit) {
        b.last = limit;
    }
    if (b.first > b.last) {
        return;
    }
    if (!d->piecemeal) {
        widen_to_old(s, &b);
    }
    d->wide = b.last - b.first >= WIDE_PAGES * PAGE_BYTES;
    d->clear = (struct vtd_block){ 1, 0 };
    if (vtd_context_translates(c)) {
        s->blank = false;
    }
    vtd_visit(s->v, c, b.first, b.last, &d->visitor);
}

void
vtd_mirror_update(struct vtd_space *s, const struct vtd_block *range,
                  enum notify_cause cause)
{
    struct diff d = begin_diff(s, cause);

    run_diff(&d, range);
}

/* ---- replay ---- */

struct replay {
    struct vtd_visitor visitor;
    struct vtd_space *s;
    struct notifier *n; /* NULL once it has left */
};

static bool
others_concerned(const struct vtd_space *s, const struct notifier *n,
                 const struct vtd_block *b)
{
    for (const struct notifier *o = s->region.head; o != NULL; o = o->next) {
        if (o != n && (o->flags & NOTIFY_MAP) != 0 &&
            ranges_overlap(o->first, o->last, b->first, b->last)) {
            return true;
        }
    }
    return false;
}

/* What n is told of b and what the tree says of it are two things. */
static void
owe(struct vtd_space *s, const struct vtd_block *b)
{
    struct range_piece p;

    if (next_block(&s->owed, b->first, b->last, &p) && p.first <= b->first &&
        p.last >= b->last) {
        return;
    }
    rangemap_remove(&s->owed, b->first, b->last);
    rangemap_insert(&s->owed, b->first, b->last, 0, PERM_NONE);
}

/* n is about to be told of p, alone. */
static void
note_told(struct vtd_space *s, const struct notifier *n, const struct vtd_page *p)
{
    struct vtd_block page = { p->first, p->last }, all = page;
    struct range_piece old;

    if (told_of(s, p) == TOLD_THIS || !notify_is_registered(n)) {
        return;
    }
    bool had = next_block(&s->tree, p->first, p->last, &old);

    if (had && old.first == p->first && old.last == p->last && old.target == p->target &&
        old.perm == p->perm) {
        return;
    }
    if (had) {
        all = larger(&(struct vtd_block){ old.first, old.last }, &page);
    }
    if (others_concerned(s, n, &all)) {
        owe(s, &page);
    } else {
        rangemap_remove(&s->tree, all.first, all.last);
        rangemap_insert(&s->tree, p->first, p->last, p->target, p->perm);
    }
}

/* Others were told of what is gone since, n will not be. */
static void
note_untold(struct vtd_space *s, const struct notifier *n, const struct vtd_block *old)
{
    if (!ranges_overlap(n->first, n->last, old->first, old->last) ||
        !notify_is_registered(n)) {
        return;
    }
    if (others_concerned(s, n, old)) {
        owe(s, old);
    } else {
        rangemap_remove(&s->tree, old->first, old->last);
    }
}

static void
replay_page(struct vtd_visitor *self, const struct vtd_page *p)
{
    struct replay *r = (struct replay *)(void *)self;
    struct notify_event ev = map_event(p, CAUSE_REPLAY);

    if (r->n == NULL) {
        return;
    }
    note_told(r->s, r->n, p);
    if (!notify_one(r->n, &ev)) {
        r->n = NULL;
    }
}

static void
replay_hole(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last)
{
    struct replay *r = (struct replay *)(void *)self;
    struct range_piece p;

    (void)level;
    while (r->n != NULL && next_block(&r->s->tree, first, last, &p)) {
        note_untold(r->s, r->n, &(struct vtd_block){ p.first, p.last });
        if (p.last >= last) {
            return;
        }
        first = p.last + 1;
    }
}

void
vtd_mirror_replay(struct vtd_space *s, struct notifier *n)
{
    const uint64_t limit = vtd_address_last(s->v);
    struct replay r = {
        .visitor = { .page = replay_page, .hole = replay_hole },
        .s = s,
        .n = n,
    };
    uint64_t last = n->last < limit ? n->last : limit;

    if ((n->flags & NOTIFY_MAP) != 0 && n->first <= last) {
        if (vtd_context_translates(&s->ctx)) {
            s->blank = false;
        }
        vtd_visit(s->v, &s->ctx, n->first, last, &r.visitor);
    }
}

void
vtd_mirror_replay_anew(struct vtd_space *s, struct notifier *n)
{
    struct diff d = begin_diff(s, CAUSE_REPLAY);

    d.lone = true;
    d.n = n;
    if (vtd_wants_maps(s)) {
        run_diff(&d, &(struct vtd_block){ 0, UINT64_MAX });
    }
}
