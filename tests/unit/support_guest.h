/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small machine for tests of the guest's drivers: RAM, one real IOMMU model, two
 * devices (00:01.0 and 00:02.0), two domains on VT-d. Set what a test needs between
 * rig_init and rig_start.
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_GUEST_H
#define IOMMUSIM_TESTS_SUPPORT_GUEST_H

#include "guest/guest.h"

#define KIB        UINT64_C(1024)
#define MIB        (1024 * KIB)
#define GIB        (1024 * MIB)
#define RIG_RAM    (4 * GIB) /* [0, RIG_RAM) */
#define RIG_TABLES (3 * GIB) /* table memory, 16 MiB of it */

struct rig {
    struct env env;
    struct scenario sc;
    struct scenario_range ram;
    struct scenario_iommu iommu;
    struct scenario_device device[2];
    struct scenario_domain domain[2];
    struct iommu_vtd_config vtd;
    struct iommu_papr_config papr;
    struct iommu *m;
    struct guest *g;
    struct step steps[4]; /* the last ones: an operation in progress needs its own */
    unsigned n_steps;
    struct guest_reply reply; /* the last one */
    unsigned replies;
    unsigned invalidations;   /* executed by the unit, since rig_start or rig_forget */
    struct invalidation last; /* the newest */
    unsigned hcalls;
};

/* The one of this test; rig_fini is for the fixture. */
extern struct rig vm;

/* A VT-d of 48 bits under `strict`, or a PAPR bridge with a window of 1 GiB. */
void rig_init(enum iommu_model model);
void rig_start(void); /* builds model and guest, boots */
void rig_fini(void);
void rig_forget(void);

/* rig_init and rig_start, for a VT-d under this driver. */
void rig_boot(enum guest_driver driver, bool caching_mode);

/* Carry out a step whose kind and arguments are set. True: it replied ok at once. */
bool rig_do(const struct step *s);
bool rig_map(uint64_t iova, uint64_t size, uint64_t gpa, unsigned page_lg2);
bool rig_unmap(uint64_t iova, uint64_t size);
bool rig_change(uint64_t iova, uint64_t size, uint64_t gpa);
/* PASID 0 is none. */
bool rig_attach(uint32_t device, uint32_t domain, uint32_t pasid);
/* Run all events. */
void rig_run(void);

/* 8 bytes of RAM. */
uint64_t rig_read(uint64_t gpa);
/*
 * The context entry of device 0, and where its table's entry for an IOVA is (0: nowhere).
 */
uint64_t rig_context(unsigned word);
uint64_t rig_entry(uint64_t iova, unsigned level);

#endif
