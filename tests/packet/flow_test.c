// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is remembered of flows, and what outweighs memory: leases, generations,
 * drains, floods, age.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.skel.h"
#include "hash.h"
#include "rig.h"

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = SYN };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = SYN };

static uint64_t jiffies(void)
{
	struct clock_reading reading = { 0 };
	struct clock_bpf *c = clock_bpf__open_and_load();
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &reading, .ctx_size_in = sizeof(reading));

	if (!c || bpf_prog_test_run_opts(bpf_program__fd(c->progs.clock_sample), &run))
		return 0;
	clock_bpf__destroy(c);
	return reading.jiffies;
}

/* n flows to VIP4 from sources that begin at base; how many went to which backend, by new_flows. */
static void send_flows(struct rig *r, uint32_t base, uint32_t n)
{
	struct frame f = frame_of(&tcp4), out;

	for (uint32_t i = 0; i < n; i++) {
		put32(f.b + f.l3 + 12, base + i);
		put16(f.b + f.l4, (uint16_t)(base + i * 40503u));
		rig_run(r, &f, &out);
	}
}

/* The set of a flow, in tables as they are after rig_reset(). */
static struct flow_set *set_of(struct rig *r, const struct spec *s)
{
	rig_reset(r);
	return &r->flows[flow_set_of(rig_flow_hash(r, s), r->settings->flows_mask)];
}

static void sticky(struct rig *r, const struct spec *s, uint16_t first, uint16_t second)
{
	rig_reset(r);
	rig_rings(r, first, 0);
	rig_steered(r, "a new flow", s, first);
	rig_rings(r, second, 0);
	rig_steered(r, "stays when the ring changes", s, first);
	rig_rings(r, 0, 0);
	rig_steered(r, "stays when the ring is empty", s, first);
	rig_service(r, strchr(s->dst, ':') ? SERVICE_TCP6 : SERVICE_TCP4)->ring_slots = 0;
	rig_steered(r, "stays without a ring", s, first);
}

static void probation(struct rig *r)
{
	uint64_t *entry;

	rig_reset(r);
	rig_steered(r, "first packet", &tcp4, BACKEND4);
	entry = rig_flow(r, &tcp4);
	rig_check(r, entry && *entry & FLOW_PROBATION, "is on probation");
	rig_check(r, entry && flow_generation(*entry) == r->backends[BACKEND4].generation,
		  "with the generation of its backend");
	rig_steered(r, "second packet", &tcp4, BACKEND4);
	rig_check(r, entry && *entry && !(*entry & FLOW_PROBATION), "is established");
}

static void lapsed(struct rig *r, const struct spec *s, uint16_t first, uint16_t second)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	struct frame in = frame_of(s), out;

	rig_reset(r);
	rig_rings(r, first, second);
	rig_steered(r, "a flow", s, first);
	rig_steered(r, "and again", s, first);
	rig_lease(r, first, RIG_LAPSED);
	rig_steered(r, "moves when the lease lapses", s, second);
	rig_check(r, flow_backend(*rig_flow(r, s)) == second, "and that is remembered");
	rig_lease(r, first, RIG_LIVE);
	rig_steered(r, "does not move back", s, second);
	rig_lease(r, first, RIG_LAPSED);
	rig_lease(r, second, RIG_LAPSED);
	rig_row(r, "refused when no lease is alive", &in, &w, &out);
	rig_lease(r, second, RIG_LIVE);
	rig_steered(r, "goes on when the lease is renewed", s, second);
}

/* Is a packet steered with so many jiffies left?  Again, where they have passed meanwhile. */
static bool lives_for(struct rig *r, uint64_t left)
{
	struct frame in = frame_of(&tcp4), out;

	for (int tries = 0; tries < 100; tries++) {
		uint64_t until = jiffies() + left;

		rig_lease_until(r, 1, until);
		rig_run(r, &in, &out);
		if (out.n > in.n)
			return true;
		if (jiffies() < until)
			break;
	}
	return false;
}

