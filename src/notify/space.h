/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device's address space as subscribers see it: sections of an IOMMU region, or
 * RAM 1:1 while the device is not translated, and the listeners that are told when
 * sections come and go. One space may serve several devices (a PAPR bridge).
 *
 * Source: QEMU's memory listeners as VFIO and vhost use them.
 */
#ifndef IOMMUSIM_NOTIFY_SPACE_H
#define IOMMUSIM_NOTIFY_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notify/notify.h"

struct space_section {
    uint64_t first, last;         /* bus addresses, inclusive */
    struct notify_region *region; /* NULL: RAM, address = GPA */
    uint64_t region_first;        /* region address of `first` */
};

struct space_listener {
    /*
     * A transaction, around the calls of add and del that one change of the space makes,
     * be they none. May be NULL.
     */
    void (*begin)(struct space_listener *l);
    void (*commit)(struct space_listener *l);
    /* A section appeared. Sections of one switch come in ascending order. */
    void (*add)(struct space_listener *l, const struct space_section *s);
    /* A section is about to vanish; `s` equals what add was given. */
    void (*del)(struct space_listener *l, const struct space_section *s);
    struct space *space; /* the space's; NULL while not listening */
    struct space_listener *next;
};

struct space {
    const char *name; /* borrowed; the device or bridge */
    struct env *env;
    struct space_section *sections; /* ascending, disjoint */
    size_t n;
    struct space_listener *listeners; /* in order of subscription */
};

void space_init(struct space *s, const char *name, struct env *env);
/* Nobody may listen any more. */
void space_fini(struct space *s);

/*
 * Listen: add is called for each present section before this returns, in a transaction.
 */
void space_listen(struct space *s, struct space_listener *l);
/* del is called for each present section, in descending order, in a transaction. */
void space_unlisten(struct space_listener *l);

/*
 * Replace the sections: those not in `now` (n of them, ascending, copied) leave
 * first, highest first; then new ones appear, lowest first, each told to all
 * listeners in order of subscription. Equal sections are left alone.
 */
void space_set(struct space *s, const struct space_section *now, size_t n);

/* space_set to one 1:1 section for each RAM range of guest memory. */
void space_set_bypass(struct space *s);
bool space_is_bypass(const struct space *s);

#endif
