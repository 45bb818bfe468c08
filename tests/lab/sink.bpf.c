// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab's eyes, kept out of what they look at: on the switch's side of every cable
 * a tc program counts what is about to reach that node, by interface, wrapping and
 * inner port, with the instants of the first and the last packet on the clock that
 * leases are kept in.  Beside it the XDP program that every veth end needs, or what
 * its peer sends by XDP_TX stays in the ring and is lost (docs/lab.md).
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum {
	FLAGS_OFFSET = 13, /* of a TCP header */
	FLAG_RST = 0x04,
	STAMP_BYTES = 6, /* of traffic.bpf.c's frames, at their end */
	KINDS_MAX = 1024,
};

/* What is told apart.  port is the inner destination's, but the source's of an RST. */
struct kind {
	__u32 ifindex;
	__u16 port;
	__u8 proto;
	__u8 wrapped; /* 4 or 6: inside IPIP or IP6IP6; 0: bare */
	__u8 reset;   /* a TCP RST */
	__u8 pad[3];
};

struct seen {
	__u64 packets;
	__u64 bytes;
	__u64 first_ns, last_ns; /* CLOCK_MONOTONIC */
	__u64 last_jiffies;
	__u64 last_sent_jiffies; /* of traffic.bpf.c's frames, whenever they came */
	__u64 gap_ns;		 /* the longest silence between two */
	__u64 largest;		 /* frame, in bytes */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KINDS_MAX);
	__type(key, struct kind);
	__type(value, struct seen);
} seen SEC(".maps");

/* Ports of an inner or bare packet whose IP header begins at offset. */
static __always_inline bool read_ports(struct __sk_buff *skb, __u32 offset, bool ipv6,
				       struct kind *k)
{
	__be16 ports[2];
	__u8 flags = 0, first = 0;

	if (ipv6) {
		if (bpf_skb_load_bytes(skb, offset + offsetof(struct ipv6hdr, nexthdr), &k->proto,
				       1))
			return false;
		offset += sizeof(struct ipv6hdr);
	} else {
		if (bpf_skb_load_bytes(skb, offset + offsetof(struct iphdr, protocol), &k->proto,
				       1) ||
		    bpf_skb_load_bytes(skb, offset, &first, 1))
			return false;
		offset += (first & 0xf) * 4;
	}
	if (k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP)
		return true;
	if (bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
		return false;
	if (k->proto == IPPROTO_TCP && bpf_skb_load_bytes(skb, offset + FLAGS_OFFSET, &flags, 1))
		return false;
	k->reset = (flags & FLAG_RST) != 0;
	k->port = bpf_ntohs(ports[k->reset ? 0 : 1]);
	return true;
}

static __always_inline bool read_kind(struct __sk_buff *skb, struct kind *k)
{
	bool ipv6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	__u32 at = sizeof(struct ethhdr);

	k->ifindex = skb->ifindex;
	if (!ipv6 && skb->protocol != bpf_htons(ETH_P_IP))
		return false;
	if (!read_ports(skb, at, ipv6, k))
		return false;
	if (k->proto != IPPROTO_IPIP && k->proto != IPPROTO_IPV6)
		return true;
	at += ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	k->wrapped = k->proto == IPPROTO_IPIP ? 4 : 6;
	return read_ports(skb, at, k->wrapped == 6, k);
}

/* Of other packets the last bytes may look like an instant: only ports of traffic.bpf.c's tell. */
static __always_inline void read_stamp(struct __sk_buff *skb, struct seen *s)
{
	__u64 sent = 0;

	if (bpf_skb_load_bytes(skb, skb->len - STAMP_BYTES, &sent, STAMP_BYTES))
		return;
	if (sent <= s->last_jiffies && sent > s->last_sent_jiffies)
		s->last_sent_jiffies = sent;
}

SEC("tc")
int sink(struct __sk_buff *skb)
{
	__u64 now = bpf_ktime_get_ns();
	struct seen fresh = { .first_ns = now, .last_ns = now }, *s;
	struct kind k = {};

	if (!read_kind(skb, &k))
		return TC_ACT_OK;
	s = bpf_map_lookup_elem(&seen, &k);
	if (!s) {
		bpf_map_update_elem(&seen, &k, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&seen, &k);
		if (!s)
			return TC_ACT_OK;
	}
	__sync_fetch_and_add(&s->packets, 1);
	__sync_fetch_and_add(&s->bytes, skb->len);
	if (now > s->last_ns && now - s->last_ns > s->gap_ns)
		s->gap_ns = now - s->last_ns;
	if (skb->len > s->largest)
		s->largest = skb->len;
	s->last_ns = now;
	s->last_jiffies = bpf_jiffies64();
	read_stamp(skb, s);
	return TC_ACT_OK;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
