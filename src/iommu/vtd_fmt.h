/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VT-d as bits: tables, descriptors, and what invalidation a change of a table entry
 * asks for. No state, no memory access: the guest driver encodes with these, the model
 * and the checker decode with them.
 *
 * Legacy mode; scalable mode is in vtd_sm_fmt.h, registers and faults in vtd_reg_fmt.h.
 * Words in memory are little-endian, the low one first. Levels of second-stage tables
 * count from 1 (4 KiB leaves). There is no present bit in a second-stage entry: it is
 * present if R or W is set. Source: Intel Virtualization Technology for Directed I/O,
 * revision 4: "Translation Structure Formats", "Guidance to Software for Invalidations".
 */
#ifndef IOMMUSIM_IOMMU_VTD_FMT_H
#define IOMMUSIM_IOMMU_VTD_FMT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"

#define VTD_BIT(n) (UINT64_C(1) << (n))
/* Bits hi..lo; hi >= lo. */
#define VTD_BITS(hi, lo) ((UINT64_MAX >> (63 - (hi))) & (UINT64_MAX << (lo)))

/* A 16-byte structure: root or context entry, descriptor, fault record. */
struct vtd_pair {
    uint64_t lo, hi;
};

/* ---- addresses ---- */

/* Requests here are interrupts: never translated, and never a lawful output. */
#define VTD_INTERRUPT_FIRST UINT64_C(0xfee00000)
#define VTD_INTERRUPT_LAST  UINT64_C(0xfeefffff)

static inline bool
vtd_is_interrupt(uint64_t addr)
{
    return addr >= VTD_INTERRUPT_FIRST && addr <= VTD_INTERRUPT_LAST;
}

/* Source id: bus in 15:8, device and function in 7:0. */
static inline unsigned
vtd_sid_bus(uint16_t sid)
{
    return sid >> 8;
}

static inline unsigned
vtd_sid_devfn(uint16_t sid)
{
    return sid & 0xff;
}

/* Bits of the source id that a function mask leaves uncompared; fm < 4. */
static inline uint16_t
vtd_fm_mask(unsigned fm)
{
    static const uint16_t ignored[4] = { 0, 4, 6, 7 };

    return ignored[fm];
}

/* ---- root and context entries ---- */

#define VTD_ROOT_P       VTD_BIT(0)
#define VTD_ROOT_PTR     VTD_BITS(63, 12)
#define VTD_ROOT_LO_RSVD VTD_BITS(11, 1)
#define VTD_ROOT_HI_RSVD UINT64_MAX

#define VTD_CTX_P       VTD_BIT(0)       /* lo */
#define VTD_CTX_FPD     VTD_BIT(1)       /* lo */
#define VTD_CTX_PTR     VTD_BITS(63, 12) /* lo: top second-stage table */
#define VTD_CTX_LO_RSVD VTD_BITS(11, 4)
#define VTD_CTX_HI_RSVD (VTD_BIT(7) | VTD_BITS(63, 24))

enum vtd_tt {
    VTD_TT_TRANSLATE, /* untranslated requests only */
    VTD_TT_ATS,       /* translation requests too; needs device TLBs */
    VTD_TT_PASS,      /* identity; needs ECAP.PT, AW the largest supported */
    VTD_TT_RESERVED,
};

static inline enum vtd_tt
vtd_ctx_tt(uint64_t lo)
{
    return (enum vtd_tt)(lo >> 2 & 3);
}

static inline unsigned
vtd_ctx_aw(uint64_t hi)
{
    return hi & 7;
}

static inline uint16_t
vtd_ctx_did(uint64_t hi)
{
    return (uint16_t)(hi >> 8);
}

static inline uint64_t
vtd_ctx_lo(enum vtd_tt tt, uint64_t table)
{
    return (table & VTD_CTX_PTR) | (uint64_t)tt << 2 | VTD_CTX_P;
}

static inline uint64_t
vtd_ctx_hi(unsigned aw, uint16_t did)
{
    return (uint64_t)did << 8 | aw;
}

/* AW code and levels: 1 is 39 bits in 3 levels, 2 is 48 in 4, 3 is 57 in 5. */
static inline unsigned
vtd_aw_levels(unsigned aw)
{
    return aw + 2;
}

