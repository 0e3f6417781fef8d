/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nic0, a device on a toy IOMMU, with one subscriber: what tests of kinds of subscriber
 * begin with.
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_NIC_H
#define IOMMUSIM_TESTS_SUPPORT_NIC_H

#include "subscriber/subscriber.h"
#include "support_toy.h"

struct nic {
    struct toy t;
    struct space space;
    struct subscriber *s;
    struct subscriber_group group; /* that it brings into a container */
    int error;                     /* of the last failure; 0: none since nic_told */
};

/*
 * Its toy has a region [0, last]; it sees those sections of it, n <= 4, `region` unset.
 */
void nic_init(struct nic *r, uint64_t last, const struct space_section *sections,
              size_t n);
/* It sees these from now on. */
void nic_sections(struct nic *r, const struct space_section *sections, size_t n);
/* A subscriber of that kind, with its group, attaches; false, and *e: it is refused. */
bool nic_attach(struct nic *r, const char *kind, const struct subscriber_config *c,
                struct translator tr, struct err *e);
/* The subscriber ends, with all the rest. */
void nic_fini(struct nic *r);

/* The last error since the last call. */
int nic_told(struct nic *r);

#endif
