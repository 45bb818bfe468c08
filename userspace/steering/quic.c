// SPDX-License-Identifier: BSD-2-Clause
#include "steering/quic.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "steering/keys.h"
#include "steering/why.h"

/* The key comes first. */
static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct quic_key));
}

int quic_write(const struct dataplane *d, struct quic_entry *entries, size_t count,
	       char why[DATAPLANE_WHY_MAX])
{
	int fd = d->map[MAP_QUIC_SERVERS].fd, err;

	if (count > QUIC_SERVERS_MAX)
		return because(why, -ENOSPC, "%zu server ids of QUIC, there is room for %d", count,
			       QUIC_SERVERS_MAX);
	if (count)
		qsort(entries, count, sizeof(*entries), compare);
	/* First those that go: the table may be full of them. */
	err = keys_drop_others(fd, QUIC_SERVERS_MAX,
			       &(struct keys_kept){ entries, count, sizeof(*entries),
						    sizeof(struct quic_key), compare });
	for (size_t i = 0; !err && i < count; i++)
		if (bpf_map_update_elem(fd, &entries[i].key, &entries[i].to, BPF_ANY))
			err = -errno;
	return err ? because(why, err, "server ids of QUIC: %s", strerror(-err)) : 0;
}
