// SPDX-License-Identifier: BSD-2-Clause
/* The router in a rig; see rig.h. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hash.h"
#include "rig.h"

enum { SKIPPED = 77, CPUS_MAX = 1024 };

static const uint64_t key[2] = { 0x0123456789abcdef, 0xfedcba9876543210 };
static const char *const backend_addr[RIG_BACKENDS] = {
	NULL, "10.9.0.1", "10.9.0.2", "10.9.0.3", "fd00:9::1", "fd00:9::2", "fd00:9::3", "10.9.0.7",
};

void rig_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void skip(const char *what)
{
	printf("1..0 # SKIP %s: %s\n", what, strerror(errno));
	exit(SKIPPED);
}

static void *map_memory(struct bpf_map *m)
{
	size_t n = (size_t)bpf_map__value_size(m) * bpf_map__max_entries(m);
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(m), 0);

	if (p == MAP_FAILED)
		rig_die(bpf_map__name(m));
	return p;
}

struct bpf_object *rig_beside(const char *name)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	struct bpf_object *o;

	if (n < 0)
		rig_die("/proc/self/exe");
	path[n] = 0;
	strcpy(strrchr(path, '/') + 1, name);
	o = bpf_object__open(path);
	if (!o)
		rig_die(path);
	return o;
}

/* What the kernel limits it limits on each processor: on another one a row would find it unused. */
static void stay_here(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		rig_die("cannot stay on one processor");
}

void rig_open(struct rig *r)
{
	stay_here();
	*r = (struct rig){ .router = router_bpf__open() };
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!r->router)
		rig_die("cannot open the router's object");
	if (router_bpf__load(r->router)) {
		if (errno == EPERM)
			skip("the kernel lets us load no BPF program");
		rig_die("cannot load the router");
	}
	r->settings = map_memory(r->router->maps.settings);
	r->services = map_memory(r->router->maps.services);
	r->rings = map_memory(r->router->maps.rings);
	r->backends = map_memory(r->router->maps.backends);
	r->flows = map_memory(r->router->maps.flows);
	rig_hook.open(r);
	rig_reset(r);
}

int rig_close(struct rig *r)
{
	printf("1..%u\n", r->rows);
	if (r->failed)
		printf("# %u of %u failed\n", r->failed, r->rows);
	bpf_object__close(r->beside);
	router_bpf__destroy(r->router);
	return r->failed != 0;
}

struct service *rig_service_add(struct rig *r, const struct service *s)
{
	struct settings *set = r->settings;
	uint32_t h = service_hash(&s->vip, s->port, s->proto, s->kind);

	for (uint32_t probe = 0; probe < SERVICE_PROBES; probe++) {
		uint32_t at = (h + probe) & set->services_mask;
		struct service_bucket *b =
			&r->services[at + set->services_half * (set->services_mask + 1)];

		for (int i = 0; i < SERVICE_SLOTS; i++) {
			if (b->slot[i].kind != SERVICE_EMPTY)
				continue;
			b->slot[i] = *s;
			return &b->slot[i];
		}
	}
	abort();
}

