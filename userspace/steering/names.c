// SPDX-License-Identifier: BSD-2-Clause
/* Who has which id; see names.h. */
#include "steering/names.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "steering/pins.h"
#include "steering/why.h"

_Static_assert(sizeof(struct name) == NAME_MAX_BYTES, "one cache line");

static void store_word(struct name *n, uint64_t word)
{
	__atomic_store_n((uint64_t *)(void *)n->text, word, __ATOMIC_RELEASE);
}

bool name_is_set(const struct name *n)
{
	return n->text[0] != '\0';
}

void name_clear(struct name *n)
{
	store_word(n, 0);
}

/* The first word last: before it there is no name, after it the whole. */
void name_set(struct name *n, const char *text)
{
	struct name whole = { { 0 } };
	uint64_t word;

	snprintf(whole.text, sizeof(whole.text), "%s", text);
	memcpy(&word, whole.text, sizeof(word));
	name_clear(n);
	memcpy(n->text + sizeof(word), whole.text + sizeof(word), sizeof(whole) - sizeof(word));
	store_word(n, word);
}

struct sorting {
	const char *first;
	size_t size;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct sorting *s = arg;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int order = strncmp(s->first + i * s->size, s->first + j * s->size, NAME_MAX_BYTES);

	return order ? order : (i > j) - (i < j);
}

uint32_t *names_index(const char *first, size_t size, size_t count)
{
	struct sorting s = { first, size };
	uint32_t *index = calloc(count + 1, sizeof(*index));

	for (size_t i = 0; index && i < count; i++)
		index[i] = (uint32_t)i;
	if (index)
		qsort_r(index, count, sizeof(*index), compare, &s);
	return index;
}

int64_t names_find(const uint32_t *index, const char *first, size_t size, size_t count,
		   const char *text)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strncmp(text, first + index[mid] * size, NAME_MAX_BYTES);

		if (!order)
			return index[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

int64_t names_twice(const uint32_t *index, const char *first, size_t size, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (!strncmp(first + index[i - 1] * size, first + index[i] * size, NAME_MAX_BYTES))
			return index[i];
	return -1;
}

/* Types for bpftool, so that a dump shows text; without them the map works as well. */
static struct btf *describe(int *key, int *value)
{
	struct btf *btf = btf__new_empty();
	int character, size, text;

	if (!btf)
		return NULL;
	*key = btf__add_int(btf, "unsigned int", sizeof(uint32_t), 0);
	character = btf__add_int(btf, "char", 1, BTF_INT_CHAR);
	size = *key;
	text = btf__add_array(btf, size, character, NAME_MAX_BYTES);
	*value = btf__add_struct(btf, "name", sizeof(struct name));
	if (btf__add_field(btf, "text", text, 0, 0) || btf__load_into_kernel(btf)) {
		btf__free(btf);
		return NULL;
	}
	return btf;
}

static int create(uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int key = 0, value = 0, fd;
	struct btf *btf = describe(&key, &value);

	if (btf) {
		opts.btf_fd = (uint32_t)btf__fd(btf);
		opts.btf_key_type_id = (uint32_t)key;
		opts.btf_value_type_id = (uint32_t)value;
	}
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "names", sizeof(uint32_t), sizeof(struct name),
			    entries, &opts);
	btf__free(btf);
	return fd;
}

int names_open(struct dataplane *d, bool *made, char why[DATAPLANE_WHY_MAX])
{
	static const struct pin_spec spec = { "names", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
					      sizeof(struct name), BPF_F_MMAPABLE };
	uint32_t want = d->map[MAP_BACKENDS].entries + d->map[MAP_SERVICE_STATS].entries;
	struct pinned_map *m = &d->map[MAP_NAMES];
	char path[PINS_PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/names", d->pins);
	*made = false;
	if (m->fd >= 0 && m->entries != want)
		return because(why, -EEXIST,
			       "%s: %u entries, want %u: belongs to other maps; "
			       "remove it, and the leases that run now will be forgotten",
			       path, m->entries, want);
	if (m->fd >= 0)
		return pins_check(path, m->fd, &spec, why);
	fd = create(want);
	if (fd < 0)
		return because(why, -errno, "%s: cannot make the map: %s", path, strerror(errno));
	if (bpf_obj_pin(fd, path)) {
		int err = -errno;

		close(fd);
		return because(why, err, "%s: cannot pin: %s", path, strerror(-err));
	}
	*made = true;
	return pins_describe(fd, m);
}
