/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Named streams over GSL's taus2 generator: see stream.h. */
#include "sim/stream.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/* FNV-1a; the offset basis and the prime are those of the 64-bit variant. */
static uint64_t
hash_name(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *name != '\0'; name++) {
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* The finalizer of SplitMix64: each bit of x changes each of the result with p = 1/2. */
static uint64_t
mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* gsl_rng_alloc would call GSL's own error handler when there is no memory. */
static struct sim_stream *
stream_new(uint64_t seed, const char *name)
{
    size_t name_size = strlen(name) + 1;
    struct sim_stream *s = xmalloc(sizeof(*s) + name_size);

    s->rng.type = gsl_rng_taus2;
    s->rng.state = xcalloc(1, s->rng.type->size);
    gsl_rng_set(&s->rng, (unsigned long)(mix(mix(seed) ^ hash_name(name)) >> 32));
    memcpy(s->name, name, name_size);
    return s;
}

struct sim_stream *
stream_find(struct sim_stream **list, uint64_t seed, const char *name)
{
    for (struct sim_stream *s = *list; s != NULL; s = s->next) {
        if (strcmp(s->name, name) == 0) {
            return s;
        }
    }
    struct sim_stream *s = stream_new(seed, name);

    s->next = *list;
    *list = s;
    return s;
}

void
stream_free_all(struct sim_stream *list)
{
    while (list != NULL) {
        struct sim_stream *s = list;

        list = s->next;
        free(s->rng.state);
        free(s);
    }
}
