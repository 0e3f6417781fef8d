/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VT-d's scalable mode as bits: context entries, PASID directory and table,
 * first-stage tables, descriptors that name a PASID, and what invalidation a change
 * of one of these asks for. Companion of vtd_fmt.h, by the same rules: no state, no
 * memory access.
 *
 * Source: Intel Virtualization Technology for Directed I/O, revision 4: "Translation
 * Structure Formats", "Guidance to Software for Invalidations".
 */
#ifndef IOMMUSIM_IOMMU_VTD_SM_FMT_H
#define IOMMUSIM_IOMMU_VTD_SM_FMT_H

#include "iommu/vtd_fmt.h"

/* ---- root and context entries ---- */

/* RTADDR.TTM, latched with the root table. */
enum vtd_ttm {
    VTD_TTM_LEGACY,
    VTD_TTM_SCALABLE,
    VTD_TTM_RESERVED,
    VTD_TTM_ABORT, /* every request is blocked */
};

static inline enum vtd_ttm
vtd_rtaddr_ttm(uint64_t rtaddr)
{
    return (enum vtd_ttm)(rtaddr >> 10 & 3);
}

/* A root entry's low word serves devfn 0 to 127, its high word the rest; in each: */
#define VTD_SM_ROOT_P    VTD_BIT(0)
#define VTD_SM_ROOT_PTR  VTD_BITS(63, 12)
#define VTD_SM_ROOT_RSVD VTD_BITS(11, 1)

/* The word of a root entry that serves sid. */
static inline uint64_t
vtd_sm_root_word(struct vtd_pair root, uint16_t sid)
{
    return vtd_sid_devfn(sid) < 128 ? root.lo : root.hi;
}

/* 32 bytes each, 128 to a table. */
struct vtd_sm_context {
    uint64_t v[4];
};

static inline uint64_t
vtd_sm_ctx_addr(uint64_t root_word, uint16_t sid)
{
    return (root_word & VTD_SM_ROOT_PTR) + 32 * (uint64_t)(vtd_sid_devfn(sid) & 127);
}

#define VTD_SM_CTX_P        VTD_BIT(0) /* v[0] */
#define VTD_SM_CTX_FPD      VTD_BIT(1)
#define VTD_SM_CTX_DTE      VTD_BIT(2) /* device TLB enabled */
#define VTD_SM_CTX_PASIDE   VTD_BIT(3) /* requests with PASID allowed */
#define VTD_SM_CTX_PRE      VTD_BIT(4) /* page requests allowed */
#define VTD_SM_CTX_PDTS(n)  ((uint64_t)(n) << 9)
#define VTD_SM_CTX_PTR      VTD_BITS(63, 12) /* PASID directory */
#define VTD_SM_CTX_V0_RSVD  VTD_BITS(8, 5)
#define VTD_SM_CTX_RID_PRIV VTD_BIT(20) /* v[1]: those without PASID are privileged */
#define VTD_SM_CTX_V1_RSVD  VTD_BITS(63, 21)

/* Entries of the PASID directory. */
static inline uint32_t
vtd_sm_ctx_directory(const struct vtd_sm_context *c)
{
    return UINT32_C(1) << ((c->v[0] >> 9 & 7) + 7);
}

/* The PASID of requests that carry none. */
static inline uint32_t
vtd_sm_ctx_rid_pasid(const struct vtd_sm_context *c)
{
    return (uint32_t)(c->v[1] & VTD_BITS(19, 0));
}

/* ---- PASID directory and table ---- */

enum {
    VTD_PASID_BITS = 20,
    VTD_PASID_ENTRY_BYTES = 64,
};

static inline uint64_t
vtd_pasid_dir_addr(uint64_t directory, uint32_t pasid)
{
    return (directory & VTD_BITS(63, 12)) + 8 * (uint64_t)(pasid >> 6);
}

#define VTD_PASID_DIR_P    VTD_BIT(0)
#define VTD_PASID_DIR_FPD  VTD_BIT(1)
#define VTD_PASID_DIR_PTR  VTD_BITS(63, 12)
#define VTD_PASID_DIR_RSVD VTD_BITS(11, 2)

