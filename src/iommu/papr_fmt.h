/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PAPR translation control entries (TCEs), hypercalls and window identifiers as
 * numbers: no state, no memory access. The guest driver encodes with these, the
 * model and the checker decode with them.
 *
 * A TCE is 64 bits: the target's page number in bits 63:12, permissions in bits 1:0.
 * There is no valid bit: an entry with both permission bits clear maps nothing,
 * whatever its other bits, which are stored and read back as they are.
 * Source: LoPAR 2.9, "TCE format", H_PUT_TCE and its kin; QEMU's hw/ppc for the
 * numbering of LIOBNs and BUIDs.
 */
#ifndef IOMMUSIM_IOMMU_PAPR_FMT_H
#define IOMMUSIM_IOMMU_PAPR_FMT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"

#define PAPR_TCE_R (UINT64_C(1) << 0)
#define PAPR_TCE_W (UINT64_C(1) << 1)

static inline enum perm
papr_tce_perm(uint64_t tce)
{
    return (enum perm)(tce & (PAPR_TCE_R | PAPR_TCE_W));
}

static inline bool
papr_tce_present(uint64_t tce)
{
    return papr_tce_perm(tce) != PERM_NONE;
}

/*
 * Where the entry of a page of 2^page_lg2 bytes points: a multiple of that size,
 * address bits below it are ignored. page_lg2 is 12..63.
 */
static inline uint64_t
papr_tce_target(uint64_t tce, unsigned page_lg2)
{
    return align_down(tce, page_lg2);
}

/* target is 4 KiB aligned. */
static inline uint64_t
papr_tce_make(uint64_t target, enum perm perm)
{
    return target | (uint64_t)perm;
}

/*
 * Two entries translate alike: both map nothing, or the same page with the same
 * permission.
 */
static inline bool
papr_tce_same(uint64_t a, uint64_t b, unsigned page_lg2)
{
    if (papr_tce_perm(a) != papr_tce_perm(b)) {
        return false;
    }
    return !papr_tce_present(a) ||
           papr_tce_target(a, page_lg2) == papr_tce_target(b, page_lg2);
}

/* Hypercalls, by opcode in r3. */
enum {
    PAPR_H_GET_TCE = 0x1c,
    PAPR_H_PUT_TCE = 0x20,
    PAPR_H_STUFF_TCE = 0x138,
    PAPR_H_PUT_TCE_INDIRECT = 0x13c,
};

/* Their status. */
enum {
    PAPR_H_SUCCESS = 0,
    PAPR_H_FUNCTION = -2,
    PAPR_H_PARAMETER = -4,
    PAPR_H_P4 = -57,
};

/*
 * The list of H_PUT_TCE_INDIRECT is one naturally aligned 4 KiB page of big-endian
 * TCEs; H_STUFF_TCE takes no more either.
 */
enum {
    PAPR_LIST_LG2 = 12,
    PAPR_LIST_MAX = 512,
};

/* Status of an RTAS call: the first word that it writes. */
enum {
    PAPR_RTAS_OK = 0,
    PAPR_RTAS_HARDWARE = -1,
    PAPR_RTAS_PARAMETER = -3,
};

/*
 * The bits of page sizes in the answer of ibm,query-pe-dma-window. page_sizes has bit
 * n for pages of 2^n bytes. 2 MiB is QEMU's and Linux's: LoPAR 2.9 has no bit for it.
 */
static inline uint32_t
papr_page_mask(uint64_t page_sizes)
{
    static const unsigned char lg2[] = { 12, 16, 24, 25, 26, 27, 28, 34, 21 };
    uint32_t mask = 0;

    for (unsigned i = 0; i < sizeof(lg2); i++) {
        mask |= (uint32_t)((page_sizes >> lg2[i]) & 1) << i;
    }
    return mask;
}

/*
 * LIOBNs. Window w (0 or 1) of PCI bridge i has 0x80000000 + i·0x100 + w; a VIO
 * adapter's table has its unit address, below 2^31. Wider numbers name nothing.
 */
#define PAPR_LIOBN_PCI UINT64_C(0x80000000)
#define PAPR_LIOBN_VIO UINT64_C(0x71000000)        /* of the first VIO adapter */
#define PAPR_BUID      UINT64_C(0x800000020000000) /* of bridge 0 */

enum {
    PAPR_WINDOWS = 2,      /* of a PCI bridge, unless it is said to have more */
    PAPR_WINDOWS_MAX = 16, /* that a bridge can be said to have */
    PAPR_LIOBN_BRIDGE_LG2 = 8,
};

static inline bool
papr_liobn_is_pci(uint64_t liobn)
{
    return (liobn >> 31) == 1;
}

/* LIOBN of window w of bridge `index`. */
static inline uint64_t
papr_liobn_pci(unsigned index, unsigned w)
{
    return PAPR_LIOBN_PCI + ((uint64_t)index << PAPR_LIOBN_BRIDGE_LG2) + w;
}

/* LIOBN of window 0 of the bridge that owns a PCI liobn. */
static inline uint64_t
papr_liobn_bridge(uint64_t liobn)
{
    return align_down(liobn, PAPR_LIOBN_BRIDGE_LG2);
}

/* Which window of its bridge a PCI liobn names; PAPR_WINDOWS and more: none. */
static inline unsigned
papr_liobn_window(uint64_t liobn)
{
    return (unsigned)(liobn - papr_liobn_bridge(liobn));
}

/* Default windows: base 0 in 4 KiB pages. */
#define PAPR_PCI_WINDOW_SIZE (UINT64_C(1) << 30)
#define PAPR_VIO_WINDOW_SIZE (UINT64_C(1) << 28)

/* Bus address of a dynamic window where another is live. */
#define PAPR_DYNAMIC_BASE (UINT64_C(1) << 59)

/* Where devices behind a PCI bridge write to raise interrupts: no memory. */
#define PAPR_MSI_FIRST (UINT64_C(1) << 42)
#define PAPR_MSI_LAST  (PAPR_MSI_FIRST + 0xfff)

static inline bool
papr_is_interrupt(uint64_t bus_address)
{
    return bus_address >= PAPR_MSI_FIRST && bus_address <= PAPR_MSI_LAST;
}

#endif
