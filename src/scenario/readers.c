/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Readers of single values, as the tables of fields name them: see loader.h. */
#include <string.h>

#include "scenario/loader.h"
#include "scenario/scalar.h"

static const char must_fit[] = "is too big here";

void
field_ignore(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)l;
    (void)f;
    (void)v;
    (void)out;
}

static bool
read_u64(struct loader *l, const struct field *f, struct val v, uint64_t max,
         uint64_t *out)
{
    uint64_t x;

    if (!want_scalar(l, f->name, v) ||
        !read_ok(l, f->name, v, scalar_u64(v.s, v.len, &x)) ||
        !read_ok(l, f->name, v, x > max ? must_fit : NULL)) {
        return false;
    }
    *out = x;
    return true;
}

void
field_u64(struct loader *l, const struct field *f, struct val v, void *out)
{
    read_u64(l, f, v, UINT64_MAX, out);
}

void
field_u32(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t x;

    if (read_u64(l, f, v, UINT32_MAX, &x)) {
        *(uint32_t *)out = (uint32_t)x;
    }
}

void
field_u16(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t x;

    if (read_u64(l, f, v, UINT16_MAX, &x)) {
        *(uint16_t *)out = (uint16_t)x;
    }
}

void
field_u8(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t x;

    if (read_u64(l, f, v, UINT8_MAX, &x)) {
        *(uint8_t *)out = (uint8_t)x;
    }
}

static const char *
at_least_one(uint64_t x)
{
    return x == 0 ? "expected 1 or more" : NULL;
}

void
field_count(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t x;

    if (read_u64(l, f, v, UINT64_MAX, &x) && read_ok(l, f->name, v, at_least_one(x))) {
        *(uint64_t *)out = x;
    }
}

void
field_size(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_scalar(l, f->name, v)) {
        read_ok(l, f->name, v, scalar_size(v.s, v.len, out));
    }
}

void
field_some(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t x;

    if (want_scalar(l, f->name, v) &&
        read_ok(l, f->name, v, scalar_size(v.s, v.len, &x)) &&
        read_ok(l, f->name, v, at_least_one(x))) {
        *(uint64_t *)out = x;
    }
}

void
field_time(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_scalar(l, f->name, v)) {
        read_ok(l, f->name, v, scalar_time(v.s, v.len, out));
    }
}

void
field_switch(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_scalar(l, f->name, v)) {
        read_ok(l, f->name, v, scalar_switch(v.s, v.len, out));
    }
}

void
field_unless_off(struct loader *l, const struct field *f, struct val v, void *out)
{
    bool on = !*(bool *)out;

    field_switch(l, f, v, &on);
    *(bool *)out = !on;
}

void
field_bit(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (val_is(v, "0") || val_is(v, "1")) {
        *(bool *)out = v.s[0] == '1';
    } else if (want_scalar(l, f->name, v)) {
        read_ok(l, f->name, v,
                scalar_switch(v.s, v.len, out) == NULL ? NULL
                                                       : "expected on or off, or 1 or 0");
    }
}

void
field_perm(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_scalar(l, f->name, v)) {
        read_ok(l, f->name, v, scalar_perm(v.s, v.len, out));
    }
}

void
field_text(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (v.s != NULL || want_scalar(l, f->name, v)) {
        *(const char **)out = load_strdup(l, v);
    }
}

void
field_name(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_scalar(l, f->name, v) && check_id(l, "a name", v)) {
        *(const char **)out = load_strdup(l, v);
    }
}

void
field_page(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t x = 0;

    if (f->arg != NULL && val_is(v, "auto")) {
        *(uint8_t *)out = 0;
        return;
    }
    if (!want_scalar(l, f->name, v) ||
        !read_ok(l, f->name, v, scalar_size(v.s, v.len, &x))) {
        return;
    }
    if (!is_pow2(x) || x < PAGE_BYTES) {
        read_ok(l, f->name, v, "expected a page size: a power of two from 4KiB on");
        return;
    }
    *(uint8_t *)out = (uint8_t)__builtin_ctzll(x);
}

/* 1: found, 0: not, -1: reported already. */
static int
find_word(struct loader *l, const char *what, struct val v, const struct word_list *list,
          size_t *out)
{
    if (!want_scalar(l, what, v)) {
        return -1;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->words[i] != NULL && val_is(v, list->words[i])) {
            *out = i;
            return 1;
        }
    }
    return 0;
}

bool
read_word(struct loader *l, const char *what, struct val v, const struct word_list *list,
          size_t *out)
{
    int found = find_word(l, what, v, list, out);

    if (found == 0) {
        load_unknown(l, v, what, list->words, list->n);
    }
    return found == 1;
}

bool
read_choice(struct loader *l, const char *name, struct val v,
            const struct word_list *list, size_t *out)
{
    int found = find_word(l, name, v, list, out);

    if (found == 0) {
        load_bad_choice(l, v, name, list->words, list->n);
    }
    return found == 1;
}

void
field_enum8(struct loader *l, const struct field *f, struct val v, void *out)
{
    size_t i;

    if (read_choice(l, f->name, v, f->arg, &i)) {
        *(uint8_t *)out = (uint8_t)i;
    }
}

