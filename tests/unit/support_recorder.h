/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VT-d unit that translates nothing and writes down what its driver tells it: every
 * register write, and every descriptor between the queue's head and a tail. Waits are
 * done at once. With the machine of support_guest, whose device 0 is nic0 (00:01.0)
 * and device 1 is nic1 (00:02.0).
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_RECORDER_H
#define IOMMUSIM_TESTS_SUPPORT_RECORDER_H

#include "iommu/vtd_reg_fmt.h"
#include "iommu/vtd_sm_fmt.h"
#include "support_guest.h"

enum { RECORDER_MAX = 256 };

struct recorder {
    struct iommu base;
    struct mem *mem;
    uint64_t cap, ecap, iqa, iqt, iqh, rtaddr;
    uint32_t gsts, fsts;
    /* What was told, waits left out; `entry` is watch_at's word at that moment. */
    struct {
        uint64_t word[4];
        uint64_t entry;
    } desc[RECORDER_MAX];
    unsigned n_desc, n_waits;
    struct {
        uint64_t off, value;
    } write[RECORDER_MAX];
    unsigned n_writes;
    gpa_t watch_at;
    unsigned refuse; /* descriptors of this type stop the queue (IQE); 0: none */
    unsigned silent; /* so many waits more are aborted (ITE) */
};

extern struct recorder rec;

/* vm.m is the recorder from here on: instead of rig_start. Boots. */
void recorder_start(uint64_t cap, uint64_t ecap);
/* The same after rig_init, with this driver. */
void recorder_boot(enum guest_driver driver, uint64_t cap, uint64_t ecap);
/* Forget what was told so far. */
void recorder_forget(void);

/* What a unit of today has: CAP and ECAP without caching mode, legacy or scalable. */
#define RECORDER_CAP                                                                     \
    (VTD_CAP_ND(6) | VTD_CAP_SAGAW(48) | VTD_CAP_SAGAW(39) | VTD_CAP_MGAW(48) |          \
     VTD_CAP_FRO | VTD_CAP_SSLPS(3) | VTD_CAP_PSI | VTD_CAP_MAMV(18) | VTD_CAP_DWD |     \
     VTD_CAP_DRD | VTD_CAP_FS1GP)
#define RECORDER_ECAP (VTD_ECAP_QI | VTD_ECAP_PT | VTD_ECAP_IRO)
#define RECORDER_SM_ECAP                                                                 \
    (RECORDER_ECAP | VTD_ECAP_SMTS | VTD_ECAP_SSTS | VTD_ECAP_FSTS | VTD_ECAP_NEST |     \
     VTD_ECAP_PASID | VTD_ECAP_PSS(20))

#endif
