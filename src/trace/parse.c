/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines to records: text by hand, JSON by jansson. */

#include "trace/parse.h"

#include "trace/table.h"
#include "util/err.h"
#include "util/names.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "# iommusim-trace ";

/* A piece of the line. */
struct span {
    const char *s;
    size_t len;
};

/* A record being put together: each item at the place of its field in the event. */
struct draft {
    const struct trace_event_info *event;
    uint32_t given; /* bit i: item i is there */
    unsigned next;  /* where the next key is likely to be */
    struct trace_item item[TRACE_MAX_ITEMS];
};

void
trace_parser_init(struct trace_parser *p, struct trace_words *words, const char *file)
{
    *p = (struct trace_parser){ .words = words, .file = file };
}

static bool
find_event(struct trace_parser *p, struct span name, enum trace_event *out)
{
    unsigned char *cached = &p->event_cache[trace_hash(name.s, name.len) & 0xff];

    if (*cached != 0) {
        enum trace_event event = (enum trace_event)(*cached - 1);
        const struct trace_event_info *info = trace_event_info(event);
        if (info->name_len == name.len && memcmp(info->name, name.s, name.len) == 0) {
            *out = event;
            return true;
        }
    }
    if (!trace_event_by_name(name.s, name.len, out)) {
        return false;
    }
    *cached = (unsigned char)(*out + 1);
    return true;
}

/* --- values --- */

static bool
parse_dec(struct span v, uint64_t *out)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < v.len; i++) {
        unsigned digit = (unsigned)(unsigned char)v.s[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, digit, &sum)) {
            return false;
        }
    }
    *out = sum;
    return v.len > 0;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

static bool
parse_hex(struct span v, uint64_t *out)
{
    uint64_t sum = 0;

    if (v.len < 3 || v.s[0] != '0' || v.s[1] != 'x') {
        return false;
    }
    for (size_t i = 2; i < v.len; i++) {
        int digit = hex_value(v.s[i]);
        if (digit < 0 || sum >> 60 != 0) {
            return false;
        }
        sum = sum << 4 | (unsigned)digit;
    }
    *out = sum;
    return true;
}

/* All 2^64 bytes are kept as 0, and no other size is. */
static bool
parse_size(struct span v, uint64_t *out)
{
    if (v.len == strlen(TRACE_SIZE_ALL) && memcmp(v.s, TRACE_SIZE_ALL, v.len) == 0) {
        *out = 0;
        return true;
    }
    return parse_hex(v, out) && *out != 0;
}

static bool
parse_perm(struct span v, uint64_t *out)
{
    for (unsigned perm = 0; perm <= (TRACE_PERM_R | TRACE_PERM_W); perm++) {
        const char *name = perm_name(perm);
        if (strlen(name) == v.len && memcmp(name, v.s, v.len) == 0) {
            *out = perm;
            return true;
        }
    }
    return false;
}

/* Names of codes are short; a number stands for a code without one. */
enum { CODE_MAX = 64 };

static bool
parse_errno(struct span v, uint64_t *out)
{
    char name[CODE_MAX];
    int value = 0;

    if (v.len >= sizeof name) {
        return false;
    }
    memcpy(name, v.s, v.len);
    name[v.len] = '\0';
    if (strcmp(name, "ok") != 0 && !errno_by_name(name, &value)) {
        return parse_dec(v, out);
    }
    *out = (uint64_t)value;
    return true;
}

static bool
parse_hret(struct span v, uint64_t *out)
{
    char name[CODE_MAX];
    int64_t value;

    if (v.len >= sizeof name) {
        return false;
    }
    memcpy(name, v.s, v.len);
    name[v.len] = '\0';
    if (hret_by_name(name, &value)) {
        *out = (uint64_t)value;
        return true;
    }
    if (name[0] == '-') {
        bool ok = parse_dec((struct span){ v.s + 1, v.len - 1 }, out);
        *out = 0 - *out;
        return ok;
    }
    return parse_dec(v, out);
}

