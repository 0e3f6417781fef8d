/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host side of a VFIO mirror: the kernel object whose MAP and UNMAP calls decide
 * what the device reaches. QEMU's listener in front of it, vfio.c, is the same for all.
 *
 *   host_type1.c   type1 containers, v2 and v1
 *   host_spapr.c   sPAPR TCE containers: windows, preregistered memory
 *   host_iommufd.c iommufd address spaces, behind QEMU's back end
 *   host_vdpa.c    vhost-vdpa, which has a listener much like it
 *   host_dirty.c   what they know of dirty pages
 *
 * Functions that return int return 0 or a positive errno.
 */
#ifndef IOMMUSIM_SUBSCRIBER_HOST_H
#define IOMMUSIM_SUBSCRIBER_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "subscriber/subscriber.h"

struct host;

/* What it can say of its device's writes: see host_dirty.c. */
enum host_tracking { HOST_TRACKS_NOTHING, HOST_TRACKS_ENTRIES, HOST_TRACKS_PAGES };

struct host_ops {
    enum host_tracking tracks;
    int (*map)(struct host *h, uint64_t first, uint64_t last, uint64_t target,
               enum perm perm);
    int (*unmap)(struct host *h, uint64_t first, uint64_t last);
    /*
     * An IOMMU section of pages of `page` bytes is to be mirrored, before anybody
     * registers for it: an errno and *e if the host cannot. NULL: nothing to do.
     */
    int (*open)(struct host *h, const struct space_section *s, uint64_t page,
                struct err *e);
    /* It is not any more, and has been emptied. */
    void (*close)(struct host *h, const struct space_section *s);
    /*
     * Sections come and go between `begin` and `commit`; `alter`: one is about to change
     * what is mapped. NULL: they need not be told.
     */
    void (*begin)(struct host *h);
    void (*alter)(struct host *h);
    void (*commit)(struct host *h);
    /* What the device finds at addr, where that is not the shadow. NULL: it always is. */
    bool (*lookup)(const struct host *h, uint64_t addr, struct range_piece *out);
};

/* A window of a TCE container. */
struct host_window {
    uint64_t first, last;
    unsigned page_lg2;
    bool open;
};

struct host {
    const struct host_ops *ops;
    struct env *env;
    const struct subscriber *s;
    const struct subscriber_config *config;
    struct rangemap shadow; /* an entry is what one MAP made */
    struct rangemap record; /* vdpa: what its listener takes for mapped */
    bool record_by_key;     /* only kept then: it errs when it removes */
    /*
     * vdpa: sections are changing; a batch has begun. What the device goes on using while
     * it lasts: at `changed`, `before`, and elsewhere the shadow.
     */
    bool transaction, batch;
    struct rangemap changed, before;
    uint64_t batches;        /* committed */
    bool tracking;           /* a migration wants to know what is written */
    struct rangemap written; /* then, with dirty bits: by the device's addresses */
    uint64_t granule;        /* smallest host page, bytes */
    uint64_t entry_limit;
    struct host_window windows[2]; /* sPAPR */
};

void host_init(struct host *h, const struct host_ops *ops, struct subscriber *s);
void host_fini(struct host *h);

extern const struct host_ops host_type1_v2, host_type1_v1;
extern const struct host_ops host_spapr_v2, host_spapr_v1;
extern const struct host_ops host_iommufd, host_vdpa;

/* [first, last] is not empty and whole pages of `page` bytes. */
static inline bool
host_aligned(uint64_t first, uint64_t last, uint64_t page)
{
    return first <= last && (first & (page - 1)) == 0 && ((last + 1) & (page - 1)) == 0;
}

/* Inside the configured aperture and clear of all reserved ranges. */
bool host_valid(const struct host *h, uint64_t first, uint64_t last);
/* That many pages more may be pinned. */
bool host_may_lock(const struct host *h, uint64_t first, uint64_t last);

/* ---- host_dirty.c ---- */

int host_track(struct host *h, bool on);
/* The device wrote to these addresses of its own. */
void host_wrote(struct host *h, uint64_t first, uint64_t last);
/*
 * Log what is dirty of [first, last], which leads to `target`; EINVAL if that cuts an
 * entry whose bitmap cannot be cut.
 */
int host_report_dirty(struct host *h, uint64_t first, uint64_t last, uint64_t target);
/* Log what is dirty of all entries in [first, last], which are about to go. */
void host_report_all(struct host *h, uint64_t first, uint64_t last);
/* E2BIG if an UNMAP of so much cannot bring the bitmap along. */
int host_may_report(const struct host *h, uint64_t first, uint64_t last);

#endif