static inline unsigned
vtd_aw_bits(unsigned aw)
{
    return 30 + 9 * aw;
}

static inline unsigned
vtd_aw_code(unsigned bits)
{
    return (bits - 30) / 9;
}

/* Guest-physical address of the 16-byte entries. */
static inline uint64_t
vtd_root_addr(uint64_t root_table, uint16_t sid)
{
    return root_table + 16 * vtd_sid_bus(sid);
}

static inline uint64_t
vtd_ctx_addr(uint64_t root_lo, uint16_t sid)
{
    return (root_lo & VTD_ROOT_PTR) + 16 * vtd_sid_devfn(sid);
}

/* ---- second-stage entries ---- */

#define VTD_SS_R    VTD_BIT(0)
#define VTD_SS_W    VTD_BIT(1)
#define VTD_SS_PS   VTD_BIT(7)  /* leaf at level 2 or 3 */
#define VTD_SS_SNP  VTD_BIT(11) /* leaf, with snoop control */
#define VTD_SS_TM   VTD_BIT(62) /* leaf, with device TLBs */
#define VTD_SS_ADDR VTD_BITS(51, 12)
#define VTD_SS_IGN  (VTD_BIT(63) | VTD_BITS(61, 52))

/* What decides which bits of an entry are legal. */
struct vtd_ss_limits {
    unsigned haw;        /* host address width, bits */
    unsigned superpages; /* bit 0: 2 MiB, bit 1: 1 GiB leaves are legal */
    bool snoop;          /* SNP is legal: ECAP.SC, or scalable mode */
    bool transient;      /* TM is legal: ECAP.DT */
};

/* log2 of the bytes that one entry at `level` stands for; at level 1 a 4 KiB page. */
static inline unsigned
vtd_ss_span_lg2(unsigned level)
{
    return 12 + 9 * (level - 1);
}

static inline unsigned
vtd_ss_index(uint64_t iova, unsigned level)
{
    return iova >> vtd_ss_span_lg2(level) & 511;
}

static inline bool
vtd_ss_present(uint64_t e)
{
    return (e & (VTD_SS_R | VTD_SS_W)) != 0;
}

static inline enum perm
vtd_ss_perm(uint64_t e)
{
    return (enum perm)(e & (VTD_SS_R | VTD_SS_W));
}

static inline uint64_t
vtd_ss_addr(uint64_t e)
{
    return e & VTD_SS_ADDR;
}

static inline bool
vtd_ss_is_leaf(uint64_t e, unsigned level)
{
    return level == 1 || (level <= 3 && (e & VTD_SS_PS) != 0);
}

/* Whether a leaf's target touches the interrupt range: such a leaf translates nothing. */
static inline bool
vtd_ss_hits_interrupt(uint64_t e, unsigned level)
{
    uint64_t first = vtd_ss_addr(e);

    return ranges_overlap(first, first + ((UINT64_C(1) << vtd_ss_span_lg2(level)) - 1),
                          VTD_INTERRUPT_FIRST, VTD_INTERRUPT_LAST);
}

/* Bits that must be zero in a present entry of that level and kind. */
static inline uint64_t
vtd_ss_reserved(const struct vtd_ss_limits *l, unsigned level, bool leaf)
{
    uint64_t address = l->haw < 52 ? VTD_BITS(l->haw - 1, 0) : VTD_BITS(51, 0);
    uint64_t rsvd = ~(address | VTD_SS_IGN);

    if (!leaf || !l->snoop) {
        rsvd |= VTD_SS_SNP;
    }
    if (leaf && l->transient) {
        rsvd &= ~VTD_SS_TM;
    }
    if (leaf && level > 1) {
        rsvd |= VTD_BITS(vtd_ss_span_lg2(level) - 1, 12);
    }
    if (level > 3 || (level > 1 && (l->superpages >> (level - 2) & 1) == 0)) {
        rsvd |= VTD_SS_PS;
    }
    return rsvd;
}

/* vtd_ss_reserved for every level and kind, worked out once for those who ask often. */
struct vtd_ss_masks {
    uint64_t table[6], leaf[6]; /* by level, 1 to 5 */
};

