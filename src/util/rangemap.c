/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The radix tree behind rangemap.h. Addresses become page numbers at the door;
 * inside, a range of pages is always clipped to the node that handles it.
 *
 * Level 0 is a leaf, whose slots are single pages; a slot of level n spans 64^n
 * pages. A child that loses its last slot is freed and its own slot cleared, except
 * for the leaf touched last: that may stay, empty, until another leaf is touched, so
 * that a map which fills and empties in one place keeps its path. A piece without IS_HEAD
 * always continues the entry of the page before it.
 */
#include "util/rangemap.h"

#include <assert.h>
#include <stdlib.h>

enum {
    SLOT_LG2 = 6,
    SLOTS = 1 << SLOT_LG2,
    SPARES_MAX = 9, /* a whole path */
};

/*
 * A slot holds the address of a child or, with IS_PIECE set, a piece: the target
 * in bits 63:12 and the bits below. It means nothing while its bit in `used` is 0.
 */
#define IS_PIECE   UINT64_C(1)
#define IS_HEAD    UINT64_C(2)
#define PERM_SHIFT 2

struct rangemap_node {
    uint64_t used; /* bit i: slot[i] holds something */
    uint64_t slot[SLOTS];
};

/* Inclusive page numbers. */
struct span {
    uint64_t first, last;
};

static unsigned
shift_of(unsigned level)
{
    return level * SLOT_LG2;
}

static unsigned
slot_of(uint64_t page, unsigned level)
{
    return (unsigned)(page >> shift_of(level)) & (SLOTS - 1);
}

/* Bits lo..hi, inclusive. */
static uint64_t
bits(unsigned lo, unsigned hi)
{
    return (~UINT64_C(0) << lo) & (~UINT64_C(0) >> (SLOTS - 1 - hi));
}

static bool
is_used(const struct rangemap_node *node, unsigned i)
{
    return (node->used >> i) & 1;
}

/* The pages of slot i of the level-`level` node that holds `page`. */
static struct span
slot_span(uint64_t page, unsigned level, unsigned i)
{
    unsigned shift = shift_of(level);
    uint64_t first = align_down(page, shift + SLOT_LG2) | ((uint64_t)i << shift);

    return (struct span){ first, first | ((UINT64_C(1) << shift) - 1) };
}

static struct span
clip(struct span s, struct span to)
{
    return (struct span){ s.first > to.first ? s.first : to.first,
                          s.last < to.last ? s.last : to.last };
}

static struct span
pages_of(uint64_t first, uint64_t last)
{
    assert(first <= last && ((first | ~last) & PAGE_MASK) == 0);
    return (struct span){ first >> PAGE_LG2, last >> PAGE_LG2 };
}

static struct rangemap_node *
child_of(uint64_t slot)
{
    return (struct rangemap_node *)(uintptr_t)slot;
}

static struct rangemap_node *
node_new(struct rangemap *m)
{
    struct rangemap_node *node = m->spare;

    if (node != NULL) {
        m->spare = child_of(node->slot[0]);
        m->n_spare--;
    } else {
        node = xmalloc(sizeof(*node));
        budget_spend(m->budget, sizeof(*node));
    }
    node->used = 0;
    return node;
}

static void
node_release(struct rangemap *m, struct rangemap_node *node)
{
    budget_return(m->budget, sizeof(*node));
    free(node);
}

static void
node_free(struct rangemap *m, struct rangemap_node *node)
{
    if (node == m->last_leaf) {
        m->last_leaf = NULL;
    }
    if (m->n_spare < SPARES_MAX) { /* a map that fills and empties all the time */
        node->slot[0] = (uintptr_t)m->spare;
        m->spare = node;
        m->n_spare++;
    } else {
        node_release(m, node);
    }
}

static void
set_last_leaf(struct rangemap *m, struct rangemap_node *leaf, uint64_t page)
{
    m->last_leaf = leaf;
    m->last_leaf_base = align_down(page, SLOT_LG2);
}

