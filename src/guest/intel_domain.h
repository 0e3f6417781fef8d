/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which domains there are, which domain ids they have, and which one a step means.
 *
 * Ids count from 1 for each unit, stated ones are skipped: first the own domains of
 * devices plugged at the start without an attach of their own (not manual), then
 * the scenario's domains, each in file order; the rest when first attached.
 */
#ifndef IOMMUSIM_GUEST_INTEL_DOMAIN_H
#define IOMMUSIM_GUEST_INTEL_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

struct guest;
struct op;
struct intel_domain;
struct intel_unit;

void intel_domains_init(struct guest *g);
void intel_domains_fini(struct guest *g);

/* A device's own domain, made empty and without id when first asked for. */
/*
 * The device that stands for all with its source id: what is attached is attached to it.
 */
uint32_t intel_device(const struct guest *g, uint32_t device);
struct intel_domain *intel_domain_own(struct guest *g, uint32_t device);

/* The one the driver gives a device that has no attach of its own. */
struct intel_domain *intel_domain_default(struct guest *g, uint32_t device);

/* Give d an id if it has none; false: the unit has no more. */
bool intel_domain_identify(struct intel_domain *d);
/* Nothing is cached under its id any more: it may be used again. */
void intel_domain_anonymise(struct intel_domain *d);

/*
 * The domain of a step that names a domain, or a device: the one to which it is
 * attached, or under `manual` else its own. NULL, and the operation failed: none, or
 * one without tables.
 */
struct intel_domain *intel_domain_meant(struct op *op, uint32_t device, uint32_t domain);

/* What the device, or a PASID of it, is attached to; NULL: nothing. */
struct intel_domain *intel_domain_at(const struct guest *g, uint32_t device,
                                     uint32_t pasid);
/* Note that it is attached to d now (NULL: to nothing). */
void intel_domain_attach(struct guest *g, uint32_t device, uint32_t pasid,
                         struct intel_domain *d);

/* A device that the driver gives its own domain when it is there. */
bool intel_device_is_drivers(const struct guest *g, uint32_t device);

#endif
