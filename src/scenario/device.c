/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `devices` of a machine, each with its address and subscribers. */
#include <stdlib.h>
#include <string.h>

#include "scenario/loader.h"
#include "scenario/scalar.h"

bool
check_new_id(struct loader *l, const char *what, struct val v)
{
    uint32_t i;

    if (!check_id(l, what, v)) {
        return false;
    }
    if (val_is(v, "machine") || strmap_get(&l->sc->index->iommus, v.s, v.len, &i)) {
        load_error(l, v, "%s '%.*s' is taken: %s", what, (int)v.len, v.s,
                   val_is(v, "machine") ? "the word stands for all of it"
                                        : "an iommu is called so");
        return false;
    }
    return true;
}

struct device_reader {
    struct scenario_device d;
    struct val backend;
    bool has_address;
    bool has_requester;
};

static void
field_address(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct device_reader *r = out;

    if (want_scalar(l, f->name, v) &&
        read_ok(l, f->name, v, scalar_pci(v.s, v.len, &r->d.segment, &r->d.sid))) {
        r->has_address = true;
    }
}

static void
field_requester(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct device_reader *r = out;

    if (want_scalar(l, f->name, v) &&
        read_ok(l, f->name, v, scalar_pci(v.s, v.len, &r->d.segment, &r->d.sid))) {
        r->has_requester = true;
    }
}

static void
field_value(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)l;
    (void)f;
    *(struct val *)out = v;
}

static void
field_pasids(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint32_t n = 0;
    uint64_t before = l->errors;

    field_u32(l, f, v, &n);
    if (l->errors == before &&
        read_ok(l, f->name, v,
                n > 1 << 20 ? "PASIDs have 20 bits: 0 to 0x100000" : NULL)) {
        *(uint32_t *)out = n;
    }
}

enum {
    DEVICE_IOMMU,
    DEVICE_ADDRESS,
    DEVICE_REQUESTER,
    DEVICE_BACKEND,
    DEVICE_PLUGGED,
    DEVICE_ATS,
    DEVICE_PASIDS,
};

#define D(member) offsetof(struct device_reader, member)
/* The device's own keys; all others are options of its one backend. */
SCHEMA(device_schema, "device",
       {
           [DEVICE_IOMMU] = { "iommu", field_iommu, D(d.iommu), FIELD_REQUIRED, NULL },
           [DEVICE_ADDRESS] = { "address", field_address, 0, 0, NULL },
           [DEVICE_REQUESTER] = { "requester", field_requester, 0, 0, NULL },
           [DEVICE_BACKEND] = { "backend", field_value, D(backend), 0, NULL },
           [DEVICE_PLUGGED] = { "plugged", field_switch, D(d.plugged), 0, NULL },
           [DEVICE_ATS] = { "ats", field_switch, D(d.ats), 0, NULL },
           [DEVICE_PASIDS] = { "pasids", field_pasids, D(d.pasids), 0, NULL },
       });

static bool
has_key(const struct schema *s, const struct node *key)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(key->u.text, s->fields[i].name) == 0) {
            return true;
        }
    }
    return false;
}

/* A key that no device and no backend has. */
static void
unknown_device_key(struct loader *l, const struct node *key)
{
    const char *names[2 * FIELDS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < device_schema.n; i++) {
        names[n++] = device_schema.fields[i].name;
    }
    for (size_t i = 0; i < subscriber_schema.n; i++) {
        names[n++] = subscriber_schema.fields[i].name;
    }
    load_unknown_key(l, val_of(key), "device", names, n);
}

/* Split a device's mapping in its own keys and the options of its backend. */
static void
split_keys(struct loader *l, const struct node *map, struct node *own,
           struct node *options)
{
    *own = *options = *map;
    own->n = options->n = 0;
    own->u.pairs = arena_alloc(&l->nodes, ((size_t)map->n + 1) * sizeof(*own->u.pairs));
    options->u.pairs =
        arena_alloc(&l->nodes, ((size_t)map->n + 1) * sizeof(*own->u.pairs));
    for (uint32_t i = 0; i < map->n; i++) {
        const struct node_pair *p = &map->u.pairs[i];

        if (has_key(&device_schema, p->key)) {
            own->u.pairs[own->n++] = *p;
        } else if (!has_key(&subscriber_schema, p->key)) {
            unknown_device_key(l, p->key);
        } else {
            options->u.pairs[options->n++] = *p;
        }
    }
}

