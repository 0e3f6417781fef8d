/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Back ends and their options, and the places that name a subscriber. */
#include <stdlib.h>
#include <string.h>

#include "scenario/loader.h"
#include "scenario/scalar.h"

static const char *const backend_words[BACKEND_COUNT] = {
    [BACKEND_VFIO] = "vfio",
    [BACKEND_VFIO_V1] = "vfio-v1",
    [BACKEND_VFIO_SPAPR] = "vfio-spapr",
    [BACKEND_IOMMUFD] = "iommufd",
    [BACKEND_VDPA] = "vhost-vdpa",
    [BACKEND_VHOST] = "vhost",
    [BACKEND_VHOST_USER] = "vhost-user",
    [BACKEND_ATS] = "ats",
    [BACKEND_EMULATED] = "emulated",
    [BACKEND_OBSERVER] = "observer",
};
static const struct word_list backends = { backend_words, LEN(backend_words) };

const char *
backend_name(enum backend b)
{
    return backend_words[b];
}

/*
 * The next of several values, from a list or, in script lines, between commas; false:
 * there is none.
 */
static bool
next_of_list(const struct node *list, uint32_t i, struct val *rest, struct val *out)
{
    if (list == NULL) {
        *out = next_part(rest, ',');
        return out->len > 0;
    }
    if (i < node_count(list)) {
        *out = val_of(list->u.items[i]);
    }
    return i < node_count(list);
}

static void
field_page_sizes(struct loader *l, const struct field *f, struct val v, void *out)
{
    const struct node *list = v.node != NULL ? want_list(l, f->name, v) : NULL;
    struct val one;
    uint64_t mask = 0;

    if (v.node != NULL && list == NULL) {
        return;
    }
    for (uint32_t i = 0; next_of_list(list, i, &v, &one); i++) {
        uint8_t lg2 = 0;

        field_page(l, &(struct field){ .name = f->name }, one, &lg2);
        mask |= UINT64_C(1) << lg2;
    }
    *(uint64_t *)out = mask;
}

static bool
is_pair(const struct node *list)
{
    return node_count(list) == 2 && list->u.items[0]->kind == NODE_SCALAR;
}

static void
field_reserved(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_subscriber *sub = out;
    const struct node *list = v.node != NULL ? want_list(l, f->name, v) : NULL;
    struct val one, all = v;
    size_t n = 0;

    if (v.node != NULL && list == NULL) {
        return;
    }
    if (list != NULL && is_pair(list)) {
        struct scenario_span *span = arena_alloc(l->arena, sizeof(*span));

        field_span(l, f, v, span);
        sub->reserved = span;
        sub->n_reserved = 1;
        return;
    }
    while (next_of_list(list, (uint32_t)n, &v, &one)) {
        n++;
    }
    struct scenario_span *spans = arena_alloc(l->arena, n * sizeof(*spans) + 1);

    for (uint32_t i = 0; next_of_list(list, i, &all, &one); i++) {
        field_span(l, f, one, &spans[i]);
    }
    sub->reserved = spans;
    sub->n_reserved = n;
}

/* A count of at least one, or infinite. */
static void
field_limit(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (val_is(v, "infinite") || val_is(v, "none")) {
        *(uint64_t *)out = UINT64_MAX;
    } else {
        field_u64(l, f, v, out);
        if (*(uint64_t *)out == 0) {
            load_error(l, v, "'%s' is at least 1, or infinite", f->name);
        }
    }
}

WORDS(completion_words, { "good", "invalid", "never" });

static void
field_version(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_scalar(l, f->name, v) &&
        read_ok(l, f->name, v,
                val_is(v, "1") || val_is(v, "2") ? NULL : "expected 1 or 2")) {
        *(unsigned *)out = val_is(v, "1") ? 1 : 2;
    }
}

static void
field_backing_page(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint8_t lg2 = 0;

    field_page(l, &(struct field){ .name = f->name }, v, &lg2);
    *(uint64_t *)out = lg2 == 0 ? 0 : UINT64_C(1) << lg2;
}

WORDS(event_words, { "map", "unmap", "deviotlb" });

/* map|unmap, as a trace writes them. */
static unsigned
read_flag_words(struct loader *l, struct val v)
{
    unsigned flags = 0;

    while (v.len > 0) {
        const char *bar = memchr(v.s, '|', v.len);
        struct val word = { v.s, bar != NULL ? (size_t)(bar - v.s) : v.len, NULL };
        size_t i;

        if (read_word(l, "event", word, &event_words, &i)) {
            flags |= 1U << i;
        }
        v.s += word.len + (bar != NULL);
        v.len -= word.len + (bar != NULL);
    }
    return flags;
}

