/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where records go: the counters, the hook, the outputs. */

#include "trace/trace.h"

#include "trace/filter.h"
#include "trace/format.h"
#include "trace/output.h"
#include "trace/table.h"
#include "util/alloc.h"
#include "util/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOOKED_AT = 1000 }; /* records of each event, whether they are in order */

/* One file of --split. */
struct split {
    char *subject;
    struct trace_output out;
};

struct trace_sink {
    struct trace_options opts;
    bool has_main;
    struct trace_output main;
    struct split *splits; /* in the order in which subscribers first spoke */
    size_t n_splits, cap_splits;
    size_t *index;              /* hash of a subject -> place in splits + 1; 0: free */
    size_t cap_index;           /* a power of two, more than twice n_splits */
    struct trace_header header; /* as last written, for new splits */
    struct arena header_arena;
    bool has_header;
    bool failed; /* a split could not be created */
    struct err error;
};

uint64_t
trace_hash(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static void
write_record(const struct trace_sink *s, struct trace_output *out,
             const struct trace_rec *r)
{
    if (s->opts.format == TRACE_FORMAT_JSONL) {
        trace_format_jsonl(out, r);
    } else {
        trace_format_text(out, r, s->opts.color);
    }
}

static void
write_header(const struct trace_sink *s, struct trace_output *out)
{
    if (s->opts.format == TRACE_FORMAT_JSONL) {
        trace_format_header_jsonl(out, &s->header);
    } else {
        trace_format_header_text(out, &s->header);
    }
}

static size_t *
index_slot(const struct trace_sink *s, const char *subject)
{
    size_t at = (size_t)trace_hash(subject, strlen(subject)) & (s->cap_index - 1);

    while (s->index[at] != 0 &&
           strcmp(s->splits[s->index[at] - 1].subject, subject) != 0) {
        at = (at + 1) & (s->cap_index - 1);
    }
    return &s->index[at];
}

static void
grow_splits(struct trace_sink *s)
{
    s->cap_splits = s->cap_splits == 0 ? 8 : s->cap_splits * 2;
    s->splits = xrealloc(s->splits, s->cap_splits, sizeof *s->splits);
    free(s->index);
    s->cap_index = s->cap_splits * 4;
    s->index = xcalloc(s->cap_index, sizeof *s->index);
    for (size_t i = 0; i < s->n_splits; i++) {
        *index_slot(s, s->splits[i].subject) = i + 1;
    }
}

/* DIR/nic0.vfio.trace for nic0/vfio. */
static char *
split_path(const struct trace_sink *s, const char *subject)
{
    char *path = xasprintf("%s/%s.%s", s->opts.split_dir, subject,
                           s->opts.format == TRACE_FORMAT_JSONL ? "jsonl" : "trace");

    for (char *p = path + strlen(s->opts.split_dir) + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '.';
        }
    }
    return path;
}

/* NULL, and s->error set, if the file cannot be created. */
static struct trace_output *
new_split(struct trace_sink *s, const char *subject)
{
    if (s->n_splits == s->cap_splits) {
        grow_splits(s);
    }
    struct split *sp = &s->splits[s->n_splits];
    char *path = split_path(s, subject);
    s->failed = !trace_output_init_path(&sp->out, path, &s->error);
    free(path);
    if (s->failed) {
        return NULL;
    }
    sp->subject = xstrdup(subject);
    s->n_splits++;
    *index_slot(s, subject) = s->n_splits;
    if (s->has_header) {
        write_header(s, &sp->out);
    }
    return &sp->out;
}

static struct trace_output *
split_for(struct trace_sink *s, const char *subject)
{
    size_t at = s->cap_index == 0 ? 0 : *index_slot(s, subject);

    if (at != 0) {
        return &s->splits[at - 1].out;
    }
    return s->failed ? NULL : new_split(s, subject);
}

static void
sink_write(struct trace_sink *s, const struct trace_rec *r)
{
    if (!trace_filter_keeps(&s->opts, r)) {
        return;
    }
    if (s->has_main) {
        write_record(s, &s->main, r);
    }
    if (s->opts.split_dir != NULL && strchr(r->subject, '/') != NULL) {
        struct trace_output *out = split_for(s, r->subject);
        if (out != NULL) {
            write_record(s, out, r);
        }
    }
}

static void
update_wants(struct trace *t)
{
    for (unsigned i = 0; i < TRACE_EVENT_COUNT; i++) {
        enum trace_level level = trace_event_info((enum trace_event)i)->level;
        bool watched = i == TE_ENTRY && t->sink != NULL && t->sink->opts.n_watches > 0;
        t->shown[i] = t->sink != NULL && (level <= t->level || watched);
        t->wants[i] = t->shown[i] ||
                      (t->hook != NULL && (level <= TRACE_NORMAL || level <= t->level));
    }
}

static bool
make_split_dir(const char *dir, struct err *e)
{
    return mkdir(dir, 0777) == 0 || errno == EEXIST ||
           err_set(e, "cannot create %s: %s", dir, strerror(errno));
}

