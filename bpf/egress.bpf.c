// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's way out: what the configuration pins may leave, and nothing else, whoever in
 * the guest sends it.  Runs behind clsact's egress hook, direct action; loaded by itself
 * it refuses everything until somebody puts rules into its map.
 *
 * What cannot be read to its ports is refused: fragments, options, extension headers,
 * unknown protocols.  So is the first packet of a TCP connection from a port that is only
 * there to answer.  What passes is left to the filters behind this one; of a SYN-ACK, the
 * largest segment it asks for is made what the rules say at most.
 */
#include "hook_tc.h"

#include <linux/pkt_cls.h>

#include "egress_abi.h"
#include "mss.h"
#include "parse.h"

enum {
	EVENTS_BYTES = 1 << 16,
	EVENTS_PER_SECOND = 10, /* of each CPU */

	ARP_ETHERNET = 1,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	PADDED = 60, /* Ethernet's least, without tags */

	ICMPV6_HEADER = 8,

	ND_HOP_LIMIT = 255, /* RFC 4861, 4 */
	ND_LENGTH_MAX = 128,
	ND_ROUTER_SOLICITATION = 133,
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,

	MLD_REPORT_1 = 131,
	MLD_DONE = 132,
	MLD_REPORT_2 = 143,

	DHCP_SERVER = 67,
	DHCP_CLIENT = 68,
	DHCP6_CLIENT = 546,
	DHCP6_SERVER = 547,
};

#define NS_PER_SECOND 1000000000ull

/* ARP of IPv4 over Ethernet, RFC 826; not aligned in the frame's tail. */
struct arp {
	__be16 hardware, protocol;
	__u8 hardware_length, protocol_length;
	__be16 operation;
	__u8 addresses[20];
};

/* RFC 2711 and 3810, 5: hop-by-hop options of an MLD report, which are always these. */
struct router_alert {
	__u8 next, length;
	__be16 option, value, padding;
};

struct rules {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, EGRESS_WAYS_MAX);
	/* Not __type(): clang forgets types that only an inner map points to. */
	__uint(key_size, sizeof(struct egress_key));
	__uint(value_size, sizeof(__u32));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct rules);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EGRESS_COUNT);
	__type(key, __u32);
	__type(value, struct counter);
} outcomes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events SEC(".maps");

struct sampling {
	__u64 second;
	__u64 told;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sampling);
} samples SEC(".maps");

/* Read by whoever finds this program pinned. */
const volatile __u32 abi_version = ABI_VERSION;

/* The value of the rule that lets it out, or NULL. */
static __always_inline const __u32 *rule(void *ways, __u8 way, __u8 proto, __be16 port,
					 const union ip *a)
{
	struct egress_key key = { EGRESS_WAY_BITS_MAX, way, proto, port, a->addr };

	return bpf_map_lookup_elem(ways, &key);
}

static __always_inline bool allows(void *ways, __u8 way, __u8 proto, __be16 port, const union ip *a)
{
	return rule(ways, way, proto, port, a);
}

/* fe80::/10 and ff02::/16: nobody forwards these. */
static __always_inline bool stays_on_link(const union ip *a)
{
	__u32 first = bpf_ntohl(a->addr.w[0]);

	return first >> 22 == 0xfe80 >> 6 || first >> 16 == 0xff02;
}

static __always_inline bool is_dhcp(const struct packet *p)
{
	if (p->proto != IPPROTO_UDP)
		return false;
	if (p->ipv6)
		return p->sport == bpf_htons(DHCP6_CLIENT) && p->dport == bpf_htons(DHCP6_SERVER) &&
		       stays_on_link(&p->dst);
	return p->sport == bpf_htons(DHCP_CLIENT) && p->dport == bpf_htons(DHCP_SERVER) &&
	       p->dst.addr.w[3] == 0xffffffff;
}

