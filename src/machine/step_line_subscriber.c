/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of a `subscribe` step in its line, as the step is read: those that are not
 * what they are by default.
 */
#include <inttypes.h>
#include <stdio.h>

#include "machine/step_line.h"

static void
put_name(struct line *l, const char *name)
{
    line_add(l, "%s%s=", l->len > 0 ? ":" : "", name);
}

static void
put_word(struct line *l, const char *name, const char *word, bool put)
{
    if (put) {
        put_name(l, name);
        line_add(l, "%s", word);
    }
}

static void
put_count(struct line *l, const char *name, uint64_t v)
{
    if (v == UINT64_MAX) {
        put_word(l, name, "infinite", true);
    } else if (v != 0) {
        put_name(l, name);
        line_add(l, "%" PRIu64, v);
    }
}

static void
put_size(struct line *l, const char *name, uint64_t v, uint64_t normal)
{
    if (v != normal) {
        put_name(l, name);
        line_add(l, "0x%" PRIx64, v);
    }
}

static void
put_spans(struct line *l, const char *name, const struct scenario_span *s, size_t n)
{
    if (n > 0) {
        put_name(l, name);
    }
    for (size_t i = 0; i < n; i++) {
        line_add(l, "%s0x%" PRIx64 "-0x%" PRIx64, i > 0 ? "," : "", s[i].first,
                 s[i].last);
    }
}

static void
put_page_sizes(struct line *l, uint64_t mask)
{
    if (mask != 0) {
        put_name(l, "page_sizes");
    }
    for (uint64_t left = mask; left != 0; left &= left - 1) {
        line_add(l, "%s0x%" PRIx64, left != mask ? "," : "", left & -left);
    }
}

/* What the kinds of subscriber take besides. */
static void
put_options(struct line *l, const struct scenario_subscriber *sub)
{
    static const char *const completion[] = { "good", "invalid", "never" };

    put_page_sizes(l, sub->page_sizes);
    put_count(l, "entry_limit", sub->entry_limit);
    put_size(l, "locked_memory", sub->locked_memory, UINT64_MAX);
    put_spans(l, "aperture", &sub->aperture, sub->has_aperture);
    put_spans(l, "reserved", sub->reserved, sub->n_reserved);
    put_word(l, "strict_permissions", "on", sub->strict_permissions);
    put_word(l, "version", "1", sub->version == 1);
    put_size(l, "backing_page", sub->backing_page, 0);
    put_spans(l, "registered", &sub->registered, sub->has_registered);
    put_count(l, "entries", sub->entries);
    put_word(l, "acks", "off", sub->no_acks);
    put_count(l, "depth", sub->depth);
    put_word(l, "set_map", "off", sub->no_set_map);
    put_word(l, "completion", completion[sub->completion], sub->completion != 0);
    if (sub->has_pasid) {
        put_name(l, "pasid");
        line_add(l, "%" PRIu32, sub->pasid);
    }
}

/* map|unmap */
static const char *
flags_text(unsigned flags, char text[static sizeof("map|unmap|deviotlb")])
{
    static const char *const name[] = { "map", "unmap", "deviotlb" };
    size_t n = 0;

    for (unsigned i = 0; i < 3; i++) {
        if (flags & 1U << i) {
            n += (size_t)sprintf(text + n, "%s%s", n > 0 ? "|" : "", name[i]);
        }
    }
    return text;
}

void
line_subscriber(struct line *l, const struct scenario_subscriber *sub)
{
    if (sub->flags != (SCENARIO_EVENT_MAP | SCENARIO_EVENT_UNMAP)) {
        trace_text(&l->rec, TF_FLAGS, flags_text(sub->flags, l->text[1]));
    }
    if (sub->range.first != 0 || sub->range.last != UINT64_MAX) {
        snprintf(l->text[0], sizeof(l->text[0]), "0x%" PRIx64 "-0x%" PRIx64,
                 sub->range.first, sub->range.last);
        trace_text(&l->rec, TF_RANGE, l->text[0]);
    }
    if (sub->container != NULL) {
        trace_text(&l->rec, TF_CONTAINER, sub->container);
    }
    if (sub->retry) {
        trace_text(&l->rec, TF_RETRY, "on");
    }
    put_options(l, sub);
    if (l->len > 0) {
        trace_text(&l->rec, TF_OPTIONS, l->list);
    }
}
