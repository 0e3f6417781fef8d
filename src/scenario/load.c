/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a file to a checked scenario: the top level, and the order of things. */
#include <stdlib.h>
#include <string.h>

#include "scenario/diag.h"
#include "scenario/loader.h"
#include "scenario/scalar.h"
#include "scenario/source.h"
#include "util/names.h"

/* ---- profile, quirks, runs ---------------------------------------------- */

/* const struct profile_info * */
static void
field_profile(struct loader *l, const struct field *f, struct val v, void *out)
{
    const char *names[16];
    char buf[VAL_TEXT];
    size_t n = 0;

    if (!want_scalar(l, f->name, v)) {
        return;
    }
    const struct profile_info *p = profile_by_name(val_text(v, buf, sizeof(buf)));

    if (p != NULL) {
        *(const struct profile_info **)out = p;
        return;
    }
    for (; n < LEN(names) && profile_at(n) != NULL; n++) {
        names[n] = profile_at(n)->name;
    }
    load_unknown(l, v, "profile", names, n);
}

static void
read_quirk(struct loader *l, struct val v, struct quirk_delta *out)
{
    const char *names[QUIRK_COUNT];
    char buf[VAL_TEXT];
    struct val name = v;

    if (!want_scalar(l, "quirks", v)) {
        return;
    }
    out->pos = v.node->pos;
    out->on = v.s[0] != '-';
    name.s += !out->on;
    name.len -= !out->on;
    if (quirk_by_name(val_text(name, buf, sizeof(buf)), &out->id)) {
        return;
    }
    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        names[i] = quirk_info((enum quirk)i)->name;
    }
    load_unknown(l, name, "quirk", names, QUIRK_COUNT);
}

static void
field_quirks(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_keys *keys = out;
    const struct node *list = want_list(l, f->name, v);
    uint32_t n = list != NULL ? node_count(list) : 0;
    struct quirk_delta *quirks = arena_alloc(l->arena, n * sizeof(*quirks) + 1);

    for (uint32_t i = 0; i < n; i++) {
        read_quirk(l, val_of(list->u.items[i]), &quirks[i]);
    }
    keys->quirks = quirks;
    keys->n_quirks = n;
}

static void
field_expect(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (want_map(l, f->name, v) != NULL) {
        load_expect(l, v.node, out);
    }
}

#define KEYS_FIELDS(keys)                                                                \
    { "seed", field_u64, keys + offsetof(struct scenario_keys, seed), 0, NULL },         \
        { "profile", field_profile, keys + offsetof(struct scenario_keys, profile), 0,   \
          NULL },                                                                        \
        { "quirks", field_quirks, keys, 0, NULL },                                       \
    {                                                                                    \
        "expect", field_expect, keys + offsetof(struct scenario_keys, expect), 0, NULL   \
    }
enum { KEY_SEED, KEY_PROFILE, KEY_QUIRKS, KEY_EXPECT, KEY_COUNT };

static void
note_keys(struct scenario_keys *keys, const struct args *args)
{
    keys->has_seed = args_has(args, KEY_SEED);
    keys->has_profile = args_has(args, KEY_PROFILE);
    keys->has_quirks = args_has(args, KEY_QUIRKS);
    keys->has_expect = args_has(args, KEY_EXPECT);
}

SCHEMA(run_schema, "runs",
       {
           KEYS_FIELDS(offsetof(struct scenario_run, keys)),
           [KEY_COUNT] = { "name", field_text, offsetof(struct scenario_run, name),
                           FIELD_REQUIRED, NULL },
       });

static void
read_run(struct loader *l, const struct node *n, struct scenario_run *list, size_t i)
{
    struct scenario_run *run = &list[i];
    struct args args;

    run->pos = n->pos;
    run->keys = l->sc->keys;
    if (!schema_read(l, &run_schema, n, run, &args)) {
        return;
    }
    note_keys(&run->keys, &args);
    for (size_t j = 0; j < i; j++) {
        if (list[j].name != NULL && strcmp(list[j].name, run->name) == 0) {
            load_error(l, arg_at(&args, KEY_COUNT), "two runs are called '%s'",
                       run->name);
        }
    }
}

