/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a store into a table of a view changes: the stretches of addresses at which the
 * view says something else than before. Part of table_index.c, which knows what the
 * page serves as.
 */
#ifndef IOMMUSIM_CHECK_TABLE_CHANGE_H
#define IOMMUSIM_CHECK_TABLE_CHANGE_H

#include "check/table_index.h"

/* One use of a page. */
struct table_use {
    struct view *view;           /* as a table of it, or */
    struct truth_device *device; /* as the holder of an entry of it */
    uint64_t base;               /* address of entry 0, or GPA of the entry */
    unsigned level;
    unsigned bytes; /* device: of the entry */
    enum perm path;
    bool second; /* view of two stages: a table of the second */
    bool locked; /* of the first: the second grants no writing there */
    uint32_t order;
};

static inline const struct walk_table *
table_use_stage(const struct table_use *u)
{
    return u->second ? &u->view->stages.second : &u->view->stages.table;
}

struct table_store {
    unsigned slot;
    uint64_t old, new;
};

/* Announce what the store changes for this use, and watch what now hangs below it. */
void table_change(struct table_index *ix, const struct table_use *u,
                  const struct table_store *st);

/*
 * The same of all that the view u is about says, for a page that serves it in several
 * ways at once.
 */
void table_change_all(struct table_index *ix, const struct table_use *u,
                      const struct table_store *st);

/* A view has been made and its tables are watched. */
void table_change_begin(struct view *v);

/* ---- table_index.c, for table_change.c ---- */

/*
 * `page`, as its stage knows it, serves as u says, with all that hangs below; or no
 * more. Linking may find the view to be tangled.
 */
void table_index_link(struct table_index *ix, struct table_use *u, uint64_t page);
void table_index_unlink(struct table_index *ix, struct table_use *u, uint64_t page);
/* Watch v's tables, or those of its first stage only, as they are now. */
void table_index_relink(struct table_index *ix, struct view *v);
void table_index_relink_first(struct table_index *ix, struct view *v);
/* An entry of the first of two stages is a leaf: the second's part in that counts. */
void table_index_note_leaf(struct view *v, unsigned level, uint64_t entry);

#endif
