/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --subscriber and --watch: which records are kept. */

#include "trace/filter.h"

#include "trace/table.h"
#include "util/addr.h"

#include <string.h>

static bool
belongs_to(const char *subject, const char *device)
{
    size_t len = strlen(device);

    return strncmp(subject, device, len) == 0 &&
           (subject[len] == '\0' || subject[len] == '/');
}

static const struct trace_item *
find_item(const struct trace_rec *r, enum trace_field field)
{
    for (unsigned i = 0; i < r->n; i++) {
        if (r->item[i].field == field) {
            return &r->item[i];
        }
    }
    return NULL;
}

static const struct trace_item *
find_address(const struct trace_rec *r)
{
    const struct trace_item *it = find_item(r, TF_IOVA);

    if (it == NULL) {
        it = find_item(r, TF_IOBA);
    }
    if (it == NULL && r->event == TE_FAULT) {
        it = find_item(r, TF_ADDR);
    }
    return it;
}

/* The bytes that the address of r is about; pages are those of the watch. */
static uint64_t
find_length(const struct trace_rec *r, uint64_t page)
{
    const struct trace_item *it = find_item(r, TF_SIZE);

    if (it != NULL) {
        return it->v.u != 0 ? it->v.u : UINT64_MAX; /* a size of 0 is 2^64 */
    }
    it = find_item(r, TF_NPAGES);
    if (it == NULL) {
        return 1;
    }
    return it->v.u > UINT64_MAX / page ? UINT64_MAX : it->v.u * page;
}

static bool
watch_matches(const struct trace_watch *w, const struct trace_rec *r)
{
    enum trace_kind kind = trace_event_info(r->event)->kind;
    uint64_t page = w->page == 0 ? PAGE_BYTES : w->page;
    uint64_t first = w->iova & ~(page - 1);

    if (!belongs_to(r->subject, w->device)) {
        const struct trace_item *device = find_item(r, TF_DEVICE);
        if (kind == TRACE_DEVICE || strchr(r->subject, '/') != NULL ||
            (device != NULL && strcmp(device->v.s, w->device) != 0)) {
            return false;
        }
    }
    const struct trace_item *at = find_address(r);
    if (at == NULL) {
        return true;
    }
    uint64_t len = find_length(r, page);
    return ranges_overlap(at->v.u, range_last(at->v.u, len > 0 ? len : 1), first,
                          first + (page - 1));
}

bool
trace_filter_keeps(const struct trace_options *o, const struct trace_rec *r)
{
    bool kept = o->n_subscribers == 0;

    for (size_t i = 0; i < o->n_subscribers && !kept; i++) {
        kept = strcmp(o->subscribers[i], r->subject) == 0;
    }
    if (!kept || o->n_watches == 0) {
        return kept;
    }
    for (size_t i = 0; i < o->n_watches; i++) {
        if (watch_matches(&o->watches[i], r)) {
            return true;
        }
    }
    return false;
}