static void
field_runs(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario *sc = out;
    const struct node *list = want_list(l, f->name, v);
    uint32_t n = list != NULL ? node_count(list) : 0;
    struct scenario_run *runs = arena_alloc(l->arena, n * sizeof(*runs) + 1);

    for (uint32_t i = 0; i < n; i++) {
        read_run(l, list->u.items[i], runs, i);
    }
    sc->runs = runs;
    sc->n_runs = n;
}

/* ---- latency, limits, tags ---------------------------------------------- */

static const char *const latency_names[LATENCY_COUNT] = {
    [LATENCY_PTE_WRITE] = "pte_write",
    [LATENCY_MMIO] = "mmio",
    [LATENCY_QI_FETCH] = "qi_fetch",
    [LATENCY_INVALIDATE] = "invalidate",
    [LATENCY_HCALL] = "hcall",
    [LATENCY_NOTIFY] = "notify",
    [LATENCY_VFIO_MAP] = "vfio_map",
    [LATENCY_VFIO_UNMAP] = "vfio_unmap",
    [LATENCY_VHOST_MESSAGE] = "vhost_message",
    [LATENCY_ATS_INVALIDATE] = "ats_invalidate",
    [LATENCY_DMA] = "dma",
    [LATENCY_WALK] = "walk",
    [LATENCY_RESET] = "reset",
};
static const struct word_list latency_words = { latency_names, LATENCY_COUNT };

static void
field_latency(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario *sc = out;
    const struct node *map = want_map(l, f->name, v);

    for (uint32_t i = 0; map != NULL && i < node_count(map); i++) {
        const struct node_pair *p = &map->u.pairs[i];
        size_t kind;

        if (read_word(l, "latency", val_of(p->key), &latency_words, &kind)) {
            read_dist(l, latency_names[kind], val_of(p->value), true, &sc->latency[kind]);
        }
    }
}

#define LIMIT(member) offsetof(struct scenario_limits, member)

SCHEMA(limits_schema, "limits",
       {
           { "events", field_count, LIMIT(events), 0, NULL },
           { "time", field_time, LIMIT(time), 0, NULL },
           { "memory", field_some, LIMIT(memory), 0, NULL },
           { "violations", field_count, LIMIT(violations), 0, NULL },
       });

static void
field_limits(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct args args;

    if (want_map(l, f->name, v) != NULL) {
        schema_read(l, &limits_schema, v.node, out, &args);
    }
}

static void
field_tags(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario *sc = out;
    bool single = v.s != NULL && v.len > 0;
    const struct node *list = single ? v.node : want_list(l, f->name, v);
    uint32_t n = list == NULL ? 0 : single ? 1 : node_count(list);
    const char **tags = arena_alloc(l->arena, n * sizeof(*tags) + 1);

    for (uint32_t i = 0; i < n; i++) {
        field_text(l, f, single ? v : val_of(list->u.items[i]), &tags[i]);
    }
    sc->tags = tags;
    sc->n_tags = n;
}

/* ---- the top level ------------------------------------------------------ */

static void
field_version(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)out;
    if (want_scalar(l, f->name, v) && !val_is(v, "1")) {
        read_ok(l, f->name, v, "this program reads format version 1");
    }
}

#define SC(member) offsetof(struct scenario, member)

/*
 * Machine, guest and steps are read before, in the order in which they depend on
 * each other; here is what may refer to them.
 */
