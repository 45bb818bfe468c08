// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a packet costs, in nanoseconds, case by case beside its floor.
 *
 * Each case is a program behind the wrapper (wrap.bpf.c), run PACKETS times in one
 * BPF_PROG_TEST_RUN.  Rounds are interleaved: every round measures every case once,
 * so what disturbs the machine for a while disturbs all alike.  Time is this thread's
 * CPU time, which others on the same CPU do not add to.  See docs/performance.md.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "router.skel.h"
#include "../bench/wrap.h"

enum {
	ROUNDS = 21,	   /* the median of these counts */
	PACKETS = 1 << 20, /* of one measurement */
	FLOWS_MANY = 1 << 17,
	FLOWS_MORE = 1 << 19,
	FLOWS_NEW = 1 << 21,
	LEASE_PACKETS = 1 << 17,
	LEASE_TURNS = 5,
	RING = 65537,
	BACKENDS = 16,
	SKIPPED = 77,
	QUIC_SERVER = 0xabcd, /* its id */
};

#define VIP4 "192.0.2.1"
#define VIP6 "2001:db8::1"

/* Sources of the cases do not overlap: 10.0.0.0/8 and up. */
enum source {
	SOURCE_ONE = 0x0a000000,
	SOURCE_MANY = 0x0b000000,
	SOURCE_MORE = 0x0c000000,
	SOURCE_NEW = 0x20000000,
};

enum which { NOP, FLOOR4, FLOOR6, ROUTER, UNLEASED, PROGRAMS };

struct frame {
	uint8_t b[128];
	uint32_t n;
};

struct bench {
	struct router_bpf *router;
	struct bpf_object *floor, *unleased, *wrapper;
	int program[PROGRAMS];
	int next, restore; /* the wrapper's map and program */
	struct wrap *wrap;
	struct settings *settings;
	struct service_bucket *services;
	struct ring_slot *rings;
	struct backend *backends;
};

enum kind { TCP4, UDP4, TCP6, OTHER4, LAPSED4, SETTLED4, GUE4, QUIC4 };

static struct bench_case {
	const char *name;
	enum which program;
	enum kind kind;
	uint32_t base, flows, action;
	int floor; /* index of what its ratio is to */
	double ns[ROUNDS];
} cases[] = {
	{ "nop", NOP, TCP4, SOURCE_ONE, 1, XDP_TX, 0, { 0 } },
	{ "bare_floor", FLOOR4, TCP4, SOURCE_ONE, 1, XDP_TX, 1, { 0 } },
	{ "tcp4_1", ROUTER, TCP4, SOURCE_ONE, 1, XDP_TX, 1, { 0 } },
	{ "tcp4_128k", ROUTER, TCP4, SOURCE_MANY, FLOWS_MANY, XDP_TX, 1, { 0 } },
	{ "tcp4_512k", ROUTER, TCP4, SOURCE_MORE, FLOWS_MORE, XDP_TX, 1, { 0 } },
	{ "new4_2m", ROUTER, TCP4, SOURCE_NEW, FLOWS_NEW, XDP_TX, 1, { 0 } },
	{ "tcp4_1_settled", ROUTER, SETTLED4, SOURCE_ONE, 1, XDP_TX, 1, { 0 } },
	{ "tcp4_512k_settled", ROUTER, SETTLED4, SOURCE_MORE, FLOWS_MORE, XDP_TX, 1, { 0 } },
	{ "udp4_1", ROUTER, UDP4, SOURCE_ONE, 1, XDP_TX, 1, { 0 } },
	{ "floor6", FLOOR6, TCP6, SOURCE_ONE, 1, XDP_TX, 9, { 0 } },
	{ "tcp6_1", ROUTER, TCP6, SOURCE_ONE, 1, XDP_TX, 9, { 0 } },
	{ "not_ours", ROUTER, OTHER4, SOURCE_ONE, 1, XDP_PASS, 0, { 0 } },
	{ "lapsed", ROUTER, LAPSED4, SOURCE_ONE, 1, XDP_DROP, 1, { 0 } },
	{ "gue4_1", ROUTER, GUE4, SOURCE_ONE, 1, XDP_TX, 1, { 0 } },
	{ "quic4_1", ROUTER, QUIC4, SOURCE_ONE, 1, XDP_TX, 1, { 0 } },
};

