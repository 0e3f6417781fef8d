/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of deviations and the profiles made of them: see quirks.h. */
#include "util/quirks.h"

#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct quirk_info infos[QUIRK_COUNT] = {
#define QUIRK(id, name, where, what, story) [QUIRK_##id] = { name, where, what, story },
#include "util/quirks.def"
#undef QUIRK
};

/* What every version of QEMU with these models did, as far as is known. */
#define ALWAYS                                                                           \
    QUIRK_PAPR_LONE_MAP, QUIRK_PAPR_PER_ENTRY, QUIRK_PAPR_SILENT_TEARDOWN,               \
        QUIRK_PAPR_OVERSIZED_KEPT, QUIRK_PAPR_SHIFT_MODULO, QUIRK_PAPR_MIGRATE_BY_COUNT, \
        QUIRK_PAPR_MSI_SHADOWED, QUIRK_PAPR_REPLAY_ALL, QUIRK_SUB_IGNORES_REPLAY_ERRORS, \
        QUIRK_VTD_SRTP_DROPS_CACHES, QUIRK_VTD_CFI_IGNORED, QUIRK_VTD_NO_IQERCD,         \
        QUIRK_VTD_IQA_LATCHED, QUIRK_VTD_IEDATA_32, QUIRK_VTD_RESET_CLEARS_STICKY,       \
        QUIRK_VTD_IP_OUTLIVES_RECORD, QUIRK_VTD_REMAPPING_UNOFFERED, QUIRK_VTD_NO_HOLES, \
        QUIRK_VTD_HIT_REFUSAL_SILENT, QUIRK_VTD_NONE_READS, QUIRK_VTD_NO_TABLE_CACHE,    \
        QUIRK_VTD_IOTLB_OVERFLOW, QUIRK_VTD_IOTLB_BY_SOURCE, QUIRK_VTD_CONTEXT_ANY_DID,  \
        QUIRK_VTD_TT_NOT_ENFORCED, QUIRK_VTD_FPD_NOT_RESERVED,                           \
        QUIRK_VTD_CONTEXT_DOMAIN_GLOBAL, QUIRK_VTD_ASSERT_WAIT,                          \
        QUIRK_VTD_STATUS_CHECKED, QUIRK_VTD_SYNC_DEVICE_TLB, QUIRK_VTD_NO_DRAIN,         \
        QUIRK_VTD_ALL_ONES_UNREADABLE, QUIRK_VTD_PASS_ANY_WIDTH,                         \
        QUIRK_VDPA_REFUSAL_UNSEEN, QUIRK_RESET_IOMMU_FIRST

/* Since VT-d tells mirrors and caches below it: 2.9 of April 2017. */
#define SINCE_MIRRORS                                                                    \
    QUIRK_SUB_FILL_RW, QUIRK_VTD_CONTEXT_FROM_MEMORY, QUIRK_VTD_BAD_CONTEXT_KEEPS,       \
        QUIRK_VTD_ABSENT_CONTEXT_AGAIN, QUIRK_VTD_CONTEXT_GLOBAL_UNMAPS,                 \
        QUIRK_VTD_BYPASS_WITHOUT_UNMAP, QUIRK_VTD_SWITCH_WITHOUT_SYNC,                   \
        QUIRK_VTD_DMA_SWITCHES, QUIRK_VTD_REPLAY_FILLS_TREE, QUIRK_VTD_TREE_KEPT,        \
        QUIRK_VTD_UNMAP_ALL_ASSERTS, QUIRK_VTD_SPLIT_WITHOUT_UNMAP,                      \
        QUIRK_VTD_BAD_ENTRY_KEEPS, QUIRK_VTD_WALK_STOPS_AT_WIDTH,                        \
        QUIRK_VTD_WALK_MAPS_INTERRUPT, QUIRK_VTD_WALK_THROUGH_PASS,                      \
        QUIRK_VTD_PSI_UNALIGNED, QUIRK_VTD_NEWEST_SPACE_FIRST, QUIRK_VTD_BYPASS_BY_SPACE

/* Since scalable mode, 4.0. */
#define SINCE_SCALABLE                                                                   \
    QUIRK_VTD_IQT_ALIGN_IGNORED, QUIRK_VTD_NO_PASID_CACHE, QUIRK_VTD_SM_UNCHECKED,       \
        QUIRK_VTD_TTM_BIT_10

