/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two kinds of vhost share: QEMU's glue and the cache behind it. */
#ifndef IOMMUSIM_SUBSCRIBER_VHOST_H
#define IOMMUSIM_SUBSCRIBER_VHOST_H

#include "subscriber/tlb.h"
#include "subscriber/vhost_late.h"

/* First member of either kind. */
struct vhost {
    struct subscriber s;
    struct tlb tlb;
    struct vhost_late late;
    bool is_direct;      /* it has no IOTLB */
    bool logging;        /* a migration runs */
    struct rangemap log; /* what it wrote since the last sync, as guest pages */
};

/* Subscriber operations of these names. */
void vhost_init(struct subscriber *s, const struct subscriber_config *c);
void vhost_fini(struct subscriber *s);
void vhost_clear(struct subscriber *s);
bool vhost_fall_back(struct subscriber *s);
void vhost_ats_switched(struct subscriber *s);
void vhost_teardown(struct subscriber *s, uint64_t first, uint64_t last);
void vhost_bypass_unmap(struct subscriber *s, uint64_t first, uint64_t last);
bool vhost_lookup(const struct subscriber *s, uint64_t addr, struct range_piece *out);
bool vhost_next(const struct subscriber *s, uint64_t from, struct range_piece *out);
int vhost_track(struct subscriber *s, bool on);
void vhost_wrote(struct subscriber *s, uint64_t iova, uint64_t gpa, uint64_t len);
int vhost_sync(struct subscriber *s);
struct dma_answer vhost_dma(struct subscriber *s, uint64_t iova, enum perm access);

#endif