struct trace *
trace_new(const struct trace_options *opts, struct err *e)
{
    if (opts->split_dir != NULL && !make_split_dir(opts->split_dir, e)) {
        return NULL;
    }
    struct trace *t = xcalloc(1, sizeof *t);

    if (opts->format != TRACE_FORMAT_NONE) {
        struct trace_sink *s = xcalloc(1, sizeof *s);
        arena_init(&s->header_arena);
        s->opts = *opts;
        if (opts->path != NULL) {
            if (!trace_output_init_path(&s->main, opts->path, e)) {
                free(s);
                free(t);
                return NULL;
            }
            s->has_main = true;
        } else if (opts->split_dir == NULL) {
            trace_output_init_fd(&s->main, opts->fd);
            s->has_main = true;
        }
        t->sink = s;
    }
    t->level = opts->level;
    update_wants(t);
    return t;
}

void
trace_set_hook(struct trace *t, trace_hook_fn *fn, void *self)
{
    t->hook = fn;
    t->hook_self = self;
    update_wants(t);
}

static const char *
copy_str(struct arena *a, const char *s)
{
    return s == NULL ? NULL : arena_strndup(a, s, strlen(s));
}

static const char *const *
copy_list(struct arena *a, const char *const *words, size_t n)
{
    const char **copy = arena_alloc(a, (n + 1) * sizeof *copy);

    for (size_t i = 0; i < n; i++) {
        copy[i] = copy_str(a, words[i]);
    }
    return copy;
}

/* s keeps a copy for the splits to come. */
static void
keep_header(struct trace_sink *s, const struct trace_header *h)
{
    arena_fini(&s->header_arena);
    arena_init(&s->header_arena);
    s->header = *h;
    s->header.version = copy_str(&s->header_arena, h->version);
    s->header.scenario = copy_str(&s->header_arena, h->scenario);
    s->header.profile = copy_str(&s->header_arena, h->profile);
    s->header.quirks = copy_list(&s->header_arena, h->quirks, h->n_quirks);
    s->header.overrides = copy_list(&s->header_arena, h->overrides, h->n_overrides);
    s->has_header = true;
}

void
trace_write_header(struct trace *t, const struct trace_header *h)
{
    struct trace_sink *s = t->sink;

    if (s == NULL) {
        return;
    }
    keep_header(s, h);
    if (s->has_main) {
        write_header(s, &s->main);
    }
    for (size_t i = 0; i < s->n_splits; i++) {
        write_header(s, &s->splits[i].out);
    }
}

void
trace_emit(struct trace *t, const struct trace_rec *r)
{
    if (!t->wants[r->event]) {
        return;
    }
    assert(t->emitted[r->event] >= LOOKED_AT || trace_rec_is_ordered(r));
    t->emitted[r->event]++;
    if (t->hook != NULL) {
        t->hook(t->hook_self, r);
    }
    if (t->shown[r->event]) {
        sink_write(t->sink, r);
    }
}

bool
trace_ok(const struct trace *t)
{
    const struct trace_sink *s = t->sink;
    bool ok = s == NULL || (!s->failed && !(s->has_main && s->main.failed));

    for (size_t i = 0; ok && s != NULL && i < s->n_splits; i++) {
        ok = !s->splits[i].out.failed;
    }
    return ok;
}

/* The first error is the one to tell. */
static bool
first_error(struct trace_sink *s, const struct err *first, bool ok, struct err *e)
{
    if (s->failed) {
        if (e != NULL) {
            *e = s->error;
        }
        return false;
    }
    if (!ok && e != NULL) {
        *e = *first;
    }
    return ok;
}

bool
trace_flush(struct trace *t, struct err *e)
{
    struct trace_sink *s = t->sink;
    struct err first;
    bool ok = true;

    if (s == NULL) {
        return true;
    }
    if (s->has_main) {
        ok = trace_output_flush(&s->main, &first);
    }
    for (size_t i = 0; i < s->n_splits; i++) {
        bool good = trace_output_flush(&s->splits[i].out, ok ? &first : NULL);
        ok = ok && good;
    }
    return first_error(s, &first, ok, e);
}

static bool
sink_close(struct trace_sink *s, struct err *e)
{
    struct err first;
    bool ok = true;

    if (s->has_main) {
        ok = trace_output_fini(&s->main, !s->failed, &first);
    }
    for (size_t i = 0; i < s->n_splits; i++) {
        bool good = trace_output_fini(&s->splits[i].out, !s->failed, ok ? &first : NULL);
        ok = ok && good;
        free(s->splits[i].subject);
    }
    return first_error(s, &first, ok, e);
}

bool
trace_close(struct trace *t, struct err *e)
{
    bool ok = true;

    if (t == NULL) {
        return true;
    }
    if (t->sink != NULL) {
        ok = sink_close(t->sink, e);
        arena_fini(&t->sink->header_arena);
        free(t->sink->splits);
        free(t->sink->index);
        free(t->sink);
    }
    free(t);
    return ok;
}

void
trace_discard(struct trace *t)
{
    if (t->sink != NULL) {
        t->sink->failed = true;
    }
    (void)trace_close(t, NULL);
}
