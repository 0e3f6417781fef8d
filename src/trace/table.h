/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * events.def at run time, for whoever handles records without knowing them: writers,
 * reader, diff, manual page.
 */
#ifndef IOMMUSIM_TRACE_TABLE_H
#define IOMMUSIM_TRACE_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "trace/trace.h"

/* Names lie in arrays of fixed size, so that writers copy them without a loop. */
enum { TRACE_KEY_BYTES = 16, TRACE_NAME_BYTES = 24 };

struct trace_field_info {
    unsigned char type; /* enum trace_type */
    unsigned char key_len, text_len, json_len;
    char text[TRACE_KEY_BYTES]; /* " key=", not ended by a NUL */
    char json[TRACE_KEY_BYTES]; /* ",\"key\":", likewise */
    const char *key;
};

struct trace_event_info {
    enum trace_level level;
    enum trace_kind kind;
    unsigned char name_len, n;
    char name[TRACE_NAME_BYTES];
    enum trace_field field[TRACE_MAX_ITEMS]; /* n of them, in the order of the line */
};

extern const struct trace_field_info trace_fields[TRACE_FIELD_COUNT];
extern const struct trace_event_info trace_events[TRACE_EVENT_COUNT];

static inline const struct trace_field_info *
trace_field_info(enum trace_field field)
{
    assert(field < TRACE_FIELD_COUNT);
    return &trace_fields[field];
}

static inline const struct trace_event_info *
trace_event_info(enum trace_event event)
{
    assert(event < TRACE_EVENT_COUNT);
    return &trace_events[event];
}

/* False if there is no event of that name. */
bool trace_event_by_name(const char *name, size_t len, enum trace_event *out);

/* Are the fields of r declared for its event, each at most once and in order? */
bool trace_rec_is_ordered(const struct trace_rec *r);

#endif
