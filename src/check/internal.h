/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the checker's files share: check.c is its face to the machine, close.c opens
 * and closes records, hear.c listens to events, told.c keeps account of what
 * subscribers were told, spans.c of how long they held what they were to drop, verdict.c
 * and dma.c judge.
 */
#ifndef IOMMUSIM_CHECK_INTERNAL_H
#define IOMMUSIM_CHECK_INTERNAL_H

#include "check/check.h"
#include "check/exposure.h"
#include "check/records.h"
#include "check/reported.h"
#include "check/truth.h"
#include "notify/notify.h"

/* Something odd about an event, until a comparison shows whether it did harm. */
struct anomaly {
    enum violation_class class;
    enum blame blame;
    uint64_t first, last;
    struct origin origin;
    const char *missing; /* LOST_EVENT: which; else NULL */
    /* OVERBROAD_UNMAP: what an observer was told of before */
    uint64_t target; /* at `first` */
    enum perm perm;
};

/* An UNMAP that was delivered, for explaining what is missing. */
struct unmap_note {
    uint64_t first, last;
    struct origin origin;
};

enum { UNMAP_NOTES = 32 };

/* Something that a subscriber could not do. */
struct failure {
    int error; /* errno; 0: none */
    uint64_t first, last;
};

/* One that acts on an event twice, or late, may fail in two places at once. */
enum { FAILURES = 2 };

/* A registration as the checker saw it. */
struct check_notifier {
    struct notifier *n;
    struct check_sub *sub;
    struct check_notifier *next; /* of the same region */
    bool got;                    /* delivered since the last announcement */
    bool undue;                  /* and should not have been */
    struct notify_event ev;      /* then */
    bool replayed;               /* a replay was asked for */
};

struct check_region {
    struct check_notifier *notifiers;
    struct check_region *next;
};

/* What a subscriber let go of as soon as it was taken away: see spans.c. */
struct fresh_drop {
    uint64_t number; /* 0: nothing */
    uint64_t first, last;
    sim_time time;
};

struct check_sub {
    struct check *c;
    struct subscriber *s;
    struct truth_device *d;
    struct check_sub *next;   /* all of them, in order of arrival */
    struct check_sub *beside; /* of the same device, likewise */
    struct origin attached;
    sim_time settled;       /* a switch is acknowledged then; 0: none is under way */
    struct origin switched; /* it */
    bool is_device_tlb;
    /*
     * Where what it would hold had it obeyed (told), and had the core passed on
     * everything (due), differs from what it holds. PERM_NONE pieces: nothing.
     */
    struct rangemap told, due;
    struct reported wrong;
    sim_time joined;
    unsigned joined_notes; /* check.n_notes then */
    struct exposure_account *lawful;
    struct fresh_drop fresh;
    struct rangemap dropped; /* CONSTANT: target >> 12 is a number of spans.c */
    struct anomaly *anomalies;
    size_t n_anomalies, cap_anomalies;
    struct unmap_note unmaps[UNMAP_NOTES]; /* a ring */
    unsigned n_unmaps;
    struct failure failures[FAILURES]; /* the last ones, newest first */
    int failed;                        /* errno of the event being handled, 0 = none */
    bool strays; /* it answered for a MAP and holds something else */
};

struct pending_inval {
    struct iommu *iommu;
    struct invalidation inv;
    uint64_t seq;
};

/*
 * Whether cs stands for a device TLB: only device-TLB invalidations reach it, so that
 * for it a change is complete when such a one has come.
 */
static inline bool
is_device_tlb(const struct check_sub *cs)
{
    return cs != NULL && cs->is_device_tlb;
}

/* A stretch whose records closed and which is to be compared. */
struct closed_range {
    struct truth_iommu *iommu; /* a switch: every device of it; or NULL */
    struct view *view;
    struct truth_device *device;
    uint64_t first, last;
    bool tlb;       /* device: it concerns its device TLBs alone */
    bool revokes;   /* something mapped there was taken away */
    bool misorder;  /* the device TLB was invalidated before what it fills from */
    uint64_t drops; /* of the record */
    struct origin origin;
};

/* Closed records, for saying since when an access has been wrong. */
enum { CLOSED_NOTES = 64 };

/* One violation being put together from adjacent pages. */
struct verdict_run {
    bool open;
    bool waits; /* stores are still to come that may go on with it */
    const char *subject;
    uint32_t pasid; /* if has_pasid */
    bool has_pasid;
    enum violation_class class;
    enum blame blame;
    uint64_t first, last;
    struct range_piece have, want;
    bool has_values;
    struct origin origin;
    const char *missing; /* events; or NULL: */
    unsigned need;       /* what invalidations there should have been, as in a record */
    const char *hint;
};

struct check {
    struct env *env;
    check_violation_fn *fn;
    void *self;
    struct truth *truth;
    struct check_sub *subs;
    struct check_region *regions;
    struct origin here;
    uint64_t seq;     /* counts invalidations */
    bool odd;         /* some subscriber has anomalies */
    bool device_tlbs; /* some subscriber is, or was, one */
    struct pending_inval *pending;
    size_t n_pending, cap_pending;
    struct closed_range *closed;
    size_t n_closed, cap_closed;
    struct closed_range notes[CLOSED_NOTES]; /* a ring; views may be gone */
    unsigned n_notes;
    struct verdict_run run;
    struct exposure_book book;
    struct exposure_account *total; /* its first: a span for each record that closed */
    uint64_t drops; /* how often a subscriber let go of something, as far as it matters */
    uint64_t newest; /* `drops` when a record was opened last */
    unsigned fresh;  /* subscribers that have such a drop */
    bool noted;      /* something was noted in a `dropped` */
};

