/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Script lines to steps: see script.h. The words go by the tables of the actions. */
#include "scenario/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/action.h"
#include "scenario/diag.h"
#include "scenario/scalar.h"
#include "util/names.h"

/* A line being read; `at` moves to its end. */
struct line {
    struct loader *l;
    const char *at, *end;
    bool is_trace;
};

enum line_result { LINE_NOTHING, LINE_STEP, LINE_BAD };

/*
 * What stands behind `end` ends a word: every line is followed by a byte below ' ' + 1.
 */
static bool
in_word(const char *p)
{
    return (unsigned char)*p > ' ';
}

/* The next word; empty at the end of the line or where a comment begins. */
static struct val
next_word(struct line *w)
{
    const char *p = w->at;

    while (p < w->end && (*p == ' ' || *p == '\t' || *p == '\r')) {
        p++;
    }
    const char *begin = p;

    if (p == w->end || *p == '#') {
        w->at = w->end;
        return (struct val){ .s = p };
    }
    while (in_word(p)) {
        p++;
    }
    w->at = p;
    return (struct val){ .s = begin, .len = (size_t)(p - begin) };
}

/*
 * What a step's result must be, as the trace writes it: ret= rets= result= ... and, where
 * it is no argument, gpa=
 */
static bool
read_result(struct line *w, struct val key, struct val v, struct step *s)
{
    static const char *const keys[] = { "ret", "rets", "result", "done", "error", "gpa" };
    struct loader *l = w->l;
    size_t i = 0;

    while (i < LEN(keys) && !val_is(key, keys[i])) {
        i++;
    }
    if (i == LEN(keys)) {
        return false;
    }
    struct step_options *o = arena_alloc(l->arena, sizeof(*o));
    struct step_expect *x = arena_alloc(l->arena, sizeof(*x));

    *o = *s->opt;
    if (o->expect != NULL) {
        *x = *o->expect;
    }
    x->pos = s->pos;
    load_step_result(l, keys[i], v, x);
    o->expect = x;
    s->opt = o;
    return true;
}

static void
read_word_of(struct line *w, const struct action *a, struct val word, struct step *s,
             struct args *args)
{
    const char *equals = memchr(word.s, '=', word.len);
    struct val key = word, v = word;
    struct loader *l = w->l;

    if (equals != NULL) {
        key.len = (size_t)(equals - word.s);
        v.s = equals + 1;
        v.len = word.len - key.len - 1;
    }
    if (a->shorthand != NULL && (equals == NULL || val_is(key, "target"))) {
        a->shorthand(l, &(struct field){ .name = a->doc.name }, v, s);
        return;
    }
    if (equals == NULL || key.len == 0) {
        load_error(l, word, "expected key=value");
        return;
    }
    if (w->is_trace) {
        if (schema_field(a->schema, key) != NULL) {
            schema_key(l, a->schema, key, v, s, args);
        }
        return;
    }
    if (key.s[0] == 'w' && val_is(key, "wait")) {
        field_switch(l, &(struct field){ .name = "wait" }, v, &s->wait);
        return;
    }
    if ((key.s[0] == 'r' || key.s[0] == 'd' || key.s[0] == 'e' ||
         (key.s[0] == 'g' && schema_field(a->schema, key) == NULL)) &&
        read_result(w, key, v, s)) {
        return;
    }
    schema_key(l, a->schema, key, v, s, args);
}

static enum line_result
read_step(struct line *w, struct val word, struct val subject, struct step *s)
{
    struct loader *l = w->l;
    const struct action *a = find_action(word);
    enum step_timing timing = (enum step_timing)s->timing;
    uint64_t when = s->when, before = l->errors;
    struct args args;

    if (a == NULL) {
        unknown_action(l, word);
        return LINE_BAD;
    }
    step_init(l, s, a, (struct src_pos){ 0 });
    s->pos = val_pos(l, word);
    s->timing = (uint8_t)timing;
    s->when = when;
    args_init(&args, word);
    if (subject.s != NULL) {
        schema_key(l, a->schema, (struct val){ "device", 6, NULL }, subject, s, &args);
    }
    for (word = next_word(w); word.len > 0; word = next_word(w)) {
        read_word_of(w, a, word, s, &args);
    }
    if (w->at != w->end) {
        load_error(l, (struct val){ .s = w->at, .len = 1 }, "a control character");
    }
    schema_done(l, a->schema, &args);
    if (l->errors == before && a->finish != NULL) {
        a->finish(l, a, s, &args);
    }
    return l->errors == before ? LINE_STEP : LINE_BAD;
}