static inline struct vtd_ss_masks
vtd_ss_masks(const struct vtd_ss_limits *l)
{
    struct vtd_ss_masks m = { .table = { 0 } };

    for (unsigned level = 1; level <= 5; level++) {
        m.table[level] = vtd_ss_reserved(l, level, false);
        m.leaf[level] = vtd_ss_reserved(l, level, true);
    }
    return m;
}

/* ---- queued invalidation descriptors ---- */

enum {
    VTD_DESC_BYTES = 16,
};

enum vtd_desc_type {
    VTD_DESC_CONTEXT = 1,
    VTD_DESC_IOTLB = 2,
    VTD_DESC_DEV_IOTLB = 3,
    VTD_DESC_IEC = 4,
    VTD_DESC_WAIT = 5,
    VTD_DESC_PASID_IOTLB = 6,
    VTD_DESC_PASID_CACHE = 7,
    VTD_DESC_PASID_DEV_IOTLB = 8,
    VTD_DESC_PAGE_RESPONSE = 9,
};

/* Granularities of context-cache and IOTLB invalidations; 0 is none. */
enum vtd_gran {
    VTD_GRAN_GLOBAL = 1,
    VTD_GRAN_DOMAIN = 2,
    VTD_GRAN_FINE = 3, /* context: one device; IOTLB: pages */
};

#define VTD_DESC_CONTEXT_LO_RSVD (VTD_BITS(63, 50) | VTD_BITS(15, 6))
#define VTD_DESC_CONTEXT_HI_RSVD UINT64_MAX
#define VTD_DESC_IOTLB_LO_RSVD   (VTD_BITS(63, 32) | VTD_BITS(15, 8))
#define VTD_DESC_IOTLB_HI_RSVD   VTD_BITS(11, 7)
#define VTD_DESC_IEC_LO_RSVD     (VTD_BITS(63, 48) | VTD_BITS(26, 5))
#define VTD_DESC_IEC_HI_RSVD     UINT64_MAX
#define VTD_DESC_WAIT_LO_RSVD    VTD_BITS(31, 7) /* bit 7, PD, needs page requests */
#define VTD_DESC_WAIT_HI_RSVD    VTD_BITS(1, 0)

#define VTD_DESC_IOTLB_DW VTD_BIT(6) /* lo */
#define VTD_DESC_IOTLB_DR VTD_BIT(7) /* lo */
#define VTD_DESC_IOTLB_IH VTD_BIT(6) /* hi, IVA */
#define VTD_DESC_IEC_G    VTD_BIT(4) /* lo: one index; clear: global */
#define VTD_DESC_WAIT_IF  VTD_BIT(4) /* lo: interrupt */
#define VTD_DESC_WAIT_SW  VTD_BIT(5) /* lo: status write */
#define VTD_DESC_WAIT_FN  VTD_BIT(6) /* lo: fence */
#define VTD_DESC_WAIT_PD  VTD_BIT(7) /* lo: page-request drain */
#define VTD_DESC_WAIT_ANY (VTD_DESC_WAIT_IF | VTD_DESC_WAIT_SW | VTD_DESC_WAIT_FN)

/* All seven bits of the type; what is not in enum vtd_desc_type is unknown. */
static inline unsigned
vtd_desc_type(uint64_t lo)
{
    return (unsigned)((lo & 15) | (lo >> 9 & 7) << 4);
}

static inline unsigned
vtd_desc_gran(uint64_t lo)
{
    return lo >> 4 & 3;
}

static inline uint16_t
vtd_desc_did(uint64_t lo)
{
    return (uint16_t)(lo >> 16);
}

static inline uint16_t
vtd_desc_sid(uint64_t lo) /* context, device TLB */
{
    return (uint16_t)(lo >> 32);
}

static inline unsigned
vtd_desc_fm(uint64_t lo)
{
    return lo >> 48 & 3;
}

static inline unsigned
vtd_desc_am(uint64_t hi)
{
    return hi & 63;
}

static inline uint64_t
vtd_desc_addr(uint64_t hi)
{
    return hi & VTD_BITS(63, 12);
}

static inline struct vtd_pair
vtd_desc_context(enum vtd_gran g, uint16_t did, uint16_t sid, unsigned fm)
{
    return (struct vtd_pair){
        .lo = VTD_DESC_CONTEXT | (uint64_t)g << 4 | (uint64_t)did << 16 |
              (uint64_t)sid << 32 | (uint64_t)fm << 48,
    };
}

