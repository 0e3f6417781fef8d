/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Captures of PAPR guests: QEMU's own `log` trace of the TCE calls, one event a line,
 *
 *     PID@SEC.USEC:EVENT key=value ...
 *
 * read as a stream of what happened. Events that mean nothing here, and lines that are no
 * events, are skipped. What the log only implies is worked out: whether a table that
 * appears is a new bridge, a dynamic window, a reset or merely a table that moved; where
 * a H_STUFF_TCE began; which values a list held. Lists are taken as contiguous, as Linux
 * fills them.
 *
 * A log may begin late, end early or have gaps. A call that was served shows that its
 * table was there; what must have happened before it is made up, and marked `assumed`: a
 * bridge or VIO table that is there from the start, a window that was made (its page size
 * and size follow from what is done with it until it goes), removed, or reset.
 * Source: the documentation of the captures, and QEMU's trace events.
 */
#ifndef IOMMUSIM_TRACE_CAPTURE_H
#define IOMMUSIM_TRACE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/err.h"

enum capture_kind {
    /* Parts of the machine; liobn is that of window 0. */
    CAPTURE_BRIDGE,       /* a PCI bridge with an empty default window is there */
    CAPTURE_VIO,          /* a VIO table is there, empty */
    CAPTURE_BRIDGE_RESET, /* by a machine reset: default window alone, empty */
    CAPTURE_VIO_RESET,    /* every VIO table is empty; liobn means nothing */
    /* Dynamic windows */
    CAPTURE_WINDOW_QUERY,   /* liobn: window 0's; page_mask */
    CAPTURE_WINDOW_CREATE,  /* liobn, base, page_lg2, entries; empty */
    CAPTURE_WINDOW_REMOVE,  /* liobn */
    CAPTURE_WINDOW_RESET,   /* by RTAS: default window alone, empty; liobn: window 0's */
    CAPTURE_WINDOWS_LOADED, /* by an incoming migration; liobn: window 0's; loaded */
    /* Hypercalls: liobn, ioba, ret and what their arguments were */
    CAPTURE_PUT,      /* tce */
    CAPTURE_INDIRECT, /* list, npages; entry k is tce + k * step */
    CAPTURE_STUFF,    /* tce, npages */
    CAPTURE_GET,      /* tce: what was read */
    /* Others */
    CAPTURE_XLATE,            /* a device's access: liobn, ioba, gpa, perm, page_lg2 */
    CAPTURE_SUBSCRIBER_START, /* a vhost back end registered on every window */
    CAPTURE_SUBSCRIBER_STOP,  /* and left */
};

/* What the log says about the window that a call names, at that time. */
enum capture_window {
    CAPTURE_WINDOW_OFF,
    CAPTURE_WINDOW_DEFAULT,
    CAPTURE_WINDOW_DYNAMIC
};

/* One window; of a default window the log knows no more than its state. */
struct capture_geometry {
    enum capture_window state;
    uint64_t base, entries;
    unsigned page_lg2;
};

struct capture_op {
    enum capture_kind kind;
    uint32_t line; /* of the capture, 1-based */
    uint64_t usec; /* host clock */
    uint64_t liobn;
    uint64_t ioba; /* bus address of the first entry, as the guest gave it or rounded
                    * down; STUFF that failed: of the entry refused */
    uint64_t tce, step;
    uint64_t list; /* guest-physical */
    uint64_t npages;
    int64_t ret;
    enum capture_window window;
    uint64_t base, entries; /* of the window */
    unsigned page_lg2;      /* of the window; XLATE: of the page that answered */
    bool none_left;         /* WINDOW_REMOVE: it was the bridge's last */
    bool restored;          /* WINDOW_REMOVE: which brought the default window back */
    bool assumed;           /* it is not in the log */
    bool unknown;           /* XLATE: of an entry written before the log began */
    struct capture_geometry loaded[2]; /* both windows of the bridge */
    uint32_t page_mask;                /* page sizes offered, PAPR's bits */
    uint64_t gpa;
    enum perm perm;
};

struct capture;

/* NULL and *e if the file cannot be opened. `path` is borrowed, by errors too. */
struct capture *capture_open(const char *path, struct err *e);
void capture_close(struct capture *c); /* NULL is fine */

enum capture_result { CAPTURE_OP, CAPTURE_END, CAPTURE_ERROR };

/*
 * The next thing that happened. ERROR: *e names a known event with a malformed line,
 * or a failure to read; the capture is at its end then.
 */
enum capture_result capture_next(struct capture *c, struct capture_op *op, struct err *e);

static inline bool
capture_is_call(enum capture_kind k)
{
    return k >= CAPTURE_PUT && k <= CAPTURE_GET;
}

/* The unit id of the bridge that a window belongs to, as its machine numbers bridges. */
uint64_t capture_buid(uint64_t liobn);

/* Entry k of the list of an INDIRECT; k < npages. */
static inline uint64_t
capture_list_entry(const struct capture_op *op, uint64_t k)
{
    return op->tce + k * op->step;
}

/* Where an access that was translated went. */
static inline uint64_t
capture_access_gpa(const struct capture_op *op)
{
    return op->gpa | (op->ioba & ((UINT64_C(1) << op->page_lg2) - 1));
}

/* ---- summary ---- */

/* A bridge's default window or a VIO table, as far as the log tells. */
struct capture_table {
    uint64_t liobn;
    bool vio;
    bool hotplugged; /* it came after the first hypercall */
    bool assumed;    /* the log does not show it appear */
    uint64_t size;   /* of the (default) window, bytes; its pages are 4 KiB */
};

/* A dynamic window; the same LIOBN and geometry appear once. */
struct capture_dynamic {
    uint32_t line; /* where it was first created */
    uint64_t liobn, base, entries;
    unsigned page_lg2;
};

struct capture_summary {
    struct capture_table *tables; /* ascending LIOBNs: VIO, then bridges */
    size_t n_tables;
    struct capture_dynamic *dynamics; /* in order of creation */
    size_t n_dynamics;
    uint32_t page_mask; /* page sizes offered for dynamic windows; 0: never asked */
    uint64_t ram;       /* bytes: the highest page named, rounded up to 16 MiB */
    uint64_t calls;     /* hypercalls */
    uint64_t ops;
    uint64_t subscriptions; /* times that a subscriber came, or was there and left */
    uint64_t subscribed;    /* subscribers that were there when the log begins */
    uint64_t loads;         /* bridges that an incoming migration changed */
    /* What the platform was seen to do otherwise than LoPAR; see util/quirks.def. */
    bool per_entry_checks;
    bool sticky_default;
};

/*
 * Read a whole capture for what a machine needs to replay it. False and *e as
 * capture_open and capture_next. *out needs capture_summary_fini if true.
 */
bool capture_summarize(const char *path, struct capture_summary *out, struct err *e);
void capture_summary_fini(struct capture_summary *s);

#endif
