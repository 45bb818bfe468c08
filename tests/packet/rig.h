/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The router in a rig: loaded, its maps mapped, no interface.  A row puts one
 * frame in and holds action, counters and bytes against what they must be.
 */
#ifndef RIG_H
#define RIG_H

#include "abi.h"
#include "frame.h"
#include "router.skel.h"

#define VIP4	"192.0.2.1"
#define VIP6	"2001:db8::1"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:c::7"
#define SOURCE4 "10.9.0.254"
#define SOURCE6 "fd00:9::fe"

enum {
	SERVICE_TCP4 = 1, /* VIP4:443 */
	SERVICE_UDP4,	  /* VIP4:53 */
	SERVICE_TCP6,
	SERVICE_UDP6,
	BACKEND4 = 1, /* 10.9.0.1; the first of three */
	BACKEND6 = 4, /* fd00:9::1; the first of three */
	RIG_BACKENDS = 8,
	RIG_SERVICES = 8,
	RIG_RING_SLOTS = 13, /* a ring of the IPv4 services, then one of the others */
	RIG_RING6 = 32,
	RIG_IFINDEX = 1, /* where frames of a test run come in: lo */
	RIG_LIVE = 1,	 /* for rig_lease() */
	RIG_LAPSED = 0,
};

struct rig {
	struct router_bpf *router;
	struct bpf_object *beside; /* of the hook: what runs before the router, or in its place */
	int prog;
	struct settings *settings;
	struct service_bucket *services;
	struct ring_slot *rings;
	struct backend *backends;
	struct flow_set *flows;
	unsigned int rows;
	unsigned int failed;
};

/*
 * Where the router runs: hook/xdp.c or hook/tc.c, which the Makefile links the same rows with.  What
 * rows see are XDP's actions; with TC one that leaves by another interface is XDP_TX as well.
 */
struct rig_hook {
	bool is_tc;
	void (*open)(struct rig *r); /* sets prog and beside, when the maps are there */
	/* What a test run is given for it: itself, or what is made in *made. */
	const struct frame *(*given)(const struct frame *f, struct frame *made);
	/* Bytes of a frame that are not in its length. */
	size_t (*uncounted)(const struct frame *f);
};
extern const struct rig_hook rig_hook;

/* An object that lies beside the test, open. */
struct bpf_object *rig_beside(const char *name);
void rig_die(const char *what) __attribute__((noreturn));

/* All that is counted, summed over CPUs. */
struct counts {
	struct counter outcome[OUT_COUNT];
	struct traffic service[RIG_SERVICES];
	struct traffic backend[RIG_BACKENDS];
};

/* What a row wants.  SERVICE and BACKEND matter when the outcome is OUT_STEERED. */
struct want {
	uint32_t action;
	enum outcome outcome;
	uint16_t service;
	uint16_t backend;
	bool new_flow;
};

/* Exits 77 with a word when this system does not let us load programs. */
void rig_open(struct rig *r);
int rig_close(struct rig *r); /* prints the plan; what main returns */
/* All maps empty but for counters, then the services, backends and rings above, all alive. */
void rig_reset(struct rig *r);
void rig_lease(struct rig *r, uint16_t backend, int live);
void rig_lease_until(struct rig *r, uint16_t backend, uint64_t jiffies);
/* Every slot of both rings. */
void rig_rings(struct rig *r, uint16_t primary, uint16_t fallback);
void rig_ring(struct rig *r, uint32_t first, uint16_t primary, uint16_t fallback);
struct service *rig_service(struct rig *r, uint16_t id);
struct service *rig_service_add(struct rig *r, const struct service *s);
uint64_t rig_flow_hash(const struct rig *r, const struct spec *s);
uint64_t *rig_flow(struct rig *r, const struct spec *s); /* its entry, or NULL */

void rig_counts(struct rig *r, struct counts *c);
/* XDP action; *out is what became of the frame. */
uint32_t rig_run(struct rig *r, const struct frame *in, struct frame *out);
/* A row: runs it, looks at action and counters, and at the bytes when it was passed or dropped. */
bool rig_row(struct rig *r, const char *what, const struct frame *in, const struct want *w,
	     struct frame *out);
bool rig_check(struct rig *r, bool good, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A row that is steered: also holds all its bytes against what they must be. */
bool rig_steered(struct rig *r, const char *what, const struct spec *s, uint16_t backend);

#endif
