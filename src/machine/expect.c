/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What expectations of a step and of the whole run have in common: how one that failed is
 * told, and the dirty log, which both may name. See expect.h.
 */
#include "machine/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct expect_place
expect_place(const struct machine *m, struct src_pos pos)
{
    return (struct expect_place){ scenario_file_name(m->sc, pos), pos.line };
}

void
expect_failed(struct machine *m, struct expect_place place, const char *what,
              const char *want, const char *got)
{
    struct trace_rec r;
    char at[SOURCE_PLACE];

    m->result.failed_expectations++;
    machine_note_failure(m, "%s:%u: %s: want %s, got %s", place.file,
                         (unsigned)place.line, what, want, got);
    if (!trace_wants(m->env.trace, TE_EXPECT_FAILED)) {
        return;
    }
    trace_begin(&r, sim_now(m->env.sim), "run", TE_EXPECT_FAILED);
    trace_text(&r, TF_AT, source_place(at, place.file, place.line));
    trace_text(&r, TF_WHAT, what);
    trace_text(&r, TF_WANT, want);
    trace_text(&r, TF_GOT, got);
    trace_emit(m->env.trace, &r);
}

void
expect_number_failed(struct machine *m, struct expect_place at, const char *what,
                     const char *format, uint64_t want, uint64_t got)
{
    char w[32], g[32];
    bool hex = format[0] == 'x';

    snprintf(w, sizeof(w), hex ? "0x%" PRIx64 : "%" PRIu64, want);
    snprintf(g, sizeof(g), hex ? "0x%" PRIx64 : "%" PRIu64, got);
    expect_failed(m, at, what, w, g);
}

void
expect_append(char text[static EXPECT_TEXT], const char *word)
{
    size_t used = strlen(text);

    snprintf(text + used, EXPECT_TEXT - used, "%s%s", used == 0 ? "" : ",", word);
}

/* All runs, or as many as a line holds; "none". */
static void
dirty_text(char text[static EXPECT_TEXT], const struct step_blocks *runs, size_t n)
{
    char run[48];

    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        snprintf(run, sizeof(run), "0x%" PRIx64 "+0x%" PRIx64, runs[i].gpa, runs[i].size);
        expect_append(text, run);
    }
    if (n == 0) {
        expect_append(text, "none");
    }
}

void
expect_dirty(struct machine *m, struct expect_place place, const struct expect_dirty *x)
{
    char want[EXPECT_TEXT], got[EXPECT_TEXT];
    struct step_blocks *runs = NULL;
    size_t n = 0;
    uint64_t first, last;
    bool same;

    for (uint64_t at = 0; dirty_next(&m->env.dirty, at, &first, &last); at = last + 1) {
        runs = xrealloc(runs, n + 1, sizeof(*runs));
        runs[n++] = (struct step_blocks){ .gpa = first, .size = last - first + 1 };
    }
    same = n == x->n;
    for (size_t i = 0; same && i < n; i++) {
        same = runs[i].gpa == x->runs[i].gpa && runs[i].size == x->runs[i].size;
    }
    if (!same) {
        dirty_text(want, x->runs, x->n);
        dirty_text(got, runs, n);
        expect_failed(m, place, "dirty", want, got);
    }
    free(runs);
}