/* Any type but a word. */
static bool
parse_number(enum trace_type type, struct span v, uint64_t *out)
{
    switch (type) {
    case TRACE_HEX:
    case TRACE_HEX2:
        return parse_hex(v, out);
    case TRACE_SIZE:
        return parse_size(v, out);
    case TRACE_DEC:
        return parse_dec(v, out);
    case TRACE_PERM:
        return parse_perm(v, out);
    case TRACE_ERRNO:
        return parse_errno(v, out);
    case TRACE_HRET:
        return parse_hret(v, out);
    case TRACE_TEXT:
        break;
    }
    return false;
}

static const char *
type_name(enum trace_type type)
{
    switch (type) {
    case TRACE_HEX:
    case TRACE_HEX2:
        return "a number in hex (0x...)";
    case TRACE_SIZE:
        return "a size in hex (0x...), not 0";
    case TRACE_DEC:
        return "a decimal number";
    case TRACE_PERM:
        return "r, w, rw or none";
    case TRACE_ERRNO:
        return "an errno";
    case TRACE_HRET:
        return "a hypercall's return code";
    case TRACE_TEXT:
        break;
    }
    return "a word";
}

/* --- records --- */

static void
finish(const struct draft *d, struct trace_rec *rec)
{
    rec->n = 0;
    for (uint32_t left = d->given; left != 0; left &= left - 1) {
        rec->item[rec->n++] = d->item[__builtin_ctz(left)];
    }
}

/* The place of a key in its event; false, and *e, if it is not there or given twice. */
static bool
find_key(const struct trace_parser *p, struct draft *d, struct span key, uint32_t col,
         unsigned *place, struct err *e)
{
    const struct trace_event_info *ev = d->event;

    for (unsigned tried = 0; tried < ev->n; tried++) {
        unsigned i = (d->next + tried) % ev->n;
        const struct trace_field_info *f = trace_field_info(ev->field[i]);
        if (f->key_len == key.len && memcmp(f->key, key.s, key.len) == 0) {
            if (d->given >> i & 1) {
                return err_at(e, p->file, p->line, col, "'%s' is given twice", f->key);
            }
            d->given |= UINT32_C(1) << i;
            d->next = i + 1;
            d->item[i].field = ev->field[i];
            *place = i;
            return true;
        }
    }
    return err_at(e, p->file, p->line, col, "event '%s' has no key '%.*s'", ev->name,
                  (int)key.len, key.s);
}

static bool
bad_value(const struct trace_parser *p, enum trace_field field, struct span v,
          uint32_t col, struct err *e)
{
    const struct trace_field_info *f = trace_field_info(field);

    return err_at(e, p->file, p->line, col, "'%.*s' is no value of '%s': expected %s",
                  (int)v.len, v.s, f->key, type_name(f->type));
}

/* --- text --- */

struct cursor {
    const char *line, *at, *end;
};

static uint32_t
column(const struct cursor *c, const char *at)
{
    return (uint32_t)(at - c->line) + 1;
}

/* Up to the next blank, which is skipped. */
static struct span
next_span(struct cursor *c)
{
    const char *blank = memchr(c->at, ' ', (size_t)(c->end - c->at));
    const char *end = blank != NULL ? blank : c->end;
    struct span s = { c->at, (size_t)(end - c->at) };

    c->at = blank != NULL ? blank + 1 : c->end;
    return s;
}

