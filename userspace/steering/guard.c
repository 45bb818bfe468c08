// SPDX-License-Identifier: BSD-2-Clause
/* Loading the guard and telling it whom to believe; see guard.h. */
#include "steering/guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "guard.skel.h"
#include "steering/pins.h"
#include "steering/replace.h"
#include "steering/why.h"

static const struct pin_spec specs[GUARD_MAPS] = {
	[GUARD_PEERS] = { "peers", BPF_MAP_TYPE_HASH, sizeof(struct addr), sizeof(__u64), 0 },
	[GUARD_VIPS] = { "vips", BPF_MAP_TYPE_HASH, sizeof(struct addr), sizeof(__u64), 0 },
	[GUARD_OUTCOMES] = { "outcomes", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32),
			     sizeof(struct counter), 0 },
};

static const struct pin_set guard_pins = { "guard", specs, GUARD_MAPS, BPF_PROG_TYPE_XDP };

static int start(struct guard *g, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	*g = (struct guard){ .lock = -1, .program = -1 };
	for (int i = 0; i < GUARD_MAPS; i++)
		g->map[i].fd = -1;
	if (!pins)
		pins = DATAPLANE_PINS;
	if ((size_t)snprintf(g->pins, sizeof(g->pins), "%s/guard", pins) >= sizeof(g->pins))
		return because(why, -ENAMETOOLONG, "%s: a path of at most %zu bytes is wanted",
			       pins, sizeof(g->pins) - sizeof("/guard"));
	pins_quiet();
	return 0;
}

static int adopt(struct guard *g, bool repair, char why[DATAPLANE_WHY_MAX])
{
	int err =
		pins_adopt(g->pins, &guard_pins, repair, &g->program, &g->program_id, g->map, why);

	if (err)
		return err;
	if (g->map[GUARD_OUTCOMES].entries != OUT_COUNT)
		return because(why, -EEXIST,
			       "%s/outcomes: %u entries, want %u: loaded by another "
			       "version; detach it and remove its pins first",
			       g->pins, g->map[GUARD_OUTCOMES].entries, OUT_COUNT);
	g->adopted = true;
	return 0;
}

static int take_fds(struct guard *g, struct guard_bpf *b, char why[DATAPLANE_WHY_MAX])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	for (int i = 0; i < GUARD_MAPS; i++) {
		const struct bpf_map *m = bpf_object__find_map_by_name(b->obj, specs[i].name);
		int fd = m ? dup(bpf_map__fd(m)) : -1;

		if (fd < 0 || pins_describe(fd, &g->map[i]))
			return because(why, -EINVAL, "map %s of the loaded object: %s",
				       specs[i].name, m ? strerror(errno) : "missing");
	}
	g->program = dup(bpf_program__fd(b->progs.guard));
	if (g->program < 0 || bpf_obj_get_info_by_fd(g->program, &info, &len))
		return because(why, -errno, "program guard: %s", strerror(errno));
	g->program_id = info.id;
	return 0;
}

static int load(struct guard *g, char why[DATAPLANE_WHY_MAX])
{
	struct guard_bpf *b = guard_bpf__open();
	int err;

	if (!b)
		return because(why, -errno, "cannot open the guard's object: %s", strerror(errno));
	err = guard_bpf__load(b);
	if (err)
		because(why, err,
			"the kernel does not load the guard: %s (its reasons: log level "
			"debug)%s",
			strerror(-err),
			err == -EPERM ? "; CAP_BPF and CAP_NET_ADMIN are needed" : "");
	if (!err)
		err = take_fds(g, b, why);
	if (!err)
		err = pins_place(g->pins, &guard_pins, g->program, g->map, why);
	guard_bpf__destroy(b);
	return err;
}

/* As the router's. */
static void renew(struct guard *g)
{
	struct guard_bpf *b = guard_bpf__open();
	char why[DATAPLANE_WHY_MAX];

	if (!b) {
		log_warnx("cannot open the guard's object: %s; program %u serves on",
			  strerror(errno), g->program_id);
		return;
	}
	if (replace_pinned(g->pins, guard_pins.program, b->obj, &g->program, &g->program_id, why) < 0)
		log_warnx("%s; program %u serves on", why, g->program_id);
	guard_bpf__destroy(b);
	replace_everywhere(g->program);
}

int guard_view(struct guard *g, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	int err = start(g, pins, why);

	if (!err)
		err = adopt(g, false, why);
	if (err)
		guard_close(g);
	return err;
}

int guard_open(struct guard *g, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	int err = start(g, pins, why);

	if (!err)
		err = pins_make(g->pins, why);
	if (err)
		return err;
	g->lock = pins_lock(g->pins, why);
	if (g->lock < 0)
		return g->lock;
	err = adopt(g, true, why);
	if (!err)
		renew(g);
	else if (err == -ENOENT)
		err = load(g, why);
	if (err)
		guard_close(g);
	return err;
}

