// SPDX-License-Identifier: BSD-2-Clause
/* Loading and adopting the router; see dataplane.h. */
#include "steering/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "router.skel.h"
#include "steering/pins.h"
#include "steering/replace.h"
#include "steering/why.h"

enum {
	MAPS_LOADED = MAP_NAMES,    /* those of the object */
	BUCKETS_PER_SERVICE = 2,    /* of a half: with its SERVICE_ADDRESS, a load of a quarter */
	IDS_MAX = 65536,	    /* of services: what 16 bits can name */
	BACKENDS_LIMIT = BACKEND_ID_MASK + 1,
	RING_SLOTS_LIMIT = 1 << 28, /* 1 GiB of rings: more is a mistake */
	FLOWS_LIMIT = 1 << 28,	    /* 2 GiB of flows, likewise */
};

#define ARRAY_OF(name, type)                                                          \
	{                                                                             \
		name, BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(type), BPF_F_MMAPABLE \
	}
#define PERCPU_OF(name, type)                                                   \
	{                                                                       \
		name, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), sizeof(type), 0 \
	}

static const struct pin_spec specs[MAPS_LOADED] = {
	[MAP_SETTINGS] = ARRAY_OF("settings", struct settings),
	[MAP_SERVICES] = ARRAY_OF("services", struct service_bucket),
	[MAP_RINGS] = ARRAY_OF("rings", struct ring_block),
	[MAP_BACKENDS] = ARRAY_OF("backends", struct backend),
	[MAP_FLOWS] = ARRAY_OF("flows", struct flow_set),
	[MAP_OUTCOMES] = PERCPU_OF("outcomes", struct counter),
	[MAP_SERVICE_STATS] = PERCPU_OF("service_stats", struct traffic),
	[MAP_BACKEND_STATS] = PERCPU_OF("backend_stats", struct traffic),
	[MAP_MARKS] = ARRAY_OF("marks", struct marks),
	[MAP_SOURCES] = { "sources", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct source_key),
			  sizeof(__u32), BPF_F_NO_PREALLOC },
	[MAP_QUIC_SERVERS] = ARRAY_OF("quic_servers", struct quic_bucket),
	[MAP_EVENTS] = { "events", BPF_MAP_TYPE_RINGBUF, 0, 0, 0 },
};

