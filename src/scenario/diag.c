/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors of a scenario as users read them: see diag.h. */
#include "scenario/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

enum {
    KEEP_MAX = 1000, /* errors kept for sorting */
    SHOWN_MAX = 120, /* characters of a source line shown */
    LEAD = 60,       /* of them before the caret when a line is cut */
};

/* Bytes of the UTF-8 sequence at s (1 for a byte that begins none), at most len. */
static size_t
char_len(const char *s, size_t len)
{
    unsigned char c = (unsigned char)*s;
    size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

    if (want > len) {
        return 1;
    }
    for (size_t i = 1; i < want; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80) {
            return 1;
        }
    }
    return want;
}

uint32_t
diag_chars(const char *s, size_t len)
{
    uint32_t n = 0;

    for (size_t i = 0; i < len; i += char_len(s + i, len - i)) {
        n++;
    }
    return n;
}

/* Bytes of the line break at s, 0 if there is none. */
static size_t
break_len(const char *s, size_t len)
{
    unsigned char c = (unsigned char)s[0];

    if (c == '\n') {
        return 1;
    }
    if (c == '\r') {
        return len > 1 && s[1] == '\n' ? 2 : 1;
    }
    if (c == 0xc2 && len > 1 && (unsigned char)s[1] == 0x85) {
        return 2;
    }
    if (c == 0xe2 && len > 2 && (unsigned char)s[1] == 0x80 &&
        ((unsigned char)s[2] | 1) == 0xa9) {
        return 3;
    }
    return 0;
}

static size_t
line_end(const char *s, size_t len)
{
    size_t i = 0;

    while (i < len && break_len(s + i, len - i) == 0) {
        i++;
    }
    return i;
}

const char *
diag_line(const char *text, size_t len, uint32_t line, size_t *line_len)
{
    size_t at = 0;

    for (uint32_t l = 1; l < line; l++) {
        at += line_end(text + at, len - at);
        if (at == len) {
            return NULL;
        }
        at += break_len(text + at, len - at);
    }
    *line_len = line_end(text + at, len - at);
    return text + at;
}

static uint32_t
code_point(const char *s, size_t n)
{
    static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t c = (unsigned char)s[0] & lead[n];

    for (size_t i = 1; i < n; i++) {
        c = c << 6 | ((unsigned char)s[i] & 0x3f);
    }
    return c;
}

