/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines by hand. Each put_x() writes at p and returns where the next goes; the bound
 * for a whole line is reserved before its first byte, so that nothing here checks for
 * space. Words are written escaped: %20 in text, \u0001 in JSON.
 */

#include "trace/format.h"

#include "trace/table.h"
#include "util/alloc.h"
#include "util/names.h"

#include <string.h>

#define RED       "\033[31m"
#define YELLOW    "\033[33m"
#define COLOR_OFF "\033[0m"

enum {
    NUMBER_MAX = 24,  /* a value that is not a word, quotes and slack included */
    ESCAPED_MAX = 6,  /* one byte of a word */
    AROUND_MAX = 128, /* time, event name, punctuation, colors */
};

static const char hex_digits[] = "0123456789abcdef";

/* 00 to 99 */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static char *
put_bytes(char *p, const char *s, size_t len)
{
    memcpy(p, s, len);
    return p + len;
}

static char *
put_str(char *p, const char *s)
{
    return put_bytes(p, s, strlen(s));
}

static char *
put_dec(char *p, uint64_t v)
{
    char tmp[20 + 20]; /* the digits end in the middle: 20 bytes are copied, always */
    char *end = tmp + 20;
    char *t = end;

    for (; v >= 100; v /= 100) {
        t -= 2;
        memcpy(t, &pairs[v % 100 * 2], 2);
    }
    t -= 2;
    memcpy(t, &pairs[v * 2], 2);
    if (*t == '0') {
        t++;
    }
    memcpy(p, t, 20);
    return p + (end - t);
}

static char *
put_hex(char *p, uint64_t v, unsigned min_digits)
{
    unsigned digits = v == 0 ? 1 : (67u - (unsigned)__builtin_clzll(v)) / 4;

    if (digits < min_digits) {
        digits = min_digits;
    }
    *p++ = '0';
    *p++ = 'x';
    for (unsigned i = digits; i-- > 0; v >>= 4) {
        p[i] = hex_digits[v & 15];
    }
    return p + digits;
}

static inline char *
put_escaped(char *p, const char *s, unsigned char last_escaped)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c > last_escaped && c != '%' && c != 0x7f) {
            *p++ = (char)c;
        } else {
            *p++ = '%';
            *p++ = hex_digits[c >> 4];
            *p++ = hex_digits[c & 15];
        }
    }
    return p;
}

static char *
put_word_text(char *p, const char *s)
{
    return put_escaped(p, s, ' ');
}

/* The rest of a '#' line: blanks are welcome. */
static char *
put_comment(char *p, const char *s)
{
    return put_escaped(p, s, ' ' - 1);
}

static char *
put_word_json(char *p, const char *s)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < ' ' || c == 0x7f) {
            p = put_str(p, "\\u00");
            *p++ = hex_digits[c >> 4];
            *p++ = hex_digits[c & 15];
            continue;
        }
        if (c == '"' || c == '\\') {
            *p++ = '\\';
        }
        *p++ = (char)c;
    }
    return p;
}

static char *
put_signed(char *p, int64_t v)
{
    if (v < 0) {
        *p++ = '-';
        return put_dec(p, 0 - (uint64_t)v);
    }
    return put_dec(p, (uint64_t)v);
}

/* By name, or the number where it has none. */
static char *
put_errno(char *p, uint64_t v)
{
    int back = 0;

    if (v == 0) {
        return put_str(p, "ok");
    }
    const char *name = errno_name((int)v);
    if (errno_by_name(name, &back) && (uint64_t)back == v) {
        return put_str(p, name);
    }
    return put_dec(p, v);
}

static char *
put_hret(char *p, uint64_t v)
{
    const char *name = hret_name((int64_t)v);

    return name != NULL ? put_str(p, name) : put_signed(p, (int64_t)v);
}

typedef char *put_word_fn(char *p, const char *s);

