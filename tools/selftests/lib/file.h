/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small files of the host's kernel, read and written whole.
 */
#ifndef SELFTESTS_LIB_FILE_H
#define SELFTESTS_LIB_FILE_H

#include <stdbool.h>

bool file_write(const char *path, const char *text);
const char *file_read(const char *path);

#endif /* SELFTESTS_LIB_FILE_H */