void
field_enum(struct loader *l, const struct field *f, struct val v, void *out)
{
    size_t i;

    _Static_assert(sizeof(enum backend) == sizeof(unsigned), "enums are unsigned here");
    if (read_choice(l, f->name, v, f->arg, &i)) {
        *(unsigned *)out = (unsigned)i;
    }
}

static void
find_name(struct loader *l, const char *what, const struct strmap *map, struct val v,
          void *out)
{
    if (want_scalar(l, what, v) && !strmap_get(map, v.s, v.len, out)) {
        const char *names[64];
        size_t n = 0;
        const struct scenario *sc = l->sc;

        for (size_t i = 0; map == &sc->index->devices && i < sc->n_devices && n < 64;
             i++) {
            names[n++] = sc->devices[i].id;
        }
        for (size_t i = 0; map == &sc->index->iommus && i < sc->n_iommus && n < 64; i++) {
            names[n++] = sc->iommus[i].id;
        }
        for (size_t i = 0;
             map == &sc->index->domains && i < sc->guest.n_domains && n < 64; i++) {
            names[n++] = sc->guest.domains[i].id;
        }
        load_unknown(l, v, what, names, n);
    }
}

void
field_device(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)f;
    find_name(l, "device", &l->sc->index->devices, v, out);
}

void
field_iommu(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)f;
    find_name(l, "iommu", &l->sc->index->iommus, v, out);
}

void
field_domain(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)f;
    find_name(l, "domain", &l->sc->index->domains, v, out);
}

void
field_span(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_span span;

    const char *dash = v.node == NULL ? memchr(v.s, '-', v.len) : NULL;
    struct val first, last;

    if (dash != NULL) { /* first-last, as a trace writes it */
        first = (struct val){ v.s, (size_t)(dash - v.s), NULL };
        last = (struct val){ dash + 1, v.len - first.len - 1, NULL };
    } else if (v.node != NULL && v.node->kind == NODE_LIST && v.node->n == 2) {
        first = val_of(v.node->u.items[0]);
        last = val_of(v.node->u.items[1]);
    } else {
        load_error(l, v, "'%s' takes a range: [first, last]", f->name);
        return;
    }

    if (want_scalar(l, f->name, first) && want_scalar(l, f->name, last) &&
        read_ok(l, f->name, first, scalar_size(first.s, first.len, &span.first)) &&
        read_ok(l, f->name, last, scalar_size(last.s, last.len, &span.last)) &&
        read_ok(l, f->name, last,
                span.last < span.first ? "the last address is below the first" : NULL)) {
        *(struct scenario_span *)out = span;
    }
}

/* ---- lists of numbers --------------------------------------------------- */

static bool
read_number(struct loader *l, const char *name, struct val v, uint64_t max, uint64_t *out)
{
    return want_scalar(l, name, v) && read_ok(l, name, v, scalar_u64(v.s, v.len, out)) &&
           read_ok(l, name, v, *out > max ? must_fit : NULL);
}

struct val
next_part(struct val *rest, char separator)
{
    const char *end = memchr(rest->s, separator, rest->len);
    struct val part = *rest;

    part.len = end != NULL ? (size_t)(end - rest->s) : rest->len;
    rest->s += part.len + (end != NULL);
    rest->len -= part.len + (end != NULL);
    return part;
}

const uint64_t *
read_numbers(struct loader *l, const char *name, struct val v, uint64_t max, size_t *n)
{
    bool list = v.node != NULL && v.node->kind == NODE_LIST;
    size_t count = 1;
    bool good = true;

    if (!list && !want_scalar(l, name, v)) {
        return NULL;
    }
    if (list) {
        count = v.node->n;
    } else if (v.node == NULL) {
        for (size_t i = 0; i < v.len; i++) {
            count += v.s[i] == ',';
        }
    }
    uint64_t *numbers = arena_alloc(l->arena, count * sizeof(*numbers) + 1);

    for (size_t i = 0; i < count; i++) {
        struct val item = list             ? val_of(v.node->u.items[i])
                          : v.node == NULL ? next_part(&v, ',')
                                           : v;

        good = read_number(l, name, item, max, &numbers[i]) && good;
    }
    *n = count;
    return good ? numbers : NULL;
}

/* ---- distributions ------------------------------------------------------ */

struct dist_reader {
    struct loader *l;
    const char *name; /* of the key, for messages */
    bool is_time;
};

static bool
read_amount(const struct dist_reader *r, const struct node *n, uint64_t *out)
{
    struct val v = val_of(n);

    return want_scalar(r->l, r->name, v) &&
           read_ok(r->l, r->name, v,
                   r->is_time ? scalar_time(v.s, v.len, out)
                              : scalar_size(v.s, v.len, out));
}

static bool
read_shape(const struct dist_reader *r, const struct node *n, double *out)
{
    struct val v = val_of(n);

    return want_scalar(r->l, r->name, v) &&
           read_ok(r->l, r->name, v, scalar_real(v.s, v.len, out)) &&
           read_ok(r->l, r->name, v, *out > 0 ? NULL : "expected more than 0");
}

