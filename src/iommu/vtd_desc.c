/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_desc.h. */
#include "iommu/vtd_desc.h"

#define G(g)      (1U << (g))
#define ANY_SCOPE (G(VTD_GRAN_GLOBAL) | G(VTD_GRAN_DOMAIN) | G(VTD_GRAN_FINE))

/* What makes a kind known. */
enum {
    NEEDS_DEVICE_TLB = 1 << 0,
    NEEDS_REMAPPING = 1 << 1,
    NEEDS_SCALABLE = 1 << 2,
};

/* ECAP.DIT is 0: the source id of a physical function is reserved. */
#define DEV_IOTLB_LO_RSVD (VTD_BITS(63, 48) | VTD_BITS(31, 21) | VTD_BITS(15, 4))
#define DEV_IOTLB_HI_RSVD VTD_BITS(11, 1)
#define PDEVTLB_LO_RSVD   (VTD_BITS(63, 52) | VTD_BITS(15, 12))

/* How a unit reads descriptors. */
struct dialect {
    unsigned type_mask; /* of the seven bits */
    struct vtd_desc_kind kinds[VTD_DESC_PAGE_RESPONSE + 1];
    uint64_t wait_acts; /* a wait must have one of these bits */
    bool checks_width;  /* of descriptors against the mode, and upper halves */
};

/* Read alike in both dialects. */
#define KINDS_OF_BOTH                                                                    \
    [VTD_DESC_CONTEXT] = { "context", VTD_DESC_CONTEXT, VTD_DESC_CONTEXT_LO_RSVD,        \
                           VTD_DESC_CONTEXT_HI_RSVD, .grans = ANY_SCOPE },               \
    [VTD_DESC_IOTLB] = { "iotlb", VTD_DESC_IOTLB, VTD_DESC_IOTLB_LO_RSVD,                \
                         VTD_DESC_IOTLB_HI_RSVD, .grans = ANY_SCOPE },                   \
    [VTD_DESC_WAIT] = { "wait", VTD_DESC_WAIT, VTD_DESC_WAIT_LO_RSVD,                    \
                        VTD_DESC_WAIT_HI_RSVD, .grans = 0 }

static const struct dialect specified = {
    .type_mask = 0x7f,
    .kinds = {
        KINDS_OF_BOTH,
        [VTD_DESC_DEV_IOTLB] = { "dev-iotlb", VTD_DESC_DEV_IOTLB, DEV_IOTLB_LO_RSVD,
                                 DEV_IOTLB_HI_RSVD, .needs = NEEDS_DEVICE_TLB },
        [VTD_DESC_IEC] = { "iec", VTD_DESC_IEC, VTD_DESC_IEC_LO_RSVD,
                           VTD_DESC_IEC_HI_RSVD, .needs = NEEDS_REMAPPING },
        [VTD_DESC_PASID_IOTLB] = { "pasid-iotlb", VTD_DESC_PASID_IOTLB,
                                   VTD_DESC_PIOTLB_LO_RSVD, VTD_DESC_PIOTLB_HI_RSVD,
                                   .grans = G(VTD_PIOTLB_ALL) | G(VTD_PIOTLB_PAGE),
                                   .needs = NEEDS_SCALABLE },
        [VTD_DESC_PASID_CACHE] = { "pasid-cache", VTD_DESC_PASID_CACHE,
                                   VTD_DESC_PC_LO_RSVD, VTD_DESC_PC_HI_RSVD,
                                   .grans = G(VTD_PC_DOMAIN) | G(VTD_PC_PASID) |
                                            G(VTD_PC_GLOBAL),
                                   .needs = NEEDS_SCALABLE },
        [VTD_DESC_PASID_DEV_IOTLB] = { "pasid-dev-iotlb", VTD_DESC_PASID_DEV_IOTLB,
                                       PDEVTLB_LO_RSVD, VTD_DESC_PDEVTLB_HI_RSVD,
                                       .needs = NEEDS_SCALABLE | NEEDS_DEVICE_TLB },
        /* Page responses are answers to page requests (ECAP.PRS), which there are none. */
    },
    .wait_acts = VTD_DESC_WAIT_ANY,
    .checks_width = true,
};

/*
 * QEMU 7.2. Types of scalable mode are taken in any queue and do nothing, types beyond
 * them are unknown.
 */
