/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers and words of a scenario: see scalar.h. */
#include "scenario/scalar.h"

#include <string.h>

#include "util/addr.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const char too_big[] = "does not fit 64 bits";
static const char bad_underscore[] = "'_' belongs between digits";
static const char leading_zero[] =
    "a leading zero is not allowed; drop it, or write 0x for hex";
static const char not_integer[] = "expected an integer such as 42 or 0x2a";

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    { "B", 1 },
    { "KiB", UINT64_C(1) << 10 },
    { "MiB", UINT64_C(1) << 20 },
    { "GiB", UINT64_C(1) << 30 },
    { "TiB", UINT64_C(1) << 40 },
    { "PiB", UINT64_C(1) << 50 },
};

static const struct unit time_units[] = {
    { "ns", 1 },
    { "us", 1000 },
    { "ms", 1000 * 1000 },
    { "s", 1000 * 1000 * 1000 },
};

static bool
is_word(const char *s, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(s, word, len) == 0;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned
hex_digit(char c)
{
    if (is_digit(c)) {
        return (unsigned)(c - '0');
    }
    char lower = (char)(c | 0x20);

    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

static const char *
parse_hex(const char *s, size_t len, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned d = hex_digit(s[i]);

        if (d == 16) {
            if (s[i] != '_') {
                return not_integer;
            }
            if (i == 0 || i + 1 == len || s[i + 1] == '_') {
                return bad_underscore;
            }
            continue;
        }
        if (v >> 60) {
            return too_big;
        }
        v = v << 4 | d;
    }
    *out = v;
    return len == 0 ? not_integer : NULL;
}

/*
 * The whole part of a decimal number at s: digits with `_` between. *used is how
 * far it goes, 0 if there is no digit.
 */
static const char *
parse_whole(const char *s, size_t len, size_t *used, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;

    while (i < len && (is_digit(s[i]) || s[i] == '_')) {
        if (s[i] == '_') {
            if (i == 0 || i + 1 == len || !is_digit(s[i + 1])) {
                return bad_underscore;
            }
        } else if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
                   __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v)) {
            return too_big;
        }
        i++;
    }
    if (i > 1 && s[0] == '0') {
        return leading_zero;
    }
    *used = i;
    *out = v;
    return NULL;
}

const char *
scalar_u64(const char *s, size_t len, uint64_t *out)
{
    if (len > 2 && s[0] == '0' && (s[1] | 0x20) == 'x') {
        return parse_hex(s + 2, len - 2, out);
    }
    uint64_t v = 0;
    size_t used = 0;
    const char *problem = parse_whole(s, len, &used, &v);

    if (problem != NULL) {
        return is_digit(s[0]) ? problem : not_integer;
    }
    if (len == 0) {
        return not_integer;
    }
    if (used != len) {
        return not_integer;
    }
    *out = v;
    return NULL;
}

const char *
scalar_i64(const char *s, size_t len, int64_t *out)
{
    bool minus = len > 0 && s[0] == '-';
    uint64_t v;
    const char *problem = scalar_u64(s + minus, len - minus, &v);

    if (problem != NULL) {
        return problem;
    }
    if (v > (uint64_t)INT64_MAX + minus) {
        return too_big;
    }
    *out = (int64_t)(minus ? UINT64_C(0) - v : v);
    return NULL;
}

static const struct unit *
find_unit(const struct unit *units, size_t n, const char *s, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (is_word(s, len, units[i].name)) {
            return &units[i];
        }
    }
    return NULL;
}

enum { DECIMALS_MAX = 18 }; /* 10^18 * 2^50 still fits 128 bits */

/*
 * s, len: the digits after the point. Adds their share of `factor` to *v; false
 * if that is no whole number.
 */
static bool
add_decimals(const char *s, size_t len, uint64_t factor, unsigned __int128 *v)
{
    uint64_t digits = 0, scale = 1;

    while (len > 0 && s[len - 1] == '0') {
        len--;
    }
    if (len > DECIMALS_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        digits = digits * 10 + (uint64_t)(s[i] - '0');
        scale *= 10;
    }
    unsigned __int128 share = (unsigned __int128)digits * factor;

    *v += share / scale;
    return share % scale == 0;
}

/* What differs between sizes and times. */
struct quantity {
    const struct unit *units;
    size_t n_units;
    bool bare; /* a number without a unit counts in the first unit */
    const char *expected, *inexact, *no_unit;
};

static const struct quantity size_quantity = {
    size_units,
    LEN(size_units),
    true,
    "expected a size such as 4096, 0x1000 or 4KiB (B, KiB, MiB, GiB, TiB, PiB)",
    "is not a whole number of bytes",
    NULL,
};

