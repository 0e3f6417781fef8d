/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RAM that comes and goes in blocks while the machine runs, as memory that is plugged or
 * a balloon's; mirrors that see RAM 1:1 follow. See internal.h.
 *
 * Source: QEMU's RamDiscardManager as VFIO listens to it.
 */
#include "machine/internal.h"

struct blocks {
    uint64_t first, last;
    bool busy;                      /* some mirror pins some of it */
    const struct subscriber *until; /* populate: this one could not map it */
    bool reached; /* undoing that: it, and those behind it know nothing */
};

static void
ask_pins(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    struct blocks *b = arg;

    (void)m;
    (void)d;
    b->busy |= subscriber_pins(s, b->first, b->last);
}

static void
tell_discarded(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    struct blocks *b = arg;

    (void)m;
    (void)d;
    b->reached |= s == b->until;
    if (!b->reached) {
        subscriber_discard(s, b->first, b->last);
    }
}

bool
ram_discard(struct machine *m, uint64_t first, uint64_t last)
{
    struct blocks b = { .first = first, .last = last };

    device_each_subscriber(m, ask_pins, &b);
    if (b.busy && !env_quirk(&m->env, QUIRK_RAM_DISCARD_IGNORES_IOMMU)) {
        return false;
    }
    device_each_subscriber(m, tell_discarded, &b);
    mem_discard(m->env.mem, GPA(first), GPA(last));
    return true;
}

static void
tell_populated(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    struct blocks *b = arg;

    (void)m;
    (void)d;
    if (b->until == NULL && !subscriber_populate(s, b->first, b->last)) {
        b->until = s;
    }
}

/* [first, last] is discarded, all of it. */
static bool
populate_run(struct machine *m, uint64_t first, uint64_t last)
{
    struct blocks b = { .first = first, .last = last };

    mem_populate(m->env.mem, GPA(first), GPA(last));
    device_each_subscriber(m, tell_populated, &b);
    if (b.until != NULL) { /* which has undone it */
        device_each_subscriber(m, tell_discarded, &b);
        mem_discard(m->env.mem, GPA(first), GPA(last));
    }
    return b.until == NULL;
}

bool
ram_populate(struct machine *m, uint64_t first, uint64_t last)
{
    uint64_t end;

    for (uint64_t at = first; at <= last; at = end + 1) {
        end = last;
        if (mem_is_discarded(m->env.mem, GPA(at), &end) && !populate_run(m, at, end)) {
            return false;
        }
    }
    return true;
}
