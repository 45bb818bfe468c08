// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the daemon writes, as the packet path reads it: leases, rings, services and next
 * hops through the real maps and the real program, across daemons that come and go, and
 * while packets flow.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "frame.h"
#include "steering/counters.h"
#include "steering/flows.h"
#include "steering/tables.h"

#define PINS	"/sys/fs/bpf/tables_test"
#define VIP	"192.0.2.1"
#define CLIENT	"198.51.100.7"
#define FOREVER (UINT64_MAX - 1)

enum {
	LO = 1,		   /* where frames of a test run come in */
	STORM_MS = 1500,   /* at least; on a slow machine until so much has happened: */
	STORM_CHANGES = 5, /* one daemon after another among them */
	STORM_PACKETS = 1001,
	SWAPS = 300, /* of a ring, between two reloads */
	REVOKES = 2000,
};

static char why[DATAPLANE_WHY_MAX];
static unsigned int checks, failures;

static bool check(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", good ? "" : "not ", ++checks);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	failures += !good;
	return good;
}

static void skip(const char *what)
{
	printf("1..0 # SKIP %s: %s\n", what, strerror(errno));
	exit(77);
}

struct daemon {
	struct dataplane d;
	struct tables *t;
	bool live;
};

static void daemon_begin(struct daemon *m)
{
	static const uint64_t keys[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
	struct addr source4 = addr_of("10.9.0.254"), source6 = addr_of("fd00:9::fe");

	if (dataplane_open(&m->d, PINS, NULL, why) || tables_open(&m->t, &m->d, why) ||
	    tables_take_over(m->t, keys, &m->live, why)) {
		printf("Bail out! %s\n", why);
		exit(1);
	}
	tables_set_source(m->t, &source4, &source6);
}

static void daemon_end(struct daemon *m)
{
	tables_close(m->t);
	dataplane_close(&m->d);
}

/* Backend ids of want[], next hops included. */
static void backends(struct daemon *m, const char *a, const char *b, struct backend_held held[2])
{
	struct backend_want want[2] = { { .name = "a", .addr = addr_of(a) },
					{ .name = "b", .addr = addr_of(b) } };
	struct nexthop hop = { .state = NEXTHOP_RESOLVED,
			       .ifindex = LO,
			       .mtu = 1500,
			       .mac = { 2, 0, 0, 0, 0, 1 },
			       .source_mac = { 2, 0, 0, 0, 0, 9 } };

	if (!check(!tables_set_backends(m->t, want, 2, held, why), "two backends are set"))
		printf("# %s\n", why);
	for (int i = 0; i < 2; i++)
		tables_set_nexthop(m->t, held[i].id, &hop);
}

static int services(struct daemon *m, bool with_db, uint16_t ids[2])
{
	struct service_want want[2] = { { .name = "web", .port = 443 },
					{ .name = "db", .port = 5432 } };

	for (int i = 0; i < 2; i++) {
		want[i].vip = addr_of(VIP);
		want[i].proto = IPPROTO_TCP;
		want[i].class = CLASS_CONFIDENTIAL;
		want[i].refusal = REFUSE_DROP;
	}
	return tables_set_services(m->t, want, with_db ? 2 : 1, ids, why);
}

static int ring(struct daemon *m, uint16_t service, uint32_t slots, uint16_t id)
{
	struct ring_slot all[1009];

	for (uint32_t i = 0; i < slots; i++)
		all[i] = (struct ring_slot){ id, 0 };
	return tables_set_ring(m->t, service, all, slots, why);
}

/* What becomes of a packet from that port: the outer destination in to, or zeros. */
static uint32_t send_one(int program, uint16_t sport, uint16_t dport, struct addr *to)
{
	const struct spec s = { CLIENT, VIP, sport, dport, IPPROTO_TCP, .flags = 16 };
	struct frame in = frame_of(&s), out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in.b, .data_size_in = (uint32_t)in.n,
		    .data_out = out.b, .data_size_out = FRAME_MAX, .repeat = 1);

	*to = (struct addr){ 0 };
	if (bpf_prog_test_run_opts(program, &o))
		return UINT32_MAX;
	if (o.retval == XDP_TX) {
		to->w[2] = htonl(0xffff);
		memcpy(&to->w[3], out.b + 14 + 16, 4);
	}
	return o.retval;
}