static inline uint64_t
vtd_pasid_addr(uint64_t dir_entry, uint32_t pasid)
{
    return (dir_entry & VTD_PASID_DIR_PTR) +
           VTD_PASID_ENTRY_BYTES * (uint64_t)(pasid & 63);
}

struct vtd_pasid_entry {
    uint64_t v[8];
};

enum vtd_pgtt {
    VTD_PGTT_FIRST = 1,
    VTD_PGTT_SECOND = 2,
    VTD_PGTT_NESTED = 3,
    VTD_PGTT_PASS = 4,
};

#define VTD_PASID_P        VTD_BIT(0) /* v[0] */
#define VTD_PASID_FPD      VTD_BIT(1)
#define VTD_PASID_AW(aw)   ((uint64_t)(aw) << 2) /* as in a context entry */
#define VTD_PASID_SSEE     VTD_BIT(5)            /* second-stage execute */
#define VTD_PASID_PGTT(t)  ((uint64_t)(t) << 6)
#define VTD_PASID_SSADE    VTD_BIT(9)       /* second-stage A and D */
#define VTD_PASID_SSPTR    VTD_BITS(63, 12) /* top second-stage table */
#define VTD_PASID_V0_RSVD  VTD_BITS(11, 10)
#define VTD_PASID_DID(did) ((uint64_t)(did)) /* v[1] */
#define VTD_PASID_PWSNP    VTD_BIT(23)
#define VTD_PASID_PGSNP    VTD_BIT(24)
#define VTD_PASID_CD       VTD_BIT(25)
#define VTD_PASID_EMTE     VTD_BIT(26)
#define VTD_PASID_SRE      VTD_BIT(0)           /* v[2]: supervisor requests allowed */
#define VTD_PASID_ERE      VTD_BIT(1)           /* execute requests allowed */
#define VTD_PASID_FSPM(m)  ((uint64_t)(m) << 2) /* 0: 4 levels, 1: 5 */
#define VTD_PASID_WPE      VTD_BIT(4)
#define VTD_PASID_NXE      VTD_BIT(5)
#define VTD_PASID_SMEP     VTD_BIT(6)
#define VTD_PASID_EAFE     VTD_BIT(7)
#define VTD_PASID_FSPTR    VTD_BITS(63, 12) /* top first-stage table */
#define VTD_PASID_V2_RSVD  VTD_BITS(11, 8)

static inline unsigned
vtd_pasid_pgtt(const struct vtd_pasid_entry *e)
{
    return e->v[0] >> 6 & 7;
}

static inline unsigned
vtd_pasid_aw(const struct vtd_pasid_entry *e)
{
    return e->v[0] >> 2 & 7;
}

static inline uint16_t
vtd_pasid_did(const struct vtd_pasid_entry *e)
{
    return (uint16_t)e->v[1];
}

static inline unsigned
vtd_pasid_fspm(const struct vtd_pasid_entry *e)
{
    return e->v[2] >> 2 & 3;
}

/* Levels of the first-stage table. */
static inline unsigned
vtd_pasid_fs_levels(const struct vtd_pasid_entry *e)
{
    return 4 + vtd_pasid_fspm(e);
}

/* ---- first-stage entries: those of x86 paging ---- */

#define VTD_FS_P    VTD_BIT(0)
#define VTD_FS_RW   VTD_BIT(1)
#define VTD_FS_US   VTD_BIT(2) /* user; requests are user requests unless privileged */
#define VTD_FS_A    VTD_BIT(5)
#define VTD_FS_D    VTD_BIT(6) /* leaf */
#define VTD_FS_PS   VTD_BIT(7) /* leaf at level 2 or 3 */
#define VTD_FS_EA   VTD_BIT(10)
#define VTD_FS_ADDR VTD_BITS(51, 12)
#define VTD_FS_XD   VTD_BIT(63)

static inline bool
vtd_fs_is_leaf(uint64_t e, unsigned level)
{
    return level == 1 || (level <= 3 && (e & VTD_FS_PS) != 0);
}

