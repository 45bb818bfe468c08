// SPDX-License-Identifier: BSD-2-Clause
/* What `events` says of refused packets, and that it says nothing of the others. */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "rig.h"

static const struct spec all[] = {
	{ CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = SYN },
	{ CLIENT4, VIP4, 40002, 443, IPPROTO_TCP, .flags = SYN, .tags = 1 },
	{ CLIENT6, VIP6, 40003, 53, IPPROTO_UDP, .flags = 0 },
	{ CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .flags = 0, .tags = 2 },
};

static struct event last;
static unsigned int events;

static int on_event(void *arg, void *data, size_t n)
{
	(void)arg;
	if (n != sizeof(last))
		return -1;
	memcpy(&last, data, n);
	events++;
	return 0;
}

static unsigned int read_all(struct ring_buffer *ring)
{
	events = 0;
	ring_buffer__consume(ring);
	return events;
}

static void refused(struct rig *r, struct ring_buffer *ring, const struct spec *s)
{
	bool ipv6 = strchr(s->dst, ':'), tcp = s->proto == IPPROTO_TCP;
	struct addr src = addr_of(s->src), dst = addr_of(s->dst);
	struct frame in = frame_of(s), out;

	rig_reset(r);
	rig_run(r, &in, &out);
	rig_check(r, read_all(ring) == 0, "nothing of a steered packet");
	for (uint16_t id = 1; id < RIG_BACKENDS; id++)
		rig_lease(r, id, RIG_LAPSED);
	rig_run(r, &in, &out);
	rig_check(r, read_all(ring) == 1 && last.outcome == OUT_LEASE_LAPSED,
		  "a refused packet is told, and why");
	rig_check(r,
		  !memcmp(&last.src, &src, sizeof(src)) && !memcmp(&last.dst, &dst, sizeof(dst)) &&
			  last.sport == htons(s->sport) && last.dport == htons(s->dport) &&
			  last.proto == s->proto && last.length == in.n - rig_hook.uncounted(&in) &&
			  last.ifindex == RIG_IFINDEX,
		  "with the flow that it is of");
	rig_check(r,
		  last.service == (ipv6 ? (tcp ? SERVICE_TCP6 : SERVICE_UDP6)
					: (tcp ? SERVICE_TCP4 : SERVICE_UDP4)) &&
			  !last.backend,
		  "and its service");
}

/* What cannot be read is of no service. */
static void unread(struct rig *r, struct ring_buffer *ring)
{
	struct frame in = frame_of(&all[0]), out;

	rig_reset(r);
	in.b[in.l4 + 12] = 4 << 4; /* a TCP header of 16 bytes */
	rig_run(r, &in, &out);
	rig_check(r, read_all(ring) == 1 && last.outcome == OUT_MALFORMED && last.service == 0xffff,
		  "a malformed packet to a VIP is told, of no service");
}

static void flood(struct rig *r, struct ring_buffer *ring)
{
	struct frame in = frame_of(&all[0]), out;
	struct timespec tick = { 0, 300000000 };
	unsigned int told;

	rig_reset(r);
	for (uint16_t id = 1; id < RIG_BACKENDS; id++)
		rig_lease(r, id, RIG_LAPSED);
	nanosleep(&tick, NULL);
	for (int i = 0; i < 20000; i++)
		rig_run(r, &in, &out);
	told = read_all(ring);
	rig_check(r, told >= 200 && told < 20000, "of a flood some are told: %u of 20000", told);
}

int main(void)
{
	static struct rig r;
	struct ring_buffer *ring;

	rig_open(&r);
	ring = ring_buffer__new(bpf_map__fd(r.router->maps.events), on_event, NULL, NULL);
	if (!rig_check(&r, ring != NULL, "the ring can be read"))
		return rig_close(&r);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		refused(&r, ring, &all[i]);
	unread(&r, ring);
	flood(&r, ring);
	ring_buffer__free(ring);
	return rig_close(&r);
}