static void
field_flags(struct loader *l, const struct field *f, struct val v, void *out)
{
    unsigned flags = 0;

    if (v.node == NULL) {
        *(unsigned *)out = read_flag_words(l, v);
        return;
    }
    const struct node *list = want_list(l, f->name, v);

    for (uint32_t i = 0; list != NULL && i < node_count(list); i++) {
        size_t word;

        if (read_word(l, "event", val_of(list->u.items[i]), &event_words, &word)) {
            flags |= 1U << word;
        }
    }
    *(unsigned *)out = flags;
}

#define SUB(member) offsetof(struct scenario_subscriber, member)

enum {
    SUB_BACKEND,
    SUB_NAME,
    SUB_PAGE_SIZES,
    SUB_ENTRY_LIMIT,
    SUB_LOCKED_MEMORY,
    SUB_APERTURE,
    SUB_RESERVED,
    SUB_CONTAINER,
    SUB_STRICT_PERMISSIONS,
    SUB_VERSION,
    SUB_BACKING_PAGE,
    SUB_REGISTERED,
    SUB_ENTRIES,
    SUB_ACKS,
    SUB_DEPTH,
    SUB_SET_MAP,
    SUB_PASID,
    SUB_COMPLETION,
    SUB_FLAGS,
    SUB_RANGE,
    SUB_RETRY,
};

static const struct field subscriber_fields[] = {
    [SUB_BACKEND] = { "backend", field_enum, SUB(backend), FIELD_REQUIRED, &backends },
    [SUB_NAME] = { "name", field_name, SUB(name), 0, NULL },
    [SUB_PAGE_SIZES] = { "page_sizes", field_page_sizes, SUB(page_sizes), 0, NULL },
    [SUB_ENTRY_LIMIT] = { "entry_limit", field_limit, SUB(entry_limit), 0, NULL },
    [SUB_LOCKED_MEMORY] = { "locked_memory", field_size, SUB(locked_memory), 0, NULL },
    [SUB_APERTURE] = { "aperture", field_span, SUB(aperture), 0, NULL },
    [SUB_RESERVED] = { "reserved", field_reserved, 0, 0, NULL },
    [SUB_CONTAINER] = { "container", field_name, SUB(container), 0, NULL },
    [SUB_STRICT_PERMISSIONS] = { "strict_permissions", field_switch,
                                 SUB(strict_permissions), 0, NULL },
    [SUB_VERSION] = { "version", field_version, SUB(version), 0, NULL },
    [SUB_BACKING_PAGE] = { "backing_page", field_backing_page, SUB(backing_page), 0,
                           NULL },
    [SUB_REGISTERED] = { "registered", field_span, SUB(registered), 0, NULL },
    [SUB_ENTRIES] = { "entries", field_limit, SUB(entries), 0, NULL },
    [SUB_ACKS] = { "acks", field_unless_off, SUB(no_acks), 0, NULL },
    [SUB_DEPTH] = { "depth", field_limit, SUB(depth), 0, NULL },
    [SUB_SET_MAP] = { "set_map", field_unless_off, SUB(no_set_map), 0, NULL },
    [SUB_COMPLETION] = { "completion", field_enum8, SUB(completion), 0,
                         &completion_words },
    [SUB_PASID] = { "pasid", field_u32, SUB(pasid), 0, NULL },
    [SUB_FLAGS] = { "flags", field_flags, SUB(flags), 0, NULL },
    [SUB_RANGE] = { "range", field_span, SUB(range), 0, NULL },
    [SUB_RETRY] = { "retry", field_switch, SUB(retry), 0, NULL },
};
const struct schema subscriber_schema = { .what = "backend",
                                          .fields = subscriber_fields,
                                          .n = LEN(subscriber_fields) };

/* Bit i: the option with that index means something to the back end. */
#define BIT(i) (UINT32_C(1) << (i))
#define MIRROR                                                                           \
    (BIT(SUB_PAGE_SIZES) | BIT(SUB_LOCKED_MEMORY) | BIT(SUB_APERTURE) |                  \
     BIT(SUB_CONTAINER) | BIT(SUB_STRICT_PERMISSIONS))
