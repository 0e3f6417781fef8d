/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must hold at the end of a run. */
#include <string.h>

#include "scenario/loader.h"
#include "scenario/scalar.h"
#include "util/names.h"

/* ---- violations --------------------------------------------------------- */

static bool
read_class(struct loader *l, struct val v, enum violation_class *out)
{
    const char *names[VIOLATION_COUNT];
    char buf[VAL_TEXT];

    if (violation_by_name(val_text(v, buf, sizeof(buf)), out)) {
        return true;
    }
    for (unsigned i = 0; i < VIOLATION_COUNT; i++) {
        names[i] = violation_name((enum violation_class)i);
    }
    load_unknown(l, v, "violation class", names, VIOLATION_COUNT);
    return false;
}

static void
field_class(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_scalar(l, f->name, v)) {
        read_class(l, v, out);
    }
}

static void
field_blame(struct loader *l, const struct field *f, struct val v, void *out)
{
    const char *names[BLAME_COUNT];
    char buf[VAL_TEXT];

    if (!want_scalar(l, f->name, v) ||
        blame_by_name(val_text(v, buf, sizeof(buf)), out)) {
        return;
    }
    for (unsigned i = 0; i < BLAME_COUNT; i++) {
        names[i] = blame_name((enum blame)i);
    }
    load_unknown(l, v, "blame", names, BLAME_COUNT);
}

static void
field_party(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)f;
    *(const char **)out = refer_subscriber(l, v, true);
}

#define V(member) offsetof(struct expect_violation, member)

enum { V_CLASS, V_SUBSCRIBER, V_IOVA, V_BLAME, V_COUNT };

SCHEMA(violation_schema, "violations",
       {
           [V_CLASS] = { "class", field_class, V(class), 0, NULL },
           [V_SUBSCRIBER] = { "subscriber", field_party, V(subscriber), 0, NULL },
           [V_IOVA] = { "iova", field_size, V(iova), 0, NULL },
           [V_BLAME] = { "blame", field_blame, V(blame), 0, NULL },
           [V_COUNT] = { "count", field_count, V(count), 0, NULL },
       });

static void
read_violation(struct loader *l, const struct node *n, struct expect_violation *out)
{
    struct val v = val_of(n);
    struct args args;

    out->pos = n->pos;
    if (v.s != NULL && v.len > 0) { /* a class alone */
        field_class(l, &(struct field){ .name = "violations" }, v, &out->class);
        out->has_class = true;
    } else if (schema_read(l, &violation_schema, n, out, &args)) {
        out->has_class = args_has(&args, V_CLASS);
        out->has_iova = args_has(&args, V_IOVA);
        out->has_blame = args_has(&args, V_BLAME);
        out->has_count = args_has(&args, V_COUNT);
    }
}

static void
field_violations(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_expect *x = out;
    const struct node *list = want_list(l, f->name, v);
    uint32_t n = list != NULL ? node_count(list) : 0;
    struct expect_violation *patterns = arena_alloc(l->arena, n * sizeof(*patterns) + 1);

    for (uint32_t i = 0; i < n; i++) {
        read_violation(l, list->u.items[i], &patterns[i]);
    }
    x->violations = patterns;
    x->n_violations = n;
}

static void
field_refused(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_expect *x = out;
    const struct node *list = want_list(l, f->name, v);
    uint32_t n = list != NULL ? node_count(list) : 0;
    const char **names = arena_alloc(l->arena, n * sizeof(*names) + 1);

    for (uint32_t i = 0; i < n; i++) {
        names[i] = refer_subscriber(l, val_of(list->u.items[i]), false);
    }
    x->refused = names;
    x->n_refused = n;
}

/* ---- events ------------------------------------------------------------- */

#define E(member) offsetof(struct expect_events, member)

SCHEMA(events_schema, "events",
       {
           { "map", field_u64, E(map), 0, NULL },
           { "unmap", field_u64, E(unmap), 0, NULL },
           { "deviotlb", field_u64, E(deviotlb), 0, NULL },
       });

