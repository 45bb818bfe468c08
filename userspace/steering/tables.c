// SPDX-License-Identifier: BSD-2-Clause
/* Maps the maps, takes them over, and writes what is one store each; see tables.h. */
#include "steering/tables.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "hash.h"
#include "steering/flows.h"
#include "steering/grace.h"
#include "steering/tables_internal.h"
#include "steering/why.h"

/* A map's values in memory: each rounded up to 8 bytes, the whole to a page. */
static size_t bytes_of_map(const struct pinned_map *m)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t n = ((size_t)m->value_size + 7) / 8 * 8 * m->entries;

	return (n + page - 1) / page * page;
}

/* where: of the pointer that shall point there, whatever its type. */
static int map_one(const struct dataplane *d, enum dataplane_map which, bool writable, void *where,
		   char why[DATAPLANE_WHY_MAX])
{
	static const char *const names[MAP_COUNT] = { "settings", "services", "rings",
						      "backends", "flows",    "",
						      "",	  "",	      "names" };
	const struct pinned_map *m = &d->map[which];
	void *p = mmap(NULL, bytes_of_map(m), PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
		       m->fd, 0);

	if (p == MAP_FAILED)
		return because(why, -errno, "%s/%s: cannot map %zu bytes: %s", d->pins,
			       names[which], bytes_of_map(m), strerror(errno));
	memcpy(where, &p, sizeof(p));
	return 0;
}

static void unmap(const struct dataplane *d, enum dataplane_map which, void *p)
{
	if (p)
		munmap(p, bytes_of_map(&d->map[which]));
}

