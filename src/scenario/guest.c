/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `guest` of a scenario: its driver's policy, page tables and table memory. */
#include <string.h>

#include "scenario/loader.h"

WORDS(driver_words, { "manual", "strict", "lazy" });

const struct word_list *
guest_drivers(void)
{
    return &driver_words;
}

/* ---- domains ------------------------------------------------------------ */

static void
field_domain_aw(struct loader *l, const struct field *f, struct val v, void *out)
{
    static const char *const words[] = { "39", "48", "57" };
    static const struct word_list list = { words, 3 };
    size_t i;

    if (read_choice(l, f->name, v, &list, &i)) {
        *(unsigned *)out = 39 + 9 * (unsigned)i;
    }
}

WORDS(domain_types,
      { [DOMAIN_SECOND_STAGE] = "second-stage", "first-stage", "nested", "passthrough" });

enum {
    DOMAIN_IOMMU,
    DOMAIN_DID,
    DOMAIN_AW,
    DOMAIN_PASID,
    DOMAIN_TYPE,
    DOMAIN_PARENT,
};

#define DOMAIN(member) offsetof(struct scenario_domain, member)

SCHEMA(domain_schema, "domain",
       {
           [DOMAIN_IOMMU] = { "iommu", field_iommu, DOMAIN(iommu), 0, NULL },
           [DOMAIN_DID] = { "did", field_u16, DOMAIN(did), 0, NULL },
           [DOMAIN_AW] = { "aw", field_domain_aw, DOMAIN(aw_bits), 0, NULL },
           [DOMAIN_PASID] = { "pasid", field_u32, DOMAIN(pasid), 0, NULL },
           [DOMAIN_TYPE] = { "type", field_enum, DOMAIN(type), 0, &domain_types },
           [DOMAIN_PARENT] = { "parent", field_domain, DOMAIN(parent), 0, NULL },
       });

/* The only intel-vtd of the machine, or SCENARIO_NONE. */
static uint32_t
only_vtd(const struct scenario *sc)
{
    uint32_t found = SCENARIO_NONE;

    for (uint32_t i = 0; i < sc->n_iommus; i++) {
        if (sc->iommus[i].model == IOMMU_INTEL_VTD) {
            if (found != SCENARIO_NONE) {
                return SCENARIO_NONE;
            }
            found = i;
        }
    }
    return found;
}

/* `pasid` in a domain, an attach or a detach. */
bool
check_domain_pasid(struct loader *l, struct val v, const struct scenario_iommu *io,
                   uint32_t pasid)
{
    uint64_t before = l->errors;

    if (!io->vtd.pasid) {
        load_error(l, v, "'%s' takes no requests with PASID; see its 'pasid'", io->id);
    } else if (pasid == 0) {
        load_error(l, v, "PASID 0 is that of requests without one; leave 'pasid' out");
    } else if (pasid >> 20 != 0) {
        load_error(l, v, "'pasid' has 20 bits");
    }
    return l->errors == before;
}

/* What its type asks of a domain. Widths are filled in. */
static void
check_stages(struct loader *l, const struct args *args, struct val key,
             struct scenario_domain *list, size_t n)
{
    struct scenario_domain *d = &list[n];
    const struct scenario_iommu *io = &l->sc->iommus[d->iommu];
    bool first = d->type == DOMAIN_FIRST_STAGE || d->type == DOMAIN_NESTED;
    const struct val *aw = args_has(args, DOMAIN_AW) ? &args->v[DOMAIN_AW] : NULL;

    if (first && !io->vtd.first_stage) {
        load_error(l, arg_at(args, DOMAIN_TYPE),
                   "'%s' has no first stage; see its 'first_stage'", io->id);
    }
    if (d->type == DOMAIN_PASSTHROUGH && !io->vtd.pass_through) {
        load_error(l, arg_at(args, DOMAIN_TYPE), "'%s' has no pass-through", io->id);
    }
    if (aw == NULL) {
        d->aw_bits = first && io->vtd.aw_bits < 48 ? 48 : io->vtd.aw_bits;
    } else if (d->type == DOMAIN_PASSTHROUGH) {
        load_error(l, *aw, "a passthrough domain has no tables, so no 'aw'");
    } else if (first && d->aw_bits == 39) {
        load_error(l, *aw, "a first stage has 4 or 5 levels: 48 or 57 bits");
    } else if (d->aw_bits > io->vtd.aw_bits && !(first && d->aw_bits == 48)) {
        load_error(l, *aw, "'%s' translates %u bits at most", io->id, io->vtd.aw_bits);
    }
    if (d->type != DOMAIN_NESTED) {
        if (d->parent != SCENARIO_NONE) {
            load_error(l, arg_at(args, DOMAIN_PARENT), "'parent' is for 'type: nested'");
        }
    } else if (d->parent == SCENARIO_NONE) {
        load_error(l, key, "a nested domain needs 'parent', a second-stage domain");
    } else if (list[d->parent].type != DOMAIN_SECOND_STAGE ||
               list[d->parent].iommu != d->iommu) {
        load_error(l, arg_at(args, DOMAIN_PARENT),
                   "'%s' is no second-stage domain of the same iommu",
                   list[d->parent].id);
    } else {
        list[d->parent].is_parent = true;
    }
}