static void
field_events(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_expect *x = out;
    const struct node *map = want_map(l, f->name, v);
    uint32_t n = map != NULL ? node_count(map) : 0;
    struct expect_events *events = arena_alloc(l->arena, n * sizeof(*events) + 1);

    for (uint32_t i = 0; i < n; i++) {
        const struct node_pair *p = &map->u.pairs[i];
        struct args args;

        events[i].pos = p->key->pos;
        events[i].subscriber = refer_subscriber(l, val_of(p->key), false);
        schema_read(l, &events_schema, p->value, &events[i], &args);
        events[i].has_map = args_has(&args, 0);
        events[i].has_unmap = args_has(&args, 1);
        events[i].has_deviotlb = args_has(&args, 2);
    }
    x->events = events;
    x->n_events = n;
}

/* ---- shadows ------------------------------------------------------------ */

#define M(member) offsetof(struct expect_mapping, member)

static void
field_mapping_perm(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint8_t perm = PERM_RW;

    field_perm(l, f, v, &perm);
    *(enum perm *)out = (enum perm)perm;
}

SCHEMA(mapping_schema, "mapping",
       {
           { "iova", field_size, M(iova), FIELD_REQUIRED, NULL },
           { "size", field_some, M(size), FIELD_REQUIRED, NULL },
           { "gpa", field_size, M(gpa), FIELD_REQUIRED, NULL },
           { "perm", field_mapping_perm, M(perm), 0, NULL },
       });

static void
read_mappings(struct loader *l, const char *name, const struct node *n,
              struct expect_shadow *out)
{
    const struct node *list = want_list(l, name, val_of(n));
    uint32_t count = list != NULL ? node_count(list) : 0;
    struct expect_mapping *mappings =
        arena_alloc(l->arena, count * sizeof(*mappings) + 1);
    struct args args;

    for (uint32_t i = 0; i < count; i++) {
        struct val v = val_of(list->u.items[i]);

        mappings[i].perm = PERM_RW;
        if (schema_read(l, &mapping_schema, v.node, &mappings[i], &args) &&
            mappings[i].size - 1 > UINT64_MAX - mappings[i].iova) {
            load_error(l, arg_at(&args, 1),
                       "the range passes the end of the 64-bit address space");
        }
    }
    out->mappings = mappings;
    out->n = count;
}

/*
 * `shadow:` and `entries:`, both {subscriber: [mappings]}; within `shadow` a
 * subscriber's list may also stand under `entries`. They are appended.
 */
static void
read_shadows(struct loader *l, const char *name, struct val v, bool unjoined,
             struct scenario_expect *x)
{
    const struct node *map = want_map(l, name, v);
    uint32_t n = map != NULL ? node_count(map) : 0;
    struct expect_shadow *list =
        arena_alloc(l->arena, (x->n_shadows + n) * sizeof(*list) + 1);

    if (x->n_shadows > 0) {
        memcpy(list, x->shadows, x->n_shadows * sizeof(*list));
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct node_pair *p = &map->u.pairs[i];
        struct expect_shadow *s = &list[x->n_shadows + i];
        const struct node *value = p->value;

        s->pos = p->key->pos;
        s->subscriber = refer_subscriber(l, val_of(p->key), false);
        s->unjoined = unjoined;
        if (value->kind == NODE_MAP && value->n == 1 &&
            node_get(value, "entries") != NULL) {
            s->unjoined = true;
            value = node_get(value, "entries");
        }
        read_mappings(l, name, value, s);
    }
    x->shadows = list;
    x->n_shadows += n;
}

static void
field_shadow(struct loader *l, const struct field *f, struct val v, void *out)
{
    read_shadows(l, f->name, v, f->arg != NULL, out);
}

/* ---- stats -------------------------------------------------------------- */

static const struct {
    const char *text;
    enum compare_op op;
} compare_ops[] = {
    /* longer ones first */
    { "<=", COMPARE_LE }, { ">=", COMPARE_GE }, { "==", COMPARE_EQ },
    { "!=", COMPARE_NE }, { "<", COMPARE_LT },  { ">", COMPARE_GT },
    { "=", COMPARE_EQ },
};

WORDS(stat_names,
      { "events", "time", "steps", "hypercalls", "dma", "misses", "batches", "faults",
        "violations", "exposure.count", "exposure.total", "exposure.max", "exposure.p50",
        "exposure.p90", "exposure.p99", "exposure.bytes", "exposure.byte-seconds" });
_Static_assert(LEN(stat_names_words) == STAT_COUNT, "every figure has a name");

WORDS(figure_names,
      { "count", "total", "max", "p50", "p90", "p99", "bytes", "byte-seconds" });
