// SPDX-License-Identifier: BSD-2-Clause
/* Sums over CPUs, and a walk over the flow cache; see counters.h. */
#include "steering/counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "steering/tables_internal.h"

enum {
	BATCH = 256, /* entries a call */
	WORDS_MAX = 4,
};

/*
 * Adds up count entries of a per-CPU array of values of words 64-bit numbers each.  0 or -errno.
 */
static int sum(int fd, size_t words, uint64_t *out, size_t count)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values;
	uint32_t *keys;
	int err = 0;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)BATCH * (size_t)cpus * words, sizeof(*values));
	keys = calloc(BATCH, sizeof(*keys));
	memset(out, 0, count * words * sizeof(*out));
	for (size_t done = 0; values && keys && done < count;) {
		uint32_t n = count - done < BATCH ? (uint32_t)(count - done) : BATCH;
		uint32_t from = (uint32_t)done - 1, next;

		err = bpf_map_lookup_batch(fd, done ? &from : NULL, &next, keys, values, &n, NULL);
		/* ENOENT: that was the last of the map. */
		if ((err && err != -ENOENT) || !n)
			break;
		for (size_t i = 0; i < n * (size_t)cpus * words; i++)
			out[(done + i / words / (size_t)cpus) * words + i % words] += values[i];
		done += n;
		err = 0;
	}
	if (!values || !keys)
		err = -ENOMEM;
	free(values);
	free(keys);
	return err == -ENOENT ? 0 : err;
}

_Static_assert(sizeof(struct traffic) == 4 * sizeof(uint64_t), "summed as words");
_Static_assert(sizeof(struct counter) == 2 * sizeof(uint64_t), "summed as words");

int counters_services(const struct dataplane *d, struct traffic *out, size_t count)
{
	return sum(d->map[MAP_SERVICE_STATS].fd, 4, (uint64_t *)out, count);
}

int counters_backends(const struct dataplane *d, struct traffic *out, size_t count)
{
	return sum(d->map[MAP_BACKEND_STATS].fd, 4, (uint64_t *)out, count);
}

int counters_of(int fd, struct counter *out, size_t count)
{
	return sum(fd, 2, (uint64_t *)out, count);
}

int counters_map(int fd, struct counter out[OUT_COUNT])
{
	return counters_of(fd, out, OUT_COUNT);
}

int counters_outcomes(const struct dataplane *d, struct counter out[OUT_COUNT])
{
	size_t count = d->map[MAP_SERVICE_STATS].entries;
	struct traffic *services = calloc(count, sizeof(*services));
	int err = services ? counters_map(d->map[MAP_OUTCOMES].fd, out) : -ENOMEM;

	if (!err)
		err = counters_services(d, services, count);
	for (size_t i = 0; !err && i < count; i++) {
		out[OUT_STEERED].packets += services[i].packets;
		out[OUT_STEERED].bytes += services[i].bytes;
	}
	free(services);
	return err;
}
