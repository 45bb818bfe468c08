// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long after a decision to revoke is the first packet refused?
 *
 * One thread hands the router's program one packet after the other (BPF_PROG_TEST_RUN)
 * and notes for each when it was handed over, when it was back, and whether it was
 * steered.  The other decides.  A time is taken from before the decision to after the
 * first refused packet was back, so it is never shorter than the truth, and longer by
 * at most two packets' time, which is told beside it.
 *
 * `tables` decides as the daemon does: a peer's state machine hears a verdict, and its
 * zeros go into the tables; nothing but the socket to the verifier is left out.
 * `evict` asks a running daemon over its control socket, from connect() on.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include "base/addr.h"
#include "daemon/control.h"
#include "steering/peer.h"
#include "steering/tables.h"

enum {
	LOG_RUNS = 1 << 20, /* a power of two; more than a second of packets */
	FRAME_BYTES = ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr),
	ROOM_BYTES = 256,
	TRIES_MAX = 100000,
	STEERED_BEFORE = 16, /* packets in a row, before a try begins */
	PATIENCE_US = 60000000,
	SPREAD_US = 50, /* so that decisions fall anywhere between two packets */
	RING = 13,
	LO = 1,
};

struct run {
	uint64_t begun_ns, back_ns;
	bool steered;
};

struct traffic_log {
	int program;
	uint8_t frame[FRAME_BYTES];
	struct run runs[LOG_RUNS];
	_Atomic uint64_t count;
	atomic_bool stop;
	int err;
};

struct sample {
	uint64_t took_ns,
		decided_ns; /* to the first refused packet; to the decision being written */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int complain(const char *why)
{
	fprintf(stderr, "revoke: %s\n", why);
	return 1;
}

/* --- packets */

/* A SYN: what a new client would send. */
static void write_frame(uint8_t frame[FRAME_BYTES], const struct addr *vip, uint16_t port)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 2 },
			      .h_source = { 2, 0, 0, 0, 0, 1 },
			      .h_proto = htons(ETH_P_IP) };
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP };
	struct tcphdr tcp = { .source = htons(40000), .doff = 5, .syn = 1, .seq = htonl(1) };
	const uint8_t *p = (const uint8_t *)&ip;
	uint32_t sum = 0;

	ip.tot_len = htons(FRAME_BYTES - ETH_HLEN);
	ip.saddr = htonl(0x0a4d0001);
	memcpy(&ip.daddr, &vip->w[3], 4);
	for (size_t i = 0; i < sizeof(ip); i += 2)
		sum += p[i] << 8 | p[i + 1];
	ip.check = htons(~((sum & 0xffff) + (sum >> 16)));
	tcp.dest = htons(port);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	memcpy(frame + ETH_HLEN + sizeof(ip), &tcp, sizeof(tcp));
}

/* What is steered comes back with an outer header; a refusal is no longer than the packet. */
static int one_packet(struct traffic_log *log)
{
	uint8_t out[ROOM_BYTES];
	struct run r;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = log->frame, .data_size_in = FRAME_BYTES,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);
	uint64_t n = atomic_load_explicit(&log->count, memory_order_relaxed);
	int err;

	r.begun_ns = now_ns();
	err = bpf_prog_test_run_opts(log->program, &o);
	r.back_ns = now_ns();
	r.steered = o.data_size_out > FRAME_BYTES;
	log->runs[n % LOG_RUNS] = r;
	atomic_store_explicit(&log->count, n + 1, memory_order_release);
	return err;
}

static void *drive(void *arg)
{
	struct traffic_log *log = arg;

	while (!atomic_load(&log->stop) && !log->err)
		log->err = one_packet(log);
	return NULL;
}

static uint64_t packets(struct traffic_log *log)
{
	return atomic_load_explicit(&log->count, memory_order_acquire);
}

static const struct run *packet(const struct traffic_log *log, uint64_t i)
{
	return &log->runs[i % LOG_RUNS];
}

/* False when patience ends: the daemon did not admit, or nothing is refused. */
static bool wait_for(struct traffic_log *log, bool steered, uint64_t from, uint64_t *first)
{
	uint64_t end = now_ns() + PATIENCE_US * 1000ull, alike = 0;

	for (uint64_t i = from; now_ns() < end && !log->err;) {
		if (i == packets(log))
			continue;
		alike = packet(log, i)->steered == steered ? alike + 1 : 0;
		if (alike == (steered ? STEERED_BEFORE : 1)) {
			*first = i;
			return true;
		}
		i++;
	}
	return false;
}

/* --- decisions */

struct decider {
	bool (*admit)(struct decider *d);
	bool (*revoke)(struct decider *d);
	char why[DATAPLANE_WHY_MAX];

	/* tables */
	struct tables *tables;
	uint16_t id;
	struct peer peer;
	uint64_t appraisal; /* that the machine waits for */

