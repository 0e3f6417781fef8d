/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Actors and their steps as YAML mappings: one action, and what surrounds it. */
#include <string.h>

#include "scenario/action.h"
#include "scenario/scalar.h"

/* The keys of a step besides its action. */
enum modifier {
    MOD_AT,
    MOD_AFTER,
    MOD_LABEL,
    MOD_EXPECT,
    MOD_REPEAT,
    MOD_STRIDE,
    MOD_WAIT,
    MOD_STEPS,
    MOD_SCRIPT,
    MOD_COUNT
};

static const char *const modifier_names[MOD_COUNT] = {
    [MOD_AT] = "at",         [MOD_AFTER] = "after",   [MOD_LABEL] = "label",
    [MOD_EXPECT] = "expect", [MOD_REPEAT] = "repeat", [MOD_STRIDE] = "stride",
    [MOD_WAIT] = "wait",     [MOD_STEPS] = "steps",   [MOD_SCRIPT] = "script",
};

/* A step's mapping taken apart. */
struct parts {
    const struct node *key;      /* of the action, of `steps` or of `script` */
    const struct node *value;    /* its value */
    const struct action *action; /* NULL: steps or script */
    const struct node *mod[MOD_COUNT];
};

static enum modifier
find_modifier(struct val key)
{
    if (key.len < 2 || strchr("alerws", key.s[0]) == NULL) {
        return MOD_COUNT;
    }
    unsigned i = 0;

    while (i < MOD_COUNT && !val_is(key, modifier_names[i])) {
        i++;
    }
    return (enum modifier)i;
}

static void
take_action(struct loader *l, struct parts *p, const struct node_pair *pair,
            const struct action *action)
{
    if (p->key != NULL) {
        load_error(l, val_of(pair->key),
                   "a step has one action; this one has '%.40s' and '%.40s'",
                   p->key->u.text, pair->key->u.text);
        return;
    }
    p->key = pair->key;
    p->value = pair->value;
    p->action = action;
}

/* False if some key is none of a step's. */
static bool
take_apart(struct loader *l, const struct node *map, struct parts *p)
{
    bool good = true;

    for (uint32_t i = 0; i < map->n; i++) {
        const struct node_pair *pair = &map->u.pairs[i];
        struct val key = val_of(pair->key);
        enum modifier m = find_modifier(key);

        if (m == MOD_STEPS || m == MOD_SCRIPT) {
            take_action(l, p, pair, NULL);
            p->mod[m] = pair->value;
        } else if (m != MOD_COUNT) {
            p->mod[m] = pair->value;
        } else {
            const struct action *a = find_action(key);

            if (a != NULL) {
                take_action(l, p, pair, a);
            } else {
                unknown_action(l, key);
                good = false;
            }
        }
    }
    return good;
}

/* ---- the action --------------------------------------------------------- */

/* Arguments as a mapping, a short form, or nothing. */
static void
read_arguments(struct loader *l, const struct action *a, const struct node *key,
               const struct node *value, struct step *s)
{
    uint64_t before = l->errors;
    struct args args;

    args_init(&args, val_of(key));
    if (value->kind == NODE_SCALAR && value->n > 0 && a->shorthand != NULL) {
        a->shorthand(l, &(struct field){ .name = a->doc.name }, val_of(value), s);
    } else if (want_map(l, a->doc.name, val_of(value)) != NULL) {
        for (uint32_t i = 0; i < node_count(value); i++) {
            const struct node_pair *p = &value->u.pairs[i];

            schema_key(l, a->schema, val_of(p->key), val_of(p->value), s, &args);
        }
        schema_done(l, a->schema, &args);
    }
    if (l->errors == before && a->finish != NULL) {
        a->finish(l, a, s, &args);
    }
}

/* ---- what surrounds it -------------------------------------------------- */

bool
check_at(struct loader *l, struct val v, sim_time at)
{
    if (l->actor.loops > 0) {
        load_error(l, v, "'at' cannot stand in a loop: time does not go back");
        return false;
    }
    if (at < l->actor.last_at) {
        load_error(l, v, "'at' lies before an earlier 'at' of this actor (%lluns)",
                   (unsigned long long)l->actor.last_at);
        return false;
    }
    l->actor.last_at = at;
    return true;
}

static void
read_timing(struct loader *l, const struct parts *p, struct step *s,
            struct step_options *o)
{
    const struct node *at = p->mod[MOD_AT], *after = p->mod[MOD_AFTER];
    struct dist d = { .kind = DIST_CONSTANT };

    if (at != NULL && after != NULL) {
        load_error(l, val_of(after), "a step has 'at' or 'after', not both");
    } else if (at != NULL) {
        struct val v = val_of(at);

        if (want_scalar(l, "at", v) &&
            read_ok(l, "at", v, scalar_time(v.s, v.len, &s->when)) &&
            check_at(l, v, s->when)) {
            s->timing = STEP_AT;
        }
    } else if (after != NULL && read_dist(l, "after", val_of(after), true, &d)) {
        s->timing = STEP_AFTER;
        s->when = d.a;
        if (!dist_is_constant(&d)) {
            struct dist *kept = arena_alloc(l->arena, sizeof(*kept));

            *kept = d;
            o->after = kept;
        }
    }
}