static bool
in_last_leaf(const struct rangemap *m, struct span s)
{
    return m->last_leaf != NULL && (s.first ^ m->last_leaf_base) < SLOTS &&
           (s.last ^ m->last_leaf_base) < SLOTS;
}

/* The leaf touched last if it is the one of `page`, else NULL. */
static struct rangemap_node *
leaf_at(const struct rangemap *m, uint64_t page)
{
    return (page ^ m->last_leaf_base) < SLOTS ? m->last_leaf : NULL;
}

static void
free_tree(struct rangemap *m, struct rangemap_node *node)
{
    for (uint64_t left = node->used; left != 0; left &= left - 1) {
        uint64_t slot = node->slot[__builtin_ctzll(left)];

        if (!(slot & IS_PIECE)) {
            free_tree(m, child_of(slot));
        }
    }
    node_free(m, node);
}

void
rangemap_init(struct rangemap *m, enum rangemap_kind kind, struct budget *budget)
{
    *m = (struct rangemap){ .kind = kind, .budget = budget };
}

void
rangemap_fini(struct rangemap *m)
{
    rangemap_clear(m);
}

/* Give up the tree; its nodes may become spares. */
static void
drop_tree(struct rangemap *m)
{
    free_tree(m, m->root);
    m->root = NULL;
    m->height = 0;
}

void
rangemap_clear(struct rangemap *m)
{
    if (m->root != NULL) {
        drop_tree(m);
    }
    while (m->spare != NULL) {
        struct rangemap_node *node = m->spare;

        m->spare = child_of(node->slot[0]);
        node_release(m, node);
    }
    rangemap_init(m, m->kind, m->budget);
}

/* The piece that continues `piece` behind the first `pages` pages of it. */
static uint64_t
continued(const struct rangemap *m, uint64_t piece, uint64_t pages)
{
    piece &= ~IS_HEAD;
    return m->kind == RANGEMAP_LINEAR ? piece + (pages << PAGE_LG2) : piece;
}

static void prune(struct rangemap *m);

/* --- insertion --- */

/* Make the root span `page`. */
static void
grow(struct rangemap *m, uint64_t page)
{
    if (m->root == NULL) {
        m->root = node_new(m);
        m->height = 1;
        while (page >> shift_of(m->height) != 0) {
            m->height++;
        }
        return;
    }
    while (page >> shift_of(m->height) != 0) {
        struct rangemap_node *top = node_new(m);

        top->used = 1;
        top->slot[0] = (uintptr_t)m->root;
        m->root = top;
        m->height++;
    }
}

static void
put(struct rangemap_node *node, unsigned i, uint64_t slot)
{
    assert(!is_used(node, i));
    node->used |= UINT64_C(1) << i;
    node->slot[i] = slot;
}

static struct rangemap_node *
child_for_insert(struct rangemap *m, struct rangemap_node *node, unsigned i)
{
    if (!is_used(node, i)) {
        put(node, i, (uintptr_t)node_new(m));
    }
    assert(!(node->slot[i] & IS_PIECE));
    return child_of(node->slot[i]);
}

/* Cover `s` with pieces that begin with `piece`; returns the piece to go on with. */
static uint64_t
insert_into(struct rangemap *m, struct rangemap_node *node, unsigned level, struct span s,
            uint64_t piece)
{
    if (level == 0) {
        set_last_leaf(m, node, s.first);
    }
    for (unsigned i = slot_of(s.first, level); i <= slot_of(s.last, level); i++) {
        struct span whole = slot_span(s.first, level, i);
        struct span part = clip(s, whole);

        if (part.first == whole.first && part.last == whole.last) {
            put(node, i, piece);
            piece = continued(m, piece, part.last - part.first + 1);
        } else {
            struct rangemap_node *child = child_for_insert(m, node, i);

            piece = insert_into(m, child, level - 1, part, piece);
        }
    }
    return piece;
}

/* Elsewhere than in the leaf touched last, or more than a page. */
static __attribute__((noinline)) void
insert_span(struct rangemap *m, struct span s, uint64_t piece)
{
    prune(m);
    grow(m, s.last);
    insert_into(m, m->root, m->height - 1, s, piece);
}