static void
check_domain(struct loader *l, const struct args *args, struct val key,
             struct scenario_domain *list, size_t n)
{
    struct scenario_domain *d = &list[n];

    if (d->iommu == SCENARIO_NONE) {
        if (!args_has(args, DOMAIN_IOMMU)) {
            load_error(l, key, "'domain' needs 'iommu', an intel-vtd");
        }
        return;
    }
    const struct scenario_iommu *io = &l->sc->iommus[d->iommu];

    if (io->unread) {
        return;
    }
    if (io->model != IOMMU_INTEL_VTD) {
        load_error(l, args_has(args, DOMAIN_IOMMU) ? args->v[DOMAIN_IOMMU] : key,
                   "a domain belongs to an intel-vtd; '%s' is another model", io->id);
        return;
    }
    check_stages(l, args, key, list, n);
    if (d->has_pasid) {
        check_domain_pasid(l, args->v[DOMAIN_PASID], io, d->pasid);
    }
    if (d->has_did && (d->did == 0 || d->did >= io->vtd.domains)) {
        load_error(l, arg_at(args, DOMAIN_DID), "'%s' has domain numbers from 1 to %u",
                   io->id, io->vtd.domains - 1);
    }
    for (size_t i = 0; d->has_did && i < l->sc->guest.n_domains; i++) {
        if (i != n && list[i].has_did && list[i].did == d->did &&
            list[i].iommu == d->iommu) {
            load_error(l, arg_at(args, DOMAIN_DID), "domain '%s' has the same did %u",
                       list[i].id, d->did);
        }
    }
}

static void
read_domain(struct loader *l, const struct node_pair *p, struct scenario_domain *list,
            size_t n)
{
    struct scenario_domain *d = &list[n];
    struct val key = val_of(p->key);
    struct args args;

    check_id(l, "a domain's name", key);
    d->pos = p->key->pos;
    d->id = load_strdup(l, key);
    d->iommu = only_vtd(l->sc);
    d->parent = SCENARIO_NONE;
    if (schema_read(l, &domain_schema, p->value, d, &args)) {
        d->has_did = args_has(&args, DOMAIN_DID);
        d->has_pasid = args_has(&args, DOMAIN_PASID);
        check_domain(l, &args, key, list, n);
    }
    /* Only now: no domain is its own parent. */
    strmap_put(&l->sc->index->domains, d->id, key.len, (uint32_t)n);
}

static bool
is_nested(const struct node *domain)
{
    const struct node *type = domain->kind == NODE_MAP ? node_get(domain, "type") : NULL;

    return type != NULL && val_is(val_of(type), "nested");
}

static void
field_domains(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct guest_config *g = out;
    const struct node *map = want_map(l, f->name, v);
    uint32_t n = map != NULL ? node_count(map) : 0;
    struct scenario_domain *list = arena_alloc(l->arena, n * sizeof(*list) + 1);

    g->domains = list;
    g->n_domains = n;
    for (unsigned nested = 0; nested <= 1; nested++) { /* parents first */
        for (uint32_t i = 0; i < n; i++) {
            if (is_nested(map->u.pairs[i].value) == (nested == 1)) {
                read_domain(l, &map->u.pairs[i], list, i);
            }
        }
    }
}

/* ---- table memory ------------------------------------------------------- */

#define GUEST(member) offsetof(struct guest_config, member)

SCHEMA(table_schema, "table_memory",
       {
           { "base", field_size, GUEST(table_base), FIELD_REQUIRED, NULL },
           { "size", field_some, GUEST(table_size), FIELD_REQUIRED, NULL },
       });