/*
 * Bits that must be zero in a present entry of that level and kind. haw in bits;
 * superpages as in struct vtd_ss_limits: bit 0 is always set with a first stage, bit 1
 * is CAP.FS1GP. A leaf's bit 12 is PAT.
 */
static inline uint64_t
vtd_fs_reserved(unsigned haw, unsigned superpages, unsigned level, bool leaf)
{
    uint64_t rsvd = haw < 52 ? VTD_BITS(51, haw) : 0;

    if (leaf && level > 1) {
        rsvd |= VTD_BITS(vtd_ss_span_lg2(level) - 1, 13);
    }
    if (level > 3 || (level > 1 && (superpages >> (level - 2) & 1) == 0)) {
        rsvd |= VTD_FS_PS;
    }
    return rsvd;
}

/* vtd_fs_reserved for every level and kind. */
static inline struct vtd_ss_masks
vtd_fs_masks(unsigned haw, unsigned superpages)
{
    struct vtd_ss_masks m = { .table = { 0 } };

    for (unsigned level = 1; level <= 5; level++) {
        m.table[level] = vtd_fs_reserved(haw, superpages, level, false);
        m.leaf[level] = vtd_fs_reserved(haw, superpages, level, true);
    }
    return m;
}

/* What a leaf of `level` maps to: PAT at bit 12 is no address. */
static inline uint64_t
vtd_fs_addr(uint64_t e, unsigned level)
{
    return e & VTD_FS_ADDR & ~(level > 1 && vtd_fs_is_leaf(e, level) ? VTD_BIT(12) : 0);
}

/* Bits 63 to `bits` - 1 are all equal; bits is 48 or 57. */
static inline bool
vtd_fs_canonical(uint64_t addr, unsigned bits)
{
    uint64_t high = addr >> (bits - 1);

    return high == 0 || high == UINT64_MAX >> (bits - 1);
}

/* ---- descriptors that name a PASID ---- */

enum vtd_pasid_gran { /* G of a PASID-cache invalidation */
                      VTD_PC_DOMAIN = 0,
                      VTD_PC_PASID = 1,
                      VTD_PC_GLOBAL = 3,
};

enum vtd_pasid_iotlb_gran {                     /* G of a PASID-IOTLB invalidation */
                            VTD_PIOTLB_ALL = 2, /* everything of the PASID */
                            VTD_PIOTLB_PAGE = 3,
};

#define VTD_DESC_PIOTLB_LO_RSVD   (VTD_BITS(63, 52) | VTD_BITS(15, 6))
#define VTD_DESC_PIOTLB_HI_RSVD   VTD_BITS(11, 7)
#define VTD_DESC_PC_LO_RSVD       (VTD_BITS(63, 52) | VTD_BITS(15, 6))
#define VTD_DESC_PC_HI_RSVD       UINT64_MAX
#define VTD_DESC_PDEVTLB_HI_RSVD  VTD_BITS(10, 1)
#define VTD_DESC_PDEVTLB_HI_G     VTD_BIT(0)  /* all PASIDs */
#define VTD_DESC_PDEVTLB_HI_S     VTD_BIT(11) /* size coded in the address */
#define VTD_DESC_DEV_IOTLB_HI_S   VTD_BIT(0)
#define VTD_DESC_DEV_IOTLB_LO_MIP VTD_BITS(20, 16)

/* PASID-IOTLB, PASID cache, PASID device TLB. */
static inline uint32_t
vtd_desc_pasid(uint64_t lo)
{
    return (uint32_t)(lo >> 32 & VTD_BITS(19, 0));
}

static inline uint16_t
vtd_desc_pdevtlb_sid(uint64_t lo)
{
    return (uint16_t)(lo >> 16);
}

/*
 * The range that a device-TLB descriptor names: `addr` with its size code, `sized` the
 * S bit. All ones up to bit 62 are everything.
 */