static void services_fill(struct rig *r)
{
	static const struct {
		const char *vip;
		uint16_t id, port;
		uint8_t proto;
	} all[] = {
		{ VIP4, SERVICE_TCP4, 443, IPPROTO_TCP },
		{ VIP4, SERVICE_UDP4, 53, IPPROTO_UDP },
		{ VIP6, SERVICE_TCP6, 443, IPPROTO_TCP },
		{ VIP6, SERVICE_UDP6, 53, IPPROTO_UDP },
		{ VIP4, 0, 0, 0 },
		{ VIP6, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct service s = {
			.vip = addr_of(all[i].vip),
			.port = htons(all[i].port),
			.proto = all[i].proto,
			.kind = all[i].port ? SERVICE_PORT : SERVICE_ADDRESS,
			.id = all[i].id,
			.class = CLASS_CONFIDENTIAL,
			.ring = all[i].vip[0] == VIP4[0] ? 0 : RIG_RING6,
			.ring_slots = RIG_RING_SLOTS,
		};

		if (strchr(all[i].vip, ':'))
			s.ring = RIG_RING6;
		rig_service_add(r, &s);
	}
}

void rig_reset(struct rig *r)
{
	memset(r->services, 0, 2 * SERVICE_BUCKETS * sizeof(*r->services));
	memset(r->rings, 0, 128 * sizeof(*r->rings));
	memset(r->backends, 0, RIG_BACKENDS * sizeof(*r->backends));
	memset(r->flows, 0, FLOW_SETS * sizeof(*r->flows));
	*r->settings = (struct settings){
		.hash_key = { key[0], key[1] },
		.source4 = addr_of(SOURCE4).w[3],
		.source6 = addr_of(SOURCE6),
		.abi = ABI_VERSION,
		.services_mask = SERVICE_BUCKETS - 1,
		.flows_mask = FLOW_SETS - 1,
	};
	services_fill(r);
	for (uint16_t id = 1; id < RIG_BACKENDS; id++) {
		struct addr addr = addr_of(backend_addr[id]);
		struct backend *b = &r->backends[id];

		*b = (struct backend){
			.ifindex = RIG_IFINDEX,
			.mac = { 2, 0xb0, 0xb1, 0xb2, 0xb3, (uint8_t)id },
			.mtu = UINT16_MAX,
			.generation = (uint8_t)(7 + id),
			.id = id,
			.ethertype = htons(ETH_P_IPV6),
			.addr = addr,
		};
		memcpy(b->source_mac, frame_router_mac, sizeof(b->source_mac));
		if (strchr(backend_addr[id], '.')) {
			b->ethertype = htons(ETH_P_IP);
			b->source4 = r->settings->source4;
			b->addr4 = addr.w[3];
		}
		rig_lease(r, id, RIG_LIVE);
	}
	rig_ring(r, 0, BACKEND4, BACKEND4 + 1);
	rig_ring(r, RIG_RING6, BACKEND6, BACKEND6 + 1);
}

void rig_lease_until(struct rig *r, uint16_t backend, uint64_t jiffies)
{
	for (int c = 0; c < CLASS_COUNT; c++)
		__atomic_store_n(&r->backends[backend].until[c], jiffies, __ATOMIC_RELAXED);
}

void rig_lease(struct rig *r, uint16_t backend, int live)
{
	rig_lease_until(r, backend, live ? UINT64_MAX : 1);
}

void rig_ring(struct rig *r, uint32_t first, uint16_t primary, uint16_t fallback)
{
	for (uint32_t i = 0; i < RIG_RING_SLOTS; i++)
		r->rings[first + i] = (struct ring_slot){ primary, fallback };
}

void rig_rings(struct rig *r, uint16_t primary, uint16_t fallback)
{
	rig_ring(r, 0, primary, fallback);
	rig_ring(r, RIG_RING6, primary, fallback);
}

struct service *rig_service(struct rig *r, uint16_t id)
{
	for (uint32_t b = 0; b < 2 * SERVICE_BUCKETS; b++)
		for (int i = 0; i < SERVICE_SLOTS; i++)
			if (r->services[b].slot[i].kind == SERVICE_PORT &&
			    r->services[b].slot[i].id == id)
				return &r->services[b].slot[i];
	abort();
}

uint64_t rig_flow_hash(const struct rig *r, const struct spec *s)
{
	struct addr src = addr_of(s->src), dst = addr_of(s->dst);

	return flow_hash(r->settings, &src, &dst, htons(s->sport), htons(s->dport), s->proto);
}

uint64_t *rig_flow(struct rig *r, const struct spec *s)
{
	uint64_t h = rig_flow_hash(r, s);
	struct flow_set *set = &r->flows[flow_set_of(h, r->settings->flows_mask)];

	for (int i = 0; i < FLOW_WAYS; i++)
		if (flow_backend(set->entry[i]) && flow_tag(set->entry[i]) == flow_tag_of(h))
			return (uint64_t *)&set->entry[i];
	return NULL;
}

/* The values of one key, added up over CPUs, word by word. */
static void sum(struct bpf_map *m, uint32_t k, void *out)
{
	static uint64_t values[CPUS_MAX * 4];
	size_t words = bpf_map__value_size(m) / 8;
	uint64_t *to = out;
	int cpus = libbpf_num_possible_cpus();

	if (bpf_map_lookup_elem(bpf_map__fd(m), &k, values))
		rig_die(bpf_map__name(m));
	memset(out, 0, words * 8);
	for (size_t i = 0; i < (size_t)cpus * words; i++)
		to[i % words] += values[i];
}

void rig_counts(struct rig *r, struct counts *c)
{
	for (uint32_t i = 0; i < OUT_COUNT; i++)
		sum(r->router->maps.outcomes, i, &c->outcome[i]);
	for (uint32_t i = 0; i < RIG_SERVICES; i++)
		sum(r->router->maps.service_stats, i, &c->service[i]);
	for (uint32_t i = 0; i < RIG_BACKENDS; i++)
		sum(r->router->maps.backend_stats, i, &c->backend[i]);
}

uint32_t rig_run(struct rig *r, const struct frame *in, struct frame *out)
{
	static const struct frame empty;
	struct frame made;
	const struct frame *given = rig_hook.given(in, &made);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = given->b, .data_size_in = (uint32_t)given->n,
		    .data_out = out->b, .data_size_out = sizeof(out->b), .repeat = 1);

	*out = empty;
	if (bpf_prog_test_run_opts(r->prog, &run))
		rig_die("test run");
	out->n = run.data_size_out;
	return run.retval;
}

