/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a Linux guest's own trace says that its VT-d driver did: maps and unmaps of
 * domains, descriptors as they went into the queue, devices that came and went. Read as
 * a stream, after a first pass for what holds from the start.
 *
 * The trace names no domain. A page-selective invalidation that follows a map or unmap
 * and covers it says whose it was; a change without one is that of a domain in which it
 * is possible. Domains are those that descriptors name (1 where there are none). The
 * source id of a device is known if it comes while the trace runs, or if device-TLB
 * invalidations follow those of its domain. Permissions are not traced.
 *
 * A trace may begin late, end early or have gaps. What must have happened then is made
 * up, and says so: an unmap before a map of what is still mapped, the invalidation of a
 * change that needs one, at the end the flush of what a lazy driver had still to flush.
 * Unmaps of what is not known to be mapped are left out.
 */
#ifndef IOMMUSIM_GUEST_LINUX_TRACE_H
#define IOMMUSIM_GUEST_LINUX_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum linux_kind {
    LINUX_MAP,    /* domain, iova, size, gpa */
    LINUX_UNMAP,  /* domain, iova, size */
    LINUX_SUBMIT, /* words: one descriptor; domain */
    LINUX_COMES,  /* a device, just before it gets its domain: sid, domain */
    LINUX_GOES,   /* the same, after its domain was taken away */
};

#define LINUX_NO_DOMAIN SIZE_MAX

struct linux_op {
    enum linux_kind kind;
    uint32_t line; /* of the trace, 1-based */
    uint64_t ns;   /* since the first event; never less than that of the op before */
    size_t domain; /* index, or LINUX_NO_DOMAIN: SUBMIT that is about none or all */
    uint64_t iova, size, gpa;
    uint64_t words[4];
    uint16_t sid;
    bool assumed;   /* it is not in the trace */
    bool unflushed; /* MAP, UNMAP: it needs an invalidation, which is not in the trace */
};

struct linux_domain {
    uint16_t did;
    uint16_t sid;    /* of its device; 0: unknown */
    bool ats;        /* its device TLB is invalidated */
    bool hotplugged; /* its device comes while the trace runs */
};

struct linux_trace;

/*
 * NULL and *e if the file cannot be read, has a malformed event, or none at all. `path`
 * is borrowed, by errors too.
 */
struct linux_trace *linux_trace_open(const char *path, struct err *e);
void linux_trace_close(struct linux_trace *t); /* NULL is fine */

enum linux_result { LINUX_OP, LINUX_END, LINUX_ERROR };
enum linux_result linux_trace_next(struct linux_trace *t, struct linux_op *op,
                                   struct err *e);

/* What the whole trace shows; valid from the start, until it is closed. */
struct linux_summary {
    const struct linux_domain *domains; /* n_domains of them, at least one */
    size_t n_domains;
    uint64_t events;
    uint64_t memory;   /* bytes: one past the highest that was mapped */
    bool caching_mode; /* maps are invalidated */
    bool device_iotlb;
};
const struct linux_summary *linux_trace_summary(const struct linux_trace *t);

/* Without caching mode, and with several domains, nothing tells whose a map is. */
bool linux_trace_is_ambiguous(const struct linux_trace *t);
#define LINUX_TRACE_AMBIGUOUS                                                            \
    "the guest ran without caching mode and with several domains: nothing tells whose "  \
    "its mappings are"

/* What did not go as the trace says, among the ops given so far. */
struct linux_tally {
    uint64_t left_out;  /* changes of what is not known to be mapped, or of nobody */
    uint64_t unmaps;    /* that were assumed */
    uint64_t unflushed; /* changes whose invalidation is assumed */
    uint64_t flushes;   /* at the end, assumed */
    uint64_t gaps;      /* where the tracer says that it lost events */
};
const struct linux_tally *linux_trace_tally(const struct linux_trace *t);

#endif