static void
read_strides(struct loader *l, struct val v, struct step_options *o)
{
    const struct node *map = want_map(l, "stride", v);
    uint32_t n = map != NULL ? node_count(map) : 0;
    struct step_stride *strides = arena_alloc(l->arena, n * sizeof(*strides) + 1);

    for (uint32_t i = 0; i < n; i++) {
        struct val key = val_of(map->u.pairs[i].key), by = val_of(map->u.pairs[i].value);
        size_t word;

        if (read_word(l, "stride", key, &stride_words, &word) &&
            want_scalar(l, "stride", by) &&
            read_ok(l, "stride", by, scalar_size(by.s, by.len, &strides[i].by))) {
            strides[i].key = (enum stride_key)word;
        }
    }
    o->strides = strides;
    o->n_strides = n;
}

/* Whether every key of the stride moves something in the step or below the loop. */
static bool
stride_applies(const struct step *s, enum stride_key key)
{
    for (; s != NULL; s = s->next) {
        struct step copy = *s;

        if (s->kind == STEP_LOOP ? stride_applies(s->u.loop, key)
                                 : step_number(&copy, key) != NULL) {
            return true;
        }
    }
    return false;
}

static void
read_repeat(struct loader *l, const struct parts *p, const struct step *s,
            struct step_options *o)
{
    uint64_t before = l->errors;

    if (p->mod[MOD_REPEAT] != NULL) {
        field_count(l, &(struct field){ .name = "repeat" }, val_of(p->mod[MOD_REPEAT]),
                    &o->repeat);
    }
    if (p->mod[MOD_STRIDE] == NULL) {
        return;
    }
    struct val v = val_of(p->mod[MOD_STRIDE]);

    if (p->mod[MOD_REPEAT] == NULL) {
        load_error(l, v, "'stride' needs 'repeat'");
        return;
    }
    read_strides(l, v, o);
    for (size_t i = 0; l->errors == before && i < o->n_strides; i++) {
        if (!stride_applies(s, o->strides[i].key)) {
            load_error(l, val_of(v.node->u.pairs[i].key),
                       "there is no '%s' for this stride",
                       stride_words.words[o->strides[i].key]);
        }
    }
    if (l->errors == before) {
        check_strides(l, v, s, o);
    }
}

static void
read_modifiers(struct loader *l, const struct parts *p, struct step *s)
{
    struct step_options o = { .repeat = 1 };
    bool any = false;

    for (unsigned i = 0; i < MOD_STEPS; i++) {
        any |= p->mod[i] != NULL;
    }
    if (!any) {
        return;
    }
    read_timing(l, p, s, &o);
    if (p->mod[MOD_LABEL] != NULL) {
        field_text(l, &(struct field){ .name = "label" }, val_of(p->mod[MOD_LABEL]),
                   &o.label);
    }
    if (p->mod[MOD_EXPECT] != NULL) {
        o.expect = load_step_expect(l, val_of(p->mod[MOD_EXPECT]));
    }
    if (p->mod[MOD_WAIT] != NULL) {
        field_switch(l, &(struct field){ .name = "wait" }, val_of(p->mod[MOD_WAIT]),
                     &s->wait);
    }
    read_repeat(l, p, s, &o);
    if (o.label != NULL || o.after != NULL || o.expect != NULL || o.repeat != 1) {
        struct step_options *kept = arena_alloc(l->arena, sizeof(*kept));

        *kept = o;
        s->opt = kept;
    }
}

/* ---- loops and scripts -------------------------------------------------- */

static struct step **load_steps(struct loader *l, const struct node *list,
                                struct step **tail);

/* Of a loop only repeat, stride and label have a meaning. */
static void
refuse_modifiers(struct loader *l, struct parts *p)
{
    static const enum modifier none[] = { MOD_AT, MOD_AFTER, MOD_EXPECT, MOD_WAIT };

    for (size_t i = 0; i < LEN(none); i++) {
        const struct node *n = p->mod[none[i]];

        if (n != NULL) {
            load_error(l, val_of(n), "'%s' goes to the steps inside, not beside '%s'",
                       modifier_names[none[i]], p->key->u.text);
            p->mod[none[i]] = NULL;
        }
    }
}