static bool goes_to(struct daemon *m, uint16_t sport, uint16_t dport, const char *where)
{
	struct addr to, want = addr_of(where);

	return send_one(m->d.program, sport, dport, &to) == XDP_TX && addr_equal(&to, &want);
}

static bool ends_as(struct daemon *m, uint16_t sport, uint16_t dport, enum outcome o)
{
	struct counter before[OUT_COUNT], after[OUT_COUNT];
	struct addr to;

	counters_outcomes(&m->d, before);
	send_one(m->d.program, sport, dport, &to);
	counters_outcomes(&m->d, after);
	return after[o].packets == before[o].packets + 1;
}

static void test_written_is_read(struct daemon *m, struct backend_held h[2], uint16_t ids[2])
{
	struct backend seen;
	uint32_t key;

	check(!m->live, "empty maps are fresh");
	check(ends_as(m, 1, 443, OUT_NOT_OURS), "nothing is ours before services are set");
	backends(m, "10.9.0.1", "10.9.0.2", h);
	check(!services(m, true, ids), "two services are set");
	check(ends_as(m, 1, 443, OUT_NO_BACKEND), "no ring, nobody serves");
	/* Odd lengths: the second ring begins where a block of slots does, not where the first
	 * ends. */
	check(!ring(m, ids[0], 13, h[0].id) && !ring(m, ids[1], 101, h[1].id), "rings are set");
	check(ends_as(m, 1, 443, OUT_LEASE_LAPSED), "no lease, nobody serves");
	tables_lease(m->t, h[0].id, CLASS_PUBLIC, FOREVER);
	check(ends_as(m, 1, 443, OUT_LEASE_LAPSED), "nor by a lease of another class");
	tables_lease(m->t, h[0].id, CLASS_CONFIDENTIAL, FOREVER);
	tables_lease(m->t, h[1].id, CLASS_CONFIDENTIAL, FOREVER);
	check(goes_to(m, 1, 443, "10.9.0.1"), "web goes to a");
	check(goes_to(m, 1, 5432, "10.9.0.2"), "db goes to b");
	key = h[1].id;
	check(!bpf_map_lookup_elem(m->d.map[MAP_BACKENDS].fd, &key, &seen) &&
		      !memcmp(&seen, tables_backend(m->t, h[1].id), sizeof(seen)),
	      "a backend read by its key is the one written in memory");
}

static void test_counted(struct daemon *m, struct backend_held h[2], uint16_t ids[2])
{
	struct traffic s[2], b[8];
	struct counter o[OUT_COUNT];
	struct flow_counts n;
	uint64_t by[8];

	for (uint16_t port = 2; port < 12; port++)
		goes_to(m, port, 443, "10.9.0.1");
	check(!counters_services(&m->d, s, 2) && s[ids[0]].packets == 11 && s[ids[1]].packets == 1,
	      "packets are counted by service");
	check(!counters_backends(&m->d, b, 8) && b[h[0].id].packets == 11 &&
		      b[h[0].id].new_flows == 11 && b[h[1].id].packets == 1,
	      "and by backend");
	check(!counters_outcomes(&m->d, o) && o[OUT_STEERED].packets == 12 &&
		      o[OUT_STEERED].bytes == s[0].bytes + s[1].bytes,
	      "what was steered is their sum");
	flows_count(m->t, &n, by, 8);
	check(n.used == 12 && n.probation == 12 && by[h[0].id] == 11 && by[h[1].id] == 1,
	      "flows are counted by backend, all on probation");
}