static inline void
vtd_desc_ats_range(uint64_t addr, bool sized, uint64_t *first, uint64_t *last)
{
    uint64_t ones = addr >> 12, mask = PAGE_MASK;

    if (sized) {
        unsigned n = 0;
        while (n < 52 && (ones >> n & 1) != 0) {
            n++;
        }
        mask = n >= 51 ? UINT64_MAX : (PAGE_BYTES << (n + 1)) - 1;
    }
    *first = addr & ~mask;
    *last = *first | mask;
}

static inline struct vtd_pair
vtd_desc_pasid_iotlb(enum vtd_pasid_iotlb_gran g, uint16_t did, uint32_t pasid,
                     uint64_t addr, unsigned am, bool ih)
{
    return (struct vtd_pair){
        .lo = VTD_DESC_PASID_IOTLB | (uint64_t)g << 4 | (uint64_t)did << 16 |
              (uint64_t)pasid << 32,
        .hi = g == VTD_PIOTLB_PAGE
                  ? vtd_desc_addr(addr) | (ih ? VTD_DESC_IOTLB_IH : 0) | am
                  : 0,
    };
}

static inline struct vtd_pair
vtd_desc_pasid_cache(enum vtd_pasid_gran g, uint16_t did, uint32_t pasid)
{
    return (struct vtd_pair){
        .lo = VTD_DESC_PASID_CACHE | (uint64_t)g << 4 | (uint64_t)did << 16 |
              (uint64_t)pasid << 32,
    };
}

/* As vtd_desc_dev_iotlb; global: of all PASIDs. */
static inline struct vtd_pair
vtd_desc_pasid_dev_iotlb(uint16_t sid, uint32_t pasid, unsigned queue_depth,
                         uint64_t addr, unsigned lg2, bool global)
{
    struct vtd_pair d = {
        .lo = VTD_DESC_PASID_DEV_IOTLB | (uint64_t)(queue_depth & 31) << 4 |
              (uint64_t)sid << 16 | (uint64_t)pasid << 32,
        .hi = vtd_desc_addr(addr) | (global ? VTD_DESC_PDEVTLB_HI_G : 0),
    };

    if (lg2 > 12) {
        d.hi |= VTD_DESC_PDEVTLB_HI_S;
    }
    if (lg2 > 13) {
        d.hi |= VTD_BITS(lg2 - 2, 12);
    }
    return d;
}

/* Response code and page-request group index for the requests of sid (and a PASID). */
static inline struct vtd_pair
vtd_desc_page_response(uint16_t sid, bool has_pasid, uint32_t pasid, unsigned code,
                       unsigned group)
{
    return (struct vtd_pair){
        .lo = VTD_DESC_PAGE_RESPONSE | (has_pasid ? VTD_BIT(4) : 0) |
              (uint64_t)(code & 15) << 12 | (uint64_t)sid << 16 | (uint64_t)pasid << 32,
        .hi = (uint64_t)(group & 511) << 3,
    };
}

/* ---- what a change of an entry requires of software; as in vtd_fmt.h ---- */

/* The word of a root entry that serves the device. */
static inline unsigned
vtd_required_sm_root(uint64_t old_word, uint64_t new_word, bool caching_mode)
{
    bool was = (old_word & VTD_SM_ROOT_P) != 0, is = (new_word & VTD_SM_ROOT_P) != 0;

    if (was && old_word != new_word) {
        return VTD_NEED_CONTEXT_GLOBAL | VTD_NEED_PASID_GLOBAL | VTD_NEED_IOTLB_GLOBAL |
               VTD_NEED_DEVICE_TLB;
    }
    return !was && is && caching_mode ? VTD_NEED_CONTEXT_GLOBAL : VTD_NEED_NONE;
}

static inline unsigned
vtd_required_sm_context(const struct vtd_sm_context *old_entry,
                        const struct vtd_sm_context *new_entry, bool caching_mode)
{
    bool was = (old_entry->v[0] & VTD_SM_CTX_P) != 0;
    bool is = (new_entry->v[0] & VTD_SM_CTX_P) != 0;
    bool differ = ((old_entry->v[0] ^ new_entry->v[0]) & ~VTD_SM_CTX_FPD) != 0 ||
                  old_entry->v[1] != new_entry->v[1] ||
                  old_entry->v[2] != new_entry->v[2] ||
                  old_entry->v[3] != new_entry->v[3];

    if (was && differ) {
        return VTD_NEED_CONTEXT_SOURCE | VTD_NEED_PASID_DOMAIN | VTD_NEED_IOTLB_DOMAIN |
               VTD_NEED_DEVICE_TLB;
    }
    return !was && is && caching_mode ? VTD_NEED_CONTEXT_SOURCE : VTD_NEED_NONE;
}

