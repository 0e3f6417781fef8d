/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How errors look to users. */

#include "cli/message.h"

#include "util/err.h"

#include <inttypes.h>

void
cli_print_error(FILE *out, const struct err *e)
{
    if (e->file == NULL) {
        fprintf(out, "iommusim: %s\n", e->text);
        return;
    }
    fputs(e->file, out);
    if (e->line != 0) {
        fprintf(out, ":%" PRIu32, e->line);
    }
    if (e->line != 0 && e->col != 0) {
        fprintf(out, ":%" PRIu32, e->col);
    }
    fprintf(out, ": error: %s\n", e->text);
}