static void test_revoked(struct daemon *m, struct backend_held h[2])
{
	tables_revoke(m->t, h[0].id);
	check(ends_as(m, 1, 443, OUT_LEASE_LAPSED), "revoked, the next packet is refused");
	check(goes_to(m, 1, 5432, "10.9.0.2"), "the other backend serves on");
	tables_lease(m->t, h[0].id, CLASS_CONFIDENTIAL, 1);
	check(ends_as(m, 1, 443, OUT_LEASE_LAPSED), "a lease of the past is none");
	tables_lease(m->t, h[0].id, CLASS_CONFIDENTIAL, FOREVER);
	check(goes_to(m, 1, 443, "10.9.0.1"), "with a lease it serves again");
	tables_set_hand(m->t, h[0].id, BACKEND_DRAINED);
	check(goes_to(m, 1, 443, "10.9.0.1"), "drained, it keeps its flows");
	check(ends_as(m, 900, 443, OUT_NO_BACKEND), "and gets no new ones");
	tables_set_hand(m->t, h[0].id, 0);
}

static void test_restarted(struct daemon *m, struct backend_held h[2], uint16_t ids[2])
{
	int program = fcntl(m->d.program, F_DUPFD_CLOEXEC, 0);
	struct backend_held again[2];
	uint16_t same[2];
	struct addr to;

	daemon_end(m);
	check(send_one(program, 1, 443, &to) == XDP_TX, "without a daemon packets are steered");
	close(program);
	daemon_begin(m);
	check(m->d.adopted && m->live, "the next daemon adopts what is live");
	check(goes_to(m, 1, 443, "10.9.0.1"), "having changed nothing yet");
	backends(m, "10.9.0.1", "10.9.0.2", again);
	check(again[0].kept && again[1].kept && again[0].id == h[0].id && again[1].id == h[1].id,
	      "backends keep their ids");
	check(tables_lease_of(m->t, h[0].id, CLASS_CONFIDENTIAL) == FOREVER, "and leases");
	check(!services(m, true, same) && same[0] == ids[0] && same[1] == ids[1],
	      "services keep theirs");
	check(goes_to(m, 1, 443, "10.9.0.1") && goes_to(m, 1, 5432, "10.9.0.2"), "and their rings");
}

static void test_rings_move(struct daemon *m, struct backend_held h[2], uint16_t ids[2])
{
	check(!ring(m, ids[0], 211, h[1].id), "web gets another ring");
	check(goes_to(m, 1, 443, "10.9.0.1"), "known flows stay");
	check(goes_to(m, 700, 443, "10.9.0.2"), "new ones go by the new ring");
	check(flows_purge(m->t, h[0].id) > 0, "flows of a are forgotten");
	check(goes_to(m, 1, 443, "10.9.0.2"), "and choose anew");
	check(!ring(m, ids[0], 13, h[0].id), "back again");
	flows_purge(m->t, 0);
	check(!services(m, false, ids), "db goes");
	check(ends_as(m, 1, 5432, OUT_NOT_OURS), "its packets are not ours any more");
	check(goes_to(m, 1, 443, "10.9.0.1"), "web goes on");
	check(!tables_set_ring(m->t, ids[0], NULL, 0, why), "a ring is taken away");
	check(ends_as(m, 800, 443, OUT_NO_BACKEND), "nobody serves then");
	check(!ring(m, ids[0], 13, h[0].id), "and given back");
}

static void test_moved(struct daemon *m, struct backend_held h[2])
{
	struct backend_held again[2];

	check(goes_to(m, 1, 443, "10.9.0.1"), "a flow of a is remembered");
	backends(m, "10.9.0.77", "10.9.0.2", again);
	check(!again[0].kept && again[0].id == h[0].id, "another address, the same id");
	check(ends_as(m, 1, 443, OUT_LEASE_LAPSED), "its lease is gone, for known flows, too");
	tables_lease(m->t, h[0].id, CLASS_CONFIDENTIAL, FOREVER);
	check(goes_to(m, 1, 443, "10.9.0.77"), "with a new one it serves at the new address");
	backends(m, "10.9.0.1", "10.9.0.2", again);
	tables_lease(m->t, h[0].id, CLASS_CONFIDENTIAL, FOREVER);
}

