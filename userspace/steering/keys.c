// SPDX-License-Identifier: BSD-2-Clause
#include "steering/keys.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

/* Keys that are there, at most max of them, into out. */
static size_t keys_read(int fd, size_t max, size_t size, char *out)
{
	size_t n = 0;

	while (n < max &&
	       !bpf_map_get_next_key(fd, n ? out + (n - 1) * size : NULL, out + n * size))
		n++;
	return n;
}

/* Read whole first: what follows a key that is gone, the kernel begins anew. */
int keys_drop_others(int fd, size_t max, const struct keys_kept *keep)
{
	char *there = calloc(max, keep->key_size);
	size_t count;
	int err = 0;

	if (!there)
		return -ENOMEM;
	count = keys_read(fd, max, keep->key_size, there);
	for (size_t i = 0; i < count; i++) {
		const char *key = there + i * keep->key_size;

		if (!bsearch(key, keep->entries, keep->count, keep->size, keep->compare) &&
		    bpf_map_delete_elem(fd, key) && errno != ENOENT)
			err = -errno;
	}
	free(there);
	return err;
}
