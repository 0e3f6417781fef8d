/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The entries that lead from a source id to a domain's tables, in guest memory: root
 * and context entries, PASID directories and tables. Nothing here tells the IOMMU.
 *
 * Tables above an entry are made as needed. An entry becomes present by its last store
 * and absent by its first. All work on op->vtd.unit and op->vtd.device.
 */
#ifndef IOMMUSIM_GUEST_INTEL_ENTRY_H
#define IOMMUSIM_GUEST_INTEL_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/intel_invalidate.h"
#include "util/addr.h"

struct guest;
struct op;
struct phase;
struct intel_domain;

/* What the driver keeps for a device: its ATS, its PASID directory. */
struct intel_function {
    bool ats;                 /* enabled, or about to be */
    uint64_t directory_pages; /* 0: not made yet */
    gpa_t directory;
};

/* The unit's root table; made when first asked for. False, failed: no memory. */
bool intel_have_root_table(struct op *op);

/*
 * Make op->vtd.device, or its PASID op->vtd.pasid, lead to d. What was there is
 * overwritten; op->vtd.new_root_entry and new_context say what became present above.
 * False, failed: no memory, no domain id, or a PASID the device has no room for.
 */
bool intel_bind(struct op *op, struct intel_domain *d, struct intel_binding *is);

/*
 * Clear all of the entry but its first word, which has the present bit. False: nothing is
 * present.
 */
bool intel_tear(struct op *op, struct intel_binding *was);

/* The other way; op->vtd.keep_fpd as there. True: something was present. */
bool intel_unbind(struct op *op, struct intel_binding *was);

/* Scalable: the device goes. True: its context entry was present. */
bool intel_drop_function(struct op *op);

/*
 * Let the context entry of op->vtd.device allow ATS, or no longer. True: there is one,
 * and it has changed.
 */
bool intel_allow_ats(struct op *op, bool on);

/* A device at rest, as the scenario has it; and its end. */
void intel_function_init(struct guest *g, uint32_t device);
void intel_function_free(struct guest *g, uint32_t device);

/* ---- for steps that write entries as they like: see intel_raw.c ---- */

/* Where entries are, the tables above them made. False, failed, as above. */
bool intel_context_at(struct op *op, bool scalable, gpa_t *at);
bool intel_directory_at(struct op *op, uint32_t pasid, gpa_t *at);
bool intel_pasid_at(struct op *op, uint32_t pasid, gpa_t *at);

/* The entries that lead to d, or to the device's PASID directory, its tables made. */
bool intel_context_entry(struct op *op, struct intel_domain *d, uint64_t word[2]);
bool intel_sm_context_entry(struct op *op, uint64_t word[4]);
bool intel_pasid_entry(struct op *op, struct intel_domain *d, uint64_t word[8]);

/* Store an entry of n words, with its cost. */
void intel_store_entry(struct op *op, gpa_t at, const uint64_t *word, unsigned n);

#endif