	/* evict */
	const char *socket, *backend;
};

/* As the daemon's own, but for the clock: what lives, lives without end here. */
static void step(struct decider *d, struct peer_event e, struct peer_output *out)
{
	e.now_ms = now_ns() / 1000000;
	*out = (struct peer_output){ 0 };
	peer_step(&d->peer, &e, out);
	for (int c = 0; out->actions & PEER_WRITE_LEASES && c < CLASS_COUNT; c++)
		tables_lease(d->tables, d->id, c, d->peer.until_ms[c] ? UINT64_MAX : 0);
}

static bool admit_by_tables(struct decider *d)
{
	static const struct peer_config config = {
		.has_agent = true,
		.heartbeat_ms = 60000,
		.heartbeats_missed = 3,
		.reappraise_ms = 60000,
		.lease_ms = { 0, 86400000, 3600000 },
	};
	struct peer_output o;

	peer_init(&d->peer, "b", &config, 1, now_ns() / 1000000);
	step(d, (struct peer_event){ .type = PEER_TICK }, &o);
	step(d, (struct peer_event){ .type = PEER_CONNECTED }, &o);
	step(d, (struct peer_event){ .type = PEER_EVIDENCE, .request = o.ask_request }, &o);
	step(d,
	     (struct peer_event){ .type = PEER_VERDICT,
				  .appraisal = o.appraisal,
				  .verdict = PEER_ACCEPTED,
				  .not_after_ms = UINT64_MAX,
				  .class_mask = 1 << CLASS_CONFIDENTIAL },
	     &o);
	step(d, (struct peer_event){ .type = PEER_POLICY_CHANGED }, &o);
	d->appraisal = o.appraisal;
	return d->peer.state == PEER_ATTESTED && o.actions & PEER_APPRAISE;
}

static bool revoke_by_tables(struct decider *d)
{
	struct peer_output o;

	step(d,
	     (struct peer_event){ .type = PEER_VERDICT,
				  .appraisal = d->appraisal,
				  .verdict = PEER_REJECTED,
				  .why = "no longer" },
	     &o);
	return d->peer.state == PEER_REFUSED;
}

static bool say(struct decider *d, const char *cmd)
{
	json_t *result = NULL;
	int status = control_call(d->socket, cmd, json_pack("{s:s}", "name", d->backend), &result,
				  d->why);

	json_decref(result);
	return status == 0;
}

static bool admit_by_daemon(struct decider *d)
{
	return say(d, "backend admit");
}

static bool revoke_by_daemon(struct decider *d)
{
	return say(d, "backend evict");
}

/* --- measuring */

