/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Collecting the errors of a scenario and putting them into words: place, what
 * is wrong, the line of the file, and a caret under the spot.
 */
#ifndef IOMMUSIM_SCENARIO_DIAG_H
#define IOMMUSIM_SCENARIO_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"

struct scenario_error {
    struct src_pos pos;
    uint32_t span; /* characters to underline, at least 1 */
    char *text;    /* at first what is wrong; after diag_finish the whole diagnostic */
};

/*
 * Note an error at pos (line 0: about the file as a whole). The same text at the same
 * place counts once: an alias may bring a node up many times. Past a bound nothing more
 * is kept.
 */
void diag_add(struct scenario_errors *errs, struct src_pos pos, uint32_t span,
              const char *fmt, va_list args) __attribute__((format(printf, 4, 0)));

/*
 * Sort by place, cut down to SCENARIO_ERRORS_MAX, and turn each text into the
 * diagnostic as printed. `files` may be freed afterwards.
 */
void diag_finish(struct scenario_errors *errs, const struct scenario_file *files);

/*
 * The bytes of line `line` (from 1) of a text without its line break; NULL if
 * there is no such line. Lines end where YAML ends them: LF, CR, CRLF, NEL, LS, PS.
 */
const char *diag_line(const char *text, size_t len, uint32_t line, size_t *line_len);

/* How many characters s holds. */
uint32_t diag_chars(const char *s, size_t len);

#endif
