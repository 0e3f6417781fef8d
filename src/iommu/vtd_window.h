/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unmapping everything: a subscriber's window, as far as the unit translates at all,
 * in naturally aligned powers of two, ascending, whatever is mapped there; mirrors, while
 * a migration runs, leaf by leaf.
 */
#ifndef IOMMUSIM_IOMMU_VTD_WINDOW_H
#define IOMMUSIM_IOMMU_VTD_WINDOW_H

#include "iommu/vtd_mirror.h"

/* The window of n, to n alone. */
void vtd_window_tell(struct vtd_space *s, struct notifier *n, enum notify_cause cause);

/* Forget what was announced there, to whomever. */
void vtd_window_forget(struct vtd_space *s, const struct notifier *n);

/* The windows of all notifiers of s, and the whole record. */
void vtd_window_unmap_all(struct vtd_space *s, enum notify_cause cause);

#endif