/* 2^am pages at addr, whose low am page bits are zero; ih: only leaves changed. */
static inline struct vtd_pair
vtd_desc_iotlb(enum vtd_gran g, uint16_t did, uint64_t addr, unsigned am, bool ih)
{
    return (struct vtd_pair){
        .lo = VTD_DESC_IOTLB | (uint64_t)g << 4 | VTD_DESC_IOTLB_DW | VTD_DESC_IOTLB_DR |
              (uint64_t)did << 16,
        .hi = vtd_desc_addr(addr) | (ih ? VTD_DESC_IOTLB_IH : 0) | am,
    };
}

/* 2^lg2 bytes at addr, lg2 from 12 to 64, addr aligned to it. */
static inline struct vtd_pair
vtd_desc_dev_iotlb(uint16_t sid, unsigned queue_depth, uint64_t addr, unsigned lg2)
{
    struct vtd_pair d = {
        .lo =
            VTD_DESC_DEV_IOTLB | (uint64_t)(queue_depth & 31) << 16 | (uint64_t)sid << 32,
        .hi = vtd_desc_addr(addr),
    };

    if (lg2 > 12) {
        d.hi |= 1;
    }
    if (lg2 > 13) {
        d.hi |= VTD_BITS(lg2 - 2, 12);
    }
    return d;
}

/* Index and mask (log2 of the count) matter unless global. */
static inline struct vtd_pair
vtd_desc_iec(bool global, uint16_t index, unsigned mask)
{
    return (struct vtd_pair){
        .lo = VTD_DESC_IEC | (global ? 0 : VTD_DESC_IEC_G) | (uint64_t)mask << 27 |
              (uint64_t)index << 32,
    };
}

/* flags: VTD_DESC_WAIT_ bits; data is written to addr (4-byte aligned) with SW. */
static inline struct vtd_pair
vtd_desc_wait(uint64_t flags, uint64_t addr, uint32_t data)
{
    return (struct vtd_pair){
        .lo = VTD_DESC_WAIT | flags | (uint64_t)data << 32,
        .hi = addr,
    };
}

/* ---- what a change of an entry requires of software ---- */

/*
 * A set: each bit asks for one invalidation, wider ones count. They are steps: those of
 * context entries complete before those of PASID entries begin, then the IOTLB's, then
 * those of device TLBs, which concern devices that may have some.
 */
enum {
    VTD_NEED_NONE = 0,
    VTD_NEED_IOTLB_PAGE = 1 << 0,    /* the entry's span; IH may be 1 */
    VTD_NEED_IOTLB_NONLEAF = 1 << 1, /* the entry's span; IH must be 0 */
    VTD_NEED_IOTLB_DOMAIN = 1 << 2,  /* old DID */
    VTD_NEED_IOTLB_GLOBAL = 1 << 3,
    VTD_NEED_CONTEXT_DEVICE = 1 << 4, /* the source id, old DID */
    VTD_NEED_CONTEXT_ABSENT = 1 << 5, /* the source id, DID 0: absent entries */
    VTD_NEED_CONTEXT_GLOBAL = 1 << 6,
    VTD_NEED_DEVICE_TLB = 1 << 7, /* the entry's span, in each device that saw it */
    /* Scalable mode; see vtd_sm_fmt.h. */
    VTD_NEED_CONTEXT_SOURCE = 1 << 8, /* the source id; such entries have no DID */
    VTD_NEED_PASID_CACHE = 1 << 9,    /* the PASID, old DID */
    VTD_NEED_PASID_ABSENT = 1 << 10,  /* the PASID, DID 0 or new: absent entries */
    VTD_NEED_PASID_DOMAIN = 1 << 11,  /* old DID, all its PASIDs */
    VTD_NEED_PASID_GLOBAL = 1 << 12,
    VTD_NEED_PIOTLB_PAGE = 1 << 13,    /* of the DID and PASID: as IOTLB_PAGE */
    VTD_NEED_PIOTLB_NONLEAF = 1 << 14, /* as IOTLB_NONLEAF */
    VTD_NEED_PIOTLB_ALL = 1 << 15,     /* all of the PASID */