void
rangemap_insert(struct rangemap *m, uint64_t first, uint64_t last, uint64_t target,
                enum perm perm)
{
    struct span s = pages_of(first, last);
    uint64_t piece = target | (uint64_t)perm << PERM_SHIFT | IS_HEAD | IS_PIECE;
    struct rangemap_node *leaf = s.first == s.last ? leaf_at(m, s.first) : NULL;

    assert(is_aligned(target, PAGE_LG2));
    m->pages += s.last - s.first + 1;
    m->entries++;
    if (leaf != NULL) {
        put(leaf, slot_of(s.first, 0), piece);
    } else {
        insert_span(m, s, piece);
    }
}

/* --- lookup --- */

/*
 * A leaf was looked into: the next look is likely to be into it, too. That is no change
 * of the map. One that is empty and has to go when another is touched stays the last.
 */
static void
note_leaf(const struct rangemap *m, struct rangemap_node *leaf, uint64_t page)
{
    if (m->last_leaf == NULL || m->last_leaf->used != 0) {
        set_last_leaf((struct rangemap *)(uintptr_t)m, leaf, page);
    }
}

/* The slot of the piece that covers `page`, and its level; NULL if there is none. */
static uint64_t *
find(const struct rangemap *m, uint64_t page, unsigned *level)
{
    struct rangemap_node *node = m->root;
    unsigned l = m->height;

    if (in_last_leaf(m, (struct span){ page, page })) {
        node = m->last_leaf;
        l = 1;
    } else if (node == NULL || page >> shift_of(l) != 0) {
        return NULL;
    }
    for (;;) {
        unsigned i = slot_of(page, --l);

        if (l == 0) {
            note_leaf(m, node, page);
        }
        if (!is_used(node, i)) {
            return NULL;
        }
        if (node->slot[i] & IS_PIECE) {
            *level = l;
            return &node->slot[i];
        }
        node = child_of(node->slot[i]);
    }
}

static void
describe(uint64_t piece, struct span s, struct range_piece *out)
{
    out->first = s.first << PAGE_LG2;
    out->last = s.last << PAGE_LG2 | PAGE_MASK;
    out->target = piece & ~PAGE_MASK;
    out->perm = (enum perm)(piece >> PERM_SHIFT & PERM_RW);
    out->head = (piece & IS_HEAD) != 0;
}

/* Elsewhere than in the leaf touched last. */
static __attribute__((noinline)) bool
look_up(const struct rangemap *m, uint64_t page, struct range_piece *out)
{
    unsigned level;
    const uint64_t *slot = find(m, page, &level);

    if (slot == NULL) {
        return false;
    }
    describe(*slot, slot_span(page, level, slot_of(page, level)), out);
    return true;
}

bool
rangemap_lookup(const struct rangemap *m, uint64_t addr, struct range_piece *out)
{
    const uint64_t page = addr >> PAGE_LG2;
    const struct rangemap_node *leaf = leaf_at(m, page);

    if (leaf == NULL) {
        return look_up(m, page, out);
    }
    const unsigned i = slot_of(page, 0);
    if (!is_used(leaf, i)) {
        return false;
    }
    describe(leaf->slot[i], (struct span){ page, page }, out);
    return true;
}

bool
rangemap_cuts(const struct rangemap *m, uint64_t addr)
{
    const uint64_t page = addr >> PAGE_LG2;
    const struct rangemap_node *leaf = leaf_at(m, page);
    unsigned level;

    if (leaf != NULL) {
        const unsigned i = slot_of(page, 0);
        return is_used(leaf, i) && !(leaf->slot[i] & IS_HEAD);
    }
    const uint64_t *slot = find(m, page, &level);
    return slot != NULL && (!(*slot & IS_HEAD) || !is_aligned(page, shift_of(level)));
}

