/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory of a test's own, and what lies in it. */
#ifndef IOMMUSIM_TESTS_SUPPORT_FILES_H
#define IOMMUSIM_TESTS_SUPPORT_FILES_H

/* Fixture: make an empty directory and go there; remove it with all that is in it. */
void files_enter(void);
void files_leave(void);

/* The file is there and holds this text, of less than 1 KiB. */
void files_expect(const char *path, const char *want);

#endif