static bool
read_uniform(const struct dist_reader *r, const struct node *n, struct dist *d)
{
    if (n->kind != NODE_LIST || n->n != 2) {
        load_error(r->l, val_of(n), "'uniform' takes [lowest, highest]");
        return false;
    }
    return read_amount(r, n->u.items[0], &d->a) && read_amount(r, n->u.items[1], &d->b) &&
           read_ok(r->l, r->name, val_of(n->u.items[1]),
                   d->b < d->a ? "the highest is below the lowest" : NULL);
}

static bool
read_empirical(const struct dist_reader *r, const struct node *n, struct dist *d)
{
    double sum = 0;

    if (n->kind != NODE_LIST || n->n == 0) {
        load_error(r->l, val_of(n), "'empirical' takes a list of [value, weight]");
        return false;
    }
    struct dist_row *rows = arena_alloc(r->l->arena, n->n * sizeof(*rows));

    for (uint32_t i = 0; i < n->n; i++) {
        const struct node *row = n->u.items[i];

        if (row->kind != NODE_LIST || row->n != 2) {
            load_error(r->l, val_of(row), "'empirical' takes a list of [value, weight]");
            return false;
        }
        struct val weight = val_of(row->u.items[1]);

        if (!read_amount(r, row->u.items[0], &rows[i].value) ||
            !want_scalar(r->l, "empirical", weight) ||
            !read_ok(r->l, "empirical", weight,
                     scalar_real(weight.s, weight.len, &rows[i].weight))) {
            return false;
        }
        sum += rows[i].weight;
    }
    d->rows = rows;
    d->n = n->n;
    return read_ok(r->l, "empirical", val_of(n->u.items[0]->u.items[1]),
                   sum > 0 ? NULL : "the weights are all 0");
}

/*
 * The two parameters of `{kind: {first: , second: }}`; NULLs unless all is as it must be.
 */
static bool
find_parameters(const struct dist_reader *r, const char *kind, const struct node *map,
                const char *const names[2], const struct node *found[2])
{
    uint32_t n = names[1] != NULL ? 2 : 1;

    for (uint32_t i = 0; i < n; i++) {
        found[i] = node_get(map, names[i]);
        if (found[i] == NULL || map->n != n) {
            load_error(r->l, val_of(map), "'%s' takes {%s: %s%s%s}", kind, names[0],
                       n == 2 ? ", " : "", n == 2 ? names[1] : "", n == 2 ? ": " : "");
            return false;
        }
    }
    return true;
}

static bool
read_parameters(const struct dist_reader *r, const char *kind, const struct node *n,
                struct dist *d)
{
    static const char *const parameters[][2] = {
        [DIST_EXPONENTIAL] = { "mean", NULL },
        [DIST_NORMAL] = { "mean", "sd" },
        [DIST_LOGNORMAL] = { "median", "sigma" },
        [DIST_PARETO] = { "min", "alpha" },
    };
    const struct node *found[2] = { NULL, NULL };

    if (!find_parameters(r, kind, n, parameters[d->kind], found) ||
        !read_amount(r, found[0], &d->a)) {
        return false;
    }
    if (d->kind == DIST_NORMAL) {
        return read_amount(r, found[1], &d->b);
    }
    return found[1] == NULL || read_shape(r, found[1], &d->shape);
}

WORDS(dist_words, { "constant", "uniform", "exponential", "normal", "lognormal", "pareto",
                    "empirical" });

bool
read_dist(struct loader *l, const char *name, struct val v, bool is_time,
          struct dist *out)
{
    struct dist_reader r = { l, name, is_time };
    struct dist d = { .kind = DIST_CONSTANT };
    bool good;
    size_t kind;

    if (v.node == NULL || v.node->kind != NODE_MAP) {
        good =
            want_scalar(l, name, v) && read_ok(l, name, v,
                                               is_time ? scalar_time(v.s, v.len, &d.a)
                                                       : scalar_size(v.s, v.len, &d.a));
    } else if (v.node->n != 1) {
        load_error(l, v, "'%s' takes a %s or one distribution, such as {constant: %s}",
                   name, is_time ? "time" : "size", is_time ? "1us" : "4KiB");
        return false;
    } else {
        const struct node_pair *p = &v.node->u.pairs[0];

        if (!read_word(l, "distribution", val_of(p->key), &dist_words, &kind)) {
            return false;
        }
        d.kind = (enum dist_kind)kind;
        good = d.kind == DIST_CONSTANT  ? read_amount(&r, p->value, &d.a)
               : d.kind == DIST_UNIFORM ? read_uniform(&r, p->value, &d)
               : d.kind == DIST_EMPIRICAL
                   ? read_empirical(&r, p->value, &d)
                   : read_parameters(&r, p->key->u.text, p->value, &d);
    }
    if (good) {
        *out = d;
    }
    return good;
}

void
field_dist_size(struct loader *l, const struct field *f, struct val v, void *out)
{
    read_dist(l, f->name, v, false, out);
}

void
field_dist_time(struct loader *l, const struct field *f, struct val v, void *out)
{
    read_dist(l, f->name, v, true, out);
}