/* Now, begun by the current step. */
static inline struct origin
check_here(const struct check *c)
{
    struct origin o = c->here;

    o.time = sim_now(c->env->sim);
    return o;
}

/* ---- close.c ---- */

/* These three and hear.c's are members of the observer. */
void check_invalidated(void *self, struct iommu *m, const struct invalidation *inv);
void check_completed(void *self, struct iommu *m);
void check_hcall_returned(void *self, struct iommu *m, uint64_t liobn, uint64_t first,
                          uint64_t last);
void check_truth_changed(void *self, const struct truth_change *ch);
void note_closed(struct check *c, const struct closed_range *r);
/*
 * Blame the guest for the open records of [first, last], in the eyes of d: those whose
 * revoked pages are present again (`reused`), or all that mattered. Of d's device TLB
 * (rs is &d->tlb) those for which nothing else is missing.
 */
void report_open(struct check *c, struct recordset *rs, const struct truth_device *d,
                 uint64_t first, uint64_t last, bool reused);
/* What is open of m ends here, though nothing was invalidated, and nobody is charged. */
void void_records(struct check *c, struct truth_iommu *ti);
/* Compare, report, and settle what odd events are left. */
struct comparison;
void compare_sub(struct check_sub *cs, uint64_t first, uint64_t last,
                 const struct comparison *why);

/* ---- hear.c ---- */

void check_hear(struct check *c);
/*
 * Registrations of cs that asked for no replay: what exists is news that it never
 * asked for.
 */
void note_unasked(struct check_sub *cs);
/* It is no concern of the checker's any more, though it may still be registered. */
void hear_no_more(struct check_sub *cs);

/* ---- told.c ---- */

/*
 * `due`: it had to come; else its contents prove nothing against the IOMMU. Returns
 * whether it was an UNMAP, and cs holds nothing there now.
 */
bool told_delivered(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
                    uint64_t last, bool due);
/* A cache asked, was answered, and took in what it made of the answer. */
void told_answered(struct check_sub *cs, const struct range_piece *answer,
                   const struct range_piece *kept);
/* What failed was no answer to an event. */
void failures_forget(struct check_sub *cs);
/* The core kept from it what it was due. */
void told_lost(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
               uint64_t last);
/* The core delivered something else than ev, which was announced. */
void told_otherwise(struct check_sub *cs, const struct notify_event *ev, uint64_t first,
                    uint64_t last);
/* It ought to know, though by no event, that [first, last] is gone. */
void told_to_drop(struct check_sub *cs, uint64_t first, uint64_t last);
/* It joined and was told nothing of what exists in [first, last]; who says why. */
void told_nothing(struct check_sub *cs, uint64_t first, uint64_t last, enum blame who);
/* It emptied itself in [first, last]. */
void told_forget(struct check_sub *cs, uint64_t first, uint64_t last);
void anomaly_add(struct check_sub *cs, enum violation_class class, enum blame blame,
                 uint64_t first, uint64_t last);
/* What is left when something has completed: nothing more can come of these. */
void anomalies_settle_quiet(struct check *c);
/* The anomaly that touches [first, last], or NULL. */
const struct anomaly *anomaly_find(const struct check_sub *cs, uint64_t first,
                                   uint64_t last);

/* ---- spans.c ---- */

/*
 * A record that took something away from cs, or from a device that nobody holds anything
 * for, has closed.
 */
void spans_closed(struct check_sub *cs, const struct closed_range *r);
void spans_closed_device(struct check *c, struct truth_device *d,
                         const struct closed_range *r);
/* Whether there is anything to forget of what cs let go of. */
static inline bool
spans_remember(const struct check_sub *cs)
{
    return cs->fresh.number != 0 || cs->dropped.entries != 0;
}

/* All that was to be closed in [first, last] has been. */
void spans_forget(struct check_sub *cs, uint64_t first, uint64_t last);
/*
 * cs has done in [first, last] what an event told it; `gone`: it holds nothing there, on
 * pages that may stick out.
 */
void spans_let_go(struct check_sub *cs, uint64_t first, uint64_t last, bool gone);
/* cs leaves, whatever is open. */
void spans_left(struct check_sub *cs);

/* ---- verdict.c ---- */

/* Why a comparison is made: the record that closed, or just the moment. */
struct comparison {
    bool changed;  /* the range's truth changed and that is complete now */
    bool misorder; /* see struct closed_range */
    const struct origin *origin;
};
/* Without a reason, what is wrong is not reported, and what was is settled if right. */
void compare(struct check_sub *cs, uint64_t first, uint64_t last,
             const struct comparison *why);
/* What is held at addr, or the hole from there, not looking past `limit`. */
void held_at(const struct check_sub *cs, uint64_t addr, uint64_t limit,
             struct range_piece *out);
/* Report anomalies in [first, last] that did no harm that another verdict names. */
void anomalies_settle(struct check_sub *cs, uint64_t first, uint64_t last);

/*
 * The permission that cs can hold where the tables grant `perm` to `target`: a mirror's
 * host maps no page write-only and ROM only for reading. cs may be NULL.
 */
enum perm perm_as_held(const struct check_sub *cs, uint64_t target, enum perm perm);

/*
 * Of an access through cs that went wrong at r->first, where r->want is the truth: who is
 * to blame, what cs should have been told, and what it was that began it, unless a change
 * is known to have (`changed`) whose origin r has already.
 */
void verdict_explain(const struct check_sub *cs, struct verdict_run *r, bool changed);

/*
 * Add pages to the violation in the making; flush ends it unless it waits for more, say
 * even then: nothing may be written after it that it has to precede.
 */
void verdict_add(struct check *c, const struct verdict_run *r);
void verdict_flush(struct check *c);
void verdict_say(struct check *c);

#endif