/* Nobody touches the map: time alone ends it. */
static void time_alone(struct rig *r)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	struct timespec t = { .tv_nsec = 100000000 };
	struct frame in = frame_of(&tcp4), out;

	rig_reset(r);
	rig_rings(r, 1, 0);
	if (!rig_check(r, jiffies(), "the clock can be read"))
		return;
	rig_check(r, lives_for(r, 50), "50 jiffies left");
	for (int n = 0; n < 100 && jiffies() < r->backends[1].until[0]; n++)
		nanosleep(&t, NULL);
	rig_row(r, "none left", &in, &w, &out);
	rig_lease_until(r, 1, jiffies());
	rig_row(r, "a lease ends when its moment comes, not after", &in, &w, &out);
}

static void drained(struct rig *r)
{
	struct spec other = tcp4;

	rig_reset(r);
	rig_rings(r, 1, 2);
	rig_steered(r, "a flow", &tcp4, 1);
	r->backends[1].flags = BACKEND_DRAINED;
	rig_steered(r, "a drained backend keeps it", &tcp4, 1);
	other.sport++;
	rig_steered(r, "and gets no new one", &other, 2);
	rig_lease(r, 1, RIG_LAPSED);
	rig_steered(r, "nor keeps it without a lease", &tcp4, 2);
}

static void generation(struct rig *r)
{
	rig_reset(r);
	rig_rings(r, 1, 0);
	rig_steered(r, "a flow", &tcp4, 1);
	rig_rings(r, 2, 0);
	rig_steered(r, "is remembered", &tcp4, 1);
	r->backends[1].generation++;
	rig_steered(r, "not by the id's next user", &tcp4, 2);
	rig_check(r, flow_backend(*rig_flow(r, &tcp4)) == 2, "and it is remembered anew");
}

/* Also of what a service is: the lease of no class is none, whatever lies behind the leases. */
static void class_changes(struct rig *r, const struct spec *s, uint16_t service, uint16_t backend)
{
	struct want w = { .action = XDP_TX, .outcome = OUT_CLASS_UNKNOWN };
	struct frame in = frame_of(s), out;

	for (int wrong = CLASS_COUNT; wrong < 256; wrong += 36) {
		rig_reset(r);
		rig_steered(r, "a flow", s, backend);
		rig_service(r, service)->class = (uint8_t)wrong;
		r->backends[backend].addr.w[1] = 0xffffffff; /* lies behind the last lease */
		rig_row(r, "a known flow of a service of unknown class", &in, &w, &out);
	}
	rig_reset(r);
	rig_steered(r, "a flow", s, backend);
	rig_service(r, service)->class = CLASS_CLASSIFIED;
	r->backends[backend].until[CLASS_CLASSIFIED] = 0;
	rig_steered(r, "a known flow of a service of stricter class", s, backend + 1);
}

/* Two CPUs may have remembered the same flow at once. */
static void twice(struct rig *r)
{
	uint64_t h = rig_flow_hash(r, &tcp4);
	struct flow_set *set = set_of(r, &tcp4);
	uint32_t tag = flow_tag_of(h);

	rig_rings(r, 1, 0);
	set->entry[2] = flow_entry(tag, 2, r->backends[2].generation, 0);
	set->entry[5] = flow_entry(tag, 3, r->backends[3].generation, 0);
	set->entry[6] = flow_entry(tag, 3, r->backends[3].generation, 0);
	rig_steered(r, "remembered three times, the first counts", &tcp4, 2);
	rig_check(r, set->entry[2] && !set->entry[5] && !set->entry[6], "and only it is kept");
}

/* Each way is found, whatever is in the others. */
static void ways(struct rig *r)
{
	uint64_t h = rig_flow_hash(r, &tcp4);
	struct flow_set *set = set_of(r, &tcp4);
	uint32_t tag = flow_tag_of(h);

	for (int way = 0; way < FLOW_WAYS; way++) {
		rig_reset(r);
		rig_rings(r, 1, 0);
		for (int i = 0; i < FLOW_WAYS; i++)
			set->entry[i] =
				flow_entry(tag ^ (2u << i), 3, r->backends[3].generation, 0);
		set->entry[way] = flow_entry(tag, 2, r->backends[2].generation, 0);
		rig_steered(r, "found in its way", &tcp4, 2);
	}
}

static uint32_t survivors(struct rig *r, uint32_t base, uint32_t n, uint16_t backend)
{
	struct counts before, after;

	rig_counts(r, &before);
	send_flows(r, base, n);
	rig_counts(r, &after);
	return (uint32_t)(after.backend[backend].packets - before.backend[backend].packets);
}

