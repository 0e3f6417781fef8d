/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Address types that do not mix, permissions, time, and the arithmetic of
 * address ranges. Everything here is a pure function.
 *
 * Ranges are inclusive, [first, last], because an IOVA may be 2^64 - 1. `len`
 * counts bytes; a length that would be 2^64 does not exist, so functions that
 * take one say what 0 means.
 */
#ifndef IOMMUSIM_UTIL_ADDR_H
#define IOMMUSIM_UTIL_ADDR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t v;
} iova_t; /* what a device puts on the bus; PAPR calls it IOBA */

typedef struct {
    uint64_t v;
} gpa_t; /* guest-physical */

/*
 * An address with this bit is no guest-physical one: it stands for the host page that was
 * pinned when a mirror mapped the address without it, and is the guest's no more.
 */
#define FORMER_PAGE (UINT64_C(1) << 52)

#define IOVA(x) ((iova_t){ (x) })
#define GPA(x)  ((gpa_t){ (x) })

struct iova_range {
    iova_t first, last; /* first <= last */
};

typedef uint64_t sim_time; /* 1 tick = 1 ns of simulated time */

/* What a translation lets a device do. */
enum perm {
    PERM_NONE = 0,
    PERM_R = 1,
    PERM_W = 2,
    PERM_RW = 3,
};

enum {
    PAGE_LG2 = 12, /* the finest granule of any IOMMU modelled here */
};
#define PAGE_BYTES (UINT64_C(1) << PAGE_LG2)
#define PAGE_MASK  (PAGE_BYTES - 1)

static inline bool
is_pow2(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* x rounded down to a multiple of 2^lg2; lg2 < 64. */
static inline uint64_t
align_down(uint64_t x, unsigned lg2)
{
    return x & ~((UINT64_C(1) << lg2) - 1);
}

static inline bool
is_aligned(uint64_t x, unsigned lg2)
{
    return (x & ((UINT64_C(1) << lg2) - 1)) == 0;
}

static inline bool
ranges_overlap(uint64_t first1, uint64_t last1, uint64_t first2, uint64_t last2)
{
    return first1 <= last2 && first2 <= last1;
}

/*
 * The last address of [first, first + len - 1], cut at 2^64 - 1 when it would
 * wrap; len > 0.
 */
static inline uint64_t
range_last(uint64_t first, uint64_t len)
{
    return len - 1 > UINT64_MAX - first ? UINT64_MAX : first + (len - 1);
}

/*
 * The log2 of the largest naturally aligned power-of-two block that starts at
 * `first` and does not pass `last` (first <= last). 64 only for [0, 2^64 - 1].
 * Taking such blocks from left to right is the minimal dyadic cover.
 */
static inline unsigned
dyadic_lg2(uint64_t first, uint64_t last)
{
    uint64_t span = last - first; /* length - 1 */

    if (span == UINT64_MAX) {
        return 64;
    }
    unsigned fit = 63U - (unsigned)__builtin_clzll(span + 1);
    unsigned align = first == 0 ? 64U : (unsigned)__builtin_ctzll(first);
    return fit < align ? fit : align;
}

#endif