/* The first piece in `node` that ends at or after `from`, a page of it. */
static bool
next_in(const struct rangemap_node *node, unsigned level, uint64_t from,
        struct range_piece *out)
{
    uint64_t left = node->used & bits(slot_of(from, level), SLOTS - 1);

    for (; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        struct span whole = slot_span(from, level, i);

        if (node->slot[i] & IS_PIECE) {
            describe(node->slot[i], whole, out);
            return true;
        }
        uint64_t start = from > whole.first ? from : whole.first;

        if (next_in(child_of(node->slot[i]), level - 1, start, out)) {
            return true;
        }
    }
    return false;
}

bool
rangemap_next(const struct rangemap *m, uint64_t from, struct range_piece *out)
{
    uint64_t page = from >> PAGE_LG2;

    if (in_last_leaf(m, (struct span){ page, page })) {
        uint64_t left = m->last_leaf->used & bits(slot_of(page, 0), SLOTS - 1);

        if (left != 0) {
            unsigned i = (unsigned)__builtin_ctzll(left);

            describe(m->last_leaf->slot[i], slot_span(page, 0, i), out);
            return true;
        }
    }
    return m->root != NULL && page >> shift_of(m->height) == 0 &&
           next_in(m->root, m->height - 1, page, out);
}

bool
rangemap_next_until(const struct rangemap *m, uint64_t from, uint64_t last,
                    struct range_piece *out)
{
    struct span s = { from >> PAGE_LG2, last >> PAGE_LG2 };

    if (s.first == s.last) {
        return rangemap_lookup(m, from, out);
    }
    if (in_last_leaf(m, s)) {
        uint64_t left =
            m->last_leaf->used & bits(slot_of(s.first, 0), slot_of(s.last, 0));
        unsigned i = left != 0 ? (unsigned)__builtin_ctzll(left) : 0;

        if (left != 0) {
            describe(m->last_leaf->slot[i], slot_span(s.first, 0, i), out);
        }
        return left != 0;
    }
    return rangemap_next(m, from, out) && out->first <= last;
}

bool
rangemap_any(const struct rangemap *m, uint64_t first, uint64_t last)
{
    struct range_piece p;

    return rangemap_next_until(m, first, last, &p);
}

/* Whether slot i of the leaf touched last holds an entry that is this page alone. */
static bool
is_page_alone(const struct rangemap_node *leaf, unsigned i)
{
    return (leaf->slot[i] & IS_HEAD) != 0 && i + 1 < SLOTS &&
           (!is_used(leaf, i + 1) || (leaf->slot[i + 1] & IS_HEAD) != 0);
}

/* The entry, of several pieces perhaps, that covers addr. */
static __attribute__((noinline)) bool
join_entry(const struct rangemap *m, uint64_t addr, struct range_piece *out)
{
    struct range_piece p;

    if (!rangemap_lookup(m, addr, out)) {
        return false;
    }
    uint64_t last = out->last;

    while (!out->head && rangemap_lookup(m, out->first - 1, out)) {
    }
    while (last != UINT64_MAX && rangemap_lookup(m, last + 1, &p) && !p.head) {
        last = p.last;
    }
    out->last = last;
    return true;
}

bool
rangemap_entry(const struct rangemap *m, uint64_t addr, struct range_piece *out)
{
    const uint64_t page = addr >> PAGE_LG2;
    const struct rangemap_node *leaf = leaf_at(m, page);

    if (leaf != NULL) {
        const unsigned i = slot_of(page, 0);
        if (!is_used(leaf, i)) {
            return false;
        }
        if (is_page_alone(leaf, i)) {
            describe(leaf->slot[i], (struct span){ page, page }, out);
            return true;
        }
    }
    return join_entry(m, addr, out);
}

bool
rangemap_next_entry(const struct rangemap *m, uint64_t from, struct range_piece *out)
{
    return rangemap_next(m, from, out) && rangemap_entry(m, out->first, out);
}

/* --- removal --- */

