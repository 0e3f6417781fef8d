/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trace records: every part of the simulation reports what it did through here and
 * nothing ever calls back into it. A record is built by value on the caller's stack:
 *
 *     if (trace_wants(t, TE_NOTIFY_UNMAP)) {
 *         struct trace_rec r;
 *         trace_begin(&r, now, s->name, TE_NOTIFY_UNMAP);
 *         trace_u64(&r, TF_IOVA, first);
 *         trace_u64(&r, TF_SIZE, size);
 *         trace_text(&r, TF_CAUSE, "unmap");
 *         trace_emit(t, &r);
 *     }
 *
 * The events and their fields are declared in events.def (table.h gives them at run
 * time); the fields of a record are added in the order declared there, any of them
 * may be left out.
 */
#ifndef IOMMUSIM_TRACE_TRACE_H
#define IOMMUSIM_TRACE_TRACE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct trace_sink;

enum trace_type {
    TRACE_HEX,
    TRACE_HEX2,
    TRACE_SIZE,
    TRACE_DEC,
    TRACE_PERM,
    TRACE_TEXT,
    TRACE_ERRNO,
    TRACE_HRET,
};

/* How a SIZE of 0, which is 2^64 bytes, is written. */
#define TRACE_SIZE_ALL "0x10000000000000000"

enum trace_field {
#define TRACE_FIELD(id, key, type) TF_##id,
#include "trace/events.def"
    TRACE_FIELD_COUNT
};

enum trace_event {
#define TRACE_EVENT(id, name, level, kind, ...) TE_##id,
#include "trace/events.def"
    TRACE_EVENT_COUNT
};

enum trace_level { TRACE_QUIET, TRACE_NORMAL, TRACE_VERBOSE };

enum trace_kind {
    TRACE_ACTOR,
    TRACE_IOMMU,
    TRACE_SUBSCRIBER,
    TRACE_DEVICE,
    TRACE_ANY,
};

#define TRACE_MAX_ITEMS 16

/* Values of a PERM field. */
#define TRACE_PERM_R 1u
#define TRACE_PERM_W 2u

struct trace_item {
    enum trace_field field;
    union {
        uint64_t u; /* HEX, HEX2, SIZE, DEC, PERM, ERRNO (positive), HRET (as int64_t) */
        const char *s; /* TEXT: borrowed until trace_emit returns */
    } v;
};

struct trace_rec {
    uint64_t time;       /* ns */
    const char *subject; /* borrowed; not empty */
    enum trace_event event;
    unsigned n;
    struct trace_item item[TRACE_MAX_ITEMS];
};

typedef void trace_hook_fn(void *self, const struct trace_rec *rec);

/*
 * One all zero wants nothing and is a lawful trace for callers that have none.
 * Only trace.c writes to it.
 */
struct trace {
    bool wants[TRACE_EVENT_COUNT]; /* somebody reads it: an output or the hook */
    bool shown[TRACE_EVENT_COUNT]; /* there is an output and its level lets it through */
    uint64_t emitted[TRACE_EVENT_COUNT];
    enum trace_level level;
    trace_hook_fn *hook;
    void *hook_self;
    struct trace_sink *sink; /* NULL: no output */
};

/* Would anybody read this event? Ask before building a record. */
static inline bool
trace_wants(const struct trace *t, enum trace_event event)
{
    return t->wants[event];
}

static inline void
trace_begin(struct trace_rec *r, uint64_t time, const char *subject,
            enum trace_event event)
{
    r->time = time;
    r->subject = subject;
    r->event = event;
    r->n = 0;
}

/* Every type but TEXT. */
static inline void
trace_u64(struct trace_rec *r, enum trace_field field, uint64_t value)
{
    assert(r->n < TRACE_MAX_ITEMS);
    struct trace_item *it = &r->item[r->n++];
    it->field = field;
    it->v.u = value;
}

/* The text is borrowed until the record has been emitted. */
static inline void
trace_text(struct trace_rec *r, enum trace_field field, const char *text)
{
    assert(r->n < TRACE_MAX_ITEMS);
    struct trace_item *it = &r->item[r->n++];
    it->field = field;
    it->v.s = text;
}

enum trace_format { TRACE_FORMAT_NONE, TRACE_FORMAT_TEXT, TRACE_FORMAT_JSONL };

/*
 * Keep what touches one page of one device: lines of the device and its subscribers,
 * of actors and of IOMMUs, if their range overlaps the page, or if they have no
 * address and so may concern any.
 */
struct trace_watch {
    const char *device;
    uint64_t iova; /* any address in the page */
    uint64_t page; /* bytes, a power of two; 0: 4 KiB */
};

/* All pointers are borrowed and must outlive the trace. */
struct trace_options {
    enum trace_format format; /* NONE: counters and the hook only */
    enum trace_level level;
    const char *path;               /* where it goes; NULL: to fd */
    int fd;                         /* if path and split_dir are NULL; not closed */
    const char *split_dir;          /* one file for each subscriber in here, or NULL; is
                                       created if its parent is there */
    bool color;                     /* text only */
    const char *const *subscribers; /* keep these subjects only; none: keep all */
    size_t n_subscribers;
    const struct trace_watch *watches; /* keep what touches these; none: keep all */
    size_t n_watches;
};

/* What the '#' lines at the head of a run say. NULL: the line is left out. */
struct trace_header {
    const char *version;
    const char *scenario;
    uint64_t hash; /* trace_hash() of the scenario's bytes */
    uint64_t seed;
    const char *profile;
    const char *const *quirks; /* those that are on, in the order of their table */
    size_t n_quirks;
    const char *const *overrides; /* from the command line: "seed=7" */
    size_t n_overrides;
};

/*
 * Open the output. A path is written beside itself under a temporary name and
 * renamed by trace_close. NULL and *e if an output cannot be created.
 */
struct trace *trace_new(const struct trace_options *opts, struct err *e);

/* Write the head of a run; a trace of several runs has several. */
void trace_write_header(struct trace *t, const struct trace_header *h);

/*
 * Count the record, show it to the hook, write it. Records of an event that is not
 * wanted are dropped. An output that fails is remembered, see trace_ok.
 */
void trace_emit(struct trace *t, const struct trace_rec *r);

/*
 * fn(self, rec) sees every record of level NORMAL, before any filter and however quiet
 * the output, and VERBOSE ones if the output is; NULL takes it off.
 */
void trace_set_hook(struct trace *t, trace_hook_fn *fn, void *self);

/* False once an output has failed: a run may stop early. */
bool trace_ok(const struct trace *t);

/* Hand all that was emitted to the system now. False and *e if any output failed. */
bool trace_flush(struct trace *t, struct err *e);

/*
 * Flush, put files in their places if all is well (else remove the temporary ones)
 * and free t, in any case. False and *e if any output has failed. NULL is fine.
 */
bool trace_close(struct trace *t, struct err *e);

/* Free t, which has nothing to tell: files stay what they were. */
void trace_discard(struct trace *t);

/* 64-bit FNV-1a. */
uint64_t trace_hash(const void *bytes, size_t len);

#endif
