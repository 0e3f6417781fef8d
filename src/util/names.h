/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that scenario, trace and command line share, and the search for the
 * nearest name when one is misspelt.
 */
#ifndef IOMMUSIM_UTIL_NAMES_H
#define IOMMUSIM_UTIL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Violation classes, interfaces.md 3.2 order; VIOLATION_COUNT is their number. */
enum violation_class {
    VIOLATION_STALE_MAPPING,
    VIOLATION_MISSING_MAPPING,
    VIOLATION_WRONG_TARGET,
    VIOLATION_EXCESS_PERMISSION,
    VIOLATION_LACKING_PERMISSION,
    VIOLATION_DMA_BREACH,
    VIOLATION_DMA_LOST,
    VIOLATION_GUEST_MISSING_INVALIDATION,
    VIOLATION_DUPLICATE_MAP,
    VIOLATION_MISORDERED_CHANGE,
    VIOLATION_OVERBROAD_UNMAP,
    VIOLATION_UNDUE_EVENT,
    VIOLATION_LOST_EVENT,
    VIOLATION_MALFORMED_EVENT,
    VIOLATION_UNREPRESENTABLE,
    VIOLATION_SWALLOWED_ERROR,
    VIOLATION_UNBOUNDED_WORK,
    VIOLATION_VMM_ABORT,
    VIOLATION_COUNT
};
const char *violation_name(enum violation_class c);
bool violation_by_name(const char *s, enum violation_class *out);

enum blame { BLAME_GUEST, BLAME_IOMMU, BLAME_CORE, BLAME_SUBSCRIBER, BLAME_COUNT };
const char *blame_name(enum blame b);
bool blame_by_name(const char *s, enum blame *out);

/* "none", "r", "w", "rw"; p < 4. */
const char *perm_name(unsigned p);

/*
 * "EEXIST" and so on for a positive errno; "E<number>" is never returned: unknown
 * values give "EUNKNOWN".
 */
/* Places where a world below may be made to say no: see notify/fail.h. */
enum fail_op {
    FAIL_REGISTER, /* a registration with the IOMMU */
    FAIL_MAP,      /* a mapping made by the host */
    FAIL_UNMAP,    /* one removed */
    FAIL_MESSAGE,  /* a message to a back end, or its answer */
    FAIL_REPLAY,   /* what exists is announced to a newcomer */
    FAIL_TRACK,    /* dirty logging is switched on, or off, which cannot fail */
    FAIL_SYNC,     /* the dirty log of a host is read */
    FAIL_OPS
};
const char *fail_op_name(enum fail_op op); /* "map" */

const char *errno_name(int e);
bool errno_by_name(const char *s, int *out);

/*
 * PAPR hypercall status: "H_SUCCESS" for 0, "H_PARAMETER" for -4 and so on; NULL if it
 * has no name.
 */
const char *hret_name(int64_t ret);
bool hret_by_name(const char *s, int64_t *out);

/* Calls of PAPR's firmware (RTAS); what they take is in iommu/iommu.h. */
enum rtas_call {
    RTAS_QUERY_PE_DMA_WINDOW,
    RTAS_CREATE_PE_DMA_WINDOW,
    RTAS_REMOVE_PE_DMA_WINDOW,
    RTAS_RESET_PE_DMA_WINDOW,
    RTAS_SET_TCE_BYPASS,
    RTAS_QUIESCE,
    RTAS_CALL_COUNT
};
const char *rtas_call_name(enum rtas_call c); /* "ibm,query-pe-dma-window" */
/* With "ibm," or without; LoPAR's plural of the reset call, too. */
bool rtas_call_by_name(const char *s, enum rtas_call *out);

/*
 * The name of `names` (n of them, NULLs skipped) that `word` most likely meant, or
 * NULL if none is near (more than a third of its letters wrong).
 */
const char *name_nearest(const char *word, const char *const *names, size_t n);

#endif