static void
field_table_memory(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct guest_config *g = out;
    struct args args;

    if (want_map(l, f->name, v) == NULL ||
        !schema_read(l, &table_schema, v.node, g, &args)) {
        return;
    }
    if (((g->table_base | g->table_size) & PAGE_MASK) != 0) {
        load_error(l, v, "'table_memory' is given in whole pages: multiples of 4KiB");
        return;
    }
    for (size_t i = 0; i < l->sc->n_ranges; i++) {
        const struct scenario_range *r = &l->sc->ranges[i];

        if (r->kind == SCENARIO_RAM && r->block == 0 && g->table_base >= r->base &&
            g->table_base - r->base < r->size &&
            g->table_size <= r->size - (g->table_base - r->base)) {
            g->has_table_memory = true;
            return;
        }
    }
    load_error(l, v, "'table_memory' must lie inside RAM that stays");
}

/* The default: the top sixteenth of the highest RAM below 4 GiB that stays. */
void
finish_table_memory(struct loader *l)
{
    const uint64_t four_gib = UINT64_C(1) << 32;
    struct guest_config *g = &l->sc->guest;
    const struct scenario_range *best = NULL;
    bool wanted = false;

    for (size_t i = 0; i < l->sc->n_iommus; i++) {
        wanted |= l->sc->iommus[i].model == IOMMU_INTEL_VTD;
    }
    for (size_t i = 0; i < l->sc->n_ranges; i++) {
        const struct scenario_range *r = &l->sc->ranges[i];

        best = r->kind == SCENARIO_RAM && r->block == 0 && r->base < four_gib ? r : best;
    }
    if (!wanted || g->has_table_memory) {
        return;
    }
    if (best == NULL) {
        load_error_at(l, (struct src_pos){ 0 }, 1,
                      "there is no RAM below 4GiB for page tables; give 'table_memory'");
        return;
    }
    uint64_t end =
        best->base + best->size < four_gib ? best->base + best->size : four_gib;
    uint64_t size = align_down((end - best->base) / 16, PAGE_LG2);

    g->table_size = size > 0 ? size : PAGE_BYTES;
    g->table_base = end - g->table_size;
    g->has_table_memory = true;
}

/* ---- the whole ---------------------------------------------------------- */

SCHEMA(flush_schema, "flush",
       {
           { "entries", field_count, GUEST(flush_entries), 0, NULL },
           { "timer", field_time, GUEST(flush_timer), 0, NULL },
       });

static void
field_flush(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct guest_config *g = out;
    struct args args;

    if (want_map(l, f->name, v) != NULL &&
        schema_read(l, &flush_schema, v.node, g, &args)) {
        if (g->flush_timer == 0) {
            load_error(l, arg_at(&args, 1), "'timer' must be longer than 0");
        }
    }
}

static void
field_default_domain(struct loader *l, const struct field *f, struct val v, void *out)
{
    enum domain_type *type = out;

    field_enum(l, f, v, out);
    for (size_t i = 0; i < l->sc->n_iommus; i++) {
        const struct scenario_iommu *io = &l->sc->iommus[i];

        if (io->model == IOMMU_INTEL_VTD &&
            ((*type == DOMAIN_FIRST_STAGE && !io->vtd.first_stage) ||
             (*type == DOMAIN_PASSTHROUGH && !io->vtd.pass_through))) {
            load_error(l, v, "'%s' has no %s", io->id,
                       *type == DOMAIN_FIRST_STAGE ? "first stage; see its 'first_stage'"
                                                   : "pass-through");
        }
    }
}

/* Of the types that need no other domain. */
WORDS(default_types, { [DOMAIN_SECOND_STAGE] = "second-stage",
                       "first-stage",
                       [DOMAIN_PASSTHROUGH] = "passthrough" });

SCHEMA(guest_schema, "guest",
       {
           { "driver", field_enum, GUEST(driver), 0, &driver_words },
           { "flush", field_flush, 0, 0, NULL },
           { "multitce", field_unless_off, GUEST(put_only), 0, NULL },
           { "default_domain", field_default_domain, GUEST(default_domain), 0,
             &default_types },
           { "domains", field_domains, 0, 0, NULL },
           { "table_memory", field_table_memory, 0, 0, NULL },
       });

void
load_guest(struct loader *l, const struct node *map)
{
    struct guest_config *g = &l->sc->guest;
    struct args args;

    g->driver = GUEST_STRICT;
    g->flush_entries = 256;
    g->flush_timer = 10 * 1000 * 1000;
    if (map == NULL) {
        return;
    }
    if (schema_read(l, &guest_schema, map, g, &args) && args_has(&args, 1) &&
        g->driver != GUEST_LAZY) {
        load_error(l, arg_at(&args, 1), "'flush' is for 'driver: lazy'");
    }
}
