/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See capture_line.h. */
#include "trace/capture_line.h"

#include <string.h>

/*
 * An event's text after its name. %x is a number in hex, with 0x or without; %d one in
 * decimal, perhaps negative; %w a word that is not looked at; a trailing %* anything.
 */
struct form {
    const char *name;
    enum capture_event event;
    const char *pattern;
};

#define PUT      "liobn=%x ioba=%x tce=%x ret=%d"
#define STUFF    "liobn=%x ioba=%x tcevalue=%x npages=%d ret=%d"
#define INDIRECT "liobn=%x ioba=%x tcelist=%x iobaN=%x tceN=%x ret=%d"
#define GET      "liobn=%x ioba=%x ret=%d tce=%x"

/* Frequent ones first. */
static const struct form forms[] = {
    { "spapr_iommu_pci_put", CAPTURE_EV_PUT, PUT },
    { "spapr_iommu_put", CAPTURE_EV_PUT, PUT },
    { "spapr_iommu_pci_stuff", CAPTURE_EV_STUFF, STUFF },
    { "spapr_iommu_stuff", CAPTURE_EV_STUFF, STUFF },
    { "spapr_iommu_pci_indirect", CAPTURE_EV_INDIRECT, INDIRECT },
    { "spapr_iommu_indirect", CAPTURE_EV_INDIRECT, INDIRECT },
    { "spapr_iommu_xlate", CAPTURE_EV_XLATE, "liobn=%x %x -> %x perm=%d mask=%x" },
    { "spapr_iommu_pci_get", CAPTURE_EV_GET, GET },
    { "spapr_iommu_get", CAPTURE_EV_GET, GET },
    { "spapr_iommu_new_table", CAPTURE_EV_NEW_TABLE, "liobn=%x table=%w fd=%d" },
    { "spapr_iommu_ddw_query", CAPTURE_EV_QUERY,
      "buid=%x addr=%x, %d windows available, max window size=%x, mask=%x" },
    { "spapr_iommu_ddw_create", CAPTURE_EV_CREATE,
      "buid=%x addr=%x, page size=%x, requested=%x, start addr=%x, liobn=%x" },
    { "spapr_iommu_ddw_remove", CAPTURE_EV_REMOVE, "liobn=%x" },
    { "spapr_iommu_ddw_reset", CAPTURE_EV_RESET, "buid=%x addr=%x" },
    { "spapr_iommu_post_load", CAPTURE_EV_POST_LOAD,
      "liobn=%x %x => %x bus_offset=%x ps=%d" },
    { "spapr_vio_h_reg_crq", CAPTURE_EV_REG_CRQ, "CRQ for dev %x registered at %w" },
    { "spapr_vio_free_crq", CAPTURE_EV_FREE_CRQ, "CRQ for dev %x freed" },
    { "vhost_dev_start", CAPTURE_EV_START, "%*" },
    { "vhost_dev_stop", CAPTURE_EV_STOP, "%*" },
};

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static unsigned
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    return 16;
}

/* Each returns what follows, or NULL. */

static const char *
read_hex(const char *p, uint64_t *out)
{
    uint64_t v = 0;

    if (p[0] == '0' && p[1] == 'x') {
        p += 2;
    }
    const char *start = p;

    for (unsigned d; (d = hex_digit(*p)) < 16; p++) {
        if (v >> 60 != 0) {
            return NULL;
        }
        v = v << 4 | d;
    }
    *out = v;
    return p > start ? p : NULL;
}

static const char *
read_decimal(const char *p, uint64_t *out)
{
    bool negative = *p == '-';
    uint64_t v = 0;

    p += negative;
    const char *start = p;

    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');

        if (v > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        v = v * 10 + digit;
    }
    *out = negative ? 0 - v : v;
    return p > start ? p : NULL;
}

static const char *
read_word(const char *p)
{
    const char *start = p;

    while (*p != '\0' && !is_space(*p)) {
        p++;
    }
    return p > start ? p : NULL;
}

/* Where the text departs from the pattern; NULL if it does not. */
static const char *
match(const char *text, const char *pattern, uint64_t *numbers)
{
    const char *p = text;

    for (; *pattern != '\0'; pattern++) {
        const char *next = NULL;

        if (*pattern != '%') {
            next = *p == *pattern ? p + 1 : NULL;
        } else if (*++pattern == 'x') {
            next = read_hex(p, numbers++);
        } else if (*pattern == 'd') {
            next = read_decimal(p, numbers++);
        } else if (*pattern == 'w') {
            next = read_word(p);
        } else {
            return NULL;
        }
        if (next == NULL) {
            return p;
        }
        p = next;
    }
    while (is_space(*p)) {
        p++;
    }
    return *p == '\0' ? NULL : p;
}

/* PID@SEC.USEC: and what follows, or NULL. */
static const char *
read_prefix(const char *p, uint64_t *usec)
{
    uint64_t pid, seconds, micro;

    if ((p = read_decimal(p, &pid)) == NULL || *p++ != '@' ||
        (p = read_decimal(p, &seconds)) == NULL || *p++ != '.' ||
        (p = read_decimal(p, &micro)) == NULL || *p++ != ':') {
        return NULL;
    }
    *usec = seconds * 1000000 + micro;
    return p;
}

static const struct form *
form_of(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strncmp(forms[i].name, name, len) == 0 && forms[i].name[len] == '\0') {
            return &forms[i];
        }
    }
    return NULL;
}

/*
 * Where another event begins in the midst of this one, as where a log was cut; or NULL.
 */
static const char *
next_event(const char *text)
{
    uint64_t usec;

    for (const char *at = strchr(text, '@'); at != NULL;) {
        const char *start = at = strchr(at + 1, '@');

        while (start != NULL && start > text && start[-1] >= '0' && start[-1] <= '9') {
            start--;
        }
        if (start != NULL && read_prefix(start, &usec) != NULL) {
            return start;
        }
    }
    return NULL;
}

enum capture_parse
capture_parse_line(const char *text, struct capture_line *out, struct err *e)
{
    const char *name = read_prefix(text, &out->usec);

    if (name == NULL) {
        return CAPTURE_SKIPPED;
    }
    const char *end = read_word(name);
    const struct form *form = end != NULL ? form_of(name, (size_t)(end - name)) : NULL;

    if (form == NULL) {
        return CAPTURE_SKIPPED;
    }
    const char *args = *end == ' ' ? end + 1 : end;
    const char *bad = match(args, form->pattern, out->n);

    if (bad != NULL) {
        const char *next = next_event(text);

        if (next != NULL) {
            return capture_parse_line(next, out, e);
        }
        err_at(e, NULL, 0, (uint32_t)(bad - text) + 1, "malformed '%s' line", form->name);
        return CAPTURE_MALFORMED;
    }
    out->event = form->event;
    return CAPTURE_PARSED;
}