static struct step **
load_group(struct loader *l, struct parts *p, struct step **tail)
{
    struct step *loop = arena_alloc(l->arena, sizeof(*loop));
    bool repeats = p->mod[MOD_REPEAT] != NULL;

    refuse_modifiers(l, p);
    if (p->mod[MOD_STEPS] != NULL && !repeats) {
        load_error(l, val_of(p->key), "'steps' needs 'repeat'");
    }
    if (l->actor.loops == STEP_DEPTH_MAX) {
        load_error(l, val_of(p->key), "loops in more than %d others", STEP_DEPTH_MAX - 1);
        return tail;
    }
    if (!repeats && p->mod[MOD_SCRIPT] != NULL) {
        return load_script(l, val_of(p->value), tail);
    }
    step_init(l, loop, NULL, p->key->pos);
    l->actor.loops++;
    if (p->mod[MOD_SCRIPT] != NULL) {
        load_script(l, val_of(p->value), &loop->u.loop);
    } else if (want_list(l, "steps", val_of(p->value)) != NULL) {
        load_steps(l, p->value, &loop->u.loop);
    }
    l->actor.loops--;
    if (loop->u.loop == NULL) {
        load_error(l, val_of(p->key), "a loop needs at least one step");
        return tail;
    }
    read_modifiers(l, p, loop);
    *tail = loop;
    return &loop->next;
}

/* ---- lists -------------------------------------------------------------- */

static struct step **
load_step(struct loader *l, const struct node *n, struct step **tail)
{
    struct parts p = { 0 };
    static const struct node nothing = { .plain = true, .u.text = "" };

    if (n->kind == NODE_SCALAR && n->n > 0) {
        p.key = n;
        p.value = &nothing;
        p.action = find_action(val_of(n));
        if (p.action == NULL) {
            unknown_action(l, val_of(n));
            return tail;
        }
    } else if (n->kind != NODE_MAP) {
        load_error(l, val_of(n), "a step is a mapping with one action, such as - check");
        return tail;
    } else if (!take_apart(l, n, &p)) {
        return tail;
    } else if (p.key == NULL) {
        load_error(l, val_of(n), "this step has no action");
        return tail;
    }
    if (p.action == NULL) {
        return load_group(l, &p, tail);
    }
    struct step *s = arena_alloc(l->arena, sizeof(*s));
    uint64_t before = l->errors;

    step_init(l, s, p.action, p.key->pos);
    read_arguments(l, p.action, p.key, p.value, s);
    if (l->errors != before) {
        p.mod[MOD_STRIDE] = NULL; /* would be judged on half-read numbers */
    }
    read_modifiers(l, &p, s);
    *tail = s;
    return &s->next;
}

/* A list of `steps` appended at *tail; the new tail. */
static struct step **
load_steps(struct loader *l, const struct node *list, struct step **tail)
{
    for (uint32_t i = 0; i < node_count(list); i++) {
        tail = load_step(l, list->u.items[i], tail);
    }
    return tail;
}

/* ---- actors ------------------------------------------------------------- */

static void
load_actor(struct loader *l, struct scenario_actor *a, struct val name,
           const struct node *steps)
{
    a->pos = name.node->pos;
    a->name = load_strdup(l, name);
    l->actor.last_at = 0;
    if (want_list(l, a->name, val_of(steps)) != NULL) {
        load_steps(l, steps, &a->steps);
    }
}

void
begin_timeline(struct loader *l, const struct node *key)
{
    l->timeline = arena_alloc(l->arena, sizeof(*l->timeline));
    l->timeline->pos = key->pos;
    l->timeline->name = "guest";
    l->timeline_tail = &l->timeline->steps;
    l->actor.last_at = 0;
}

void
add_timeline_step(struct loader *l, const struct node *step)
{
    l->timeline_tail = load_step(l, step, l->timeline_tail);
}

static void
load_timeline(struct loader *l, const struct node *root)
{
    for (uint32_t i = 0; l->timeline == NULL && i < root->n; i++) {
        const struct node_pair *p = &root->u.pairs[i];

        if (!val_is(val_of(p->key), "timeline")) {
            continue;
        }
        begin_timeline(l, p->key);
        if (want_list(l, "timeline", val_of(p->value)) != NULL) {
            load_steps(l, p->value, l->timeline_tail);
        }
    }
}

void
load_actors(struct loader *l, const struct node *root)
{
    const struct node *actors = node_get(root, "actors");
    size_t n = 0;

    if (actors != NULL && want_map(l, "actors", val_of(actors)) == NULL) {
        actors = NULL;
    }
    uint32_t more = actors != NULL ? node_count(actors) : 0;
    struct scenario_actor *list =
        arena_alloc(l->arena, (1 + (size_t)more) * sizeof(*list));

    l->sc->actors = list;
    load_timeline(l, root);
    if (l->timeline != NULL) {
        list[n++] = *l->timeline;
    }
    for (uint32_t i = 0; i < more; i++) {
        struct val name = val_of(actors->u.pairs[i].key);

        if (l->timeline != NULL && val_is(name, "guest")) {
            load_error(l, name, "'timeline' is the actor 'guest' already");
        }
        check_id(l, "an actor's name", name);
        load_actor(l, &list[n++], name, actors->u.pairs[i].value);
    }
    l->sc->n_actors = n;
}