static const uint32_t options_of[BACKEND_COUNT] = {
    [BACKEND_VFIO] = MIRROR | BIT(SUB_ENTRY_LIMIT) | BIT(SUB_RESERVED),
    [BACKEND_VFIO_V1] = MIRROR | BIT(SUB_ENTRY_LIMIT) | BIT(SUB_RESERVED),
    [BACKEND_VFIO_SPAPR] =
        MIRROR | BIT(SUB_VERSION) | BIT(SUB_BACKING_PAGE) | BIT(SUB_REGISTERED),
    [BACKEND_IOMMUFD] = MIRROR | BIT(SUB_RESERVED),
    [BACKEND_VDPA] = BIT(SUB_ENTRY_LIMIT) | BIT(SUB_LOCKED_MEMORY) | BIT(SUB_APERTURE) |
                     BIT(SUB_STRICT_PERMISSIONS) | BIT(SUB_SET_MAP),
    [BACKEND_VHOST] = BIT(SUB_ENTRIES),
    [BACKEND_VHOST_USER] = BIT(SUB_ENTRIES) | BIT(SUB_ACKS) | BIT(SUB_DEPTH),
    [BACKEND_ATS] = BIT(SUB_ENTRIES) | BIT(SUB_PASID) | BIT(SUB_COMPLETION),
    [BACKEND_EMULATED] = 0,
    [BACKEND_OBSERVER] = BIT(SUB_FLAGS) | BIT(SUB_RANGE) | BIT(SUB_RETRY),
};

void
subscriber_init(struct scenario_subscriber *sub)
{
    *sub = (struct scenario_subscriber){
        .locked_memory = UINT64_MAX,
        .aperture = { 0, UINT64_MAX },
        .version = 2,
        .flags = SCENARIO_EVENT_MAP | SCENARIO_EVENT_UNMAP,
        .range = { 0, UINT64_MAX },
    };
}

bool
subscriber_finish(struct loader *l, const struct args *args, const char *device,
                  struct scenario_subscriber *sub)
{
    uint64_t before = l->errors;

    for (unsigned i = SUB_NAME + 1; i <= SUB_RETRY; i++) {
        if (args_has(args, i) && !(options_of[sub->backend] & BIT(i))) {
            load_error(l, arg_at(args, i), "'%s' is no option of backend '%s'",
                       subscriber_fields[i].name, backend_words[sub->backend]);
        }
    }
    if (args_has(args, SUB_PAGE_SIZES) && sub->page_sizes == 0) {
        load_error(l, arg_at(args, SUB_PAGE_SIZES),
                   "'page_sizes' takes at least one size");
    }
    if (args_has(args, SUB_FLAGS) && sub->flags == 0) {
        load_error(l, arg_at(args, SUB_FLAGS),
                   "'flags' takes at least one of map, unmap, deviotlb");
    }
    sub->pos = val_pos(l, args->whole);
    sub->has_aperture = args_has(args, SUB_APERTURE);
    sub->has_registered = args_has(args, SUB_REGISTERED);
    if (sub->version == 1 && sub->has_registered) {
        load_error(l, arg_at(args, SUB_REGISTERED),
                   "memory is registered with version 2 only");
    }
    sub->has_pasid = args_has(args, SUB_PASID);
    if (sub->name == NULL) {
        sub->name = backend_words[sub->backend];
    }
    size_t d = strlen(device), n = strlen(sub->name);
    char *label = arena_alloc(l->arena, d + n + 2);

    memcpy(label, device, d);
    label[d] = '/';
    memcpy(label + d + 1, sub->name, n);
    sub->label = label;
    return l->errors == before;
}

bool
load_subscriber(struct loader *l, struct val v, const char *device,
                struct scenario_subscriber *out)
{
    struct args args;

    subscriber_init(out);
    if (v.s != NULL) {
        size_t word;

        args_init(&args, v);
        if (!read_word(l, "backend", v, &backends, &word)) {
            return false;
        }
        out->backend = (enum backend)word;
        return subscriber_finish(l, &args, device, out);
    }
    if (v.node->kind != NODE_MAP) {
        load_error(l, v, "a backend is a name or a mapping {backend: NAME, options}");
        return false;
    }
    return schema_read(l, &subscriber_schema, v.node, out, &args) &&
           subscriber_finish(l, &args, device, out);
}

/* ---- containers --------------------------------------------------------- */

/* Devices of a VT-d each have a space of their own, unless they share a source id. */
static bool
share_a_space(const struct scenario *sc, uint32_t a, uint32_t b)
{
    const struct scenario_device *d = &sc->devices[a], *o = &sc->devices[b];

    return d->iommu == o->iommu && d->iommu != SCENARIO_NONE &&
           (sc->iommus[d->iommu].model != IOMMU_INTEL_VTD ||
            d->first_of_sid == o->first_of_sid);
}