_Static_assert(LEN(figure_names_words) == STAT_COUNT - STAT_EXPOSURE_COUNT,
               "every figure of exposure has one");

/* The last dot before s[len], or NULL. */
static const char *
dot_before(const char *s, size_t len)
{
    while (len > 0 && s[len - 1] != '.') {
        len--;
    }
    return len > 0 ? s + len - 1 : NULL;
}

static struct val
part_of(struct val v, const char *from, const char *end)
{
    v.s = from;
    v.len = (size_t)(end - from);
    return v;
}

/*
 * "events", "exposure.max", or of one subscriber or device "nic0/vfio.exposure.max" and
 * "nic0/vfio.stale-mapping.max".
 */
static bool
read_stat_name(struct loader *l, struct val v, struct expect_stat *out)
{
    const char *second = dot_before(v.s, v.len);
    const char *first = second != NULL ? dot_before(v.s, (size_t)(second - v.s)) : NULL;
    size_t i;

    out->name = load_strdup(l, v);
    if (first == NULL) {
        if (read_word(l, "statistic", v, &stat_names, &i)) {
            out->stat = (enum run_stat)i;
            return true;
        }
        return false;
    }
    const struct val what = part_of(v, first + 1, second);
    out->class = VIOLATION_COUNT;
    if (!(what.len == strlen("exposure") && memcmp(what.s, "exposure", what.len) == 0) &&
        !read_class(l, what, &out->class)) {
        return false;
    }
    if (!read_word(l, "statistic", part_of(v, second + 1, v.s + v.len), &figure_names,
                   &i)) {
        return false;
    }
    out->stat = (enum run_stat)(STAT_EXPOSURE_COUNT + i);
    out->subject = refer_subscriber(l, part_of(v, v.s, first), true);
    return true;
}

/* "<= 10us": an operator (none: ==) and a time, a size or a number. */
static void
read_stat(struct loader *l, const char *name, struct val v, struct expect_stat *out)
{
    struct val number = v;

    if (!want_scalar(l, name, v)) {
        return;
    }
    out->op = COMPARE_EQ;
    for (size_t i = 0; i < LEN(compare_ops); i++) {
        size_t n = strlen(compare_ops[i].text);

        if (v.len > n && memcmp(v.s, compare_ops[i].text, n) == 0) {
            out->op = compare_ops[i].op;
            number.s += n;
            number.len -= n;
            break;
        }
    }
    while (number.len > 0 && *number.s == ' ') {
        number.s++;
        number.len--;
    }
    if (scalar_size(number.s, number.len, &out->value) != NULL &&
        scalar_time(number.s, number.len, &out->value) != NULL) {
        read_ok(l, name, v, "expected a comparison such as \"<= 10us\" or \"== 3\"");
    }
}

static void
field_stats(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_expect *x = out;
    const struct node *map = want_map(l, f->name, v);
    uint32_t n = map != NULL ? node_count(map) : 0;
    struct expect_stat *stats = arena_alloc(l->arena, n * sizeof(*stats) + 1);

    for (uint32_t i = 0; i < n; i++) {
        const struct node_pair *p = &map->u.pairs[i];

        stats[i].pos = p->key->pos;
        if (read_stat_name(l, val_of(p->key), &stats[i])) {
            read_stat(l, stats[i].name, val_of(p->value), &stats[i]);
        }
    }
    x->stats = stats;
    x->n_stats = n;
}

/* ---- the whole ---------------------------------------------------------- */

static const char unjoined[] = "unjoined";

SCHEMA(expect_schema, "expect",
       {
           { "violations", field_violations, 0, 0, NULL },
           { "refused", field_refused, 0, 0, NULL },
           { "events", field_events, 0, 0, NULL },
           { "faults", field_u64, offsetof(struct scenario_expect, faults), 0, NULL },
           { "shadow", field_shadow, 0, 0, NULL },
           { "entries", field_shadow, 0, 0, unjoined },
           { "stats", field_stats, 0, 0, NULL },
           { "dirty", field_dirty, offsetof(struct scenario_expect, dirty), 0, NULL },
       });

void
load_expect(struct loader *l, const struct node *map, struct scenario_expect *out)
{
    struct args args;

    *out = (struct scenario_expect){ .pos = map->pos };
    schema_read(l, &expect_schema, map, out, &args);
    out->has_faults = args_find(&expect_schema, &args, "faults") != NULL;
}