enum { CASES = sizeof(cases) / sizeof(*cases) };

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct bpf_object *open_object(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct bpf_object *o;

	snprintf(path, sizeof(path), "%s/%s.bpf.o", dir, name);
	o = bpf_object__open(path);
	if (!o)
		die(path);
	return o;
}

static int program_of(struct bpf_object *o, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(o, name);

	if (!p)
		die(name);
	return bpf_program__fd(p);
}

static void *memory_of(int fd, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);

	if (p == MAP_FAILED)
		die("cannot map a table");
	return p;
}

/* The variant without leases works on the router's own maps. */
static void share_maps(struct bench *b)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, b->unleased)
	{
		struct bpf_map *of = bpf_object__find_map_by_name(b->router->obj, bpf_map__name(m));

		if (of && !bpf_map__is_internal(m) && bpf_map__reuse_fd(m, bpf_map__fd(of)))
			die(bpf_map__name(m));
	}
}

static void load(struct bench *b, const char *dir)
{
	b->router = router_bpf__open();
	if (!b->router)
		die("router");
	if (router_bpf__load(b->router)) {
		if (errno == EPERM) {
			puts("SKIP: the kernel lets us load no BPF program");
			exit(SKIPPED);
		}
		die("router");
	}
	b->floor = open_object(dir, "floor");
	b->unleased = open_object(dir, "unleased");
	b->wrapper = open_object(dir, "wrap");
	share_maps(b);
	if (bpf_object__load(b->floor) || bpf_object__load(b->unleased) ||
	    bpf_object__load(b->wrapper))
		die("cannot load");
	b->program[NOP] = program_of(b->floor, "nop");
	b->program[FLOOR4] = program_of(b->floor, "floor4");
	b->program[FLOOR6] = program_of(b->floor, "floor6");
	b->program[ROUTER] = bpf_program__fd(b->router->progs.router);
	b->program[UNLEASED] = program_of(b->unleased, "router");
	b->restore = program_of(b->wrapper, "restore");
	b->next = bpf_object__find_map_fd_by_name(b->wrapper, "next");
	b->wrap = memory_of(bpf_object__find_map_fd_by_name(b->wrapper, ".bss"), sizeof(*b->wrap));
}