struct storm {
	int program;
	atomic_bool over;
	_Atomic unsigned long sent;
	unsigned long lost, strange;
};

/* Packets of web, of ever new flows, to either backend: none may be refused or go elsewhere. */
static void *blow(void *arg)
{
	struct addr a = addr_of("10.9.0.1"), b = addr_of("10.9.0.2"), to;
	struct storm *s = arg;

	for (uint16_t port = 1; !atomic_load(&s->over); port++) {
		s->lost += send_one(s->program, port, 443, &to) != XDP_TX;
		s->strange += !addr_equal(&to, &a) && !addr_equal(&to, &b);
		s->sent++;
	}
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void test_storm(struct daemon *m, struct backend_held h[2], uint16_t ids[2])
{
	uint64_t end = now_ns() + STORM_MS * 1000000ull;
	struct storm s = { .program = fcntl(m->d.program, F_DUPFD_CLOEXEC, 0) };
	unsigned int changes = 0, errors = 0;
	struct backend_held again[2];
	struct backend_want want[2] = { { .name = "a", .addr = addr_of("10.9.0.1") },
					{ .name = "b", .addr = addr_of("10.9.0.2") } };
	pthread_t thread;

	if (pthread_create(&thread, NULL, blow, &s))
		skip("threads");
	for (; now_ns() < end || changes < STORM_CHANGES || atomic_load(&s.sent) < STORM_PACKETS;
	     changes++) {
		for (int i = 0; i < SWAPS; i++)
			errors += ring(m, ids[0], i % 2 ? 13 : 101, h[i % 2].id) != 0;
		errors += services(m, changes % 2, ids) != 0;
		errors += ring(m, ids[0], 13 + changes * 7 % 900, h[changes % 2].id) != 0;
		if (changes % 2)
			errors += ring(m, ids[1], 101, h[1].id) != 0;
		if (changes % 5 == 4) {
			daemon_end(m);
			daemon_begin(m);
			errors += !m->live || tables_set_backends(m->t, want, 2, again, why) != 0;
		}
	}
	atomic_store(&s.over, true);
	pthread_join(thread, NULL);
	close(s.program);
	check(!errors, "%u reloads, new rings and restarts go through", changes);
	check(!s.lost && !s.strange, "and of %lu packets meanwhile %lu are lost, %lu go astray",
	      atomic_load(&s.sent), s.lost, s.strange);
	printf("# %s\n", errors ? why : "no errors");
}

/* The store and the next packet: how long until a revoked backend is refused. */
static void test_revoking_is_quick(struct daemon *m, struct backend_held h[2])
{
	uint64_t began, spent = 0;
	unsigned int passed = 0;
	struct addr to;

	for (int i = 0; i < REVOKES; i++) {
		tables_lease(m->t, h[0].id, CLASS_CONFIDENTIAL, FOREVER);
		tables_lease(m->t, h[1].id, CLASS_CONFIDENTIAL, FOREVER);
		began = now_ns();
		tables_revoke(m->t, h[0].id);
		tables_revoke(m->t, h[1].id);
		spent += now_ns() - began;
		passed += send_one(m->d.program, (uint16_t)i, 443, &to) == XDP_TX;
	}
	check(!passed, "of %d revocations the very next packet knows (%llu ns each)", REVOKES,
	      (unsigned long long)(spent / REVOKES / 2));
}

int main(void)
{
	struct backend_held h[2];
	struct daemon m;
	uint16_t ids[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		skip("a bpffs of our own needs root");
	daemon_begin(&m);
	test_written_is_read(&m, h, ids);
	test_counted(&m, h, ids);
	test_revoked(&m, h);
	test_restarted(&m, h, ids);
	test_rings_move(&m, h, ids);
	test_moved(&m, h);
	test_storm(&m, h, ids);
	test_revoking_is_quick(&m, h);
	daemon_end(&m);
	printf("1..%u\n", checks);
	return failures ? 1 : 0;
}
