/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See space.h. Sections are few (two for VT-d, some RAM ranges): an array serves. */
#include "notify/space.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
space_init(struct space *s, const char *name, struct env *env)
{
    *s = (struct space){ .name = name, .env = env };
}

void
space_fini(struct space *s)
{
    assert(s->listeners == NULL);
    free(s->sections);
    s->sections = NULL;
    s->n = 0;
}

static void
begin(struct space_listener *l)
{
    if (l->begin != NULL) {
        l->begin(l);
    }
}

static void
commit(struct space_listener *l)
{
    if (l->commit != NULL) {
        l->commit(l);
    }
}

void
space_listen(struct space *s, struct space_listener *l)
{
    struct space_listener **end = &s->listeners;

    assert(l->space == NULL);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = l;
    l->next = NULL;
    l->space = s;
    begin(l);
    for (size_t i = 0; i < s->n; i++) {
        l->add(l, &s->sections[i]);
    }
    commit(l);
}

void
space_unlisten(struct space_listener *l)
{
    struct space *s = l->space;
    struct space_listener **p = &s->listeners;

    begin(l);
    for (size_t i = s->n; i-- > 0;) {
        l->del(l, &s->sections[i]);
    }
    commit(l);
    while (*p != l) {
        p = &(*p)->next;
    }
    *p = l->next;
    l->next = NULL;
    l->space = NULL;
}

static bool
same_section(const struct space_section *a, const struct space_section *b)
{
    return a->first == b->first && a->last == b->last && a->region == b->region &&
           a->region_first == b->region_first;
}

static bool
is_among(const struct space_section *s, const struct space_section *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (same_section(s, &all[i])) {
            return true;
        }
    }
    return false;
}

static void
remove_section(struct space *s, size_t at)
{
    const struct space_section gone = s->sections[at];

    for (struct space_listener *l = s->listeners, *next; l != NULL; l = next) {
        next = l->next;
        l->del(l, &gone);
    }
    s->n--;
    memmove(&s->sections[at], &s->sections[at + 1], (s->n - at) * sizeof(gone));
}

/* The array has room for one more. */
static void
insert_section(struct space *s, const struct space_section *section)
{
    size_t at = s->n;

    while (at > 0 && s->sections[at - 1].first > section->first) {
        at--;
    }
    memmove(&s->sections[at + 1], &s->sections[at], (s->n - at) * sizeof(*section));
    s->sections[at] = *section;
    s->n++;
    for (struct space_listener *l = s->listeners, *next; l != NULL; l = next) {
        next = l->next;
        l->add(l, section);
    }
}

static bool
is_as(const struct space *s, const struct space_section *now, size_t n)
{
    if (s->n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!same_section(&s->sections[i], &now[i])) {
            return false;
        }
    }
    return true;
}

static void
trace_sections(const struct space *s, const struct space_section *now, size_t n)
{
    struct trace *t = s->env->trace;
    struct trace_rec rec;

    if (trace_wants(t, TE_SECTIONS)) {
        trace_begin(&rec, sim_now(s->env->sim), s->name, TE_SECTIONS);
        trace_text(&rec, TF_KIND,
                   n == 0                  ? "none"
                   : now[0].region == NULL ? "ram"
                                           : "iommu");
        trace_u64(&rec, TF_COUNT, n);
        trace_emit(t, &rec);
    }
}

void
space_set(struct space *s, const struct space_section *now, size_t n)
{
    if (is_as(s, now, n)) {
        return;
    }
    trace_sections(s, now, n);
    for (struct space_listener *l = s->listeners; l != NULL; l = l->next) {
        begin(l);
    }
    for (size_t i = s->n; i-- > 0;) {
        if (!is_among(&s->sections[i], now, n)) {
            remove_section(s, i);
        }
    }
    if (n > s->n) {
        s->sections = xrealloc(s->sections, n, sizeof(*now));
    }
    for (size_t i = 0; i < n; i++) {
        assert(now[i].first <= now[i].last);
        assert(i == 0 || now[i - 1].last < now[i].first);
        if (!is_among(&now[i], s->sections, s->n)) {
            insert_section(s, &now[i]);
        }
    }
    for (struct space_listener *l = s->listeners; l != NULL; l = l->next) {
        commit(l);
    }
}

void
space_set_bypass(struct space *s)
{
    const size_t ranges = mem_range_count(s->env->mem);
    struct space_section *ram = xcalloc(ranges + 1, sizeof(*ram));
    size_t n = 0;

    for (size_t i = 0; i < ranges; i++) {
        const struct mem_range *r = mem_range_at(s->env->mem, i);

        if (r->kind == MEM_RAM) {
            ram[n++] = (struct space_section){
                .first = r->first,
                .last = r->last,
                .region_first = r->first,
            };
        }
    }
    space_set(s, ram, n);
    free(ram);
}

bool
space_is_bypass(const struct space *s)
{
    return s->n > 0 && s->sections[0].region == NULL;
}