SCHEMA(top_schema, "scenario",
       {
           KEYS_FIELDS(SC(keys)),
           { "iommusim", field_version, 0, FIELD_REQUIRED, NULL },
           { "name", field_text, SC(name), 0, NULL },
           { "description", field_text, SC(description), 0, NULL },
           { "tags", field_tags, 0, 0, NULL },
           { "machine", field_ignore, 0, 0, NULL },
           { "guest", field_ignore, 0, 0, NULL },
           { "latency", field_latency, 0, 0, NULL },
           { "actors", field_ignore, 0, 0, NULL },
           { "timeline", field_ignore, 0, 0, NULL },
           { "runs", field_ignore, 0, 0, NULL },
           { "limits", field_limits, SC(limits), 0, NULL },
           { "include", field_ignore, 0, 0, NULL },
       });

static void
set_defaults(struct scenario *sc)
{
    sc->name = sc->files[0].name;
    sc->keys.seed = 1;
    sc->keys.profile = profile_by_name("spec");
    sc->limits =
        (struct scenario_limits){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
}

static void
load_top(struct loader *l, const struct node *root)
{
    struct args args;
    const struct val *runs;

    args_init(&args, val_of(root));
    for (uint32_t i = 0; i < root->n; i++) {
        const struct node_pair *p = &root->u.pairs[i];

        if (p->key->n < 2 || memcmp(p->key->u.text, "x-", 2) != 0) {
            schema_key(l, &top_schema, val_of(p->key), val_of(p->value), l->sc, &args);
        }
    }
    if (args_find(&top_schema, &args, "iommusim") == NULL) {
        load_error(l, args.whole, "a scenario needs 'iommusim: 1', its format version");
    }
    note_keys(&l->sc->keys, &args);
    runs = args_find(&top_schema, &args, "runs");
    if (runs != NULL) {
        field_runs(l, &(struct field){ .name = "runs" }, *runs, l->sc);
    }
}

/* What steps refer to. */
static void
load_surroundings(struct loader *l, const struct node *root)
{
    load_machine(l, node_get(root, "machine"));
    load_guest(l, node_get(root, "guest"));
    finish_table_memory(l);
}

static void
load_root(struct loader *l, const struct node *root)
{
    if (root->kind != NODE_MAP) {
        load_error(l, val_of(root),
                   "a scenario is a mapping that begins with 'iommusim: 1'");
        return;
    }
    if (l->timeline == NULL) {
        root = load_includes(l, root);
        load_surroundings(l, root);
    }
    load_actors(l, root);
    load_top(l, root);
    check_references(l);
}

/* ---- streaming ---------------------------------------------------------- */

/* The timeline can be read on the way if what it refers to stands before it. */
static bool
begin_stream(void *self, const struct node *key, const struct node *so_far)
{
    struct loader *l = self;

    if (node_get(so_far, "machine") == NULL || node_get(so_far, "include") != NULL) {
        return false;
    }
    load_surroundings(l, so_far);
    begin_timeline(l, key);
    return true;
}

static void
stream_step(void *self, const struct node *item)
{
    add_timeline_step(self, item);
}

/* Whether something came behind the timeline that should have been known before. */
static bool
streamed_too_early(const struct loader *l, const struct node *root)
{
    static const char *const before[] = { "machine", "guest", "include" };
    bool behind = false;

    for (uint32_t i = 0; l->timeline != NULL && i < root->n; i++) {
        struct val key = val_of(root->u.pairs[i].key);

        behind |= val_is(key, "timeline");
        for (size_t k = 0; behind && k < LEN(before); k++) {
            if (val_is(key, before[k])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- files -------------------------------------------------------------- */

void
scenario_free(struct scenario *sc)
{
    if (sc == NULL) {
        return;
    }
    for (size_t i = 0; i < sc->n_files; i++) {
        union { /* read by all, freed here */
            const char *read;
            char *made;
        } text = { .read = sc->files[i].text };

        free(text.made);
    }
    strmap_fini(&sc->index->devices);
    strmap_fini(&sc->index->iommus);
    strmap_fini(&sc->index->domains);
    strmap_fini(&sc->index->subscribers);
    strmap_fini(&sc->index->containers);
    free(sc->files);
    arena_fini(&sc->arena);
    free(sc);
}

static struct scenario *
scenario_new(void)
{
    struct scenario *sc = xcalloc(1, sizeof(*sc));

    arena_init(&sc->arena);
    sc->index = arena_alloc(&sc->arena, sizeof(*sc->index));
    sc->hash = UINT64_C(0xcbf29ce484222325);
    return sc;
}

/*
 * One attempt at a text, which is taken; NULL with a problem if it could not be
 * read. False: the timeline was streamed and should not have been.
 */
static bool
try_text(const char *name, char *text, size_t len, const char *problem, bool may_stream,
         struct scenario **out, struct scenario_errors *errs)
{
    struct args sub_args;
    struct loader l = { .sc = scenario_new(), .errs = errs, .sub_args = &sub_args };
    struct arena items;
    const struct node_stream stream = { "timeline", begin_stream, stream_step, &l,
                                        &items };
    bool good = true;

    *errs = (struct scenario_errors){ 0 };
    l.arena = &l.sc->arena;
    arena_init(&l.nodes);
    arena_init(&items);
    add_file(&l, strcmp(name, "-") == 0 ? "<stdin>" : name, text, len);
    set_defaults(l.sc);
    if (problem != NULL) {
        load_error_at(&l, (struct src_pos){ 0 }, 1, "cannot read: %s", problem);
    } else {
        const struct node *root =
            node_parse(&l.nodes, l.sc->files, 0, errs, may_stream ? &stream : NULL);

        good = root == NULL || !streamed_too_early(&l, root);
        if (root != NULL && good) {
            load_root(&l, root);
        }
    }
    diag_finish(errs, l.sc->files);
    arena_fini(&items);
    arena_fini(&l.nodes);
    free(l.refs);
    *out = l.sc;
    return good;
}

static bool
load_text(const char *name, char *text, size_t len, const char *problem,
          struct scenario **out, struct scenario_errors *errs)
{
    if (!try_text(name, text, len, problem, true, out, errs)) {
        len = (*out)->files[0].len;
        (*out)->files[0].text = NULL; /* goes to the second attempt */
        scenario_free(*out);
        scenario_errors_fini(errs);
        try_text(name, text, len, problem, false, out, errs);
    }
    if (errs->n > 0) {
        scenario_free(*out);
        *out = NULL;
        return false;
    }
    return true;
}

bool
scenario_load(const char *path, struct scenario **out, struct scenario_errors *errs)
{
    char *text = NULL;
    size_t len = 0;
    const char *problem = source_read(path, &text, &len);

    return load_text(path, text, len, problem, out, errs);
}

bool
scenario_load_buffer(const char *name, const char *data, size_t len,
                     struct scenario **out, struct scenario_errors *errs)
{
    char *text = xmalloc(len);

    memcpy(text, data, len);
    return load_text(name, text, len, NULL, out, errs);
}

/* ---- names -------------------------------------------------------------- */

static uint32_t
find(const struct strmap *m, const char *id)
{
    uint32_t i = SCENARIO_NONE;

    strmap_get(m, id, strlen(id), &i);
    return i;
}

uint32_t
scenario_find_device(const struct scenario *sc, const char *id)
{
    return find(&sc->index->devices, id);
}

uint32_t
scenario_find_iommu(const struct scenario *sc, const char *id)
{
    return find(&sc->index->iommus, id);
}

bool
scenario_has_subject(const struct scenario *sc, const char *name)
{
    uint32_t i;

    if (sc->index->replays || scenario_find_device(sc, name) != SCENARIO_NONE ||
        scenario_find_iommu(sc, name) != SCENARIO_NONE ||
        strmap_get(&sc->index->subscribers, name, strlen(name), &i)) {
        return true;
    }
    for (size_t a = 0; a < sc->n_actors; a++) {
        if (strcmp(sc->actors[a].name, name) == 0) {
            return true;
        }
    }
    return strcmp(name, "run") == 0;
}
