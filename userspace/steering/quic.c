// SPDX-License-Identifier: BSD-2-Clause
#include "steering/quic.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "steering/why.h"

static int compare(const void *a, const void *b)
{
	const struct quic_server *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void store(__u64 *to, __u64 word)
{
	__atomic_store_n(to, word, __ATOMIC_RELEASE);
}

/* Those that go, first: their slots are free long before another one is written there. */
static void sweep(struct quic_bucket *table, const struct quic_server *servers, size_t count)
{
	for (size_t i = 0; i < (size_t)QUIC_BUCKETS * QUIC_SLOTS; i++) {
		struct quic_server *s = &table[i / QUIC_SLOTS].slot[i % QUIC_SLOTS];

		if (s->key && !(count && bsearch(s, servers, count, sizeof(*s), compare)))
			store(&s->key, 0);
	}
}

/* Where the key is, else where there is room for it, else NULL. */
static struct quic_server *place_of(struct quic_bucket *table, __u64 key)
{
	struct quic_server *room = NULL;

	for (int i = 0; i < QUIC_PROBES * QUIC_SLOTS; i++) {
		uint32_t at = (quic_bucket_of(key) + i / QUIC_SLOTS) & (QUIC_BUCKETS - 1);
		struct quic_server *s = &table[at].slot[i % QUIC_SLOTS];

		if (s->key == key)
			return s;
		if (!s->key && !room)
			room = s;
	}
	return room;
}

int quic_fill(struct quic_bucket *table, struct quic_server *servers, size_t count, size_t *which)
{
	if (count)
		qsort(servers, count, sizeof(*servers), compare);
	sweep(table, servers, count);
	for (*which = 0; *which < count; (*which)++) {
		struct quic_server *s = place_of(table, servers[*which].key);
		__u64 words[sizeof(*s) / sizeof(__u64)];

		if (!s)
			return -ENOSPC;
		memcpy(words, &servers[*which], sizeof(words));
		store(&s->key + 1, words[1]);
		store(&s->key, words[0]);
	}
	return 0;
}

int quic_write(const struct dataplane *d, struct quic_server *servers, size_t count,
	       char why[DATAPLANE_WHY_MAX])
{
	size_t bytes = QUIC_BUCKETS * sizeof(struct quic_bucket), which;
	struct quic_bucket *table;
	int err;

	if (count > QUIC_SERVERS_MAX)
		return because(why, -ENOSPC, "%zu server ids of QUIC, there is room for %d", count,
			       QUIC_SERVERS_MAX);
	table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, d->map[MAP_QUIC_SERVERS].fd,
		     0);
	if (table == MAP_FAILED)
		return because(why, -errno, "server ids of QUIC: cannot map them: %s",
			       strerror(errno));
	err = quic_fill(table, servers, count, &which);
	munmap(table, bytes);
	return err ? because(why, err,
			     "server ids of QUIC: no room for %#x of service %u, it shares its "
			     "places with too many",
			     (unsigned int)servers[which].key,
			     (unsigned int)(servers[which].key >> 32 & 0xffff))
		   : 0;
}