/* Replace the piece in slot i by a child that holds the same in smaller pieces. */
static void
split(struct rangemap *m, struct rangemap_node *node, unsigned level, unsigned i)
{
    struct rangemap_node *child = node_new(m);
    uint64_t piece = node->slot[i];

    child->used = ~UINT64_C(0);
    for (unsigned k = 0; k < SLOTS; k++) {
        child->slot[k] = piece;
        piece = continued(m, piece, UINT64_C(1) << shift_of(level - 1));
    }
    node->slot[i] = (uintptr_t)child;
}

static void
clear_slot(struct rangemap_node *node, unsigned i)
{
    node->used &= ~(UINT64_C(1) << i);
}

static void
remove_piece(struct rangemap *m, struct rangemap_node *node, unsigned level, unsigned i)
{
    m->pages -= UINT64_C(1) << shift_of(level);
    m->entries -= (node->slot[i] & IS_HEAD) != 0;
    clear_slot(node, i);
}

static void
remove_from(struct rangemap *m, struct rangemap_node *node, unsigned level, struct span s)
{
    uint64_t left = node->used & bits(slot_of(s.first, level), slot_of(s.last, level));

    if (level == 0) {
        set_last_leaf(m, node, s.first);
    }
    for (; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        struct span whole = slot_span(s.first, level, i);
        struct span part = clip(s, whole);

        if (node->slot[i] & IS_PIECE) {
            if (part.first == whole.first && part.last == whole.last) {
                remove_piece(m, node, level, i);
                continue;
            }
            split(m, node, level, i);
        }
        struct rangemap_node *child = child_of(node->slot[i]);

        remove_from(m, child, level - 1, part);
        if (child->used == 0) {
            node_free(m, child);
            clear_slot(node, i);
        }
    }
}

/* Free the leaf touched last if it is empty, with what of its path is. */
static void
prune(struct rangemap *m)
{
    if (m->last_leaf != NULL && m->last_leaf->used == 0) {
        struct span leaf = { m->last_leaf_base, m->last_leaf_base + SLOTS - 1 };

        m->last_leaf = NULL;
        remove_from(m, m->root, m->height - 1, leaf);
        if (m->root->used == 0) {
            drop_tree(m);
        }
    }
}

/* What is left of an entry that was cut before `page` becomes one of its own. */
static void
make_head(struct rangemap *m, uint64_t page)
{
    unsigned level;
    uint64_t *slot = find(m, page, &level);

    if (slot != NULL && !(*slot & IS_HEAD)) {
        *slot |= IS_HEAD;
        m->entries++;
    }
}

static __attribute__((noinline)) uint64_t
remove_span(struct rangemap *m, struct span s)
{
    uint64_t before = m->pages;

    if (in_last_leaf(m, s)) {
        remove_from(m, m->last_leaf, 0, s);
    } else if (prune(m), m->root != NULL && s.first >> shift_of(m->height) == 0) {
        struct span top = slot_span(0, m->height, 0);

        remove_from(m, m->root, m->height - 1, clip(s, top));
        if (m->root->used == 0) {
            drop_tree(m);
        }
    }
    if (m->pages != before && s.last != UINT64_MAX >> PAGE_LG2) {
        make_head(m, s.last + 1);
    }
    return before - m->pages;
}

/* Page i of the leaf touched last, which is not its last: the most common removal. */
static uint64_t
remove_page(struct rangemap *m, unsigned i)
{
    struct rangemap_node *leaf = m->last_leaf;

    if (!is_used(leaf, i)) {
        return 0;
    }
    remove_piece(m, leaf, 0, i);
    if (is_used(leaf, i + 1) && !(leaf->slot[i + 1] & IS_HEAD)) {
        leaf->slot[i + 1] |= IS_HEAD;
        m->entries++;
    }
    return 1;
}

uint64_t
rangemap_remove(struct rangemap *m, uint64_t first, uint64_t last)
{
    struct span s = pages_of(first, last);

    if (s.first == s.last && leaf_at(m, s.first) != NULL && (s.first + 1) % SLOTS != 0) {
        return remove_page(m, slot_of(s.first, 0));
    }
    return remove_span(m, s);
}