static inline char *
put_value(char *p, enum trace_type type, const struct trace_item *it,
          put_word_fn *put_word)
{
    uint64_t v = it->v.u;

    switch (type) {
    case TRACE_HEX:
        return put_hex(p, v, 1);
    case TRACE_HEX2:
        return put_hex(p, v, 2);
    case TRACE_SIZE:
        return v == 0 ? put_str(p, TRACE_SIZE_ALL) : put_hex(p, v, 1);
    case TRACE_DEC:
        return put_dec(p, v);
    case TRACE_PERM:
        return put_str(p, perm_name((unsigned)v & (TRACE_PERM_R | TRACE_PERM_W)));
    case TRACE_ERRNO:
        return put_errno(p, v);
    case TRACE_HRET:
        return put_hret(p, v);
    case TRACE_TEXT:
        return put_word(p, it->v.s);
    }
    return p;
}

/* An upper bound for the line of r in any format. */
static size_t
line_bound(const struct trace_rec *r)
{
    size_t bytes = strlen(r->subject); /* of words */

    for (unsigned i = 0; i < r->n; i++) {
        if (trace_field_info(r->item[i].field)->type == TRACE_TEXT) {
            bytes += strlen(r->item[i].v.s);
        }
    }
    return AROUND_MAX + r->n * (TRACE_KEY_BYTES + NUMBER_MAX) + bytes * ESCAPED_MAX;
}

static const char *
color_of(enum trace_event event)
{
    if (event == TE_VIOLATION || event == TE_EXPECT_FAILED) {
        return RED;
    }
    if (event == TE_FAULT || event == TE_REFUSED || event == TE_ERROR) {
        return YELLOW;
    }
    return NULL;
}

void
trace_format_text(struct trace_output *o, const struct trace_rec *r, bool color)
{
    const struct trace_event_info *ev = trace_event_info(r->event);
    const char *on = color ? color_of(r->event) : NULL;
    char *start = trace_output_reserve(o, line_bound(r));
    char *p = start;

    if (on != NULL) {
        p = put_str(p, on);
    }
    p = put_dec(p, r->time);
    *p++ = ' ';
    p = put_word_text(p, r->subject);
    *p++ = ' ';
    memcpy(p, ev->name, sizeof ev->name);
    p += ev->name_len;
    for (unsigned i = 0; i < r->n; i++) {
        const struct trace_item *it = &r->item[i];
        const struct trace_field_info *f = trace_field_info(it->field);
        memcpy(p, f->text, sizeof f->text);
        p += f->text_len;
        p = put_value(p, f->type, it, put_word_text);
    }
    if (on != NULL) {
        p = put_str(p, COLOR_OFF);
    }
    *p++ = '\n';
    o->used += (size_t)(p - start);
}

char *
trace_format_string(const struct trace_rec *r)
{
    struct trace_output o;

    trace_output_init_fd(&o, -1); /* only its buffer is used */
    trace_format_text(&o, r, false);
    char *line = xmalloc(o.used);
    memcpy(line, o.buf, o.used - 1);
    line[o.used - 1] = '\0';
    o.used = 0;
    (void)trace_output_fini(&o, false, NULL);
    return line;
}

void
trace_format_jsonl(struct trace_output *o, const struct trace_rec *r)
{
    const struct trace_event_info *ev = trace_event_info(r->event);
    char *start = trace_output_reserve(o, line_bound(r));
    char *p = start;

    p = put_str(p, "{\"time\":");
    p = put_dec(p, r->time);
    p = put_str(p, ",\"subject\":\"");
    p = put_word_json(p, r->subject);
    p = put_str(p, "\",\"event\":\"");
    memcpy(p, ev->name, sizeof ev->name);
    p += ev->name_len;
    *p++ = '"';
    for (unsigned i = 0; i < r->n; i++) {
        const struct trace_item *it = &r->item[i];
        const struct trace_field_info *f = trace_field_info(it->field);
        memcpy(p, f->json, sizeof f->json);
        p += f->json_len;
        if (f->type == TRACE_DEC) {
            p = put_dec(p, it->v.u);
            continue;
        }
        *p++ = '"';
        p = put_value(p, f->type, it, put_word_json);
        *p++ = '"';
    }
    p = put_str(p, "}\n");
    o->used += (size_t)(p - start);
}

