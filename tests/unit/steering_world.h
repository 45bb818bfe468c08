/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of the maps, and daemons that come and go over it.  For steering's tests of the
 * tables. */
#ifndef STEERING_WORLD_H
#define STEERING_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "hash.h"
#include "steering/buckets.h"
#include "steering/counters.h"
#include "steering/flows.h"
#include "steering/tables_internal.h"

enum {
	BUCKETS = 16,
	SERVICES = 16,
	BACKENDS = 16,
	SLOTS = 1024,
	SETS = 8,
};

/* The memory of the maps: it outlives the struct tables, as maps outlive daemons. */
struct world {
	struct settings settings;
	struct service_bucket services[2 * BUCKETS];
	struct ring_slot rings[SLOTS];
	struct backend backends[BACKENDS];
	struct flow_set flows[SETS];
	struct name names[BACKENDS + SERVICES];
};

static const uint64_t keys[2] = { 0x0123456789abcdefull, 0xfedcba9876543210ull };
static char why[DATAPLANE_WHY_MAX];

/* What a packet in flight may still believe in: the maps when the daemon waited for a grace. */
struct moment {
	struct world *world;
	struct world then;
	int graces;
};

static struct moment moment;

static inline void remember(void)
{
	moment.then = *moment.world;
	moment.graces++;
}

static inline struct tables *daemon_begin(struct world *w, bool *live)
{
	struct tables *t = calloc(1, sizeof(*t));

	moment.world = w;
	moment.graces = 0;
	t->grace = remember;
	t->settings = &w->settings;
	t->services = w->services;
	t->rings = w->rings;
	t->backends = w->backends;
	t->flows = w->flows;
	t->names = w->names;
	t->buckets = BUCKETS;
	t->services_max = SERVICES;
	t->backends_max = BACKENDS;
	t->ring_slots = SLOTS;
	t->flow_sets = SETS;
	t->slot = calloc(SERVICES + 1, sizeof(*t->slot));
	assert_int_equal(regions_init(&t->regions, SLOTS, 2 * SERVICES), 0);
	assert_int_equal(tables_take_over(t, keys, live, why), 0);
	return t;
}

/* As by SIGKILL: nothing is written any more. */
static inline void daemon_end(struct tables *t)
{
	regions_free(&t->regions);
	free(t->slot);
	free(t);
}

static inline struct tables *fresh(struct world *w)
{
	bool live = true;
	struct tables *t;

	memset(w, 0, sizeof(*w));
	t = daemon_begin(w, &live);
	assert_false(live);
	return t;
}

static inline struct tables *restarted(struct world *w)
{
	bool live = false;
	struct tables *t = daemon_begin(w, &live);

	assert_true(live);
	return t;
}

static inline struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static inline void assert_address(const struct backend *b, const struct addr *want)
{
	struct addr is = tables_backend_addr(b);

	assert_true(addr_equal(&is, want));
}

static inline struct backend_want backend(const char *name, const char *addr)
{
	struct backend_want w = { .addr = address(addr) };

	snprintf(w.name, sizeof(w.name), "%s", name);
	return w;
}

static inline struct service_want service(const char *name, const char *vip, uint16_t port)
{
	struct service_want w = {
		.vip = address(vip), .port = port, .proto = IPPROTO_TCP, .class = CLASS_CONFIDENTIAL
	};

	snprintf(w.name, sizeof(w.name), "%s", name);
	return w;
}

static inline const struct service *find(const struct world *w, const char *vip, uint16_t port,
					 uint8_t kind)
{
	struct service like = { .vip = address(vip),
				.port = htons(port),
				.kind = kind,
				.proto = kind == SERVICE_PORT ? IPPROTO_TCP : 0 };

	return buckets_find(&w->settings, &w->services[w->settings.services_half * BUCKETS], &like);
}

#endif
