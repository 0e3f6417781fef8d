/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reverse index of VT-d tables: which pages of guest memory serve as tables,
 * for which views, at which level and IOVA; and which hold the root and context
 * entries of which devices. It is the watcher of guest memory: a store into such a
 * page becomes a change of truth.
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
};

/* Becomes the watcher of mem. */
void table_index_init(struct table_index *ix, struct mem *mem, truth_change_fn *changed,
                      void *self);
/* All views and devices must be gone. */
void table_index_fini(struct table_index *ix);

/* `page` serves v as a table of `level` from IOVA `base` on, with all that hangs below.
 */
void table_index_link(struct table_index *ix, struct view *v, uint64_t page,
                      unsigned level, uint64_t base, enum perm path);
void table_index_unlink(struct table_index *ix, struct view *v, uint64_t page,
                        unsigned level, uint64_t base);

/* No page serves v any more, even if its tables are knotted into themselves. */
void table_index_drop(struct table_index *ix, struct view *v);

/* The 16 bytes at `entry` are d's root or context entry; 0 is none. */
void table_index_watch_entry(struct table_index *ix, struct truth_device *d,
                             uint64_t entry);
void table_index_unwatch_entry(struct table_index *ix, struct truth_device *d,
                               uint64_t entry);

/* truth.c's: a store hit an entry of d. */
void truth_entry_changed(struct truth_device *d);

#endif