    VTD_NEED_CONTEXT = VTD_NEED_CONTEXT_DEVICE | VTD_NEED_CONTEXT_ABSENT |
                       VTD_NEED_CONTEXT_GLOBAL | VTD_NEED_CONTEXT_SOURCE,
    VTD_NEED_PASID = VTD_NEED_PASID_CACHE | VTD_NEED_PASID_ABSENT |
                     VTD_NEED_PASID_DOMAIN | VTD_NEED_PASID_GLOBAL,
    VTD_NEED_PIOTLB =
        VTD_NEED_PIOTLB_PAGE | VTD_NEED_PIOTLB_NONLEAF | VTD_NEED_PIOTLB_ALL,
    VTD_NEED_IOTLB = VTD_NEED_IOTLB_PAGE | VTD_NEED_IOTLB_NONLEAF |
                     VTD_NEED_IOTLB_DOMAIN | VTD_NEED_IOTLB_GLOBAL | VTD_NEED_PIOTLB,
};

/*
 * A second-stage entry of `level`. An entry with reserved bits set translates
 * nothing and is never cached but as absent: pass it as 0.
 */
static inline unsigned
vtd_required_ss(uint64_t old_entry, uint64_t new_entry, unsigned level, bool caching_mode)
{
    enum perm was = vtd_ss_perm(old_entry), is = vtd_ss_perm(new_entry);
    bool old_table = was != PERM_NONE && !vtd_ss_is_leaf(old_entry, level);
    bool new_table = is != PERM_NONE && !vtd_ss_is_leaf(new_entry, level);
    bool moved =
        old_table != new_table || vtd_ss_addr(old_entry) != vtd_ss_addr(new_entry);
    bool grown = (is & ~(unsigned)was) != 0;
    bool shrunk = was != PERM_NONE && ((was & ~(unsigned)is) != 0 || moved);

    if (!shrunk && !(grown && caching_mode)) {
        return VTD_NEED_NONE;
    }
    return (old_table || new_table ? VTD_NEED_IOTLB_NONLEAF : VTD_NEED_IOTLB_PAGE) |
           (shrunk ? VTD_NEED_DEVICE_TLB : 0);
}

/* A context entry. Bits that do not take part in translation may change freely. */
static inline unsigned
vtd_required_context(struct vtd_pair old_entry, struct vtd_pair new_entry,
                     bool caching_mode)
{
    const uint64_t lo = ~VTD_CTX_FPD, hi = ~VTD_BITS(6, 3);
    bool was = (old_entry.lo & VTD_CTX_P) != 0, is = (new_entry.lo & VTD_CTX_P) != 0;

    if (was && (((old_entry.lo ^ new_entry.lo) & lo) != 0 ||
                ((old_entry.hi ^ new_entry.hi) & hi) != 0)) {
        return VTD_NEED_CONTEXT_DEVICE | VTD_NEED_IOTLB_DOMAIN | VTD_NEED_DEVICE_TLB;
    }
    return !was && is && caching_mode ? VTD_NEED_CONTEXT_ABSENT : VTD_NEED_NONE;
}

/* A root entry. */
static inline unsigned
vtd_required_root(struct vtd_pair old_entry, struct vtd_pair new_entry, bool caching_mode)
{
    bool was = (old_entry.lo & VTD_ROOT_P) != 0, is = (new_entry.lo & VTD_ROOT_P) != 0;

    if (was && (old_entry.lo != new_entry.lo || old_entry.hi != new_entry.hi)) {
        return VTD_NEED_CONTEXT_GLOBAL | VTD_NEED_IOTLB_GLOBAL | VTD_NEED_DEVICE_TLB;
    }
    return !was && is && caching_mode ? VTD_NEED_CONTEXT_GLOBAL : VTD_NEED_NONE;
}

/*
 * A new root table made current by SRTP, without CAP.ESRTPS; `scalable`: it is in
 * scalable mode, or the old one was. Device TLBs as with a changed root entry.
 */
static inline unsigned
vtd_required_srtp(bool scalable)
{
    return VTD_NEED_CONTEXT_GLOBAL | (scalable ? VTD_NEED_PASID_GLOBAL : 0U) |
           VTD_NEED_IOTLB_GLOBAL | VTD_NEED_DEVICE_TLB;
}

#endif
