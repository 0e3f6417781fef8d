/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables that events.def expands to. */

#include "trace/table.h"

#include <string.h>

#define TRACE_FIELD(id, name, kind)                                                      \
    _Static_assert(sizeof(",\"" name "\":") - 1 <= TRACE_KEY_BYTES, "key is too long");
#include "trace/events.def"

const struct trace_field_info trace_fields[TRACE_FIELD_COUNT] = {
#define TRACE_FIELD(id, name, kind)                                                      \
    [TF_##id] = {                                                                        \
        .type = TRACE_##kind,                                                            \
        .key_len = sizeof(name) - 1,                                                     \
        .text_len = sizeof(" " name "=") - 1,                                            \
        .json_len = sizeof(",\"" name "\":") - 1,                                        \
        .key = name,                                                                     \
        .text = " " name "=",                                                            \
        .json = ",\"" name "\":",                                                        \
    },
#include "trace/events.def"
};

#define LIST(...)                                                                        \
    {                                                                                    \
        __VA_ARGS__                                                                      \
    }
#define COUNT(...)                                                                       \
    (sizeof((enum trace_field[])LIST(__VA_ARGS__)) / sizeof(enum trace_field))

const struct trace_event_info trace_events[TRACE_EVENT_COUNT] = {
#define TRACE_EVENT(id, event_name, event_level, event_kind, ...)                        \
    [TE_##id] = {                                                                        \
        .level = TRACE_##event_level,                                                    \
        .kind = TRACE_##event_kind,                                                      \
        .name_len = sizeof(event_name) - 1,                                              \
        .n = COUNT(__VA_ARGS__),                                                         \
        .name = event_name,                                                              \
        .field = LIST(__VA_ARGS__),                                                      \
    },
#include "trace/events.def"
};

bool
trace_event_by_name(const char *name, size_t len, enum trace_event *out)
{
    for (unsigned i = 0; i < TRACE_EVENT_COUNT; i++) {
        if (trace_events[i].name_len == len &&
            memcmp(trace_events[i].name, name, len) == 0) {
            *out = (enum trace_event)i;
            return true;
        }
    }
    return false;
}

bool
trace_rec_is_ordered(const struct trace_rec *r)
{
    const struct trace_event_info *ev = trace_event_info(r->event);
    unsigned next = 0;

    for (unsigned i = 0; i < r->n; i++) {
        while (next < ev->n && ev->field[next] != r->item[i].field) {
            next++;
        }
        if (next++ == ev->n) {
            return false;
        }
    }
    return true;
}