static int map_all(struct tables *t, const struct dataplane *d, char why[DATAPLANE_WHY_MAX])
{
	const struct {
		enum dataplane_map map;
		bool writable;
		void *where;
	} wanted[] = {
		{ MAP_SETTINGS, !t->view, &t->settings }, { MAP_SERVICES, !t->view, &t->services },
		{ MAP_RINGS, !t->view, &t->rings },	  { MAP_BACKENDS, !t->view, &t->backends },
		{ MAP_FLOWS, true, &t->flows },		  { MAP_NAMES, !t->view, &t->names },
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (d->map[wanted[i].map].fd >= 0)
			err = map_one(d, wanted[i].map, wanted[i].writable, wanted[i].where, why);
	return err;
}

static int make(struct tables **out, const struct dataplane *d, bool view, bool names_made,
		char why[DATAPLANE_WHY_MAX])
{
	struct tables *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return because(why, -ENOMEM, "no memory");
	t->d = d;
	t->view = view;
	t->grace = grace_wait;
	t->names_made = names_made;
	t->idle_seen = true;
	t->buckets = d->map[MAP_SERVICES].entries / 2;
	t->services_max = d->map[MAP_SERVICE_STATS].entries;
	t->backends_max = d->map[MAP_BACKENDS].entries;
	t->ring_slots = d->map[MAP_RINGS].entries * RING_BLOCK;
	t->flow_sets = d->map[MAP_FLOWS].entries;
	err = map_all(t, d, why);
	if (err)
		goto out;
	t->slot = calloc(t->services_max + 1, sizeof(*t->slot));
	/* Each service has one ring, and some may be waiting for a grace. */
	if (!t->slot || regions_init(&t->regions, t->ring_slots, 2 * (size_t)t->services_max)) {
		err = because(why, -ENOMEM, "no memory for %u services", t->services_max);
		goto out;
	}
	*out = t;
	return 0;
out:
	tables_close(t);
	return err;
}

int tables_open(struct tables **out, struct dataplane *d, char why[DATAPLANE_WHY_MAX])
{
	bool made;
	int err = names_open(d, &made, why);

	return err ? err : make(out, d, false, made, why);
}

int tables_view(struct tables **out, struct dataplane *d, char why[DATAPLANE_WHY_MAX])
{
	int err = make(out, d, true, false, why);

	if (!err && tables_are_live(*out))
		tables_find_slots(*out, true);
	return err;
}

void tables_close(struct tables *t)
{
	if (!t)
		return;
	unmap(t->d, MAP_SETTINGS, t->settings);
	unmap(t->d, MAP_SERVICES, t->services);
	unmap(t->d, MAP_RINGS, t->rings);
	unmap(t->d, MAP_BACKENDS, t->backends);
	unmap(t->d, MAP_FLOWS, t->flows);
	unmap(t->d, MAP_NAMES, t->names);
	regions_free(&t->regions);
	free(t->slot);
	free(t);
}

/* As flows_grow() leaves them, whenever it ends. */
static bool flows_fit(const struct tables *t, uint32_t mask, uint32_t before)
{
	return mask < t->flow_sets && !(mask & (mask + 1)) && (!before || mask == 2 * before + 1);
}

bool tables_are_live(const struct tables *t)
{
	const struct settings *s = t->settings;

	return s->abi == ABI_VERSION && s->services_half <= 1 &&
	       s->services_mask == t->buckets - 1 && flows_fit(t, s->flows_mask, s->flows_before);
}

void tables_clear_traffic(const struct tables *t, enum dataplane_map map, uint32_t id)
{
	int cpus = libbpf_num_possible_cpus();
	struct traffic *zero = t->d && cpus > 0 ? calloc((size_t)cpus, sizeof(*zero)) : NULL;

	/* Counters of a new owner that begin too high are a blemish, no reason to fail. */
	if (zero && bpf_map_update_elem(t->d->map[map].fd, &id, zero, BPF_ANY))
		log_debug("counters of id %u not cleared: %s", id, strerror(errno));
	free(zero);
}

/* A name without a live service is what a daemon left that died before, or after, the flip. */
static void adopt(struct tables *t)
{
	tables_find_slots(t, true);
	for (uint32_t id = 0; id < t->services_max; id++)
		if (!t->slot[id])
			name_clear(tables_service_slot_name(t, id));
	for (uint32_t id = 0; id < t->backends_max; id++)
		if (!name_is_set(&t->names[id]))
			tables_revoke(t, (uint16_t)id);
}

/* abi is zero while nothing can be relied on: the kernel then passes every packet untouched. */
static void begin(struct tables *t, const uint64_t keys[2])
{
	struct settings *s = t->settings;

	__atomic_store_n(&s->abi, 0, __ATOMIC_SEQ_CST);
	tables_revoke_all(t);
	memset(t->names, 0, ((size_t)t->backends_max + t->services_max) * sizeof(*t->names));
	memset(t->services, 0, 2 * (size_t)t->buckets * sizeof(*t->services));
	flows_purge(t, 0);
	*s = (struct settings){ .hash_key = { keys[0], keys[1] },
				.services_mask = t->buckets - 1,
				.flows_mask = flow_sets_for(0, t->flow_sets) - 1 };
	__atomic_store_n(&s->abi, ABI_VERSION, __ATOMIC_RELEASE);
	t->reseed = true;
}

int tables_take_over(struct tables *t, const uint64_t keys[2], bool *live,
		     char why[DATAPLANE_WHY_MAX])
{
	uint32_t abi = t->settings->abi;

	if (abi && abi != ABI_VERSION)
		return because(why, -EEXIST,
			       "settings: filled by a daemon of ABI %u, want %u: "
			       "detach the program and remove its pins first",
			       abi, ABI_VERSION);
	*live = tables_are_live(t) && !t->names_made;
	if (abi && !*live)
		log_warnx("the maps were filled, but %s; beginning anew with no lease",
			  t->names_made ? "nobody left the names of what is in them"
					: "their masks do not fit their sizes");
	if (*live)
		adopt(t);
	else
		begin(t, keys);
	return 0;
}

static void set_source4(struct tables *t, __be32 source)
{
	__atomic_store_n(&t->settings->source4, source, __ATOMIC_RELAXED);
	for (uint32_t id = 1; id < t->backends_max; id++)
		if (t->backends[id].ethertype == htons(ETH_P_IP))
			__atomic_store_n(&t->backends[id].source4, source, __ATOMIC_RELAXED);
}

void tables_set_source(struct tables *t, const struct addr *source4, const struct addr *source6)
{
	static const struct addr none;

	if (!addr_equal(source4, &none))
		set_source4(t, source4->w[3]);
	if (!addr_equal(source6, &none) && !addr_equal(source6, &t->settings->source6))
		t->settings->source6 = *source6;
}

void tables_lease(struct tables *t, uint16_t id, enum class c, uint64_t until)
{
	if (id && id < t->backends_max && c < CLASS_COUNT)
		__atomic_store_n(&t->backends[id].until[c], until, __ATOMIC_RELEASE);
}

uint64_t tables_lease_of(const struct tables *t, uint16_t id, enum class c)
{
	if (!id || id >= t->backends_max || c >= CLASS_COUNT)
		return 0;
	return __atomic_load_n(&t->backends[id].until[c], __ATOMIC_RELAXED);
}

void tables_revoke(struct tables *t, uint16_t id)
{
	if (id >= t->backends_max)
		return;
	for (int c = 0; c < CLASS_COUNT; c++)
		__atomic_store_n(&t->backends[id].until[c], 0, __ATOMIC_SEQ_CST);
}

void tables_revoke_all(struct tables *t)
{
	for (uint32_t id = 0; id < t->backends_max; id++)
		tables_revoke(t, (uint16_t)id);
}

void tables_set_hand(struct tables *t, uint16_t id, uint8_t flags)
{
	struct backend *b = &t->backends[id];

	if (id && id < t->backends_max)
		__atomic_store_n(&b->flags, flags | (b->flags & BACKEND_ROUTED), __ATOMIC_RELAXED);
}

_Static_assert(offsetof(struct backend, mac) == 24 && offsetof(struct backend, ifindex) == 40,
	       "the way to a backend is words 3 to 5");

void tables_set_nexthop(struct tables *t, uint16_t id, const struct nexthop *n)
{
	enum { FROM = offsetof(struct backend, mac) / 8, WORDS = 6 };
	uint64_t words[sizeof(struct backend) / 8];
	struct backend b;
	struct addr at;

	if (!id || id >= t->backends_max)
		return;
	b = t->backends[id];
	at = tables_backend_addr(&b);
	b.ifindex = 0;
	b.flags &= (uint8_t)~BACKEND_ROUTED;
	memset(b.mac, 0, sizeof(b.mac));
	memset(b.source_mac, 0, sizeof(b.source_mac));
	b.mtu = 0;
	if (nexthop_is_usable(n)) {
		b.ifindex = n->ifindex;
		if (!addr_equal(&n->via, &at))
			b.flags |= BACKEND_ROUTED;
		memcpy(b.mac, n->mac, sizeof(b.mac));
		memcpy(b.source_mac, n->source_mac, sizeof(b.source_mac));
		b.mtu = n->mtu && n->mtu < UINT16_MAX ? (uint16_t)n->mtu : UINT16_MAX;
	}
	memcpy(words, &b, sizeof(b));
	for (int i = FROM; i < WORDS; i++)
		__atomic_store_n((uint64_t *)&t->backends[id] + i, words[i], __ATOMIC_RELAXED);
}

const char *tables_backend_name(const struct tables *t, uint16_t id)
{
	if (!t->names || !id || id >= t->backends_max || !name_is_set(&t->names[id]))
		return NULL;
	return t->names[id].text;
}

const char *tables_service_name(const struct tables *t, uint16_t id)
{
	if (!t->names || id >= t->services_max || !name_is_set(tables_service_slot_name(t, id)))
		return NULL;
	return tables_service_slot_name(t, id)->text;
}

struct addr tables_backend_addr(const struct backend *b)
{
	if (b->ethertype != htons(ETH_P_IP))
		return b->addr;
	return (struct addr){ { 0, 0, htonl(0xffff), b->addr4 } };
}

const struct backend *tables_backend(const struct tables *t, uint16_t id)
{
	return tables_backend_name(t, id) ? &t->backends[id] : NULL;
}

uint16_t tables_backend_find(const struct tables *t, const char *name)
{
	for (uint32_t id = 1; id < t->backends_max; id++) {
		const char *n = tables_backend_name(t, (uint16_t)id);

		if (n && !strncmp(n, name, NAME_MAX_BYTES))
			return (uint16_t)id;
	}
	return 0;
}

uint32_t tables_backends_max(const struct tables *t)
{
	return t->backends_max;
}

uint32_t tables_services_max(const struct tables *t)
{
	return t->services_max;
}

uint32_t tables_ring_slots(const struct tables *t)
{
	return t->ring_slots;
}

uint32_t tables_ring_slots_free(const struct tables *t)
{
	return regions_free_slots(&t->regions);
}
