/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of a mapping to members of a struct, by table; errors at values. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenario/diag.h"
#include "scenario/loader.h"
#include "util/names.h"

struct val
val_of(const struct node *n)
{
    struct val v = { .node = n };

    if (n->kind == NODE_SCALAR) {
        v.s = n->u.text;
        v.len = n->n;
    }
    return v;
}

struct src_pos
val_pos(const struct loader *l, struct val v)
{
    if (v.node != NULL) {
        return v.node->pos;
    }
    const struct script_line *line = l->script;
    struct src_pos pos = { line->file, line->line, line->indent + 1 };

    if (v.s != NULL) {
        pos.col += diag_chars(line->begin, (size_t)(v.s - line->begin));
    }
    return pos;
}

static void __attribute__((format(printf, 4, 0)))
add_error(struct loader *l, struct src_pos pos, uint32_t span, const char *fmt,
          va_list args)
{
    l->errors++;
    diag_add(l->errs, pos, span, fmt, args);
}

void
load_error_at(struct loader *l, struct src_pos pos, uint32_t span, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_error(l, pos, span, fmt, args);
    va_end(args);
}

static uint32_t
val_span(struct val v)
{
    if (v.node != NULL) {
        return v.node->kind == NODE_SCALAR ? v.node->span : 1;
    }
    return v.s != NULL ? diag_chars(v.s, v.len) : 1;
}

void
load_error(struct loader *l, struct val v, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_error(l, val_pos(l, v), val_span(v), fmt, args);
    va_end(args);
}

