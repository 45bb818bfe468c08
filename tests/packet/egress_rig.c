// SPDX-License-Identifier: BSD-2-Clause
/* The egress program in a rig; see egress_rig.h. */
#include "egress_rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int egress_rig_rules(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "rules", sizeof(struct egress_key),
				sizeof(__u32), EGRESS_WAYS_MAX, &o);

	if (fd < 0)
		alone_die("rules");
	return fd;
}

void egress_rig_put(struct egress_rig *r, int fd)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(r->e->maps.rules), &zero, &fd, BPF_ANY))
		alone_die("rules in place");
	r->rules = fd;
}

void egress_rig_allow(struct egress_rig *r, enum egress_way way, uint8_t proto, uint16_t port,
		      const char *addr, unsigned int bits)
{
	bool ipv6 = strchr(addr, ':');
	struct egress_key key = { .bits = EGRESS_WAY_BITS + (!bits  ? 128
							     : ipv6 ? bits
								    : bits + 96),
				  .way = (uint8_t)way,
				  .proto = proto,
				  .port = htons(port),
				  .addr = addr_of(addr) };
	__u32 value = way == EGRESS_WAY_FROM ? SERVED_MSS : 0;

	if (bpf_map_update_elem(r->rules, &key, &value, BPF_NOEXIST))
		alone_die(addr);
}

void egress_rig_open(struct egress_rig *r)
{
	*r = (struct egress_rig){ .e = egress_bpf__open() };
	if (!r->e)
		alone_die("egress");
	if (egress_bpf__load(r->e))
		alone_not_loaded("egress");
	r->alone = (struct alone){ bpf_program__fd(r->e->progs.egress),
				   bpf_map__fd(r->e->maps.outcomes), EGRESS_COUNT, 0, 0 };
}

void egress_rig_fill(struct egress_rig *r)
{
	egress_rig_put(r, egress_rig_rules());
	egress_rig_allow(r, EGRESS_WAY_TO, IPPROTO_TCP, 443, PINNED4, 0);
	egress_rig_allow(r, EGRESS_WAY_TO, IPPROTO_TCP, 443, PINNED6, 0);
	egress_rig_allow(r, EGRESS_WAY_TO, IPPROTO_UDP, 853, PREFIX4, 24);
	egress_rig_allow(r, EGRESS_WAY_TO, IPPROTO_UDP, 853, PREFIX6, 48);
	egress_rig_allow(r, EGRESS_WAY_FROM, IPPROTO_TCP, 443, VIP4, 0);
	egress_rig_allow(r, EGRESS_WAY_FROM, IPPROTO_TCP, 443, VIP6, 0);
	egress_rig_allow(r, EGRESS_WAY_FROM, IPPROTO_UDP, 53, VIP4, 0);
	egress_rig_allow(r, EGRESS_WAY_FROM, IPPROTO_UDP, 53, VIP6, 0);
	egress_rig_allow(r, EGRESS_WAY_ANSWER, IPPROTO_TCP, AGENT_PORT, PEER4, 0);
	egress_rig_allow(r, EGRESS_WAY_ANSWER, IPPROTO_TCP, AGENT_PORT, PEER6, 0);
	egress_rig_allow(r, EGRESS_WAY_NEIGHBOUR, 0, 0, PEER6, 0);
}

void egress_row(struct egress_rig *r, const char *what, const struct frame *in,
		enum egress_outcome o)
{
	egress_row_as(r, what, in, o, in);
}

void egress_row_as(struct egress_rig *r, const char *what, const struct frame *in,
		   enum egress_outcome o, const struct frame *wanted)
{
	uint32_t action = o <= EGRESS_LINK ? (uint32_t)TC_ACT_UNSPEC : TC_ACT_SHOT;

	alone_row(&r->alone, what, in, o, action, wanted);
}

void egress_check(struct egress_rig *r, const char *what, bool good)
{
	alone_check(&r->alone, what, good);
}

int egress_rig_close(struct egress_rig *r)
{
	egress_bpf__destroy(r->e);
	return alone_close(&r->alone);
}

struct frame egress_tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			uint8_t flags, uint8_t tags)
{
	struct spec s = { .src = src,
			  .dst = dst,
			  .sport = sport,
			  .dport = dport,
			  .proto = IPPROTO_TCP,
			  .flags = flags,
			  .tags = tags,
			  .payload = 30 };

	return frame_of(&s);
}

struct frame egress_udp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			uint8_t tags)
{
	struct spec s = { .src = src,
			  .dst = dst,
			  .sport = sport,
			  .dport = dport,
			  .proto = IPPROTO_UDP,
			  .tags = tags,
			  .payload = 30 };

	return frame_of(&s);
}