/* +T or @T before the action. */
static bool
read_prefix(struct line *w, struct val word, struct step *s)
{
    struct val t = { word.s + 1, word.len - 1, NULL };
    bool at = word.s[0] == '@';

    if (!read_ok(w->l, at ? "@" : "+", t, scalar_time(t.s, t.len, &s->when))) {
        return false;
    }
    s->timing = at ? STEP_AT : STEP_AFTER;
    return !at || check_at(w->l, word, s->when);
}

static enum line_result
read_script_line(struct line *w, struct step *s)
{
    struct val word = next_word(w);

    s->timing = STEP_READY;
    s->when = 0;
    if (word.len == 0) {
        return w->at == w->end ? LINE_NOTHING : read_step(w, word, (struct val){ 0 }, s);
    }
    if (word.s[0] == '+' || word.s[0] == '@') {
        struct val prefix = word;

        if (!read_prefix(w, prefix, s)) {
            return LINE_BAD;
        }
        word = next_word(w);
        if (word.len == 0) {
            load_error(w->l, prefix, "a time needs a step behind it");
            return LINE_BAD;
        }
    }
    return read_step(w, word, (struct val){ 0 }, s);
}

/* TIME SUBJECT EVENT key=value ...: a step if the subject is an actor. */
static enum line_result
read_trace_line(struct line *w, struct step *s)
{
    const struct scenario_index *index = w->l->sc->index;
    struct val time = next_word(w), subject = next_word(w), event = next_word(w);
    struct val device = { 0 };
    uint32_t i;

    if (time.len == 0) {
        return LINE_NOTHING;
    }
    if (scalar_u64(time.s, time.len, &s->when) != NULL || event.len == 0) {
        load_error(w->l, time, "expected a line of a trace: TIME SUBJECT EVENT ...");
        return LINE_BAD;
    }
    s->timing = STEP_AT;
    if (val_is(event, "dma")) {
        device = subject;
    } else if (memchr(subject.s, '/', subject.len) != NULL ||
               strmap_get(&index->devices, subject.s, subject.len, &i) ||
               strmap_get(&index->iommus, subject.s, subject.len, &i)) {
        return LINE_NOTHING;
    }
    const struct action *a = find_action(event);

    /* what these two did stands in lines of its own */
    if (a == NULL || a->kind == STEP_WORKLOAD || a->kind == STEP_REPLAY) {
        return LINE_NOTHING;
    }
    return read_step(w, event, device, s);
}

static enum line_result
read_line(struct loader *l, const struct script_line *line, bool is_trace, struct step *s)
{
    struct line w = { l, line->begin, line->begin + line->len, is_trace };

    l->script = line;
    enum line_result result = is_trace ? read_trace_line(&w, s) : read_script_line(&w, s);

    l->script = NULL;
    return result;
}

/* ---- blocks ------------------------------------------------------------- */

/* How far the file's line that holds the script's first line is indented. */
static uint32_t
block_indent(const struct loader *l, struct src_pos first, const char *text, size_t len)
{
    const struct scenario_file *f = &l->sc->files[first.file];
    size_t file_len = 0;
    const char *line = diag_line(f->text, f->len, first.line, &file_len);

    return line != NULL && file_len >= len &&
                   memcmp(line + file_len - len, text, len) == 0
               ? (uint32_t)(file_len - len)
               : 0;
}

struct step **
load_script(struct loader *l, struct val v, struct step **tail)
{
    if (!want_scalar(l, "script", v)) {
        return tail;
    }
    if (!v.node->literal && memchr(v.s, '\n', v.len) != NULL) {
        load_error(l, v, "lines are kept only in a literal block: write 'script: |'");
        return tail;
    }
    struct script_line line = { v.node->pos.file, v.node->pos.line + v.node->literal, 0,
                                v.s, 0 };
    const char *end = v.s + v.len;
    bool indented = !v.node->literal;
    struct step s;

    line.indent = indented ? v.node->pos.col - 1 + !v.node->plain : 0;
    for (; line.begin < end; line.line++) {
        const char *stop = memchr(line.begin, '\n', (size_t)(end - line.begin));

        line.len = (size_t)((stop != NULL ? stop : end) - line.begin);
        if (!indented && line.len > 0) {
            line.indent = block_indent(l, (struct src_pos){ line.file, line.line, 1 },
                                       line.begin, line.len);
            indented = true;
        }
        if (read_line(l, &line, false, &s) == LINE_STEP) {
            struct step *kept = arena_alloc(l->arena, sizeof(*kept));

            *kept = s;
            *tail = kept;
            tail = &kept->next;
        }
        line.begin += line.len + 1;
    }
    return tail;
}

