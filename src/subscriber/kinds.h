/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of subscriber, each defined in the file of its name; found by
 * subscriber_kind.
 */
#ifndef IOMMUSIM_SUBSCRIBER_KINDS_H
#define IOMMUSIM_SUBSCRIBER_KINDS_H

#include "subscriber/subscriber.h"

extern const struct subscriber_ops subscriber_vfio;       /* type1 v2 container */
extern const struct subscriber_ops subscriber_vfio_v1;    /* type1 v1 container */
extern const struct subscriber_ops subscriber_vfio_spapr; /* TCE container */
extern const struct subscriber_ops subscriber_iommufd;    /* iommufd address space */
extern const struct subscriber_ops subscriber_vdpa;       /* vhost-vdpa device */
extern const struct subscriber_ops subscriber_vhost;      /* kernel device IOTLB */
extern const struct subscriber_ops subscriber_vhost_user; /* in another process */
extern const struct subscriber_ops subscriber_ats;        /* a device with its own TLB */
extern const struct subscriber_ops subscriber_emulated;   /* asks the IOMMU each time */
extern const struct subscriber_ops subscriber_observer;   /* hears, holds nothing */

#endif
