/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files to bytes: see source.h. */
#include "scenario/source.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/alloc.h"

enum { BYTES_MAX = 1 << 30 };

static const char *
read_stream(FILE *f, char **text, size_t *len)
{
    size_t room = 64 * 1024, used = 0, n;
    char *buf = xmalloc(room);

    while ((n = fread(buf + used, 1, room - used, f)) > 0) {
        used += n;
        if (used > BYTES_MAX) {
            free(buf);
            return "larger than 1 GiB";
        }
        if (used == room) {
            room *= 2;
            buf = xrealloc(buf, room, 1);
        }
    }
    if (ferror(f)) {
        free(buf);
        return strerror(errno);
    }
    *text = buf;
    *len = used;
    return NULL;
}

const char *
source_read(const char *path, char **text, size_t *len)
{
    struct stat st;

    if (strcmp(path, "-") == 0) {
        return read_stream(stdin, text, len);
    }
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        return strerror(errno);
    }
    const char *problem = fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)
                              ? strerror(EISDIR)
                              : read_stream(f, text, len);

    fclose(f);
    return problem;
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none; *c is its value. */
static size_t
decode(const unsigned char *s, size_t len, uint32_t *c)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;

    if (n == 0 || n > len || s[0] >= 0xf8) {
        return 0;
    }
    *c = s[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        *c = *c << 6 | (s[i] & 0x3fU);
    }
    bool surrogate = *c >= 0xd800 && *c <= 0xdfff;

    return *c < least[n] || surrogate || *c > 0x10ffff ? 0 : n;
}

/* Eight bytes that are all between 0x20 and 0x7e, tabs and newlines not counted. */
static bool
eight_plain(const unsigned char *s)
{
    const uint64_t high = UINT64_C(0x8080808080808080),
                   ones = UINT64_C(0x0101010101010101);
    uint64_t w;

    memcpy(&w, s, sizeof(w));
    /* a byte below 0x20 borrows, one above 0x7e carries into the high bit */
    return ((w | (w - ones * 0x20) | (w + ones)) & high) == 0;
}

size_t
source_check(const char *text, size_t len, const char **problem)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;

    while (i < len) {
        uint32_t c = s[i];
        size_t n = 1;

        if (len - i >= 8 && eight_plain(s + i)) {
            i += 8;
            continue;
        }
        if (c >= 0x80) {
            n = decode(s + i, len - i, &c);
            if (n == 0) {
                *problem = "not UTF-8";
                return i;
            }
        }
        bool control = c < 0x20 ? c != '\t' && c != '\n' && c != '\r'
                                : c == 0x7f || (c > 0x7f && c < 0xa0 && c != 0x85);

        if (control || c == 0xfeff || c == 0xfffe || c == 0xffff) {
            *problem = "a control character; a scenario is plain text";
            return i;
        }
        i += n;
    }
    return len;
}