static const struct quantity time_quantity = {
    time_units,
    LEN(time_units),
    false,
    "expected a time such as 5us (ns, us, ms, s)",
    "is not a whole number of nanoseconds",
    "a time needs a unit: ns, us, ms or s",
};

static const char *
parse_quantity(const struct quantity *q, const char *s, size_t len, uint64_t *out)
{
    uint64_t whole = 0;
    size_t used = 0, point;
    const char *problem = parse_whole(s, len, &used, &whole);

    if (problem != NULL) {
        return is_digit(s[0]) ? problem : q->expected;
    }
    point = used;
    if (used > 0 && used < len && s[used] == '.') {
        do {
            used++;
        } while (used < len && is_digit(s[used]));
        if (used == point + 1) {
            return q->expected;
        }
    }
    if (used == 0) {
        return q->expected;
    }
    const struct unit *unit = find_unit(q->units, q->n_units, s + used, len - used);

    if (used == len) {
        if (!q->bare && !(whole == 0 && point == used)) {
            return q->no_unit;
        }
        unit = &q->units[0];
    }
    if (unit == NULL) {
        return q->expected;
    }
    unsigned __int128 v = (unsigned __int128)whole * unit->factor;

    if (used > point &&
        !add_decimals(s + point + 1, used - point - 1, unit->factor, &v)) {
        return q->inexact;
    }
    if (v > UINT64_MAX) {
        return too_big;
    }
    *out = (uint64_t)v;
    return NULL;
}

const char *
scalar_size(const char *s, size_t len, uint64_t *out)
{
    if (len > 2 && s[0] == '0' && (s[1] | 0x20) == 'x') {
        const char *problem = parse_hex(s + 2, len - 2, out);

        return problem == not_integer ? size_quantity.expected : problem;
    }
    return parse_quantity(&size_quantity, s, len, out);
}

const char *
scalar_time(const char *s, size_t len, uint64_t *out)
{
    return parse_quantity(&time_quantity, s, len, out);
}

const char *
scalar_switch(const char *s, size_t len, bool *out)
{
    static const char *const words[] = { "off", "on", "false", "true", "no", "yes" };

    for (size_t i = 0; i < LEN(words); i++) {
        if (is_word(s, len, words[i])) {
            *out = i % 2 == 1;
            return NULL;
        }
    }
    return "expected on or off";
}

const char *
scalar_perm(const char *s, size_t len, uint8_t *out)
{
    static const char *const words[] = { "none", "r", "w", "rw" };

    for (uint8_t i = 0; i < LEN(words); i++) {
        if (is_word(s, len, words[i])) {
            *out = i;
            return NULL;
        }
    }
    return "expected r, w, rw or none";
}

/* One to `most` hex digits at *s that end at `stop`, at most `max`. */
static bool
pci_part(const char **s, const char *end, size_t most, char stop, unsigned max,
         unsigned *out)
{
    unsigned v = 0;
    size_t n = 0;

    while (*s < end && n < most && hex_digit(**s) < 16) {
        v = v << 4 | hex_digit(**s);
        (*s)++;
        n++;
    }
    if (n == 0 || v > max) {
        return false;
    }
    if (stop != '\0') {
        if (*s == end || **s != stop) {
            return false;
        }
        (*s)++;
    }
    *out = v;
    return true;
}

const char *
scalar_pci(const char *s, size_t len, uint16_t *segment, uint16_t *sid)
{
    const char *end = s + len;
    unsigned seg = 0, bus, dev, fn;
    size_t colons = 0;

    for (const char *p = s; p < end; p++) {
        colons += *p == ':';
    }
    if ((colons == 2 && !pci_part(&s, end, 4, ':', 0xffff, &seg)) ||
        !pci_part(&s, end, 2, ':', 0xff, &bus) ||
        !pci_part(&s, end, 2, '.', 0x1f, &dev) || !pci_part(&s, end, 1, '\0', 7, &fn) ||
        s != end) {
        return "expected a PCI address such as 00:03.0 ([dddd:]bb:dd.f)";
    }
    *segment = (uint16_t)seg;
    *sid = (uint16_t)(bus << 8 | dev << 3 | fn);
    return NULL;
}

const char *
scalar_real(const char *s, size_t len, double *out)
{
    static const char expected[] = "expected a number such as 3 or 0.25";
    double v = 0, scale = 1;
    size_t i = 0, digits = 0;

    for (; i < len && is_digit(s[i]); i++, digits++) {
        v = v * 10 + (s[i] - '0');
    }
    if (digits > 0 && i + 1 < len && s[i] == '.') {
        for (i++; i < len && is_digit(s[i]); i++, digits++) {
            v = v * 10 + (s[i] - '0');
            scale *= 10;
        }
    }
    if (digits == 0 || i != len) {
        return expected;
    }
    if (digits > DECIMALS_MAX) {
        return "has too many digits";
    }
    *out = v / scale;
    return NULL;
}