/* Columns a character takes on a terminal: the broad classes, not all of Unicode. */
static unsigned
char_width(uint32_t c)
{
    if (c >= 0x300 && c <= 0x36f) {
        return 0;
    }
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
                   (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
                   (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                   (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd)
               ? 2
               : 1;
}

/*
 * Writes the shown part of a line to `src`, and to `under` as much white space as
 * the part before character `caret` (from 0) is wide.
 */
static void
show_line(FILE *src, FILE *under, const char *s, size_t len, uint32_t caret)
{
    uint32_t skip = caret > SHOWN_MAX - LEAD / 2 ? caret - LEAD : 0, i = 0;

    if (skip > 0) {
        fputs("...", src);
        fputs("   ", under);
    }
    for (size_t at = 0; at < len; i++) {
        size_t n = char_len(s + at, len - at);
        unsigned char c = (unsigned char)s[at];

        if (i >= skip + SHOWN_MAX) {
            fputs("...", src);
            break;
        }
        if (i >= skip) {
            bool plain = c == '\t' || (c >= 0x20 && c < 0x7f) || n > 1;
            unsigned width = n > 1 ? char_width(code_point(s + at, n)) : 1;

            fwrite(plain ? s + at : "?", 1, n, src);
            for (unsigned w = 0; i < caret && w < width; w++) {
                fputc(c == '\t' ? '\t' : ' ', under);
            }
        }
        at += n;
    }
}

/*
 * One diagnostic; `line_text` (len bytes) is the line shown, NULL for none. The
 * caller frees it.
 */
static char *
render(const char *file, struct src_pos pos, uint32_t span, const char *what,
       const char *line_text, size_t len)
{
    char *text = NULL, *under = NULL;
    size_t size, under_size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return xstrdup(what);
    }
    if (pos.line == 0) {
        fprintf(out, "%s: error: %s\n", file, what);
        fclose(out);
        return text;
    }
    fprintf(out, "%s:%u:%u: error: %s\n", file, pos.line, pos.col, what);
    FILE *below = line_text != NULL ? open_memstream(&under, &under_size) : NULL;

    if (below != NULL) {
        uint32_t chars = diag_chars(line_text, len), caret = pos.col - 1;
        uint32_t room = chars > caret ? chars - caret : 1;

        fprintf(out, "%5u | ", pos.line);
        show_line(out, below, line_text, len, caret);
        fclose(below);
        fprintf(out, "\n      | %s^", under);
        room = room < SHOWN_MAX - LEAD ? room : SHOWN_MAX - LEAD;
        for (uint32_t i = 1; i < span && i < room; i++) {
            fputc('~', out);
        }
        fputc('\n', out);
        free(under);
    }
    fclose(out);
    return text;
}

static bool
same_place(struct src_pos a, struct src_pos b)
{
    return a.file == b.file && a.line == b.line && a.col == b.col;
}

void
diag_add(struct scenario_errors *errs, struct src_pos pos, uint32_t span, const char *fmt,
         va_list args)
{
    if (errs->n == KEEP_MAX) {
        return;
    }
    char *text = NULL;

    if (vasprintf(&text, fmt, args) < 0) {
        text = xstrdup(fmt);
    }
    for (size_t i = 0; i < errs->n; i++) {
        if (same_place(errs->list[i].pos, pos) && strcmp(errs->list[i].text, text) == 0) {
            free(text);
            return;
        }
    }
    if (errs->list == NULL) {
        errs->list = xcalloc(KEEP_MAX, sizeof(*errs->list));
    }
    errs->list[errs->n++] =
        (struct scenario_error){ .pos = pos, .span = span, .text = text };
}

static int
compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int
compare_errors(const void *pa, const void *pb)
{
    const struct scenario_error *a = pa, *b = pb;
    int c = compare_u32(a->pos.file, b->pos.file);

    c = c != 0 ? c : compare_u32(a->pos.line, b->pos.line);
    c = c != 0 ? c : compare_u32(a->pos.col, b->pos.col);
    return c != 0 ? c : strcmp(a->text, b->text);
}

static void
finish_one(struct scenario_error *e, const struct scenario_file *f)
{
    size_t len = 0;
    const char *line = f->text != NULL && e->pos.line > 0
                           ? diag_line(f->text, f->len, e->pos.line, &len)
                           : NULL;
    char *text = render(f->name, e->pos, e->span, e->text, line, len);

    free(e->text);
    e->text = text;
}

void
diag_finish(struct scenario_errors *errs, const struct scenario_file *files)
{
    if (errs->n > 1) {
        qsort(errs->list, errs->n, sizeof(*errs->list), compare_errors);
    }
    errs->more = errs->n > SCENARIO_ERRORS_MAX;
    while (errs->n > SCENARIO_ERRORS_MAX) {
        free(errs->list[--errs->n].text);
    }
    for (size_t i = 0; i < errs->n; i++) {
        finish_one(&errs->list[i], &files[errs->list[i].pos.file]);
    }
    if (errs->more) {
        struct src_pos whole = { 0 };

        errs->list[errs->n++].text =
            render(files[0].name, whole, 1, "too many errors", NULL, 0);
    }
}

void
scenario_errors_fini(struct scenario_errors *errs)
{
    for (size_t i = 0; i < errs->n; i++) {
        free(errs->list[i].text);
    }
    free(errs->list);
    *errs = (struct scenario_errors){ 0 };
}

void
scenario_errors_print(const struct scenario_errors *errs, FILE *out)
{
    for (size_t i = 0; i < errs->n; i++) {
        fputs(errs->list[i].text, out);
    }
}

char *
scenario_errors_text(const struct scenario_errors *errs)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return xstrdup("");
    }
    scenario_errors_print(errs, out);
    fclose(out);
    return text;
}