/* mss: of what is served, untouched otherwise. */
static __always_inline enum egress_outcome judge_flow(void *ways, const struct packet *p,
						      __u32 *mss)
{
	static const union ip any;
	const __u32 *served;

	if (allows(ways, EGRESS_WAY_TO, p->proto, p->dport, &p->dst))
		return EGRESS_PINNED;
	served = rule(ways, EGRESS_WAY_FROM, p->proto, p->sport, &p->src);
	if (!served && !allows(ways, EGRESS_WAY_ANSWER, p->proto, p->sport, &p->dst))
		return is_dhcp(p) && allows(ways, EGRESS_WAY_DHCP, 0, 0, &any) ? EGRESS_LINK
									       : EGRESS_NOT_PINNED;
	if (p->opens == OPENS)
		return EGRESS_OPENS;
	if (!served)
		return EGRESS_ANSWERED;
	*mss = *served;
	return EGRESS_SERVED;
}

static __always_inline enum egress_outcome judge_arp(struct cursor *c, const struct packet *p)
{
	const struct arp *arp = take(c, sizeof(*arp));

	if (!arp)
		return EGRESS_MALFORMED;
	if (arp->hardware != bpf_htons(ARP_ETHERNET) || arp->protocol != bpf_htons(ETH_P_IP) ||
	    arp->hardware_length != ETH_ALEN || arp->protocol_length != sizeof(__be32) ||
	    (arp->operation != bpf_htons(ARP_REQUEST) && arp->operation != bpf_htons(ARP_REPLY)) ||
	    p->frame > PADDED + tag_bytes(p))
		return EGRESS_NOT_LINK;
	return EGRESS_LINK;
}

/* Of the IPv6 header that comes next, if there is one. */
static __always_inline __u8 hop_limit(struct cursor ahead)
{
	const struct ipv6hdr *ip = take(&ahead, sizeof(*ip));

	return ip ? ip->hop_limit : 0;
}

/* An IPv6 packet for the link holds its headers, and its frame it and no more than padding. */
static __always_inline enum egress_outcome judge_length(const struct packet *p, __u32 headers)
{
	__u32 end = p->l3 + p->length;

	if (p->length < sizeof(struct ipv6hdr) + headers || end > p->frame)
		return EGRESS_MALFORMED;
	return p->frame > end && p->frame > PADDED + tag_bytes(p) ? EGRESS_NOT_LINK : EGRESS_LINK;
}

/* Of IPv6 without anything before it: what asks for neighbours, and who they are. */
static __always_inline enum egress_outcome judge_icmpv6(struct cursor *c, void *ways,
							const struct packet *p, __u8 hops)
{
	const __u8 *icmp = take(c, ICMPV6_HEADER);

	if (!icmp)
		return EGRESS_MALFORMED;
	if (icmp[0] != ND_SOLICITATION && icmp[0] != ND_ADVERTISEMENT &&
	    icmp[0] != ND_ROUTER_SOLICITATION)
		return EGRESS_PROTOCOL;
	if (icmp[1] || hops != ND_HOP_LIMIT || p->length > ND_LENGTH_MAX ||
	    !(stays_on_link(&p->dst) || allows(ways, EGRESS_WAY_NEIGHBOUR, 0, 0, &p->dst)))
		return EGRESS_NOT_LINK;
	return judge_length(p, ICMPV6_HEADER);
}

/* What tells a switch which groups to send us, among them those that neighbours ask. */
static __always_inline bool is_mld(struct cursor *c, const struct packet *p, __u8 hops)
{
	const struct router_alert *o = take(c, sizeof(*o));
	const __u8 *type = take(c, sizeof(*type));

	return o && type && p->ipv6 && p->proto == IPPROTO_HOPOPTS && hops == 1 &&
	       o->next == IPPROTO_ICMPV6 && !o->length && o->option == bpf_htons(0x0502) &&
	       !o->value && (*type == MLD_REPORT_1 || *type == MLD_DONE || *type == MLD_REPORT_2) &&
	       bpf_ntohl(p->dst.addr.w[0]) >> 16 == 0xff02;
}

/* What has no ports to be judged by. */
static __always_inline enum egress_outcome
judge_rest(struct cursor *c, void *ways, const struct packet *p, __u8 hops, enum outcome o)
{
	switch (o) {
	case OUT_FRAGMENT:
		return EGRESS_FRAGMENT;
	case OUT_IP_OPTIONS:
		return is_mld(c, p, hops)
			       ? judge_length(p, sizeof(struct router_alert) + ICMPV6_HEADER)
			       : EGRESS_OPTIONS;
	case OUT_NOT_OURS:
		if (p->ipv6 && p->proto == IPPROTO_ICMPV6)
			return judge_icmpv6(c, ways, p, hops);
		return p->proto ? EGRESS_PROTOCOL : EGRESS_MALFORMED;
	default:
		return EGRESS_MALFORMED;
	}
}