/* *late counts packets that were begun after the decision was written, and steered still. */
static int one_try(struct traffic_log *log, struct decider *d, struct sample *s, uint64_t *late)
{
	uint64_t first, last, from = packets(log), begun, written;

	if (!d->admit(d))
		return complain(d->why[0] ? d->why : "not admitted");
	if (!wait_for(log, true, from, &first))
		return complain("admitted, and no packet is steered");
	for (uint64_t until = now_ns() + (uint64_t)rand() % (SPREAD_US * 1000); now_ns() < until;)
		;
	from = packets(log);
	begun = now_ns();
	if (!d->revoke(d))
		return complain(d->why[0] ? d->why : "not revoked");
	written = now_ns();
	if (!wait_for(log, false, from, &first))
		return complain("revoked, and no packet is refused");
	last = packets(log);
	for (uint64_t i = from; i < last; i++)
		*late += packet(log, i)->begun_ns > written && packet(log, i)->steered;
	s->took_ns = packet(log, first)->back_ns - begun;
	s->decided_ns = written - begun;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double us_at(uint64_t ns[], size_t count, size_t permille)
{
	return ns[(count - 1) * permille / 1000] / 1000.0;
}

static void report(struct traffic_log *log, const struct sample s[], size_t tries, uint64_t late)
{
	uint64_t *took = calloc(tries, sizeof(*took)), *wrote = calloc(tries, sizeof(*wrote));
	uint64_t runs = packets(log) < LOG_RUNS ? packets(log) : LOG_RUNS;
	uint64_t *each = calloc(runs, sizeof(*each));

	if (!took || !wrote || !each)
		abort();
	for (size_t i = 0; i < tries; i++) {
		took[i] = s[i].took_ns;
		wrote[i] = s[i].decided_ns;
	}
	for (size_t i = 0; i < runs; i++)
		each[i] = log->runs[i].back_ns - log->runs[i].begun_ns;
	qsort(took, tries, sizeof(*took), by_size);
	qsort(wrote, tries, sizeof(*wrote), by_size);
	qsort(each, runs, sizeof(*each), by_size);
	printf("{\"tries\":%zu,\"median_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
	       "\"decision_us\":%.1f,\"packet_us\":%.1f,\"late\":%llu}\n",
	       tries, us_at(took, tries, 500), us_at(took, tries, 990), us_at(took, tries, 1000),
	       us_at(wrote, tries, 500), us_at(each, runs, 500), (unsigned long long)late);
	free(took);
	free(wrote);
	free(each);
}

static void stay_on(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	pthread_setaffinity_np(thread, sizeof(set), &set); /* a help, not a need */
}

static int measure(struct traffic_log *log, struct decider *d, size_t tries)
{
	struct sample *s = calloc(tries, sizeof(*s));
	uint64_t late = 0;
	pthread_t driver;
	int err = 0;

	if (!s || pthread_create(&driver, NULL, drive, log))
		return complain("no memory");
	stay_on(driver, 1);
	stay_on(pthread_self(), 0);
	for (size_t i = 0; i < tries && !err; i++)
		err = one_try(log, d, &s[i], &late);
	atomic_store(&log->stop, true);
	pthread_join(driver, NULL);
	if (log->err)
		err = complain(strerror(-log->err));
	if (!err)
		report(log, s, tries, late);
	free(s);
	return err;
}

/* One confidential service, one backend in all of its ring, by way of lo. */
static int fill(struct decider *d, struct dataplane *dp, const struct addr *vip, uint16_t port)
{
	const struct nexthop hop = { .state = NEXTHOP_RESOLVED, .ifindex = LO, .mac = { 2, 1 } };
	struct service_want service = { .name = "s",
					.vip = *vip,
					.port = port,
					.proto = IPPROTO_TCP,
					.class = CLASS_CONFIDENTIAL };
	struct backend_want backend = { .name = "b" };
	struct ring_slot ring[RING];
	const uint64_t keys[2] = { 1, 2 };
	struct backend_held held;
	uint16_t service_id;
	bool live;

	addr_parse("10.77.0.11", &backend.addr);
	if (tables_open(&d->tables, dp, d->why) ||
	    tables_take_over(d->tables, keys, &live, d->why) ||
	    tables_set_backends(d->tables, &backend, 1, &held, d->why) ||
	    tables_set_services(d->tables, &service, 1, &service_id, d->why))
		return complain(d->why);
	for (int i = 0; i < RING; i++)
		ring[i] = (struct ring_slot){ held.id, 0 };
	d->id = held.id;
	tables_set_source(d->tables, &backend.addr, &(struct addr){ 0 });
	tables_set_nexthop(d->tables, held.id, &hop);
	return tables_set_ring(d->tables, service_id, ring, RING, d->why) ? complain(d->why) : 0;
}

static int run_tables(struct decider *d, struct dataplane *dp, struct traffic_log *log, char **argv)
{
	static const struct dataplane_sizes sizes = { .backends = 16,
						      .services = 4,
						      .flows = 1024 };
	struct addr vip;

	addr_parse("192.0.2.1", &vip);
	if (dataplane_open(dp, argv[2], &sizes, d->why))
		return complain(d->why);
	log->program = dp->program;
	write_frame(log->frame, &vip, 443);
	d->admit = admit_by_tables;
	d->revoke = revoke_by_tables;
	return fill(d, dp, &vip, 443);
}

static int run_evict(struct decider *d, struct dataplane *dp, struct traffic_log *log, char **argv)
{
	struct addr vip;

	if (!addr_parse(argv[6], &vip) || !addr_is_ipv4(&vip))
		return complain("want an IPv4 VIP");
	if (dataplane_view(dp, argv[2], d->why))
		return complain(d->why);
	log->program = dp->program;
	write_frame(log->frame, &vip, (uint16_t)atoi(argv[7]));
	d->admit = admit_by_daemon;
	d->revoke = revoke_by_daemon;
	d->socket = argv[4];
	d->backend = argv[5];
	return 0;
}

int main(int argc, char **argv)
{
	static struct traffic_log log;
	struct decider d = { 0 };
	struct dataplane dp;
	int tries = argc > 3 ? atoi(argv[3]) : 0, err;
	bool tables = argc == 4 && !strcmp(argv[1], "tables");
	bool evict = argc == 8 && !strcmp(argv[1], "evict");

	if ((!tables && !evict) || tries < 1 || tries > TRIES_MAX) {
		fprintf(stderr, "usage: revoke tables PINS TRIES\n"
				"       revoke evict PINS TRIES SOCKET BACKEND VIP PORT\n");
		return 2;
	}
	err = tables ? run_tables(&d, &dp, &log, argv) : run_evict(&d, &dp, &log, argv);
	if (!err)
		err = measure(&log, &d, (size_t)tries);
	if (!err && tables)
		tables_close(d.tables);
	if (!err)
		dataplane_close(&dp);
	return err;
}
