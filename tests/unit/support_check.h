/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A checker among real models and subscribers: one machine a test, in `rig`, with one
 * IOMMU and one device, and a list of the violations that were reported.
 */
#ifndef IOMMUSIM_TESTS_UNIT_SUPPORT_CHECK_H
#define IOMMUSIM_TESTS_UNIT_SUPPORT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "check/check.h"
#include "iommu/iommu.h"
#include "iommu/papr_fmt.h"
#include "iommu/vtd_reg_fmt.h"
#include "iommu/vtd_sm_fmt.h"
#include "notify/observer.h"
#include "subscriber/subscriber.h"

enum {
    LIOBN = 0x80000000u,
    SEEN_MAX = 64,
    ROOT = 0x1000000,
    CONTEXTS = 0x1001000,
    QUEUE = 0x1002000,
    STATUS = 0x1003000,
    TABLES = 0x1010000, /* level 3, 2, 1 */
    SID = 0x18,
};

struct seen {
    enum violation_class class;
    enum blame blame;
    char subject[32], have[40], want[40], hint[40];
    uint64_t first, last;
    struct origin origin;
};

struct rig {
    struct env env;
    struct trace trace;
    struct check *check;
    struct iommu *iommu;
    struct space *space;
    struct truth_device *device;
    struct subscriber *subs[4];
    unsigned n_subs;
    struct seen seen[SEEN_MAX];
    unsigned n;
    bool wide;     /* descriptors of 256 bits */
    uint64_t tail; /* of the queue */
    uint32_t waits;
};
extern struct rig rig;

/* Set IOMMUSIM_TEST_SHOW to see violations as they come. */
void rig_begin(void);
void rig_end(void);
void rig_quirk(enum quirk q);
/* What follows was begun by this line of t.yaml. */
void rig_step(uint32_t line);
struct subscriber *rig_subscribe(const char *kind, const char *name, bool replay);
/* One violation was reported, and it was this. */
void rig_expect_one(enum violation_class class, enum blame blame, uint64_t first,
                    uint64_t last);
/* Eight bytes; s NULL: the IOMMU answers. */
void rig_access(struct subscriber *s, uint64_t iova, enum perm access, bool ok,
                uint64_t gpa);

/* The device is behind a bridge with a window of 256 MiB of 4 KiB pages. */
void rig_papr(void);
int64_t rig_put(uint64_t ioba, uint64_t tce);

/* The device is in domain 5; its three levels of tables lie at TABLES. */
void rig_vtd(bool caching_mode);
void rig_mmio(uint64_t off, unsigned width, uint64_t v);
void rig_word(uint64_t gpa, uint64_t v);
void rig_leaf(uint64_t iova, uint64_t entry); /* rig_vtd's bottom table */
void rig_submit(struct vtd_pair descriptor);
/* A wait after what was submitted; the queue runs, and the wait is done. */
void rig_ring(void);
void rig_flush_page(uint64_t iova);

/*
 * The device has three address spaces behind scalable tables: requests without PASID
 * (PASID 0) a second stage in domain 5 at TABLES, as rig_vtd but of 4 levels; PASID 1 a
 * first stage in domain 6 at FIRST; PASID 2 the same tables of a first stage, nested in
 * the second stage of domain 5, as domain 7. The second stage maps the first 2 MiB
 * above 16 MiB to themselves.
 */
void rig_scalable(bool caching_mode);
enum {
    DIRECTORY = 0x1004000,
    PASIDS = 0x1005000,
    FIRST = 0x1020000, /* level 4, 3, 2, 1 */
};
/* The entry of the bottom first-stage table. */
void rig_first_leaf(uint64_t iova, uint64_t entry);
/* The IOMMU says that this was carried out, and then that it is complete. */
void rig_invalidated(const struct invalidation *inv);
void rig_completed(void);
/* The device's ATC for requests with that PASID, or IOMMU_NO_PASID; ATS is on. */
struct subscriber *rig_atc(uint32_t pasid, const char *name);
/* An access of the device to 8 bytes through it; what it says is judged. */
bool rig_atc_access(struct subscriber *s, uint64_t iova, enum perm access);

/* MAP of one page, rw. */
struct notify_event rig_map_event(uint64_t iova, uint64_t target);

/* The IOMMU claims to have announced ev, and s to have been told so many times. */
void rig_pretend(struct subscriber *s, const struct notify_event *ev, unsigned times);

/* The hypercall that wrote the entry of this page returns. */
void rig_hcall_returns(uint64_t first);

#endif