void
check_container(struct loader *l, uint32_t device, const struct scenario_subscriber *sub)
{
    struct strmap *known = &l->sc->index->containers;
    uint32_t first;

    if (sub->container == NULL) {
        return;
    }
    if (!strmap_get(known, sub->container, strlen(sub->container), &first)) {
        if (!l->streaming) {
            strmap_put(known, sub->container, strlen(sub->container),
                       device * BACKEND_COUNT + (uint32_t)sub->backend);
        }
        return;
    }
    const struct scenario_device *other = &l->sc->devices[first / BACKEND_COUNT];
    const enum backend kind = (enum backend)(first % BACKEND_COUNT);

    if (!share_a_space(l->sc, device, first / BACKEND_COUNT)) {
        load_error_at(l, sub->pos, 1,
                      "container '%.30s' is on the address space of '%.30s', which "
                      "'%.30s' does not share",
                      sub->container, other->id, l->sc->devices[device].id);
    } else if (kind != sub->backend) {
        load_error_at(l, sub->pos, 1, "container '%.30s' of '%.30s' is a %s, not a %s",
                      sub->container, other->id, backend_words[kind],
                      backend_words[sub->backend]);
    }
}

/* ---- references --------------------------------------------------------- */

struct name_ref {
    const char *name;
    struct src_pos pos;
    uint32_t span;
    bool or_other;
};

static void
add_ref(struct loader *l, const char *name, struct val v, bool or_other)
{
    if (l->streaming) {
        return; /* too late to judge; the run says what happens */
    }
    if ((l->n_refs & (l->n_refs + 1)) == 0) {
        l->refs = xrealloc(l->refs, (l->n_refs + 1) * 2, sizeof(*l->refs));
    }
    l->refs[l->n_refs++] = (struct name_ref){
        .name = name,
        .pos = val_pos(l, v),
        .span = v.node != NULL ? v.node->span : (uint32_t)v.len,
        .or_other = or_other,
    };
}

const char *
refer_subscriber(struct loader *l, struct val v, bool or_other)
{
    if (!want_scalar(l, "subscriber", v)) {
        return "";
    }
    const char *name = load_strdup(l, v);

    add_ref(l, name, v, or_other);
    return name;
}

void
refer_label(struct loader *l, const char *label, struct val v)
{
    add_ref(l, label, v, false);
}

/* Whether a party that is no subscriber has this name: violations may name it too. */
static bool
is_other(const struct loader *l, const char *name)
{
    uint32_t i;

    for (size_t a = 0; a < l->sc->n_actors; a++) {
        if (strcmp(l->sc->actors[a].name, name) == 0) {
            return true;
        }
    }
    return strmap_get(&l->sc->index->devices, name, strlen(name), &i) ||
           strmap_get(&l->sc->index->iommus, name, strlen(name), &i);
}

static void
check_reference(struct loader *l, const struct name_ref *r, const char *const *labels,
                size_t n)
{
    uint32_t i;

    if (strmap_get(&l->sc->index->subscribers, r->name, strlen(r->name), &i) ||
        (r->or_other && is_other(l, r->name))) {
        return;
    }
    const char *near = name_nearest(r->name, labels, n);
    const size_t len = strlen(r->name);

    for (size_t k = 0; near == NULL && k < n; k++) { /* a device for its subscriber */
        near = strncmp(labels[k], r->name, len) == 0 && labels[k][len] == '/' ? labels[k]
                                                                              : NULL;
    }

    if (near != NULL) {
        load_error_at(l, r->pos, r->span,
                      "unknown subscriber '%.70s'; did you mean '%s'?", r->name, near);
    } else {
        load_error_at(l, r->pos, r->span, "unknown subscriber '%.70s'", r->name);
    }
}

void
check_references(struct loader *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->sc->n_devices; i++) {
        n += l->sc->devices[i].n_subs;
    }
    const char **labels = xcalloc(n, sizeof(*labels));

    n = 0;
    for (size_t i = 0; i < l->sc->n_devices; i++) {
        for (size_t j = 0; j < l->sc->devices[i].n_subs; j++) {
            labels[n++] = l->sc->devices[i].subs[j].label;
        }
    }
    for (size_t i = 0; i < l->n_refs; i++) {
        check_reference(l, &l->refs[i], labels, n);
    }
    free(labels);
}