static const struct pin_set router_set = { "router", specs, MAPS_LOADED, BPF_PROG_TYPE_XDP };

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static uint32_t power_of_two_from(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* Sizes that one map cannot know alone: the masks and ids of one must fit the others. */
static int check_entries(const struct dataplane *d, char why[DATAPLANE_WHY_MAX])
{
	const struct pinned_map *m = d->map;
	const struct {
		enum dataplane_map map;
		bool fits;
		const char *want;
	} rules[] = {
		{ MAP_SETTINGS, m[MAP_SETTINGS].entries == 1, "1" },
		{ MAP_SERVICES,
		  m[MAP_SERVICES].entries >= 2 && is_power_of_two(m[MAP_SERVICES].entries),
		  "a power of two, of two halves" },
		{ MAP_BACKENDS, m[MAP_BACKENDS].entries >= 2 && m[MAP_BACKENDS].entries <= BACKENDS_LIMIT,
		  "2 to 16384" },
		{ MAP_FLOWS, is_power_of_two(m[MAP_FLOWS].entries), "a power of two" },
		{ MAP_OUTCOMES, m[MAP_OUTCOMES].entries == OUT_COUNT, "one per outcome" },
		{ MAP_QUIC_SERVERS, m[MAP_QUIC_SERVERS].entries == QUIC_BUCKETS, "32768" },
		{ MAP_SERVICE_STATS, m[MAP_SERVICE_STATS].entries <= IDS_MAX / 2, "at most 32768" },
		{ MAP_BACKEND_STATS, m[MAP_BACKEND_STATS].entries == m[MAP_BACKENDS].entries,
		  "as many as backends" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (!rules[i].fits)
			return because(why, -EEXIST,
				       "%s/%s: %u entries, want %s: loaded by another "
				       "version; detach it and remove its pins first",
				       d->pins, specs[rules[i].map].name, m[rules[i].map].entries,
				       rules[i].want);
	return 0;
}

static int start(struct dataplane *d, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	*d = (struct dataplane){ .lock = -1, .program = -1 };
	for (int i = 0; i < MAP_COUNT; i++)
		d->map[i].fd = -1;
	if (!pins)
		pins = DATAPLANE_PINS;
	if (strlen(pins) >= sizeof(d->pins))
		return because(why, -ENAMETOOLONG, "%s: a path of at most %zu bytes is wanted",
			       pins, sizeof(d->pins) - 1);
	strcpy(d->pins, pins);
	pins_quiet();
	return 0;
}

static int adopt(struct dataplane *d, bool repair, char why[DATAPLANE_WHY_MAX])
{
	char path[PINS_PATH_MAX];
	int err, fd;

	err = pins_adopt(d->pins, &router_set, repair, &d->program, &d->program_id, d->map, why);
	if (err)
		return err;
	err = check_entries(d, why);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/names", d->pins);
	fd = bpf_obj_get(path);
	if (fd >= 0 && pins_describe(fd, &d->map[MAP_NAMES])) {
		close(fd);
		return because(why, -EEXIST, "%s: not a map", path);
	}
	d->adopted = true;
	return 0;
}

int dataplane_view(struct dataplane *d, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	int err = start(d, pins, why);

	if (!err)
		err = adopt(d, false, why);
	if (err)
		dataplane_close(d);
	return err;
}

static int resize(struct bpf_map *map, uint32_t entries)
{
	return entries ? bpf_map__set_max_entries(map, entries) : 0;
}

static int set_sizes(struct router_bpf *r, const struct dataplane_sizes *s,
		     char why[DATAPLANE_WHY_MAX])
{
	uint32_t buckets = power_of_two_from(s->services * BUCKETS_PER_SERVICE);
	int err;

	if (s->services > IDS_MAX / BUCKETS_PER_SERVICE || s->backends > BACKENDS_LIMIT ||
	    s->backends == 1 || s->ring_slots > RING_SLOTS_LIMIT || s->flows > FLOWS_LIMIT)
		return because(why, -EINVAL,
			       "sizes: %u services, %u backends, %u ring slots, %u "
			       "flows; want at most %u, 2 to %u, %u, %u",
			       s->services, s->backends, s->ring_slots, s->flows,
			       IDS_MAX / BUCKETS_PER_SERVICE, BACKENDS_LIMIT, RING_SLOTS_LIMIT,
			       FLOWS_LIMIT);
	err = resize(r->maps.service_stats, s->services);
	if (!err)
		err = resize(r->maps.limits, s->services);
	if (!err)
		err = resize(r->maps.marks, s->services);
	if (!err)
		err = resize(r->maps.services, s->services ? 2 * buckets : 0);
	if (!err)
		err = resize(r->maps.backends, s->backends);
	if (!err)
		err = resize(r->maps.backend_stats, s->backends);
	if (!err)
		err = resize(r->maps.rings, (s->ring_slots + RING_BLOCK - 1) / RING_BLOCK);
	if (!err)
		err = resize(r->maps.flows,
			     s->flows ? power_of_two_from((s->flows + FLOW_WAYS - 1) / FLOW_WAYS)
				      : 0);
	return err ? because(why, err, "sizes of the maps: %s", strerror(-err)) : 0;
}

/* Our own descriptors: those of the skeleton are closed with it. */
static int take_fds(struct dataplane *d, struct router_bpf *r, char why[DATAPLANE_WHY_MAX])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	for (int i = 0; i < MAPS_LOADED; i++) {
		const struct bpf_map *m = bpf_object__find_map_by_name(r->obj, specs[i].name);
		int fd = m ? dup(bpf_map__fd(m)) : -1;

		if (fd < 0 || pins_describe(fd, &d->map[i]))
			return because(why, -EINVAL, "map %s of the loaded object: %s",
				       specs[i].name, m ? strerror(errno) : "missing");
	}
	d->program = dup(bpf_program__fd(r->progs.router));
	if (d->program < 0 || bpf_obj_get_info_by_fd(d->program, &info, &len))
		return because(why, -errno, "program router: %s", strerror(errno));
	d->program_id = info.id;
	return 0;
}

static int load(struct dataplane *d, const struct dataplane_sizes *sizes,
		char why[DATAPLANE_WHY_MAX])
{
	static const struct dataplane_sizes defaults;
	struct router_bpf *r = router_bpf__open();
	char path[PINS_PATH_MAX];
	int err;

	if (!r)
		return because(why, -errno, "cannot open the router's object: %s", strerror(errno));
	err = set_sizes(r, sizes ? sizes : &defaults, why);
	if (err)
		goto out;
	err = router_bpf__load(r);
	if (err) {
		because(why, err,
			"the kernel does not load the router: %s (its reasons: log level "
			"debug)%s",
			strerror(-err),
			err == -EPERM ? "; CAP_BPF and CAP_NET_ADMIN are needed" : "");
		goto out;
	}
	err = take_fds(d, r, why);
	if (!err)
		err = check_entries(d, why);
	snprintf(path, sizeof(path), "%s/names", d->pins);
	if (!err && unlink(path) && errno != ENOENT)
		err = because(why, -errno, "%s: cannot remove: %s", path, strerror(errno));
	if (!err)
		err = pins_place(d->pins, &router_set, d->program, d->map, why);
out:
	router_bpf__destroy(r);
	return err;
}

/* A program that serves is not given up for one that does not load. */
static void renew(struct dataplane *d)
{
	struct router_bpf *r = router_bpf__open();
	char why[DATAPLANE_WHY_MAX];
	int err;

	if (!r) {
		log_warnx("cannot open the router's object: %s; program %u serves on",
			  strerror(errno), d->program_id);
		return;
	}
	err = replace_pinned(d->pins, router_set.program, r->obj, &d->program, &d->program_id, why);
	if (err < 0)
		log_warnx("%s; program %u serves on", why, d->program_id);
	d->renewed = err > 0;
	router_bpf__destroy(r);
	replace_everywhere(d->program);
}

int dataplane_open(struct dataplane *d, const char *pins, const struct dataplane_sizes *sizes,
		   char why[DATAPLANE_WHY_MAX])
{
	int err = start(d, pins, why);

	if (!err)
		err = pins_make(d->pins, why);
	if (err)
		return err;
	d->lock = pins_lock(d->pins, why);
	if (d->lock < 0)
		return d->lock;
	err = adopt(d, true, why);
	if (!err)
		renew(d);
	else if (err == -ENOENT)
		err = load(d, sizes, why);
	if (err)
		dataplane_close(d);
	return err;
}

void dataplane_close(struct dataplane *d)
{
	pins_close(d->program, d->map, MAP_COUNT);
	d->program = -1;
	if (d->lock >= 0)
		close(d->lock);
	d->lock = -1;
}

int dataplane_unpin(const char *pins, char why[DATAPLANE_WHY_MAX])
{
	char path[PINS_PATH_MAX];
	struct dataplane d;
	int err, lock;

	err = start(&d, pins, why);
	if (err)
		return err;
	lock = pins_lock(d.pins, why);
	if (lock < 0)
		return lock;
	err = pins_clear(d.pins, &router_set, why);
	snprintf(path, sizeof(path), "%s/names", d.pins);
	if (!err && unlink(path) && errno != ENOENT)
		err = because(why, -errno, "%s: cannot remove: %s", path, strerror(errno));
	close(lock);
	return err;
}