static void
add_word(struct trace_output *o, const char *before, const char *word, put_word_fn *put,
         const char *after)
{
    size_t bound = strlen(before) + strlen(word) * ESCAPED_MAX + strlen(after);
    char *start = trace_output_reserve(o, bound);
    char *p = put_str(put(put_str(start, before), word), after);

    o->used += (size_t)(p - start);
}

static void
add_text(struct trace_output *o, const char *text)
{
    add_word(o, text, "", put_str, "");
}

static void
add_hash(struct trace_output *o, uint64_t hash)
{
    char *start = trace_output_reserve(o, NUMBER_MAX);

    o->used += (size_t)(put_hex(start, hash, 16) - start);
}

static void
add_seed(struct trace_output *o, uint64_t seed)
{
    char *start = trace_output_reserve(o, NUMBER_MAX);

    o->used += (size_t)(put_dec(start, seed) - start);
}

/* What stands before each value of a header, and behind it. */
struct header_form {
    const char *start, *version, *scenario, *hash, *seed, *profile, *behind;
    put_word_fn *put;
};

static const struct header_form text_form = {
    .start = "# iommusim-trace 1\n",
    .version = "# version ",
    .scenario = "# scenario ",
    .hash = " hash=",
    .seed = "# seed ",
    .profile = "# profile ",
    .behind = "\n",
    .put = put_comment,
};

static const struct header_form json_form = {
    .start = "{\"time\":0,\"subject\":\"iommusim\",\"event\":\"header\",\"format\":1",
    .version = ",\"version\":\"",
    .scenario = ",\"scenario\":\"",
    .hash = "\",\"hash\":\"",
    .seed = ",\"seed\":\"",
    .profile = ",\"profile\":\"",
    .behind = "\"",
    .put = put_word_json,
};

/* All but the lists; what is NULL is left out. */
static void
add_header_values(struct trace_output *o, const struct trace_header *h,
                  const struct header_form *f)
{
    add_text(o, f->start);
    if (h->version != NULL) {
        add_word(o, f->version, h->version, f->put, f->behind);
    }
    if (h->scenario != NULL) {
        add_word(o, f->scenario, h->scenario, f->put, f->hash);
        add_hash(o, h->hash);
        add_text(o, f->behind);
    }
    add_text(o, f->seed);
    add_seed(o, h->seed);
    add_text(o, f->behind);
    if (h->profile != NULL) {
        add_word(o, f->profile, h->profile, f->put, f->behind);
    }
}

static void
add_list_text(struct trace_output *o, const char *key, const char *const *words, size_t n)
{
    add_word(o, key, n == 0 ? " none" : "", put_str, "");
    for (size_t i = 0; i < n; i++) {
        add_word(o, " ", words[i], put_word_text, "");
    }
    add_text(o, "\n");
}

void
trace_format_header_text(struct trace_output *o, const struct trace_header *h)
{
    add_header_values(o, h, &text_form);
    add_list_text(o, "# quirks", h->quirks, h->n_quirks);
    if (h->n_overrides > 0) {
        add_list_text(o, "# overrides", h->overrides, h->n_overrides);
    }
}

static void
add_list_json(struct trace_output *o, const char *key, const char *const *words, size_t n)
{
    add_word(o, ",\"", key, put_word_json, "\":[");
    for (size_t i = 0; i < n; i++) {
        add_word(o, i == 0 ? "\"" : ",\"", words[i], put_word_json, "\"");
    }
    add_text(o, "]");
}

void
trace_format_header_jsonl(struct trace_output *o, const struct trace_header *h)
{
    add_header_values(o, h, &json_form);
    add_list_json(o, "quirks", h->quirks, h->n_quirks);
    add_list_json(o, "overrides", h->overrides, h->n_overrides);
    add_text(o, "}\n");
}