const char *
val_text(struct val v, char *buf, size_t size)
{
    size_t len = v.len;

    if (v.s == NULL) {
        len = 0;
    } else if (len >= size) {
        len = size - 4;
        while (len > 0 && ((unsigned char)v.s[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    if (len > 0) {
        memcpy(buf, v.s, len);
    }
    strcpy(buf + len, len < v.len ? "..." : "");
    for (char *p = buf; *p != '\0'; p++) {
        *p = *p == '\n' ? ' ' : *p;
    }
    return buf;
}

bool
val_is(struct val v, const char *word)
{
    return v.s != NULL && strlen(word) == v.len && memcmp(v.s, word, v.len) == 0;
}

enum { LISTED_MAX = 12 }; /* so many names are listed where none is near */

/* "did you mean 'x'?", "expected a, b or c", or nothing, into buf. */
static const char *
advice(const char *word, const char *const *names, size_t n, char *buf, size_t size)
{
    const char *near = name_nearest(word, names, n);
    size_t used = 0, left = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        left += names[i] != NULL;
    }
    if (near != NULL) {
        snprintf(buf, size, "did you mean '%s'?", near);
    } else if (left > 0 && left <= LISTED_MAX) {
        used = (size_t)snprintf(buf, size, "expected");
        for (size_t i = 0; i < n; i++) {
            if (names[i] != NULL && used < size) {
                left--;
                used += (size_t)snprintf(buf + used, size - used, " %s%s", names[i],
                                         left > 1    ? ","
                                         : left == 1 ? " or"
                                                     : "");
            }
        }
    }
    return buf;
}

enum { ADVICE = 512 };

void
load_unknown(struct loader *l, struct val v, const char *what, const char *const *names,
             size_t n)
{
    char buf[VAL_TEXT], more[ADVICE];
    const char *word = val_text(v, buf, sizeof(buf));

    advice(word, names, n, more, sizeof(more));
    load_error(l, v, "unknown %s '%s'%s%s", what, word, more[0] != '\0' ? "; " : "",
               more);
}

void
load_bad_choice(struct loader *l, struct val v, const char *name,
                const char *const *names, size_t n)
{
    char buf[VAL_TEXT], more[ADVICE];
    const char *word = val_text(v, buf, sizeof(buf));

    load_error(l, v, "bad value '%s' for '%s': %s", word, name,
               advice(word, names, n, more, sizeof(more)));
}

void
load_unknown_key(struct loader *l, struct val key, const char *where,
                 const char *const *names, size_t n)
{
    char buf[VAL_TEXT], more[ADVICE];
    const char *word = val_text(key, buf, sizeof(buf));

    advice(word, names, n, more, sizeof(more));
    load_error(l, key, "unknown key '%s' in '%s'%s%s", word, where,
               more[0] != '\0' ? "; " : "", more);
}

/* ---- tables ------------------------------------------------------------- */

void
args_init(struct args *args, struct val whole)
{
    args->whole = whole;
    args->given = args->meant = 0;
    args->next = 0;
}

static bool
names_field(const struct field *f, struct val key)
{
    const char *name = f->name;
    size_t i = 0;

    while (i < key.len && name[i] == key.s[i] && name[i] != '\0') {
        i++;
    }
    return i == key.len && name[i] == '\0';
}

/* A key that is misspelt is not missed as well: *args remembers which was meant. */
static void
unknown_key(struct loader *l, const struct schema *s, struct val key, struct args *args)
{
    const char *names[2 * FIELDS_MAX];
    char buf[VAL_TEXT];
    size_t n = s->n;

    for (size_t i = 0; i < s->n; i++) {
        names[i] = s->fields[i].name;
    }
    for (size_t i = 0; s->more != NULL && i < s->more->n; i++) {
        names[n++] = s->more->fields[i].name;
    }
    const char *near = name_nearest(val_text(key, buf, sizeof(buf)), names, n);

    for (size_t i = 0; i < s->n; i++) {
        args->meant |= names[i] == near ? UINT64_C(1) << i : 0;
    }
    load_unknown_key(l, key, s->what, names, n);
}

const struct field *
schema_field(const struct schema *s, struct val key)
{
    for (size_t i = 0; i < s->n; i++) {
        if (names_field(&s->fields[i], key)) {
            return &s->fields[i];
        }
    }
    return s->more != NULL ? schema_field(s->more, key) : NULL;
}

void
schema_key(struct loader *l, const struct schema *s, struct val key, struct val v,
           void *out, struct args *args)
{
    /* keys mostly come in the order of the table */
    for (size_t tried = 0; tried < s->n; tried++) {
        uint32_t i = args->next;
        const struct field *f = &s->fields[i];

        args->next = i + 1 == s->n ? 0 : i + 1;
        if (!names_field(f, key)) {
            continue;
        }
        if (v.node == NULL && args_has(args, i)) {
            load_error(l, key, "key '%s' is there twice", f->name);
        } else {
            args->given |= UINT64_C(1) << i;
            args->v[i] = v;
            f->read(l, f, v, (char *)out + f->offset);
        }
        return;
    }
    const struct field *f = s->more != NULL ? schema_field(s->more, key) : NULL;

    if (f == NULL) {
        unknown_key(l, s, key, args);
    } else {
        s->read_more(l, f, v, out);
    }
}

void
schema_done(struct loader *l, const struct schema *s, const struct args *args)
{
    for (unsigned i = 0; i < s->n; i++) {
        bool there = args_has(args, i) || ((args->meant >> i) & 1);

        if ((s->fields[i].flags & FIELD_REQUIRED) && !there) {
            load_error(l, args->whole, "'%s' needs '%s'", s->what, s->fields[i].name);
        }
    }
}

bool
schema_read(struct loader *l, const struct schema *s, const struct node *map, void *out,
            struct args *args)
{
    uint64_t before = l->errors;

    args_init(args, val_of(map));
    if (map->kind != NODE_MAP && !node_is_empty(map)) {
        load_error(l, args->whole, "'%s' takes a mapping of keys, not a %s", s->what,
                   map->kind == NODE_LIST ? "list" : "single value");
        return false;
    }
    for (uint32_t i = 0; i < node_count(map); i++) {
        const struct node_pair *p = &map->u.pairs[i];

        schema_key(l, s, val_of(p->key), val_of(p->value), out, args);
    }
    schema_done(l, s, args);
    return l->errors == before;
}

const struct val *
args_find(const struct schema *s, const struct args *a, const char *name)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (args_has(a, i) && strcmp(s->fields[i].name, name) == 0) {
            return &a->v[i];
        }
    }
    return NULL;
}

/* ---- shapes ------------------------------------------------------------- */

static const char *
shape(struct val v)
{
    if (v.node == NULL || v.node->kind == NODE_SCALAR) {
        return v.len == 0 ? "nothing" : "a single value";
    }
    return v.node->kind == NODE_LIST ? "a list" : "a mapping";
}

bool
want_scalar(struct loader *l, const char *name, struct val v)
{
    if (v.s == NULL || (v.len == 0 && (v.node == NULL || v.node->plain))) {
        load_error(l, v, "'%s' takes a single value, not %s", name, shape(v));
        return false;
    }
    return true;
}

static const struct node *
want_kind(struct loader *l, const char *name, struct val v, enum node_kind kind)
{
    if (v.node != NULL && (v.node->kind == kind || node_is_empty(v.node))) {
        return v.node;
    }
    load_error(l, v, "'%s' takes a %s, not %s", name,
               kind == NODE_LIST ? "list" : "mapping of keys", shape(v));
    return NULL;
}

const struct node *
want_list(struct loader *l, const char *name, struct val v)
{
    return want_kind(l, name, v, NODE_LIST);
}

const struct node *
want_map(struct loader *l, const char *name, struct val v)
{
    return want_kind(l, name, v, NODE_MAP);
}

bool
read_ok(struct loader *l, const char *name, struct val v, const char *problem)
{
    char buf[VAL_TEXT];

    if (problem != NULL) {
        load_error(l, v, "bad value '%s' for '%s': %s", val_text(v, buf, sizeof(buf)),
                   name, problem);
    }
    return problem == NULL;
}

char *
load_strdup(struct loader *l, struct val v)
{
    return arena_strndup(l->arena, v.s, v.len);
}

bool
check_id(struct loader *l, const char *what, struct val v)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:";
    bool good = v.len > 0 && v.len <= 64;

    for (size_t i = 0; good && i < v.len; i++) {
        good = strchr(allowed, v.s[i]) != NULL && v.s[i] != '\0';
    }
    if (!good) {
        load_error(l, v, "%s must be 1 to 64 of letters, digits, '_', '-', '.' and ':'",
                   what);
    }
    return good;
}