/* December 2016: no windows; VT-d takes subscribers of UNMAP and tells them nothing. */
static const enum quirk qemu_2_8[] = {
    ALWAYS,
    QUIRK_CORE_NO_WINDOW_FILTER,
    QUIRK_CORE_REFUSAL_EXITS,
    QUIRK_VFIO_UNMAP_NEEDS_RAM,
    QUIRK_VFIO_NO_WRAP_RETRY,
    QUIRK_PAPR_REPLAY_NEW_WINDOW,
    QUIRK_PAPR_NO_DEFAULT_RESTORE,
    QUIRK_VTD_SILENT,
    QUIRK_VTD_GENERIC_REPLAY,
    QUIRK_VTD_TE_OFF_NO_SWITCH,
    QUIRK_VTD_ALLOW_MSI_OUTPUT,
    QUIRK_VTD_TM_RESERVED,
    QUIRK_VTD_IOTLB_MASK_U8,
};

/* December 2019: an assertion guards the windows, MAP is taken without caching mode. */
static const enum quirk qemu_4_2[] = {
    ALWAYS,
    SINCE_MIRRORS,
    SINCE_SCALABLE,
    QUIRK_CORE_END_WRAPS,
    QUIRK_CORE_ASSERT_PARTIAL,
    QUIRK_SUB_REFUSAL_ABORTS,
    QUIRK_PAPR_NO_DEFAULT_RESTORE,
    QUIRK_VTD_MAP_WITHOUT_CM,
    QUIRK_VTD_WIDE_SKIPS_UNMAP_ONLY,
    QUIRK_VTD_REPLAY_UNMAPS,
    QUIRK_VTD_UNMAP_ALL_OFF_BY_ONE,
    QUIRK_VTD_ALLOW_MSI_OUTPUT,
    QUIRK_VTD_TM_RESERVED,
    QUIRK_VTD_IOTLB_MASK_U8,
    QUIRK_VTD_PT_FROM_CONTEXT,
    QUIRK_VTD_SM_LEGACY_FAULTS,
    QUIRK_VTD_FIRST_AS_SECOND,
    QUIRK_VTD_LOOSE_DESCRIPTORS,
};

/* December 2024: what 2023 and 2024 put right is right. */
static const enum quirk qemu_9_2[] = {
    ALWAYS,
    SINCE_MIRRORS,
    SINCE_SCALABLE,
    QUIRK_VHOST_TOGGLE_KEEPS_CACHE,
    QUIRK_VHOST_KEEPS_DEVICE_TLB,
    QUIRK_CORE_END_WRAPS,
    QUIRK_CORE_ASSERT_PARTIAL,
    QUIRK_CORE_CROP_KEEPS_TARGET,
    QUIRK_SUB_REFUSAL_ABORTS,
    QUIRK_RAM_DISCARD_IGNORES_IOMMU,
    QUIRK_PAPR_STICKY_DEFAULT,
    QUIRK_VTD_SNOOP_REFUSES,
    QUIRK_VTD_INTERRUPT_BY_OFFER,
    QUIRK_VTD_FRCD_NO_PASID_ONES,
    QUIRK_VTD_FRCD_PASID_16,
    QUIRK_VTD_PASID_SIZE_0,
};

