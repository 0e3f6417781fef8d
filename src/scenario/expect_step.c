/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `expect` of one step. */
#include <string.h>

#include "scenario/loader.h"
#include "scenario/scalar.h"
#include "util/names.h"

static const char *const result_words[] = {
    [RESULT_OK] = "ok",
    [RESULT_FAULT] = "fault",
    [RESULT_BLOCKED] = "blocked",
    [RESULT_REFUSED] = "refused",
};
static const struct word_list results = { result_words, LEN(result_words) };

const char *
dma_result_name(enum dma_result r)
{
    return result_words[r];
}

#define X(member) offsetof(struct step_expect, member)

/* A hypercall status by name or number. */
static bool
read_ret(struct loader *l, const char *name, struct val v, int64_t *out)
{
    char buf[VAL_TEXT];

    if (!want_scalar(l, name, v)) {
        return false;
    }
    if (hret_by_name(val_text(v, buf, sizeof(buf)), out)) {
        return true;
    }
    if (v.s[0] == 'H') {
        static const char *const names[] = {
            "H_SUCCESS",   "H_HARDWARE", "H_FUNCTION",
            "H_PARAMETER", "H_PARTIAL",  "H_P2",
            "H_P3",        "H_P4",       "H_NOT_ENOUGH_RESOURCES",
        };

        load_unknown(l, v, "hypercall status", names, LEN(names));
        return false;
    }
    return read_ok(l, name, v, scalar_i64(v.s, v.len, out));
}

static void
field_ret(struct loader *l, const struct field *f, struct val v, void *out)
{
    read_ret(l, f->name, v, out);
}

/* The words of a line, separated by commas, or the items of a list. */
static void
field_rets(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_expect *x = out;
    const struct node *list =
        v.node != NULL || v.len == 0 ? want_list(l, f->name, v) : NULL;
    size_t n = list != NULL ? node_count(list) : 0, i = 0;

    if (v.node == NULL && v.len > 0) {
        n = 1;
        for (size_t k = 0; k < v.len; k++) {
            n += v.s[k] == ',';
        }
    }
    int64_t *rets = arena_alloc(l->arena, n * sizeof(*rets) + 1);

    for (; list != NULL && i < n; i++) {
        read_ret(l, f->name, val_of(list->u.items[i]), &rets[i]);
    }
    for (const char *at = v.s; i < n; i++) {
        const char *comma = memchr(at, ',', (size_t)(v.s + v.len - at));
        const char *end = comma != NULL ? comma : v.s + v.len;

        read_ret(l, f->name, (struct val){ at, (size_t)(end - at), NULL }, &rets[i]);
        at = end + 1;
    }
    x->rets = rets;
    x->n_rets = n;
}

/* An errno by name; `none` for success. */
static void
field_error(struct loader *l, const struct field *f, struct val v, void *out)
{
    char buf[VAL_TEXT];

    if (!want_scalar(l, f->name, v)) {
        return;
    }
    if (val_is(v, "none")) {
        *(int *)out = 0;
    } else if (!errno_by_name(val_text(v, buf, sizeof(buf)), out)) {
        read_ok(l, f->name, v, "expected the name of an error, such as EEXIST, or none");
    }
}

/* ---- fault -------------------------------------------------------------- */

#define F(member) offsetof(struct expect_fault, member)

WORDS(fault_types, { "read", "write" });

enum { FAULT_REASON, FAULT_SID, FAULT_ADDRESS, FAULT_TYPE };

/* A source id as a number or as the device's address. */
static void
field_sid(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint16_t segment, sid;

    if (v.s != NULL && memchr(v.s, '.', v.len) != NULL) {
        if (read_ok(l, f->name, v, scalar_pci(v.s, v.len, &segment, &sid))) {
            *(uint16_t *)out = sid;
        }
        return;
    }
    field_u16(l, f, v, out);
}

SCHEMA(fault_schema, "fault",
       {
           [FAULT_REASON] = { "reason", field_u32, F(reason), 0, NULL },
           [FAULT_SID] = { "sid", field_sid, F(sid), 0, NULL },
           [FAULT_ADDRESS] = { "address", field_size, F(address), 0, NULL },
           [FAULT_TYPE] = { "type", field_enum8, F(write), 0, &fault_types },
       });

static void
field_fault(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct expect_fault *fault = out;
    struct args args;

    if (val_is(v, "none")) {
        fault->none = true;
        return;
    }
    if (want_map(l, f->name, v) == NULL ||
        !schema_read(l, &fault_schema, v.node, fault, &args)) {
        return;
    }
    fault->has_reason = args_has(&args, FAULT_REASON);
    fault->has_sid = args_has(&args, FAULT_SID);
    fault->has_address = args_has(&args, FAULT_ADDRESS);
    fault->has_type = args_has(&args, FAULT_TYPE);
}