static struct addr address(const char *text)
{
	struct addr a = { .w = { 0, 0, htonl(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &a.w[3]) != 1 && inet_pton(AF_INET6, text, &a) != 1)
		die(text);
	return a;
}

static void add_service(struct bench *b, const char *vip, int port, int proto, struct service s)
{
	struct service_bucket *at;

	s.vip = address(vip);
	s.port = htons((uint16_t)port);
	s.proto = (uint8_t)proto;
	s.kind = SERVICE_PORT;
	at = &b->services[service_hash(&s.vip, s.port, s.proto, s.kind) &
			  b->settings->services_mask];
	for (int i = 0; i < SERVICE_SLOTS; i++)
		if (at->slot[i].kind == SERVICE_EMPTY) {
			at->slot[i] = s;
			return;
		}
	die("services: a full bucket");
}

/* Four rings: of IPv4 and IPv6 backends, of none that is alive, and the first one settled. */
static void fill_tables(struct bench *b)
{
	b->settings = memory_of(bpf_map__fd(b->router->maps.settings), sizeof(*b->settings));
	b->services = memory_of(bpf_map__fd(b->router->maps.services),
				2 * SERVICE_BUCKETS * sizeof(*b->services));
	b->rings =
		memory_of(bpf_map__fd(b->router->maps.rings), RING_SLOTS_MAX * sizeof(*b->rings));
	b->backends = memory_of(bpf_map__fd(b->router->maps.backends),
				BACKENDS_MAX * sizeof(*b->backends));
	*b->settings = (struct settings){
		.hash_key = { 0x6a09e667f3bcc908, 0x3c6ef372fe94f82b },
		.source4 = address("10.9.0.254").w[3],
		.source6 = address("fd00:9::fe"),
		.abi = ABI_VERSION,
		.services_mask = SERVICE_BUCKETS - 1,
		.flows_mask = FLOW_SETS - 1,
	};
	for (uint32_t id = 1; id <= 3 * BACKENDS; id++) {
		bool ipv6 = id > BACKENDS && id <= 2 * BACKENDS, dead = id > 2 * BACKENDS;
		struct backend *to = &b->backends[id];

		*to = (struct backend){
			.ifindex = 1,
			.mac = { 2, 0, 0, 0, 0, (uint8_t)id },
			.source_mac = { 2, 0, 0, 0, 1, 0 },
			.ethertype = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP),
			.mtu = 1500,
			.id = (uint16_t)id,
		};
		if (ipv6) {
			to->addr = address("fd00:9::1");
		} else {
			to->source4 = b->settings->source4;
			to->addr4 = address("10.9.0.1").w[3];
		}
		for (int c = 0; c < CLASS_COUNT; c++)
			to->until[c] = dead ? 1 : UINT64_MAX;
	}
	for (uint32_t i = 0; i < 4 * RING; i++) {
		uint16_t first = (uint16_t)(1 + i / RING % 3 * BACKENDS);

		b->rings[i].primary = (uint16_t)(first + i * 7 % BACKENDS);
		b->rings[i].fallback = (uint16_t)(first + i * 5 % BACKENDS);
		if (i / RING == 3)
			b->rings[i].primary |= SLOT_SETTLED;
	}
	add_service(b, VIP4, 445, IPPROTO_TCP,
		    (struct service){ .id = 5,
				      .class = CLASS_CONFIDENTIAL,
				      .ring = 3 * RING,
				      .ring_slots = RING,
				      .flags = SERVICE_SETTLES });
	add_service(b, VIP4, 443, IPPROTO_TCP,
		    (struct service){ .id = 1, .class = CLASS_CONFIDENTIAL, .ring_slots = RING });
	add_service(b, VIP4, 53, IPPROTO_UDP,
		    (struct service){ .id = 2, .class = CLASS_CONFIDENTIAL, .ring_slots = RING });
	add_service(
		b, VIP6, 443, IPPROTO_TCP,
		(struct service){
			.id = 3, .class = CLASS_CONFIDENTIAL, .ring = RING, .ring_slots = RING });
	if (bpf_map_update_elem(bpf_map__fd(b->router->maps.quic_servers),
				&(struct quic_key){ QUIC_SERVER, 7 },
				&(struct quic_server){ .backend = 3 }, BPF_ANY))
		die("quic_servers");
	add_service(b, VIP4, 447, IPPROTO_UDP,
		    (struct service){ .id = 7,
				      .class = CLASS_CONFIDENTIAL,
				      .ring_slots = RING,
				      .flags = SERVICE_SPECIAL | SERVICE_QUIC,
				      .quic_offset = 1,
				      .quic_length = 2 });
	add_service(b, VIP4, 446, IPPROTO_TCP,
		    (struct service){ .id = 6,
				      .class = CLASS_CONFIDENTIAL,
				      .ring_slots = RING,
				      .flags = SERVICE_SPECIAL,
				      .forward = FORWARD_GUE });
	add_service(b, VIP4, 444, IPPROTO_TCP,
		    (struct service){ .id = 4,
				      .class = CLASS_CONFIDENTIAL,
				      .ring = 2 * RING,
				      .ring_slots = RING,
				      .refusal = REFUSE_DROP });
}