static void
add_subscriber(struct loader *l, struct scenario_device *d,
               struct scenario_subscriber *subs, struct val v)
{
    struct scenario_subscriber *sub = &subs[d->n_subs];

    if (!load_subscriber(l, v, d->id, sub)) {
        return;
    }
    for (size_t i = 0; i < d->n_subs; i++) {
        if (strcmp(subs[i].name, sub->name) == 0) {
            load_error(l, v, "two subscribers are called '%s'; give one a 'name'",
                       sub->label);
        }
    }
    strmap_put(&l->sc->index->subscribers, sub->label, strlen(sub->label), 0);
    d->n_subs++;
}

/*
 * `backend: NAME` with options beside it, or a list of names and of
 * `{backend: NAME, options}`.
 */
static void
read_subscribers(struct loader *l, struct scenario_device *d, struct val backend,
                 const struct node *options)
{
    bool list = backend.node != NULL && backend.node->kind == NODE_LIST;
    size_t n = list ? backend.node->n : 1;
    struct scenario_subscriber *subs = arena_alloc(l->arena, n * sizeof(*subs) + 1);

    d->subs = subs;
    if (backend.node == NULL) {
        if (options->n > 0) {
            load_error(l, val_of(options->u.pairs[0].key),
                       "'%s' has no 'backend' that could take '%.64s'", d->id,
                       options->u.pairs[0].key->u.text);
        }
        return;
    }
    if (!list && backend.node->kind == NODE_SCALAR) {
        struct node *whole = arena_alloc(&l->nodes, sizeof(*whole));
        struct node *key = arena_alloc(&l->nodes, sizeof(*key));

        *key = *backend.node;
        key->u.text = "backend";
        key->n = 7;
        *whole = *options;
        whole->u.pairs[whole->n].key = key;
        whole->u.pairs[whole->n++].value = backend.node;
        add_subscriber(l, d, subs, val_of(whole));
        return;
    }
    if (options->n > 0) {
        load_error(
            l, val_of(options->u.pairs[0].key),
            "with a list of backends, options go into the list: {backend: , %.64s: }",
            options->u.pairs[0].key->u.text);
    }
    if (!list) {
        add_subscriber(l, d, subs, backend);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        add_subscriber(l, d, subs, val_of(backend.node->u.items[i]));
    }
}

static bool
sid_taken(const struct scenario_device *list, size_t n, const struct device_reader *r,
          const bool *addressed)
{
    for (size_t i = 0; i < n; i++) {
        if (addressed[i] && list[i].iommu == r->d.iommu && list[i].sid == r->d.sid &&
            list[i].segment == r->d.segment) {
            return true;
        }
    }
    return false;
}

/* ATS and PASIDs as far as the device and its subscribers go. */
static void
check_ats(struct loader *l, struct device_reader *r, const struct args *args)
{
    bool kept = false;

    for (size_t i = 0; i < r->d.n_subs; i++) {
        const struct scenario_subscriber *sub = &r->d.subs[i];

        kept |= sub->backend == BACKEND_ATS;
        if (sub->has_pasid && sub->pasid >= r->d.pasids) {
            load_error_at(l, sub->pos, 1, "'%s' has %u PASIDs; see 'pasids'", r->d.id,
                          r->d.pasids);
        }
    }
    if (!args_has(args, DEVICE_ATS)) {
        r->d.ats = kept;
    }
    if (r->d.iommu != SCENARIO_NONE && !l->sc->iommus[r->d.iommu].unread &&
        (r->d.ats || r->d.pasids > 0) &&
        l->sc->iommus[r->d.iommu].model != IOMMU_INTEL_VTD) {
        load_error_at(l, r->d.pos, 1, "'%s' needs an intel-vtd",
                      r->d.ats ? "ats" : "pasids");
    }
}

/* A device that uses the id of the bridge in front of it, perhaps as others do. */
static void
check_requester(struct loader *l, struct device_reader *r, const struct args *args,
                const struct scenario_device *list, size_t n)
{
    struct val v = args->v[DEVICE_REQUESTER];

    if (r->has_address) {
        load_error(l, v, "behind a 'requester' a device's own address is not seen");
    }
    if (r->d.ats || r->d.pasids > 0) {
        load_error(l, v, "behind a conventional bridge there is no %s",
                   r->d.ats ? "ATS" : "PASID");
    }
    if (r->d.iommu != SCENARIO_NONE &&
        l->sc->iommus[r->d.iommu].model != IOMMU_INTEL_VTD) {
        load_error(l, v, "'requester' needs an intel-vtd");
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i].iommu == r->d.iommu && list[i].sid == r->d.sid &&
            list[i].segment == r->d.segment && list[i].is_requester) {
            r->d.first_of_sid = list[i].first_of_sid;
            return;
        }
    }
}

