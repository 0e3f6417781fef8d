/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filling struct err: see err.h. */
#include "util/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Goes by a buffer of its own, so that an error may be built from its own text. */
static void __attribute__((format(printf, 5, 0)))
fill(struct err *e, const char *file, uint32_t line, uint32_t col, const char *fmt,
     va_list args)
{
    char text[sizeof(e->text)];

    vsnprintf(text, sizeof(text), fmt, args);
    e->file = file;
    e->line = line;
    e->col = col;
    strcpy(e->text, text);
}

bool
err_at(struct err *e, const char *file, uint32_t line, uint32_t col, const char *fmt, ...)
{
    if (e != NULL) {
        va_list args;

        va_start(args, fmt);
        fill(e, file, line, col, fmt, args);
        va_end(args);
    }
    return false;
}

bool
err_set(struct err *e, const char *fmt, ...)
{
    if (e != NULL) {
        va_list args;

        va_start(args, fmt);
        fill(e, NULL, 0, 0, fmt, args);
        va_end(args);
    }
    return false;
}

const char *
source_place(char text[static SOURCE_PLACE], const char *file, uint32_t line)
{
    const char *slash = strrchr(file, '/');

    snprintf(text, SOURCE_PLACE, "%s:%u", slash != NULL ? slash + 1 : file,
             (unsigned)line);
    return text;
}