/* Undo %20 and keep the word. NULL if it is badly escaped. */
static const char *
keep_word(struct trace_parser *p, struct span v)
{
    char small[256];

    if (memchr(v.s, '%', v.len) == NULL) {
        return trace_words_keep(p->words, v.s, v.len);
    }
    char *plain = v.len <= sizeof small ? small : xmalloc(v.len);
    size_t n = 0, i = 0;
    bool ok = true;
    for (; i < v.len && ok; i++) {
        plain[n] = v.s[i];
        if (v.s[i] == '%') {
            int hi = i + 2 < v.len ? hex_value(v.s[i + 1]) : -1;
            int lo = i + 2 < v.len ? hex_value(v.s[i + 2]) : -1;
            ok = hi >= 0 && lo >= 0 && (hi | lo) != 0;
            plain[n] = (char)(ok ? hi << 4 | lo : 0);
            i += 2;
        }
        n++;
    }
    const char *kept = ok ? trace_words_keep(p->words, plain, n) : NULL;
    if (plain != small) {
        free(plain);
    }
    return kept;
}

static bool
parse_pair(struct trace_parser *p, struct draft *d, const struct cursor *c,
           struct span pair, struct err *e)
{
    const char *eq = memchr(pair.s, '=', pair.len);
    unsigned i;

    if (eq == NULL) {
        return err_at(e, p->file, p->line, column(c, pair.s), "expected key=value");
    }
    struct span key = { pair.s, (size_t)(eq - pair.s) };
    struct span v = { eq + 1, pair.len - key.len - 1 };
    if (!find_key(p, d, key, column(c, key.s), &i, e)) {
        return false;
    }
    struct trace_item *it = &d->item[i];
    enum trace_type type = trace_field_info(it->field)->type;
    bool ok;
    if (type == TRACE_TEXT) {
        it->v.s = keep_word(p, v);
        ok = it->v.s != NULL;
    } else {
        ok = parse_number(type, v, &it->v.u);
    }
    return ok || bad_value(p, it->field, v, column(c, v.s), e);
}

static bool
parse_text(struct trace_parser *p, const char *s, size_t len, struct trace_rec *rec,
           struct err *e)
{
    struct cursor c = { s, s, s + len };
    struct span time = next_span(&c);
    struct span subject = next_span(&c);
    struct span name = next_span(&c);

    if (!parse_dec(time, &rec->time)) {
        return err_at(e, p->file, p->line, 1,
                      "expected TIME SUBJECT EVENT key=value ...");
    }
    rec->subject = subject.len > 0 ? keep_word(p, subject) : NULL;
    if (rec->subject == NULL) {
        return err_at(e, p->file, p->line, column(&c, subject.s), "expected a subject");
    }
    if (!find_event(p, name, &rec->event)) {
        return err_at(e, p->file, p->line, column(&c, name.s), "unknown event '%.*s'",
                      (int)name.len, name.s);
    }
    struct draft d = { .event = trace_event_info(rec->event) };
    while (c.at < c.end || c.end[-1] == ' ') {
        struct span pair = next_span(&c);
        if (!parse_pair(p, &d, &c, pair, e)) {
            return false;
        }
    }
    finish(&d, rec);
    return true;
}

static enum trace_parsed
parse_comment(struct trace_parser *p, const char *s, size_t len, struct err *e)
{
    struct span version = { s + sizeof magic - 1, len - (sizeof magic - 1) };

    if (len >= sizeof magic - 1 && memcmp(s, magic, sizeof magic - 1) == 0 &&
        (version.len != 1 || version.s[0] != '1')) {
        err_at(e, p->file, p->line, sizeof magic,
               "trace format %.*s is not known, only 1", (int)version.len, version.s);
        return TRACE_PARSED_ERROR;
    }
    return TRACE_PARSED_HEADER;
}

/* --- JSON --- */

static struct span
json_span(const json_t *v)
{
    return (struct span){ json_string_value(v), json_string_length(v) };
}

static bool
parse_member(struct trace_parser *p, struct draft *d, const char *key, json_t *v,
             struct err *e)
{
    unsigned i;