/* How many of so many established flows stay when the ring names another backend. */
static uint32_t establish(struct rig *r, uint32_t sets, uint32_t flows)
{
	uint32_t kept;

	rig_reset(r);
	r->settings->flows_mask = sets - 1;
	rig_rings(r, 1, 0);
	send_flows(r, 0x0a000000, flows);
	send_flows(r, 0x0a000000, flows);
	rig_rings(r, 2, 0);
	kept = survivors(r, 0x0a000000, flows, 1);
	rig_check(r, kept > flows * 97ull / 100, "established: %u of %u", kept, flows);
	return kept;
}

/*
 * Four thousand established flows, and then 24 times as many newcomers as there is room for, in a
 * table made small.  The ring then names another backend, so who was forgotten goes there.
 */
static void flood(struct rig *r)
{
	enum { OLD = 4000, NEW = 200000, SETS = 1024 };
	uint32_t kept = establish(r, SETS, OLD);

	send_flows(r, 0x40000000, NEW);
	rig_check(r, survivors(r, 0x0a000000, OLD, 1) == kept,
		  "all of them survive %u newcomers in %u places", NEW, SETS * FLOW_WAYS);
}

/*
 * The part of the table in use doubles, and nothing was moved yet: half of the flows are found only
 * where they were, and are where they belong from then on.
 */
static void growing(struct rig *r)
{
	enum { FLOWS = 20000, SETS = FLOW_SETS_FIRST };
	uint32_t kept = establish(r, SETS, FLOWS), moved;

	rig_check(r, kept > FLOWS * 99 / 100, "nearly all, with so much room");
	r->settings->flows_before = SETS - 1;
	r->settings->flows_mask = 2 * SETS - 1;
	rig_check(r, survivors(r, 0x0a000000, FLOWS, 1) == kept, "none moves while it grows");
	r->settings->flows_before = 0;
	rig_check(r, survivors(r, 0x0a000000, FLOWS, 1) == kept, "nor when it has grown");

	r->settings->flows_mask = 4 * SETS - 1; /* as it must not be done */
	moved = survivors(r, 0x0a000000, FLOWS, 2);
	rig_check(r, moved > FLOWS / 3, "which %u of %u would otherwise", moved, FLOWS);
}

/* A set full of established flows. */
static void full(struct rig *r)
{
	uint64_t h = rig_flow_hash(r, &tcp4);
	struct flow_set *set = set_of(r, &tcp4);
	struct want w = { XDP_TX, OUT_STEERED, SERVICE_TCP4, 1, .new_flow = false };
	struct frame in = frame_of(&tcp4), out;
	uint64_t now = jiffies(), idle = (uint64_t)FLOW_IDLE_AGES << FLOW_AGE_SHIFT;
	uint8_t fresh = flow_age_of(now), old = flow_age_of(now - idle - (1 << FLOW_AGE_SHIFT));
	unsigned int kept = 0;

	rig_rings(r, 1, 0);
	for (int i = 0; i < FLOW_WAYS; i++)
		set->entry[i] =
			flow_entry(flow_tag_of(h) ^ (2u << i), 3, r->backends[3].generation, fresh);
	rig_row(r, "full of established flows: forwarded, not remembered", &in, &w, &out);
	rig_check(r, !rig_flow(r, &tcp4), "none of them gave way");
	for (int i = 0; i < FLOW_WAYS; i++)
		set->entry[i] ^= i == 3 ? (uint64_t)(fresh ^ old) : 0;
	w.new_flow = true;
	rig_row(r, "one of them unseen for long", &in, &w, &out);
	rig_check(r, rig_flow(r, &tcp4) == (uint64_t *)&set->entry[3], "that one gave way");

	for (int i = 0; i < FLOW_WAYS; i++)
		set->entry[i] = flow_entry(flow_tag_of(h) ^ (2u << i), 3, r->backends[3].generation,
					   i == 6 ? fresh | FLOW_PROBATION : old);
	rig_row(r, "one of them on probation", &in, &w, &out);
	rig_check(r, rig_flow(r, &tcp4) == (uint64_t *)&set->entry[6], "that one gave way first");
	set->entry[6] = flow_entry(flow_tag_of(h) ^ 4, 3, 0, old);
	set->entry[1] = 0;
	rig_row(r, "one of them free", &in, &w, &out);
	rig_check(r, rig_flow(r, &tcp4) == (uint64_t *)&set->entry[1], "that one was taken");
	for (int i = 0; i < FLOW_WAYS; i++)
		kept += set->entry[i] != 0;
	rig_check(r, kept == FLOW_WAYS, "and nobody else's");
}