/* 60 bytes of IPv4, 74 of IPv6. */
static struct frame frame_of(enum kind k)
{
	static const uint8_t ethernet[12] = { 2, 1, 2, 3, 4, 5, 2, 6, 7, 8, 9, 10 };
	static const int ports[] = {
		[TCP4] = 443,	 [UDP4] = 53,	   [TCP6] = 443, [OTHER4] = 443,
		[LAPSED4] = 444, [SETTLED4] = 445, [GUE4] = 446, [QUIC4] = 447
	};
	bool udp = k == UDP4 || k == QUIC4;
	int port = ports[k], ip = k == TCP6 ? 40 : 20;
	struct frame f = { .n = k == TCP6 ? 74 : 60 };
	struct addr vip = address(k == TCP6 ? VIP6 : k == OTHER4 ? "192.0.2.2" : VIP4);
	uint8_t *l3 = f.b + 14, *l4 = l3 + ip;

	memcpy(f.b, ethernet, sizeof(ethernet));
	f.b[12] = k == TCP6 ? 0x86 : 0x08;
	f.b[13] = k == TCP6 ? 0xdd : 0;
	if (k == TCP6) {
		l3[0] = 0x60;
		l3[5] = 20;
		l3[6] = IPPROTO_TCP;
		l3[7] = 64;
		l3[8] = 0x20;
		memcpy(l3 + 24, &vip, 16);
	} else {
		l3[0] = 0x45;
		l3[3] = 46;
		l3[8] = 64;
		l3[9] = udp ? IPPROTO_UDP : IPPROTO_TCP;
		memcpy(l3 + 16, &vip.w[3], 4);
	}
	l4[2] = (uint8_t)(port >> 8);
	l4[3] = (uint8_t)port;
	if (udp)
		l4[5] = 26;
	else
		l4[12] = 5 << 4;
	if (k == QUIC4)
		memcpy(l4 + 8, (uint8_t[]){ 0x41, 0x11, QUIC_SERVER >> 8, QUIC_SERVER & 0xff }, 4);
	return f;
}

static uint32_t header_sum(const struct frame *f)
{
	uint32_t sum = 0;
	uint16_t w;

	for (int i = 14; i < 34; i += 2) {
		memcpy(&w, f->b + i, 2);
		sum += w;
	}
	return sum;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds of one packet, over so many of them, in that order of flows. */
static double run(struct bench *b, struct bench_case *c, uint32_t packets, enum wrap_order order)
{
	struct frame f = frame_of(c->kind);
	uint8_t out[256];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.b, .data_size_in = f.n, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = (int)packets);
	uint32_t zero = 0;
	double start;

	if (bpf_map_update_elem(b->next, &zero, &b->program[c->program], BPF_ANY))
		die("cannot put the program behind the wrapper");
	b->wrap->length = f.n;
	b->wrap->family = c->kind == TCP6 ? 6 : 4;
	b->wrap->mask = c->flows - 1;
	b->wrap->base = c->base;
	b->wrap->order = order;
	b->wrap->sum = header_sum(&f);
	memcpy(b->wrap->eth, f.b, sizeof(b->wrap->eth));
	start = cpu_ns();
	if (bpf_prog_test_run_opts(b->restore, &o))
		die("test run");
	start = cpu_ns() - start;
	if (o.retval != c->action) {
		fprintf(stderr, "bench: %s: action %u, wanted %u\n", c->name, o.retval, c->action);
		exit(1);
	}
	return start / packets;
}

static double measure(struct bench *b, struct bench_case *c, int round)
{
	if (c->flows == FLOWS_NEW) {
		c->base = SOURCE_NEW + (uint32_t)round * FLOWS_NEW; /* never seen before */
		return run(b, c, FLOWS_NEW, WRAP_EACH);
	}
	run(b, c, 2 * c->flows + 1024, WRAP_IN_ORDER); /* twice each: established */
	return run(b, c, PACKETS, WRAP_DRAWN);
}

/*
 * A nanosecond is less than what a round varies by, so the two variants take turns within it, and
 * the least of each counts: what disturbs only ever adds.
 */