static __always_inline enum egress_outcome judge_ip(struct cursor *c, void *ways, struct packet *p,
						    bool ipv6, __u32 *mss)
{
	__u8 hops = ipv6 ? hop_limit(*c) : 0;
	enum outcome o = ipv6 ? parse_ipv6(c, p) : parse_ipv4(c, p);

	/* On the wire a mapped address is a forgery: it would pass for the IPv4 one. */
	if (ipv6 && (ip_is_ipv4(&p->src) || ip_is_ipv4(&p->dst)))
		return EGRESS_MALFORMED;
	return o == OUT_STEERED ? judge_flow(ways, p, mss) : judge_rest(c, ways, p, hops, o);
}

/* ethertype: for whoever is told; mss: for a SYN-ACK that is let out. */
static __always_inline enum egress_outcome judge(struct cursor *c, struct packet *p,
						 __be16 *ethertype, __u32 *mss)
{
	__u32 key = 0;
	void *ways = bpf_map_lookup_elem(&rules, &key);

	*ethertype = parse_ethernet(c, p);
	if (!ways)
		return EGRESS_NO_RULES;
	switch (*ethertype) {
	case bpf_htons(ETH_P_IP):
		return judge_ip(c, ways, p, false, mss);
	case bpf_htons(ETH_P_IPV6):
		return judge_ip(c, ways, p, true, mss);
	case bpf_htons(ETH_P_ARP):
		return judge_arp(c, p);
	default:
		return EGRESS_ETHERTYPE;
	}
}

static __always_inline void count(enum egress_outcome o, __u32 bytes)
{
	__u32 key = o;
	struct counter *n = bpf_map_lookup_elem(&outcomes, &key);

	if (!n)
		return;
	n->packets++;
	n->bytes += bytes;
}

/* Some of each second's, so that a flood costs a bounded share. */
static __always_inline bool is_sampled(void)
{
	__u64 second = bpf_ktime_get_coarse_ns() / NS_PER_SECOND;
	__u32 key = 0;
	struct sampling *s = bpf_map_lookup_elem(&samples, &key);

	if (!s)
		return false;
	if (s->second != second)
		*s = (struct sampling){ second, 0 };
	return s->told++ < EVENTS_PER_SECOND;
}

/* Not static: its stack is its own. */
__noinline int tell(struct __sk_buff *skb, const struct packet *p, __u32 why, __u32 ethertype)
{
	struct egress_event *e;

	if (!p || !is_sampled())
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0; /* nobody reads as fast */
	e->src = p->src.addr;
	e->dst = p->dst.addr;
	e->sport = p->sport;
	e->dport = p->dport;
	e->proto = p->proto;
	e->outcome = why;
	e->ethertype = ethertype;
	e->length = p->frame;
	e->ifindex = skb->ifindex;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline bool is_syn(const struct __sk_buff *skb, const struct packet *p)
{
	const struct tcphdr *tcp = (void *)(long)skb->data + l3_offset(p) + ip_header(p);

	return p->proto == IPPROTO_TCP && (void *)(tcp + 1) <= (void *)(long)skb->data_end &&
	       tcp->syn;
}

SEC("tc")
int egress(struct __sk_buff *skb)
{
	struct packet p = { .frame = skb->len };
	enum egress_outcome o;
	__be16 ethertype = 0;
	struct cursor c;
	__u32 mss = 0;

	frame_gather(skb);
	c = (struct cursor){ (void *)(long)skb->data, (void *)(long)skb->data_end };
	o = judge(&c, &p, &ethertype, &mss);
	count(o, p.frame);
	if (o <= EGRESS_LINK) {
		if (mss && is_syn(skb, &p))
			mss_clamp(skb, &p, mss);
		return TC_ACT_UNSPEC; /* the next filter's turn */
	}
	tell(skb, &p, o, ethertype);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