static const enum quirk qemu_7_2[] = {
    QUIRK_PAPR_LONE_MAP,
    QUIRK_PAPR_PER_ENTRY,
    QUIRK_PAPR_SILENT_TEARDOWN,
    QUIRK_PAPR_STICKY_DEFAULT,
    QUIRK_PAPR_OVERSIZED_KEPT,
    QUIRK_PAPR_SHIFT_MODULO,
    QUIRK_PAPR_MIGRATE_BY_COUNT,
    QUIRK_PAPR_MSI_SHADOWED,
    QUIRK_PAPR_REPLAY_ALL,
    QUIRK_VHOST_KEEPS_DEVICE_TLB,
    QUIRK_SUB_FILL_RW,
    QUIRK_SUB_REFUSAL_ABORTS,
    QUIRK_SUB_IGNORES_REPLAY_ERRORS,
    QUIRK_RESET_IOMMU_FIRST,
    QUIRK_RAM_DISCARD_IGNORES_IOMMU,
    QUIRK_CORE_ASSERT_PARTIAL,
    QUIRK_CORE_CROP_KEEPS_TARGET,
    QUIRK_CORE_END_WRAPS,
    QUIRK_VTD_CONTEXT_FROM_MEMORY,
    QUIRK_VTD_BAD_CONTEXT_KEEPS,
    QUIRK_VTD_ABSENT_CONTEXT_AGAIN,
    QUIRK_VTD_WIDE_SKIPS_UNMAP_ONLY,
    QUIRK_VTD_CONTEXT_GLOBAL_UNMAPS,
    QUIRK_VTD_BYPASS_WITHOUT_UNMAP,
    QUIRK_VTD_SWITCH_WITHOUT_SYNC,
    QUIRK_VTD_DMA_SWITCHES,
    QUIRK_VTD_TRACKING_UNMAPS_WINDOW,
    QUIRK_VTD_REPLAY_UNMAPS,
    QUIRK_VTD_REPLAY_FILLS_TREE,
    QUIRK_VTD_TREE_KEPT,
    QUIRK_VTD_UNMAP_ALL_OFF_BY_ONE,
    QUIRK_VTD_UNMAP_ALL_ASSERTS,
    QUIRK_VTD_SPLIT_WITHOUT_UNMAP,
    QUIRK_VTD_BAD_ENTRY_KEEPS,
    QUIRK_VTD_WALK_STOPS_AT_WIDTH,
    QUIRK_VTD_WALK_MAPS_INTERRUPT,
    QUIRK_VTD_WALK_THROUGH_PASS,
    QUIRK_VTD_PSI_UNALIGNED,
    QUIRK_VTD_NEWEST_SPACE_FIRST,
    QUIRK_VTD_SNOOP_REFUSES,
    QUIRK_VTD_SRTP_DROPS_CACHES,
    QUIRK_VTD_CFI_IGNORED,
    QUIRK_VTD_NO_IQERCD,
    QUIRK_VTD_IQA_LATCHED,
    QUIRK_VTD_TTM_BIT_10,
    QUIRK_VTD_INTERRUPT_BY_OFFER,
    QUIRK_VTD_IEDATA_32,
    QUIRK_VTD_RESET_CLEARS_STICKY,
    QUIRK_VTD_FRCD_PASID_16,
    QUIRK_VTD_PASID_SIZE_0,
    QUIRK_VTD_REMAPPING_UNOFFERED,
    QUIRK_VTD_FRCD_NO_PASID_ONES,
    QUIRK_VTD_IP_OUTLIVES_RECORD,
    QUIRK_VTD_NO_HOLES,
    QUIRK_VTD_HIT_REFUSAL_SILENT,
    QUIRK_VTD_NONE_READS,
    QUIRK_VTD_NO_TABLE_CACHE,
    QUIRK_VTD_NO_PASID_CACHE,
    QUIRK_VTD_IOTLB_OVERFLOW,
    QUIRK_VTD_IOTLB_BY_SOURCE,
    QUIRK_VTD_IOTLB_MASK_U8,
    QUIRK_VTD_CONTEXT_ANY_DID,
    QUIRK_VTD_BYPASS_BY_SPACE,
    QUIRK_VTD_SM_LEGACY_FAULTS,
    QUIRK_VTD_SM_UNCHECKED,
    QUIRK_VTD_FIRST_AS_SECOND,
    QUIRK_VTD_TT_NOT_ENFORCED,
    QUIRK_VTD_FPD_NOT_RESERVED,
    QUIRK_VTD_CONTEXT_DOMAIN_GLOBAL,
    QUIRK_VTD_LOOSE_DESCRIPTORS,
    QUIRK_VTD_IQT_ALIGN_IGNORED,
    QUIRK_VTD_ASSERT_WAIT,
    QUIRK_VTD_STATUS_CHECKED,
    QUIRK_VTD_SYNC_DEVICE_TLB,
    QUIRK_VTD_NO_DRAIN,
    QUIRK_VTD_ALL_ONES_UNREADABLE,
    QUIRK_VTD_PASS_ANY_WIDTH,
};

static const struct profile_info profiles[] = {
    { "spec", "what the specifications and the notifier contract demand", NULL, 0 },
    { "qemu-2.8", "what QEMU did in December 2016, as far as its history tells", qemu_2_8,
      LEN(qemu_2_8) },
    { "qemu-4.2", "what QEMU did in December 2019, as far as its history tells", qemu_4_2,
      LEN(qemu_4_2) },
    { "qemu-7.2", "what QEMU 7.2 really does", qemu_7_2, LEN(qemu_7_2) },
    { "qemu-9.2", "what QEMU did in December 2024, as far as its history tells", qemu_9_2,
      LEN(qemu_9_2) },
};

void
quirk_set(struct quirk_set *q, enum quirk id, bool on)
{
    uint64_t bit = UINT64_C(1) << (id % 64);

    if (on) {
        q->bits[id / 64] |= bit;
    } else {
        q->bits[id / 64] &= ~bit;
    }
}

const struct quirk_info *
quirk_info(enum quirk id)
{
    return &infos[id];
}

bool
quirk_by_name(const char *name, enum quirk *out)
{
    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            *out = (enum quirk)i;
            return true;
        }
    }
    return false;
}

const struct profile_info *
profile_by_name(const char *name)
{
    for (size_t i = 0; i < LEN(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

const struct profile_info *
profile_at(size_t i)
{
    return i < LEN(profiles) ? &profiles[i] : NULL;
}

void
profile_apply(const struct profile_info *p, struct quirk_set *q)
{
    *q = (struct quirk_set){ 0 };
    for (size_t i = 0; i < p->n; i++) {
        quirk_set(q, p->quirks[i], true);
    }
}