void guard_close(struct guard *g)
{
	pins_close(g->program, g->map, GUARD_MAPS);
	g->program = -1;
	if (g->lock >= 0)
		close(g->lock);
	g->lock = -1;
}

int guard_unpin(const char *pins, char why[DATAPLANE_WHY_MAX])
{
	struct guard g;
	int err = start(&g, pins, why);

	if (err)
		return err;
	g.lock = pins_lock(g.pins, why);
	if (g.lock < 0)
		return g.lock;
	err = pins_clear(g.pins, &guard_pins, why);
	guard_close(&g);
	return err;
}

/* In the map: nanoseconds of CLOCK_BOOTTIME, or 1 for a peer without an end. */
static uint64_t value_of(uint64_t until_ms)
{
	return until_ms == UINT64_MAX ? 1 : until_ms * 1000000;
}

static uint64_t until_ms_of(uint64_t value)
{
	return value == 1 ? UINT64_MAX : value / 1000000;
}

/* A map's key and value. */
struct entry {
	struct addr key;
	__u64 value;
};

static bool is_listed(const struct addr *a, const struct entry *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(a, &list[i].key))
			return true;
	return false;
}

/* All keys of a hash that only we change: found first, because deleting upsets the walk. */
static struct addr *keys_of(const struct pinned_map *m, size_t *count)
{
	struct addr *keys = calloc(m->entries + 1, sizeof(*keys));

	*count = 0;
	while (keys && *count < m->entries &&
	       !bpf_map_get_next_key(m->fd, *count ? &keys[*count - 1] : NULL, &keys[*count]))
		++*count;
	return keys;
}

static bool holds(const struct pinned_map *m, const struct entry *e)
{
	__u64 value;

	return !bpf_map_lookup_elem(m->fd, &e->key, &value) && value == e->value;
}

/* Makes the entries of a map exactly list. */
static int set_entries(const struct pinned_map *m, const struct entry *list, size_t count)
{
	size_t before;
	struct addr *keys = keys_of(m, &before);
	int err = keys ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < before; i++)
		if (!is_listed(&keys[i], list, count) && bpf_map_delete_elem(m->fd, &keys[i]))
			err = -errno;
	for (size_t i = 0; !err && i < count; i++)
		if (!holds(m, &list[i]) &&
		    bpf_map_update_elem(m->fd, &list[i].key, &list[i].value, BPF_ANY))
			err = -errno;
	free(keys);
	return err;
}

static int set_both(struct guard *g, const struct entry *peers, size_t peers_count,
		    const struct entry *vips, size_t vips_count, char why[DATAPLANE_WHY_MAX])
{
	/* Peers first: from the moment that a VIP is guarded its routers are believed. */
	int err = set_entries(&g->map[GUARD_PEERS], peers, peers_count);

	if (err)
		return because(why, err, "%s/peers: %s", g->pins, strerror(-err));
	err = set_entries(&g->map[GUARD_VIPS], vips, vips_count);
	return err ? because(why, err, "%s/vips: %s", g->pins, strerror(-err)) : 0;
}

int guard_set(struct guard *g, const struct guard_peer *peers, size_t peers_count,
	      const struct guard_vip *vips, size_t vips_count, char why[DATAPLANE_WHY_MAX])
{
	struct entry *entries;
	int err;

	if (peers_count > g->map[GUARD_PEERS].entries || vips_count > g->map[GUARD_VIPS].entries)
		return because(why, -ENOSPC, "%zu routers and %zu VIPs, want at most %u and %u",
			       peers_count, vips_count, g->map[GUARD_PEERS].entries,
			       g->map[GUARD_VIPS].entries);
	entries = calloc(peers_count + vips_count + 1, sizeof(*entries));
	if (!entries)
		return because(why, -ENOMEM, "no memory");
	for (size_t i = 0; i < peers_count; i++)
		entries[i] = (struct entry){ peers[i].addr, value_of(peers[i].until_ms) };
	for (size_t i = 0; i < vips_count; i++)
		entries[peers_count + i] = (struct entry){ vips[i].addr, 1 };
	err = set_both(g, entries, peers_count, entries + peers_count, vips_count, why);
	free(entries);
	return err;
}

size_t guard_peers(const struct guard *g, struct guard_peer *peers)
{
	const struct pinned_map *m = &g->map[GUARD_PEERS];
	size_t count = 0;
	struct addr *keys = keys_of(m, &count);

	for (size_t i = 0; i < count; i++) {
		__u64 value = 0;

		bpf_map_lookup_elem(m->fd, &keys[i], &value); /* gone by now: 0 */
		peers[i] = (struct guard_peer){ keys[i], until_ms_of(value) };
	}
	free(keys);
	return count;
}
