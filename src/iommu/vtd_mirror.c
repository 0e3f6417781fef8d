/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See vtd_mirror.h.
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

static uint64_t
address_last(const struct vtd *v)
{
    return (UINT64_C(1) << v->cfg.aw_bits) - 1;
}

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

bool
vtd_has_caches(const struct vtd_space *s)
{
    for (const struct notifier *n = s->region.head; n != NULL; n = n->next) {
        if (vtd_is_cache(n)) {
            return true;
        }
    }
    return false;
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

void
vtd_mirror_forget(struct vtd_space *s)
{
    rangemap_clear(&s->tree);
    rangemap_clear(&s->owed);
}

/* The part of n's window that can be translated, in aligned powers of two. */
static void
unmap_pieces(const struct vtd *v, struct notifier *n, enum notify_cause cause)
{
    uint64_t end = n->last < address_last(v) ? n->last : address_last(v);

    for (uint64_t at = n->first; at <= end;) {
        uint64_t last = at + ((UINT64_C(1) << dyadic_lg2(at, end)) - 1);
        struct notify_event ev = unmap_event(&(struct vtd_block){ at, last }, cause);
        if (!notify_one(n, &ev)) {
            return;
        }
        at = last + 1;
    }
}

void
vtd_mirror_unmap_all(struct vtd_space *s, enum notify_cause cause)
{
    vtd_mirror_forget(s);
    for (struct notifier *n = s->region.head, *next; n != NULL; n = next) {
        next = n->next;
        unmap_pieces(s->v, n, cause);
    }
}

/* ---- the difference walk ---- */

struct diff {
    struct vtd_visitor visitor;
    struct vtd_space *s;
    enum notify_cause cause; /* CAUSE_MAP: each item its own */
    bool mixed;              /* there are caches too, which are told otherwise */
};

struct old {
    struct vtd_block at;
    uint64_t target;
    enum perm perm;
    bool agreed; /* everybody concerned holds just this */
};

static bool
next_block(const struct rangemap *m, uint64_t from, uint64_t last,
           struct range_piece *out)
{
    return m->pages != 0 && rangemap_next_until(m, from, last, out) &&
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

static enum notify_cause
cause_of(const struct diff *d, enum notify_cause item)
{
    return d->cause == CAUSE_MAP ? item : d->cause;
}

/* Take b out of the record and say so. */
static void
drop(struct diff *d, const struct vtd_block *b, enum notify_cause item)
{
    struct vtd_space *s = d->s;
    struct notify_event ev = unmap_event(b, cause_of(d, item));

    rangemap_remove(&s->tree, b->first, b->last);
    if (s->owed.pages != 0) {
        rangemap_remove(&s->owed, b->first, b->last);
    }
    if (item == CAUSE_CHANGE && env_quirk(s->v->base.env, QUIRK_VTD_NO_CHANGE_UNMAP)) {
        return;
    }
    if (d->mixed) {
        tell_mirrors(s, &ev);
    } else {
        notify_all(&s->region, 0, &ev);
    }
}

static struct vtd_block
larger(const struct vtd_block *a, const struct vtd_block *b)
{
    return a->last - a->first > b->last - b->first ? *a : *b;
}

/*
 * Whether p was announced as it is, asked quickly: leaves of 4 KiB and 1 GiB are one
 * piece of the map, others say no here.
 */
static bool
is_announced(const struct vtd_space *s, const struct vtd_page *p)
{
    struct range_piece old;

    return s->owed.pages == 0 && rangemap_lookup(&s->tree, p->first, &old) && old.head &&
           old.first == p->first && old.last == p->last && old.target == p->target &&
           old.perm == p->perm;
}

static void
diff_page(struct vtd_visitor *self, const struct vtd_page *p)
{
    struct diff *d = (struct diff *)(void *)self;
    struct vtd_space *s = d->s;
    struct vtd_block at = { p->first, p->last };
    struct old old;

    if (is_announced(s, p)) {
        return;
    }
    bool had = next_old(s, p->first, p->last, &old);

    if (had && old.agreed && old.at.first == at.first && old.at.last == at.last &&
        old.target == p->target && old.perm == p->perm) {
        return;
    }
    if (had) {
        struct vtd_block gone = larger(&old.at, &at);
        drop(d, &gone, CAUSE_CHANGE);
    }
    rangemap_insert(&s->tree, p->first, p->last, p->target, p->perm);
    struct notify_event ev = map_event(p, cause_of(d, had ? CAUSE_CHANGE : CAUSE_MAP));
    notify_all(&s->region, 0, &ev);
}

/* One UNMAP for each table entry, or for each old leaf where that is larger. */
static void
diff_hole(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last)
{
    struct diff *d = (struct diff *)(void *)self;
    const uint64_t span = (UINT64_C(1) << vtd_ss_span_lg2(level)) - 1;
    struct old old;

    while (next_old(d->s, first, last, &old)) {
        uint64_t slot = old.at.first & ~span;
        struct vtd_block entry = { slot, slot + span };
        struct vtd_block gone = larger(&old.at, &entry);
        drop(d, &gone, CAUSE_UNMAP);
        if (gone.last >= last) {
            return;
        }
        first = gone.last + 1;
    }
}

/* Widen b to whole entries of m at both ends. */
static void
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

void
vtd_mirror_update(struct vtd_space *s, const struct vtd_block *range,
                  enum notify_cause cause)
{
    struct diff d = {
        .visitor = { .page = diff_page, .hole = diff_hole },
        .s = s,
        .cause = cause,
        .mixed = vtd_has_caches(s),
    };
    struct vtd_block b = *range, owed;

    if (b.last > address_last(s->v)) {
        b.last = address_last(s->v);
    }
    if (b.first > b.last) {
        return;
    }
    owed = b;
    widen(&s->tree, &b);
    widen(&s->owed, &owed);
    b.first = b.first < owed.first ? b.first : owed.first;
    b.last = b.last > owed.last ? b.last : owed.last;
    vtd_visit(s->v, &s->ctx, b.first, b.last, &d.visitor);
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

    if (is_announced(s, p)) {
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
    if (!ranges_overlap(n->first, n->last, old->first, old->last)) {
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
    struct replay r = {
        .visitor = { .page = replay_page, .hole = replay_hole },
        .s = s,
        .n = n,
    };
    uint64_t last = n->last < address_last(s->v) ? n->last : address_last(s->v);

    if ((n->flags & NOTIFY_MAP) != 0 && n->first <= last) {
        vtd_visit(s->v, &s->ctx, n->first, last, &r.visitor);
    }
}