static const struct dialect qemu_7_2 = {
    .type_mask = 0xf,
    .kinds = {
        KINDS_OF_BOTH,
        [VTD_DESC_DEV_IOTLB] = { "dev-iotlb", VTD_DESC_DEV_IOTLB, DEV_IOTLB_LO_RSVD,
                                 DEV_IOTLB_HI_RSVD, .grans = 0 },
        [VTD_DESC_IEC] = { "iec", VTD_DESC_IEC, .lo_rsvd = 0 },
        [VTD_DESC_PASID_IOTLB] = { "pasid-iotlb", VTD_DESC_PASID_IOTLB, .ignored = true },
        [VTD_DESC_PASID_CACHE] = { "pasid-cache", VTD_DESC_PASID_CACHE, .ignored = true },
    },
    .wait_acts = VTD_DESC_WAIT_SW | VTD_DESC_WAIT_IF,
};

static const struct dialect *
dialect(const struct vtd *v)
{
    return env_quirk(v->base.env, QUIRK_VTD_LOOSE_DESCRIPTORS) ? &qemu_7_2 : &specified;
}

static bool
is_offered(const struct vtd *v, unsigned needs)
{
    if (needs == 0) {
        return true;
    }
    return ((needs & NEEDS_DEVICE_TLB) == 0 || v->cfg.device_iotlb) &&
           ((needs & NEEDS_REMAPPING) == 0 || v->cfg.intremap) &&
           ((needs & NEEDS_SCALABLE) == 0 || v->cfg.scalable);
}

const struct vtd_desc_kind *
vtd_desc_kind(const struct vtd *v, uint64_t lo)
{
    const struct dialect *l = dialect(v);
    const unsigned type = vtd_desc_type(lo) & l->type_mask;

    if (type > VTD_DESC_PAGE_RESPONSE || l->kinds[type].name == NULL ||
        !is_offered(v, l->kinds[type].needs)) {
        return NULL;
    }
    return &l->kinds[type];
}

/* The queue as a whole must suit the tables, and kinds that name a PASID the queue. */
static enum vtd_iqei
check_width(const struct vtd *v, const struct vtd_desc_kind *kind, bool wide)
{
    if (v->ttm == VTD_TTM_RESERVED) {
        return VTD_IQEI_TTM;
    }
    if (!wide && v->ttm == VTD_TTM_SCALABLE) {
        return VTD_IQEI_WIDTH;
    }
    return !wide && kind != NULL && (kind->needs & NEEDS_SCALABLE) != 0 ? VTD_IQEI_WIDTH
                                                                        : VTD_IQEI_NONE;
}

/* Values that are reserved though no bit of their fields is. */
static bool
has_reserved_value(const struct vtd *v, const struct dialect *l,
                   const struct vtd_desc_kind *kind, const struct vtd_desc *d)
{
    const unsigned g = vtd_desc_gran(d->lo);

    if (kind->type == VTD_DESC_WAIT) {
        return (d->lo & l->wait_acts) == 0;
    }
    if (kind->grans != 0 && (kind->grans & G(g)) == 0) {
        return true;
    }
    if ((kind->type != VTD_DESC_IOTLB && kind->type != VTD_DESC_PASID_IOTLB) ||
        vtd_desc_am(d->hi) <= v->cfg.mamv) {
        return false;
    }
    if (kind->type == VTD_DESC_PASID_IOTLB &&
        env_quirk(v->base.env, QUIRK_VTD_PASID_AM_UNCHECKED)) {
        env_abort(v->base.env, v->base.id, BLAME_IOMMU, "shift-by-address-mask");
        return true;
    }
    return g == VTD_GRAN_FINE;
}

enum vtd_iqei
vtd_desc_check(const struct vtd *v, const struct vtd_desc_kind *kind,
               const struct vtd_desc *d, bool wide)
{
    const struct dialect *l = dialect(v);
    const bool strict = l->checks_width;
    const enum vtd_iqei width = strict ? check_width(v, kind, wide) : VTD_IQEI_NONE;

    if (width != VTD_IQEI_NONE) {
        return width;
    }
    if (kind == NULL) {
        return VTD_IQEI_TYPE;
    }
    if (kind->ignored) {
        return VTD_IQEI_NONE;
    }
    const uint64_t reserved = (d->lo & kind->lo_rsvd) | (d->hi & kind->hi_rsvd) |
                              (strict ? d->upper[0] | d->upper[1] : 0);
    return reserved != 0 || has_reserved_value(v, l, kind, d) ? VTD_IQEI_RESERVED
                                                              : VTD_IQEI_NONE;
}