/* ---- files -------------------------------------------------------------- */

enum { BUFFER_BYTES = 128 * 1024 }; /* a line must fit */

struct script_reader {
    FILE *f;
    const char *name;
    struct loader l;
    struct args sub_args;
    struct arena arena; /* of the step given last */
    struct scenario_errors errs;
    struct script_line line;
    bool is_trace;
    struct step step;
    size_t from, used; /* the unread part of buf */
    bool ended;
    char buf[BUFFER_BYTES + 1]; /* one for the byte that ends the last line */
};

struct script_reader *
script_open(const struct scenario *sc, const struct step_replay *replay, struct err *e)
{
    FILE *f = fopen(replay->path, "rb");

    if (f == NULL) {
        err_at(e, replay->path, 0, 0, "%s", strerror(errno));
        return NULL;
    }
    struct script_reader *r = xmalloc(sizeof(*r));

    memset(r, 0, offsetof(struct script_reader, buf));
    r->f = f;
    r->name = replay->path;
    r->is_trace = replay->from == REPLAY_IOMMUSIM;
    r->line.file = replay->file;
    union { /* the loader only reads it here: it is streaming */
        const struct scenario *read;
        struct scenario *loaders;
    } u = { .read = sc };

    r->l.sc = u.loaders;
    r->l.errs = &r->errs;
    r->l.streaming = true;
    r->l.arena = &r->arena;
    r->l.sub_args = &r->sub_args;
    arena_init(&r->arena);
    arena_init(&r->l.nodes);
    return r;
}

void
script_close(struct script_reader *r)
{
    if (r != NULL) {
        fclose(r->f);
        scenario_errors_fini(&r->errs);
        arena_fini(&r->l.nodes);
        arena_fini(&r->arena);
        free(r);
    }
}

static bool
fail_line(struct script_reader *r, struct err *e, const char *what)
{
    r->ended = true;
    return err_at(e, r->name, r->line.line, 1, "%s", what);
}

/* The next line into r->line; false at the end, or with *failed set. */
static bool
fetch_line(struct script_reader *r, struct err *e, bool *failed)
{
    char *stop;

    while ((stop = memchr(r->buf + r->from, '\n', r->used - r->from)) == NULL) {
        memmove(r->buf, r->buf + r->from, r->used - r->from);
        r->used -= r->from;
        r->from = 0;
        if (r->used == BUFFER_BYTES) {
            r->line.line++;
            *failed = !fail_line(r, e, "this line is too long");
            return false;
        }
        size_t n = fread(r->buf + r->used, 1, BUFFER_BYTES - r->used, r->f);

        r->used += n;
        if (n == 0) {
            if (ferror(r->f)) {
                *failed = !fail_line(r, e, "cannot be read on");
            }
            r->ended = true;
            stop = r->buf + r->used;
            *stop = '\n';
            if (r->used == 0 || *failed) {
                return false;
            }
            break;
        }
    }
    r->line.begin = r->buf + r->from;
    r->line.len = (size_t)(stop - r->line.begin);
    r->line.line++;
    r->from += r->line.len + (r->from + r->line.len < r->used);
    return true;
}

enum script_next
script_next(struct script_reader *r, const struct step **out, struct err *e)
{
    bool failed = false;

    if (r->arena.chunks != NULL) {
        arena_fini(&r->arena);
    }
    while (!r->ended && fetch_line(r, e, &failed)) {
        enum line_result got = read_line(&r->l, &r->line, r->is_trace, &r->step);

        if (got == LINE_STEP) {
            *out = &r->step;
            return SCRIPT_STEP;
        }
        if (got == LINE_BAD) {
            const struct scenario_error *first = &r->errs.list[0];

            r->ended = true;
            err_at(e, r->name, first->pos.line, first->pos.col, "%s", first->text);
            return SCRIPT_ERROR;
        }
    }
    return failed ? SCRIPT_ERROR : SCRIPT_END;
}
