/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reverse index of VT-d tables: which pages of guest memory serve as tables,
 * for which views, at which level and address; and which hold the entries that lead
 * devices to them. It is the watcher of guest memory: a store into such a page becomes
 * a change of truth.
 *
 * Where a first stage lies behind a second, the index also keeps what both together
 * said last (view.flat): a store into the second stage may change that anywhere.
 *
 * Tables may be knotted: an entry may lead back to a table above it, and one table may
 * hang below many. Each way to a page is a use of it, as long as there are not too many
 * ways. Then the view is *tangled*: each of its pages is watched once for each level,
 * and a store into any of them may change all that the view says. Such a change has no
 * old value: until it is invalidated, anything is allowed.
 */
#ifndef IOMMUSIM_CHECK_TABLE_INDEX_H
#define IOMMUSIM_CHECK_TABLE_INDEX_H

#include <stdint.h>

#include "check/truth.h"

struct table_page;

struct table_index {
    struct mem *mem;
    truth_change_fn *changed;
    void *self;
    struct table_page *pages; /* all of them */
    uint64_t stores;          /* into any of them, counted from 1 */
    uint64_t links;           /* those into others than tables of 4 KiB leaves alone */
    struct walk_word was;     /* the word being stored to, and what it was */
};

/* Becomes the watcher of mem. */
void table_index_init(struct table_index *ix, struct mem *mem, truth_change_fn *changed,
                      void *self);
/* All views and devices must be gone. */
void table_index_fini(struct table_index *ix);

/* Watch the tables of a view. */
void table_index_add(struct table_index *ix, struct view *v);
/* No page serves v any more. */
void table_index_drop(struct table_index *ix, struct view *v);

/* One of d's entries is there; nothing if it has no bytes. */
void table_index_watch_entry(struct table_index *ix, struct truth_device *d,
                             const struct entry_place *entry);
void table_index_unwatch_entry(struct table_index *ix, struct truth_device *d,
                               const struct entry_place *entry);

/* truth.c's: a store hit an entry of d. */
void truth_entry_changed(struct truth_device *d);

#endif