static double lease_cost(struct bench *b)
{
	struct bench_case leased = {
		.program = ROUTER, .kind = TCP4, .base = SOURCE_ONE, .flows = 1, .action = XDP_TX
	};
	struct bench_case unleased = leased;
	double with = 1e9, without = 1e9, ns;

	unleased.program = UNLEASED;
	for (int i = 0; i < LEASE_TURNS; i++) {
		ns = run(b, &leased, LEASE_PACKETS, WRAP_DRAWN);
		with = ns < with ? ns : with;
		ns = run(b, &unleased, LEASE_PACKETS, WRAP_DRAWN);
		without = ns < without ? ns : without;
	}
	return with - without;
}

/* What one load costs that depends on the one before, somewhere in so many bytes. */
static double memory_ns(size_t bytes)
{
	size_t lines = bytes / 64, loads = 1 << 20;
	uint32_t *memory = aligned_alloc(64, bytes), at = 0;
	double start;

	if (!memory)
		die("memory");
	for (size_t i = 0; i < lines; i++)
		memory[i * 16] = (uint32_t)((i * 2654435761u ^ i >> 7) * 40503u % lines);
	start = cpu_ns();
	for (size_t i = 0; i < loads; i++)
		at = memory[(at + i) % lines * 16]; /* + i: never a short circle */
	start = cpu_ns() - start;
	free(memory);
	return at == UINT32_MAX ? 0 : start / (double)loads;
}

/* The cases with many flows are about memory, and machines differ in that more than in all else. */
static void memory_report(void)
{
	printf("memory   a dependent load somewhere in 1, 4, 8 MiB: %.0f, %.0f, %.0f ns\n\n",
	       memory_ns(1 << 20), memory_ns(4 << 20), memory_ns(8 << 20));
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v)
{
	double sorted[ROUNDS];

	memcpy(sorted, v, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), by_value);
	return sorted[ROUNDS / 2];
}

/* sign 1: the least of them; -1: the most. */
static double extreme(const double *v, int sign)
{
	double m = v[0];

	for (int i = 1; i < ROUNDS; i++)
		m = sign * v[i] < sign * m ? v[i] : m;
	return m;
}

/* Of the least of each: what disturbs only ever adds, and adds more to who has more to do. */
static double ratio(const struct bench_case *c)
{
	return extreme(c->ns, 1) / extreme(cases[c->floor].ns, 1);
}

static void tell(FILE *json, const char *name, const double *ns, const struct bench_case *c)
{
	printf("%-12s %8.1f %8.1f %8.1f ", name, median(ns), extreme(ns, 1), extreme(ns, -1));
	fprintf(json,
		" {\"case\": \"%s\", \"median_ns\": %.2f, \"min_ns\": %.2f, \"max_ns\": %.2f, ",
		name, median(ns), extreme(ns, 1), extreme(ns, -1));
	if (!c) {
		printf("%8s\n", "-");
		fprintf(json, "\"ratio\": null}");
		return;
	}
	printf("%8.2f of %s\n", ratio(c), cases[c->floor].name);
	fprintf(json, "\"ratio\": %.3f},\n", ratio(c));
}

static void report(const char *path, const double *lease)
{
	FILE *json = fopen(path, "w");

	if (!json)
		die(path);
	printf("%-12s %8s %8s %8s %8s\n", "case", "median", "min", "max", "ratio");
	fprintf(json, "[\n");
	for (int i = 0; i < CASES; i++)
		tell(json, cases[i].name, cases[i].ns, &cases[i]);
	tell(json, "lease_check", lease, NULL);
	fprintf(json, "\n]\n");
	if (fclose(json))
		die(path);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	double lease[ROUNDS];
	cpu_set_t one;

	if (argc != 4) {
		fprintf(stderr, "usage: cost CPU DIR-OF-OBJECTS JSON\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET((size_t)atoi(argv[1]), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die(argv[1]);
	load(&b, argv[2]);
	fill_tables(&b);
	memory_report();
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CASES; i++)
			cases[i].ns[round] = measure(&b, &cases[i], round);
		lease[round] = lease_cost(&b);
	}
	report(argv[3], lease);
	return 0;
}
