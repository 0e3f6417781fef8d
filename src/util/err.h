/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One error with its place, for what users or the host system got wrong.
 * The callee detects and fills, the caller decides, only cli/ prints.
 */
#ifndef IOMMUSIM_UTIL_ERR_H
#define IOMMUSIM_UTIL_ERR_H

#include <stdbool.h>
#include <stdint.h>

/* The caller owns it; NULL means "only tell me whether". */
struct err {
    const char *file;   /* borrowed; NULL if not about a file */
    uint32_t line, col; /* 1-based, 0 = unknown */
    char text[256];     /* one line, lower case, no full stop */
};

/* Fill *e and return false, for: return err_at(e, ...); */
bool err_at(struct err *e, const char *file, uint32_t line, uint32_t col, const char *fmt,
            ...) __attribute__((format(printf, 5, 6)));

/* The same for an error that is not about a place in a file. */
bool err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* FILE:LINE, without the folders that the run happened to be started from. */
enum { SOURCE_PLACE = 300 };
const char *source_place(char text[static SOURCE_PLACE], const char *file, uint32_t line);

#endif