static void
read_device(struct loader *l, const struct node_pair *p, struct scenario_device *list,
            size_t n, bool *addressed)
{
    struct device_reader r = {
        .d = { .iommu = SCENARIO_NONE, .plugged = true, .first_of_sid = (uint32_t)n }
    };
    const struct node empty = { .kind = NODE_MAP };
    struct val key = val_of(p->key);
    struct node own, *options = arena_alloc(&l->nodes, sizeof(*options));
    struct args args;
    uint64_t before;
    uint32_t i;

    check_new_id(l, "a device's name", key);
    r.d.pos = p->key->pos;
    r.d.id = load_strdup(l, key);
    strmap_put(&l->sc->index->devices, r.d.id, key.len, (uint32_t)n);
    list[n] = r.d;
    if (want_map(l, r.d.id, val_of(p->value)) == NULL) {
        return;
    }
    before = l->errors;
    split_keys(l, p->value->kind == NODE_MAP ? p->value : &empty, &own, options);
    if (node_get(&own, "iommu") == NULL && l->sc->n_iommus == 1) {
        r.d.iommu = 0; /* there is no choice */
    }
    args_init(&args, key);
    for (i = 0; i < own.n; i++) {
        schema_key(l, &device_schema, val_of(own.u.pairs[i].key),
                   val_of(own.u.pairs[i].value), &r, &args);
    }
    if (r.d.iommu == SCENARIO_NONE && !args_has(&args, DEVICE_IOMMU) &&
        l->errors == before) {
        load_error(l, key, "'%s' needs 'iommu'", r.d.id);
    }
    read_subscribers(l, &r.d,
                     args_has(&args, DEVICE_BACKEND) ? r.backend : (struct val){ 0 },
                     options);
    check_ats(l, &r, &args);
    if (r.has_requester) {
        check_requester(l, &r, &args, list, n);
    }
    r.d.is_requester = r.has_requester;
    if ((r.has_address || (r.has_requester && r.d.first_of_sid == n)) &&
        sid_taken(list, n, &r, addressed)) {
        load_error(l, arg_at(&args, r.has_address ? DEVICE_ADDRESS : DEVICE_REQUESTER),
                   "another device behind this iommu has the same address");
    }
    addressed[n] = r.has_address || r.has_requester;
    list[n] = r.d;
}

/* Addresses left open, in file order behind each IOMMU: 00:01.0, 00:02.0, ... */
static void
assign_addresses(struct loader *l, struct scenario_device *list, size_t n,
                 bool *addressed)
{
    unsigned *last = xcalloc(l->sc->n_iommus, sizeof(*last));

    for (size_t i = 0; i < n; i++) {
        struct device_reader r = { .d = list[i] };

        if (addressed[i] || r.d.iommu == SCENARIO_NONE) {
            continue;
        }
        do {
            r.d.sid = (uint16_t)(++last[r.d.iommu] << 3);
        } while (sid_taken(list, n, &r, addressed));
        if (last[r.d.iommu] >= 0x2000) {
            load_error_at(l, list[i].pos, 1, "no PCI address is left for '%s'",
                          list[i].id);
            break;
        }
        list[i].sid = r.d.sid;
        addressed[i] = true;
    }
    free(last);
}

void
load_devices(struct loader *l, const struct node *map)
{
    uint32_t n = node_count(map);
    struct scenario_device *list = arena_alloc(l->arena, n * sizeof(*list) + 1);
    bool *addressed = arena_alloc(&l->nodes, n * sizeof(*addressed) + 1);

    l->sc->devices = l->devices = list;
    for (uint32_t i = 0; i < n; i++) {
        read_device(l, &map->u.pairs[i], list, i, addressed);
    }
    l->sc->n_devices = n;
    assign_addresses(l, list, n, addressed);
    for (uint32_t i = 0; i < n; i++) {
        for (size_t k = 0; k < list[i].n_subs; k++) {
            check_container(l, i, &list[i].subs[k]);
        }
    }
}
