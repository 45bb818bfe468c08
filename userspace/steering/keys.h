/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of a map that is filled by list. */
#ifndef KEYS_H
#define KEYS_H

#include <stddef.h>

/* What is to stay: in order by compare(), each begins with its key. */
struct keys_kept {
	const void *entries;
	size_t count, size;
	size_t key_size;
	int (*compare)(const void *a, const void *b);
};

/* Takes away what the map, of at most max entries, has besides.  0 or -errno. */
int keys_drop_others(int fd, size_t max, const struct keys_kept *keep);

#endif