/* ---- events ------------------------------------------------------------- */

WORDS(event_words, { "map", "unmap", "deviotlb" });

static void
read_kinds(struct loader *l, const struct node *list, struct expect_step_events *out)
{
    uint32_t n = node_count(list);
    uint8_t *kinds = arena_alloc(l->arena, (size_t)n + 1);
    size_t word;

    for (uint32_t i = 0; i < n; i++) {
        if (read_word(l, "event", val_of(list->u.items[i]), &event_words, &word)) {
            kinds[i] = (uint8_t)(1U << word);
        }
    }
    out->kinds = kinds;
    out->n = n;
}

static void
field_events(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_expect *x = out;
    const struct node *map = want_map(l, f->name, v);
    uint32_t n = map != NULL ? node_count(map) : 0;
    struct expect_step_events *events = arena_alloc(l->arena, n * sizeof(*events) + 1);

    for (uint32_t i = 0; i < n; i++) {
        const struct node_pair *p = &map->u.pairs[i];

        events[i].subscriber = refer_subscriber(l, val_of(p->key), false);
        if (want_list(l, events[i].subscriber, val_of(p->value)) != NULL) {
            read_kinds(l, p->value, &events[i]);
        }
    }
    x->events = events;
    x->n_events = n;
}

/* ---- dirty -------------------------------------------------------------- */

#define D(member) offsetof(struct step_blocks, member)

SCHEMA(dirty_schema, "dirty",
       {
           { "gpa", field_size, D(gpa), FIELD_REQUIRED, NULL },
           { "size", field_some, D(size), FIELD_REQUIRED, NULL },
       });

static void
read_dirty_run(struct loader *l, const struct node *n, const struct step_blocks *before,
               struct step_blocks *out)
{
    struct args args;

    if (!schema_read(l, &dirty_schema, n, out, &args)) {
        return;
    }
    if (((out->gpa | out->size) & PAGE_MASK) != 0 || out->size > UINT64_MAX - out->gpa) {
        load_error(l, val_of(n), "dirty pages are whole: multiples of 4KiB");
    } else if (before != NULL && out->gpa <= before->gpa + before->size) {
        load_error(l, val_of(n), "dirty runs ascend, and what is adjacent is one");
    }
}

void
field_dirty(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct expect_dirty *x = out;
    const struct node *list = want_list(l, f->name, v);
    uint32_t n = list != NULL ? node_count(list) : 0;
    struct step_blocks *runs = arena_alloc(l->arena, n * sizeof(*runs) + 1);

    for (uint32_t i = 0; i < n; i++) {
        read_dirty_run(l, list->u.items[i], i > 0 ? &runs[i - 1] : NULL, &runs[i]);
    }
    *x = (struct expect_dirty){
        .pos = val_pos(l, v), .given = true, .runs = runs, .n = n
    };
}

/* ---- the whole ---------------------------------------------------------- */

/* The first eight in the order of enum expect_flag, so that bit i is field i. */
enum { EXPECT_FIELD_EVENTS = 8 };

SCHEMA(expect_schema, "expect",
       {
           { "ret", field_ret, X(ret), 0, NULL },
           { "value", field_u64, X(value), 0, NULL },
           { "rets", field_rets, 0, 0, NULL },
           { "result", field_enum, X(result), 0, &results },
           { "gpa", field_size, X(gpa), 0, NULL },
           { "done", field_size, X(done), 0, NULL },
           { "fault", field_fault, X(fault), 0, NULL },
           { "error", field_error, X(error), 0, NULL },
           [EXPECT_FIELD_EVENTS] = { "events", field_events, 0, 0, NULL },
           { "dirty", field_dirty, X(dirty), 0, NULL },
       });

const struct step_expect *
load_step_expect(struct loader *l, struct val v)
{
    struct step_expect *x = arena_alloc(l->arena, sizeof(*x));
    struct args args;

    x->pos = val_pos(l, v);
    if (want_map(l, "expect", v) != NULL) {
        schema_read(l, &expect_schema, v.node, x, &args);
        x->given = (unsigned)args.given & ((1U << EXPECT_FIELD_EVENTS) - 1);
    }
    return x;
}

void
load_step_result(struct loader *l, const char *key, struct val v, struct step_expect *x)
{
    struct args args;

    args_init(&args, v);
    schema_key(l, &expect_schema, (struct val){ key, strlen(key), NULL }, v, x, &args);
    x->given |= (unsigned)args.given;
}
