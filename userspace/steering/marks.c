// SPDX-License-Identifier: BSD-2-Clause
#include "steering/marks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "steering/keys.h"
#include "steering/tables.h"
#include "steering/why.h"

uint16_t marks_flags(const struct service_marks *m)
{
	uint16_t flags = SERVICE_SPECIAL | SERVICE_MARKS;

	if (!m->wanted)
		return 0;
	flags |= m->sources_count ? SERVICE_SOURCES : 0;
	return flags | (m->strict ? SERVICE_STRICT : 0);
}

struct marks marks_table(const struct service_marks *m)
{
	struct marks out;

	for (int i = 0; i < DSCPS; i++)
		out.dscp[i] = m->dscp[i]       ? m->dscp[i] - 1
			      : m->strict && i ? MARK_UNKNOWN
					       : CLASS_PUBLIC;
	return out;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct source_key));
}

/* All keys that are to be, in order; *n of them.  NULL without memory. */
static struct source_key *keys_wanted(const struct service_want *want, const uint16_t *ids,
				      size_t count, size_t *n)
{
	struct source_key *keys;
	size_t all = 0;

	for (size_t i = 0; i < count; i++)
		all += want[i].marks.sources_count;
	keys = calloc(all + 1, sizeof(*keys));
	*n = 0;
	for (size_t i = 0; keys && i < count; i++)
		for (size_t j = 0; j < want[i].marks.sources_count; j++) {
			const struct source_mark *s = &want[i].marks.sources[j];

			keys[(*n)++] = (struct source_key){ 32u + s->bits, ids[i], s->prefix };
		}
	if (keys)
		qsort(keys, *n, sizeof(*keys), compare);
	return keys;
}

static int write_one(const struct dataplane *d, const struct service_want *w, uint16_t id)
{
	struct marks m = marks_table(&w->marks);
	uint32_t key = id;

	if (!w->marks.wanted)
		return 0;
	if (bpf_map_update_elem(d->map[MAP_MARKS].fd, &key, &m, BPF_ANY))
		return -errno;
	for (size_t i = 0; i < w->marks.sources_count; i++) {
		const struct source_mark *s = &w->marks.sources[i];
		struct source_key source = { 32u + s->bits, id, s->prefix };
		uint32_t class = s->class;

		if (bpf_map_update_elem(d->map[MAP_SOURCES].fd, &source, &class, BPF_ANY))
			return -errno;
	}
	return 0;
}

int marks_write(const struct dataplane *d, const struct service_want *want, const uint16_t *ids,
		size_t count, char why[DATAPLANE_WHY_MAX])
{
	size_t n;
	struct source_key *keys = keys_wanted(want, ids, count, &n);
	int err = 0;

	if (!keys)
		return because(why, -ENOMEM, "no memory for marks");
	if (n > SOURCES_MAX)
		err = because(why, -ENOSPC, "%zu prefixes of sources, there is room for %d", n,
			      SOURCES_MAX);
	for (size_t i = 0; !err && i < count; i++) {
		err = write_one(d, &want[i], ids[i]);
		if (err)
			because(why, err, "service %s: marks: %s", want[i].name, strerror(-err));
	}
	if (!err) {
		err = keys_drop_others(
			d->map[MAP_SOURCES].fd, SOURCES_MAX,
			&(struct keys_kept){ keys, n, sizeof(*keys), sizeof(*keys), compare });
		if (err)
			because(why, err, "prefixes of sources not taken away: %s", strerror(-err));
	}
	free(keys);
	return err;
}
