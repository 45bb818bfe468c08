// SPDX-License-Identifier: BSD-2-Clause
/*
 * How many flows may begin: a burst, then a rate; of each service by itself; and what is
 * established neither asks nor is pushed out by those who do.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "rig.h"

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 31 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 33 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };
static const char *const names[] = { "IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP" };

enum {
	BURST = 5,
	ESTABLISHED = 300,
	FLOOD = 200000,
};

static uint16_t service_of(const struct spec *s)
{
	bool tcp = s->proto == IPPROTO_TCP;

	return strchr(s->dst, ':') ? (tcp ? SERVICE_TCP6 : SERVICE_UDP6)
				   : (tcp ? SERVICE_TCP4 : SERVICE_UDP4);
}

static uint16_t backend_of(const struct spec *s)
{
	return strchr(s->dst, ':') ? BACKEND6 : BACKEND4;
}

/* Buckets of before would be full or empty by chance. */
static void fill_buckets(struct rig *r)
{
	int cpus = libbpf_num_possible_cpus();
	uint8_t *zero = calloc((size_t)cpus, 16);

	for (uint32_t id = 0; id < RIG_SERVICES; id++)
		bpf_map_update_elem(bpf_map__fd(r->router->maps.limits), &id, zero, BPF_ANY);
	free(zero);
}

static void limit(struct rig *r, uint16_t id, uint32_t rate, uint32_t burst)
{
	rig_service(r, id)->new_rate = rate;
	rig_service(r, id)->new_burst = burst;
}

static void refused(struct rig *r, const char *what, const struct spec *s)
{
	struct want w = { .action = XDP_DROP, .outcome = OUT_RATE_LIMITED };
	struct frame in = frame_of(s), out;

	rig_row(r, what, &in, &w, &out);
}

/* A burst at once, so that time has brought nothing of it back before the next row. */
static void spend(struct rig *r, struct spec *s)
{
	struct frame out;

	fill_buckets(r);
	for (int i = 0; i < BURST; i++, s->sport++) {
		struct frame in = frame_of(s);

		rig_run(r, &in, &out);
	}
}

static void burst(struct rig *r)
{
	for (int k = 0; k < 4; k++) {
		struct spec first = *all[k], s = first, other = *all[k ^ 1];

		first.tags = s.tags = (uint8_t)(k % 3);
		rig_reset(r);
		fill_buckets(r);
		limit(r, service_of(&s), 1, BURST);
		for (int i = 0; i < BURST; i++, s.sport++)
			rig_steered(r, "a flow of the burst", &s, backend_of(&s));
		spend(r, &s);
		refused(r, names[k], &s);
		s.tags = 3 - s.tags > 2 ? 2 : 3 - s.tags;
		spend(r, &s);
		refused(r, "one more, tagged otherwise", &s);
		rig_steered(r, "one that has begun goes on", &first, backend_of(&first));
		rig_steered(r, "another service has a bucket of its own", &other,
			    backend_of(&other));
		limit(r, service_of(&s), 0, 0);
		rig_steered(r, "without a limit any may begin", &s, backend_of(&s));
	}
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A flow costs 100 ms, so after 250 there are two more; others where the machine stood still. */
static void rate(struct rig *r)
{
	struct timespec pause = { .tv_nsec = 250000000 };
	struct counts before, after;
	struct spec s = tcp4;
	struct frame in, out;
	uint64_t begun, since = now_ms(), most;

	rig_reset(r);
	fill_buckets(r);
	limit(r, SERVICE_TCP4, 10, 20);
	for (int i = 0; i < 30; i++, s.sport++) {
		in = frame_of(&s);
		rig_run(r, &in, &out);
	}
	rig_counts(r, &before);
	nanosleep(&pause, NULL);
	for (int i = 0; i < 30; i++, s.sport++) {
		in = frame_of(&s);
		rig_run(r, &in, &out);
	}
	rig_counts(r, &after);
	begun = after.service[SERVICE_TCP4].new_flows - before.service[SERVICE_TCP4].new_flows;
	most = (now_ms() - since) / 100 + 1;
	rig_check(r, begun >= 2 && begun <= most && begun < 30,
		  "time brings new flows at its rate: %llu of 30, at most %llu",
		  (unsigned long long)begun, (unsigned long long)most);
}

static void lapse_is_told_first(struct rig *r)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	struct frame in = frame_of(&tcp4), out;

	rig_reset(r);
	fill_buckets(r);
	limit(r, SERVICE_TCP4, 1, 1);
	rig_rings(r, BACKEND4, 0);
	rig_steered(r, "a flow that takes the only token", &tcp4, BACKEND4);
	rig_service(r, SERVICE_TCP4)->on_lapse = LAPSE_ANSWER;
	rig_lease(r, BACKEND4, RIG_LAPSED);
	rig_row(r, "a known flow without a lease is no new one", &in, &w, &out);
}

/* Sources at random, as many as a set of the table has ways many times over. */
static void flood(struct rig *r, uint32_t limited)
{
	struct frame f = frame_of(&tcp4), out;
	unsigned int lost = 0, begun = 0;
	struct spec s = tcp4;

	rig_reset(r);
	fill_buckets(r);
	r->settings->flows_mask = 127; /* 1024 flows */
	rig_rings(r, BACKEND4, 0);
	for (int i = 0; i < 2 * ESTABLISHED; i++) {
		s.sport = (uint16_t)(1000 + i % ESTABLISHED);
		f = frame_of(&s);
		rig_run(r, &f, &out);
	}
	/* From here on a new flow would go elsewhere: a flow that moves was forgotten. */
	rig_rings(r, BACKEND4 + 1, 0);
	fill_buckets(r);
	limit(r, SERVICE_TCP4, limited, limited);
	srand(1);
	for (int i = 0; i < FLOOD; i++) {
		put32(f.b + f.l3 + 12, 0x0b000000u | (uint32_t)(rand() & 0xffffff));
		put16(f.b + f.l4, (uint16_t)rand());
		begun += rig_run(r, &f, &out) == XDP_TX;
	}
	limit(r, SERVICE_TCP4, 0, 0);
	for (int i = 0; i < ESTABLISHED; i++) {
		struct frame in;

		s.sport = (uint16_t)(1000 + i);
		in = frame_of(&s);
		rig_run(r, &in, &out);
		lost += memcmp(out.b, r->backends[BACKEND4].mac, 6) != 0;
	}
	rig_check(r, !lost, "%d random sources: %u of %d established flows lost", FLOOD, lost,
		  ESTABLISHED);
	if (limited)
		rig_check(r, begun < FLOOD / 4, "and with a limit %u of them began", begun);
	else
		rig_check(r, begun == FLOOD, "and without one all of them began");
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	burst(&r);
	rate(&r);
	lapse_is_told_first(&r);
	flood(&r, 0);
	flood(&r, 100);
	return rig_close(&r);
}