/* The line is written when something changed, and else left clean for every CPU. */
static void age(struct rig *r)
{
	uint8_t now = flow_age_of(jiffies()), before = (uint8_t)(now - 2 * 3), since;
	uint64_t *entry, was;

	rig_reset(r);
	rig_steered(r, "a flow", &tcp6, BACKEND6);
	rig_steered(r, "established", &tcp6, BACKEND6);
	entry = rig_flow(r, &tcp6);
	was = *entry;
	rig_steered(r, "seen again", &tcp6, BACKEND6);
	rig_check(r, *entry == was || flow_age_of(jiffies()) != now, "nothing to write");
	*entry = (was & ~0xffull) | (before & 0xfe);
	since = flow_age_of(jiffies()); /* another one may begin at any time */
	rig_steered(r, "seen after a while", &tcp6, BACKEND6);
	rig_check(r, (uint8_t)*entry == since || (uint8_t)*entry == flow_age_of(jiffies()),
		  "is young again");
}

/* Ports and addresses all matter, and sets are filled evenly. */
static void hashes(struct rig *r)
{
	struct spec s = tcp4;
	uint64_t h = rig_flow_hash(r, &s);
	unsigned int used[256] = { 0 }, most = 0, slots[64] = { 0 }, fullest = 0;

	s.sport++;
	rig_check(r, rig_flow_hash(r, &s) != h, "the source port matters");
	s.sport--;
	s.proto = IPPROTO_UDP;
	rig_check(r, rig_flow_hash(r, &s) != h, "the protocol matters");
	s.proto = IPPROTO_TCP;
	r->settings->hash_key[1] ^= 1;
	rig_check(r, rig_flow_hash(r, &s) != h, "the second key matters");
	s = tcp6;
	h = rig_flow_hash(r, &s);
	r->settings->hash_key[0] ^= 1;
	rig_check(r, rig_flow_hash(r, &s) != h, "for IPv6 the first key matters");
	s.sport++;
	rig_check(r, rig_flow_hash(r, &s) != h, "for IPv6 the source port matters");
	r->settings->hash_key[0] ^= 1;
	s = tcp4;
	r->settings->hash_key[1] ^= 1;
	for (uint32_t i = 0; i < 65536; i++) {
		struct addr src = addr_of("198.51.0.0"), dst = addr_of(VIP4);

		src.w[3] = htonl(ntohl(src.w[3]) + (i >> 8));
		h = flow_hash(r->settings, &src, &dst, htons((uint16_t)(i & 255)), htons(443), 6);
		used[flow_set_of(h, 255)]++;
		slots[ring_slot_of(h, 64)]++;
	}
	for (int i = 0; i < 256; i++)
		most = used[i] > most ? used[i] : most;
	for (int i = 0; i < 64; i++)
		fullest = slots[i] > fullest ? slots[i] : fullest;
	/* Means of 256 and 1024; six standard deviations. */
	rig_check(r, most < 256 + 6 * 16, "sets are filled evenly: at most %u for 256", most);
	rig_check(r, fullest < 1024 + 6 * 32, "and slots: at most %u for 1024", fullest);
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	sticky(&r, &tcp4, 1, 2);
	sticky(&r, &tcp6, BACKEND6, BACKEND6 + 1);
	probation(&r);
	lapsed(&r, &tcp4, 1, 2);
	lapsed(&r, &tcp6, BACKEND6, BACKEND4);
	time_alone(&r);
	drained(&r);
	generation(&r);
	class_changes(&r, &tcp4, SERVICE_TCP4, BACKEND4);
	class_changes(&r, &tcp6, SERVICE_TCP6, BACKEND6);
	twice(&r);
	ways(&r);
	flood(&r);
	growing(&r);
	full(&r);
	age(&r);
	hashes(&r);
	return rig_close(&r);
}