/* The IOTLB invalidation that all of a PASID's translations ask for, by its type. */
static inline unsigned
vtd_required_pgtt(unsigned pgtt)
{
    return pgtt == VTD_PGTT_SECOND || pgtt == VTD_PGTT_NESTED ? VTD_NEED_IOTLB_DOMAIN
                                                              : VTD_NEED_PIOTLB_ALL;
}

/* An entry of the PASID directory, under which a PASID had an entry of type `pgtt`. */
static inline unsigned
vtd_required_pasid_dir(uint64_t old_entry, uint64_t new_entry, unsigned pgtt,
                       bool caching_mode)
{
    bool was = (old_entry & VTD_PASID_DIR_P) != 0,
         is = (new_entry & VTD_PASID_DIR_P) != 0;

    if (was && ((old_entry ^ new_entry) & ~VTD_PASID_DIR_FPD) != 0) {
        return VTD_NEED_PASID_DOMAIN | vtd_required_pgtt(pgtt) | VTD_NEED_DEVICE_TLB;
    }
    return !was && is && caching_mode ? VTD_NEED_PASID_ABSENT : VTD_NEED_NONE;
}

static inline unsigned
vtd_required_pasid(const struct vtd_pasid_entry *old_entry,
                   const struct vtd_pasid_entry *new_entry, bool caching_mode)
{
    bool was = (old_entry->v[0] & VTD_PASID_P) != 0;
    bool is = (new_entry->v[0] & VTD_PASID_P) != 0;
    bool differ = ((old_entry->v[0] ^ new_entry->v[0]) & ~VTD_PASID_FPD) != 0;

    for (unsigned i = 1; i < 8; i++) {
        differ |= old_entry->v[i] != new_entry->v[i];
    }
    if (was && differ) {
        return VTD_NEED_PASID_CACHE | vtd_required_pgtt(vtd_pasid_pgtt(old_entry)) |
               VTD_NEED_DEVICE_TLB;
    }
    return !was && is && caching_mode ? VTD_NEED_PASID_ABSENT | VTD_NEED_PIOTLB_ALL
                                      : VTD_NEED_NONE;
}

/* What a user request may do by this entry alone. */
static inline enum perm
vtd_fs_perm(uint64_t e)
{
    if ((e & VTD_FS_P) == 0 || (e & VTD_FS_US) == 0) {
        return PERM_NONE;
    }
    return (e & VTD_FS_RW) != 0 ? PERM_RW : PERM_R;
}

/*
 * A first-stage entry of `level`. What is not present is never cached, caching mode or
 * not, and what was forbidden is looked up anew. Reserved bits as in vtd_required_ss.
 */
static inline unsigned
vtd_required_fs(uint64_t old_entry, uint64_t new_entry, unsigned level)
{
    const uint64_t bits = VTD_FS_RW | VTD_FS_US;
    bool was = (old_entry & VTD_FS_P) != 0, is = (new_entry & VTD_FS_P) != 0;
    bool old_table = was && !vtd_fs_is_leaf(old_entry, level);
    bool new_table = is && !vtd_fs_is_leaf(new_entry, level);
    bool moved = old_table != new_table ||
                 vtd_fs_addr(old_entry, level) != vtd_fs_addr(new_entry, level);

    if (!was || (is && !moved && (old_entry & ~new_entry & bits) == 0)) {
        return VTD_NEED_NONE;
    }
    return (old_table || new_table ? VTD_NEED_PIOTLB_NONLEAF : VTD_NEED_PIOTLB_PAGE) |
           VTD_NEED_DEVICE_TLB;
}

#endif
