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
    if (val_is(v, "57")) {
        load_unsupported(l, v, "%s: 57", f->name);
    } else if (want_scalar(l, f->name, v) &&
               read_ok(l, f->name, v,
                       val_is(v, "39") || val_is(v, "48") ? NULL : "expected 39 or 48")) {
        *(unsigned *)out = v.s[0] == '3' ? 39 : 48;
    }
}

static void
field_domain_type(struct loader *l, const struct field *f, struct val v, void *out)
{
    static const char *const words[] = { "second-stage" }, *const refused[] = {
        "first-stage"
    };
    static const struct word_list list = { words, 1, refused, 1 };
    size_t i;

    (void)out;
    read_choice(l, f->name, v, &list, &i);
}

#define DOMAIN(member) offsetof(struct scenario_domain, member)

SCHEMA(domain_schema, "domain",
       {
           { "iommu", field_iommu, DOMAIN(iommu), 0, NULL },
           { "did", field_u16, DOMAIN(did), 0, NULL },
           { "aw", field_domain_aw, DOMAIN(aw_bits), 0, NULL },
           { "pasid", field_off, 0, 0, NULL },
           { "type", field_domain_type, 0, 0, NULL },
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

static void
check_domain(struct loader *l, const struct args *args, struct val key,
             const struct scenario_domain *list, size_t n)
{
    const struct scenario_domain *d = &list[n];

    if (d->iommu == SCENARIO_NONE) {
        if (!args_has(args, 0)) {
            load_error(l, key, "'domain' needs 'iommu', an intel-vtd");
        }
        return;
    }
    const struct scenario_iommu *io = &l->sc->iommus[d->iommu];

    if (io->model != IOMMU_INTEL_VTD) {
        load_error(l, args_has(args, 0) ? args->v[0] : key,
                   "a domain belongs to an intel-vtd; '%s' is none", io->id);
        return;
    }
    if (d->aw_bits > io->vtd.aw_bits) {
        load_error(l, args->v[2], "'%s' translates %u bits at most", io->id,
                   io->vtd.aw_bits);
    }
    if (d->has_did && (d->did == 0 || d->did >= io->vtd.domains)) {
        load_error(l, args->v[1], "'%s' has domain numbers from 1 to %u", io->id,
                   io->vtd.domains - 1);
    }
    for (size_t i = 0; d->has_did && i < n; i++) {
        if (list[i].has_did && list[i].did == d->did && list[i].iommu == d->iommu) {
            load_error(l, args->v[1], "domain '%s' has the same did %u", list[i].id,
                       d->did);
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
    strmap_put(&l->sc->index->domains, d->id, key.len, (uint32_t)n);
    if (!schema_read(l, &domain_schema, p->value, d, &args)) {
        return;
    }
    d->has_did = args_has(&args, 1);
    check_domain(l, &args, key, list, n);
    if (d->aw_bits == 0 && d->iommu != SCENARIO_NONE) {
        d->aw_bits = l->sc->iommus[d->iommu].vtd.aw_bits;
    }
}

static void
field_domains(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct guest_config *g = out;
    const struct node *map = want_map(l, f->name, v);
    uint32_t n = map != NULL ? node_count(map) : 0;
    struct scenario_domain *list = arena_alloc(l->arena, n * sizeof(*list) + 1);

    g->domains = list;
    for (uint32_t i = 0; i < n; i++) {
        read_domain(l, &map->u.pairs[i], list, i);
        g->n_domains = i + 1;
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

        if (r->kind == SCENARIO_RAM && g->table_base >= r->base &&
            g->table_base - r->base < r->size &&
            g->table_size <= r->size - (g->table_base - r->base)) {
            g->has_table_memory = true;
            return;
        }
    }
    load_error(l, v, "'table_memory' must lie inside RAM");
}

/* The default: the top sixteenth of the highest RAM below 4 GiB. */
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

        best = r->kind == SCENARIO_RAM && r->base < four_gib ? r : best;
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
            load_error(l, args.v[1], "'timer' must be longer than 0");
        }
    }
}

SCHEMA(guest_schema, "guest",
       {
           { "driver", field_enum, GUEST(driver), 0, &driver_words },
           { "flush", field_flush, 0, 0, NULL },
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
        load_error(l, args.v[1], "'flush' is for 'driver: lazy'");
    }
}