    if (!find_key(p, d, (struct span){ key, strlen(key) }, 0, &i, e)) {
        return false;
    }
    struct trace_item *it = &d->item[i];
    enum trace_type type = trace_field_info(it->field)->type;
    if (type == TRACE_DEC && json_is_integer(v) && json_integer_value(v) >= 0) {
        it->v.u = (uint64_t)json_integer_value(v);
        return true;
    }
    if (type == TRACE_TEXT && json_is_string(v)) {
        it->v.s = trace_words_keep(p->words, json_string_value(v), json_string_length(v));
        return true;
    }
    if (type == TRACE_DEC || !json_is_string(v)) {
        return err_at(e, p->file, p->line, 0, "'%s' must be %s%s", key, type_name(type),
                      type == TRACE_DEC ? "" : ", as a string");
    }
    return parse_number(type, json_span(v), &it->v.u) ||
           bad_value(p, it->field, json_span(v), 0, e);
}

static bool
parse_frame(struct trace_parser *p, json_t *root, struct trace_rec *rec, struct err *e)
{
    const json_t *time = json_object_get(root, "time");
    const json_t *subject = json_object_get(root, "subject");
    const json_t *event = json_object_get(root, "event");

    if (!json_is_integer(time) || json_integer_value(time) < 0 ||
        !json_is_string(subject) || json_string_length(subject) == 0 ||
        !json_is_string(event)) {
        return err_at(e, p->file, p->line, 0, "expected time, subject and event");
    }
    rec->time = (uint64_t)json_integer_value(time);
    rec->subject = trace_words_keep(p->words, json_string_value(subject),
                                    json_string_length(subject));
    return find_event(p, json_span(event), &rec->event) ||
           err_at(e, p->file, p->line, 0, "unknown event '%s'", json_string_value(event));
}

static bool
is_frame(const char *key)
{
    return strcmp(key, "time") == 0 || strcmp(key, "subject") == 0 ||
           strcmp(key, "event") == 0;
}

static bool
parse_object(struct trace_parser *p, json_t *root, struct trace_rec *rec, struct err *e)
{
    const char *key;
    json_t *v;

    if (!parse_frame(p, root, rec, e)) {
        return false;
    }
    struct draft d = { .event = trace_event_info(rec->event) };
    json_object_foreach(root, key, v)
    {
        if (!is_frame(key) && !parse_member(p, &d, key, v, e)) {
            return false;
        }
    }
    finish(&d, rec);
    return true;
}

static bool
is_json_header(const json_t *root)
{
    const char *event = json_string_value(json_object_get(root, "event"));

    return event != NULL && strcmp(event, "header") == 0;
}

static enum trace_parsed
parse_json(struct trace_parser *p, const char *s, size_t len, struct trace_rec *rec,
           struct err *e)
{
    enum trace_parsed what = TRACE_PARSED_RECORD;
    json_error_t error;
    json_t *root = json_loadb(s, len, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        uint32_t col = error.column > 0 ? (uint32_t)error.column : 0;
        err_at(e, p->file, p->line, col, "bad JSON: %s", error.text);
        return TRACE_PARSED_ERROR;
    }
    if (is_json_header(root)) {
        what = TRACE_PARSED_HEADER;
        if (json_integer_value(json_object_get(root, "format")) != 1) {
            err_at(e, p->file, p->line, 0, "trace format is not known, only 1");
            what = TRACE_PARSED_ERROR;
        }
    } else if (!parse_object(p, root, rec, e)) {
        what = TRACE_PARSED_ERROR;
    }
    json_decref(root);
    return what;
}

enum trace_parsed
trace_parse_line(struct trace_parser *p, const char *s, size_t len, struct trace_rec *rec,
                 struct err *e)
{
    if (len > 0 && s[0] == '#') {
        return parse_comment(p, s, len, e);
    }
    if (len > 0 && s[0] == '{') {
        return parse_json(p, s, len, rec, e);
    }
    return parse_text(p, s, len, rec, e) ? TRACE_PARSED_RECORD : TRACE_PARSED_ERROR;
}