bool rig_check(struct rig *r, bool good, const char *fmt, ...)
{
	va_list ap;

	r->rows++;
	r->failed += !good;
	printf("%s %u - ", good ? "ok" : "not ok", r->rows);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return good;
}

/* What counters must be after one more packet. */
static void add_wanted(struct counts *c, const struct want *w, size_t bytes)
{
	if (w->outcome != OUT_STEERED) {
		c->outcome[w->outcome].packets++;
		c->outcome[w->outcome].bytes += bytes;
		return;
	}
	c->service[w->service].packets++;
	c->service[w->service].bytes += bytes;
	c->service[w->service].new_flows += w->new_flow;
	c->backend[w->backend].packets++;
	c->backend[w->backend].bytes += bytes;
	c->backend[w->backend].new_flows += w->new_flow;
}

static void tell_difference(const struct counts *is, const struct counts *want)
{
	for (int i = 0; i < OUT_COUNT; i++)
		if (memcmp(&is->outcome[i], &want->outcome[i], sizeof(is->outcome[i])))
			printf("# outcome %d: %llu packets, wanted %llu\n", i,
			       is->outcome[i].packets, want->outcome[i].packets);
	for (int i = 0; i < RIG_SERVICES; i++)
		if (memcmp(&is->service[i], &want->service[i], sizeof(is->service[i])))
			printf("# service %d: %llu packets, %llu new, wanted %llu, %llu\n", i,
			       is->service[i].packets, is->service[i].new_flows,
			       want->service[i].packets, want->service[i].new_flows);
	for (int i = 0; i < RIG_BACKENDS; i++)
		if (memcmp(&is->backend[i], &want->backend[i], sizeof(is->backend[i])))
			printf("# backend %d: %llu packets, %llu new, wanted %llu, %llu\n", i,
			       is->backend[i].packets, is->backend[i].new_flows,
			       want->backend[i].packets, want->backend[i].new_flows);
}

bool rig_row(struct rig *r, const char *what, const struct frame *in, const struct want *w,
	     struct frame *out)
{
	struct counts wanted, is;
	uint32_t action;
	bool good;

	rig_counts(r, &wanted);
	add_wanted(&wanted, w, in->n - rig_hook.uncounted(in));
	action = rig_run(r, in, out);
	if (action == XDP_TX && w->action == XDP_REDIRECT && rig_hook.is_tc)
		action = XDP_REDIRECT; /* where to, nobody says; tests/lab/tc.sh looks */
	rig_counts(r, &is);
	good = action == w->action && !memcmp(&wanted, &is, sizeof(is));
	if (action != w->action)
		printf("# action %u, wanted %u\n", action, w->action);
	tell_difference(&is, &wanted);
	if (w->action == XDP_PASS || w->action == XDP_DROP)
		good = frame_equal(out, in) && good;
	return rig_check(r, good, "%s", what);
}

bool rig_steered(struct rig *r, const char *what, const struct spec *s, uint16_t backend)
{
	struct frame in = frame_of(s), out, wanted;
	const struct backend *b = &r->backends[backend];
	bool ipv6 = strchr(s->dst, ':'), tcp = s->proto == IPPROTO_TCP;
	const char *to = backend_addr[backend];
	struct wrapping w = {
		.src = strchr(to, ':') ? SOURCE6 : SOURCE4,
		.dst = to,
		.mac = b->mac,
		.label = rig_flow_hash(r, s) & 0xfffff,
	};
	struct want want = {
		XDP_TX,
		OUT_STEERED,
		ipv6 ? (tcp ? SERVICE_TCP6 : SERVICE_UDP6) : (tcp ? SERVICE_TCP4 : SERVICE_UDP4),
		backend,
		.new_flow = !rig_flow(r, s),
	};

	wanted = frame_wrapped(&in, &w);
	if (!rig_row(r, what, &in, &want, &out))
		return false;
	return rig_check(r, frame_equal(&out, &wanted), "%s: every byte", what);
}
