// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least a packet can cost, to hold the router against: nothing at all, and a
 * program that parses, makes room and writes the outer header from constants, with
 * no lookup of any kind.  Kept apart from the router's headers on purpose.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int nop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

/* The Ethernet header of grow bytes further in, to a constant address. */
static __always_inline void move_ethernet(void *d, int grow, __be16 proto)
{
	__u32 first = *(__u32 *)(d + grow);
	__u16 rest = *(__u16 *)(d + grow + 4);

	*(__u32 *)d = 0xb0b002;
	*(__u16 *)(d + 4) = 0x09b0;
	*(__u32 *)(d + 6) = first;
	*(__u16 *)(d + 10) = rest;
	*(__be16 *)(d + 12) = proto;
}

SEC("xdp")
int floor4(struct xdp_md *ctx)
{
	void *d = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = d;
	struct iphdr *ip = d + 14;
	struct tcphdr *tcp = d + 34;
	__u32 tos, length, sum;

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (*(__u8 *)ip != 0x45 || (ip->frag_off & bpf_htons(0x3fff)) ||
	    ip->protocol != IPPROTO_TCP || tcp->doff < 5)
		return XDP_PASS;
	tos = ip->tos;
	length = bpf_ntohs(ip->tot_len) + 20;
	if (bpf_xdp_adjust_head(ctx, -20))
		return XDP_DROP;
	d = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (d + 60 > end)
		return XDP_DROP;
	move_ethernet(d, 20, bpf_htons(ETH_P_IP));
	ip = d + 14;
	*(__u32 *)ip = bpf_htonl(0x45u << 24 | tos << 16 | length);
	*((__u32 *)ip + 1) = bpf_htonl(0x4000);
	*((__u32 *)ip + 2) = bpf_htonl(64 << 24 | IPPROTO_IPIP << 16);
	ip->saddr = bpf_htonl(0x0a0900fe);
	ip->daddr = bpf_htonl(0x0a090001);
	sum = 0x4500 + tos + length + 0x4000 + 0x4004 + 0x0a09 + 0xfe + 0x0a09 + 1;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = bpf_htons(~sum);
	return XDP_TX;
}

SEC("xdp")
int floor6(struct xdp_md *ctx)
{
	void *d = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = d;
	struct ipv6hdr *ip = d + 14;
	struct tcphdr *tcp = d + 54;
	__u32 first, length;

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	if (ip->nexthdr != IPPROTO_TCP || tcp->doff < 5)
		return XDP_PASS;
	first = *(__u32 *)ip & bpf_htonl(0xfff00000);
	length = bpf_ntohs(ip->payload_len) + 40;
	if (bpf_xdp_adjust_head(ctx, -40))
		return XDP_DROP;
	d = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (d + 80 > end)
		return XDP_DROP;
	move_ethernet(d, 40, bpf_htons(ETH_P_IPV6));
	ip = d + 14;
	*(__u32 *)ip = first;
	*((__u32 *)ip + 1) = bpf_htonl(length << 16 | IPPROTO_IPV6 << 8 | 64);
	for (int i = 0; i < 4; i++) {
		ip->saddr.in6_u.u6_addr32[i] = bpf_htonl(0xfd000900 + i);
		ip->daddr.in6_u.u6_addr32[i] = bpf_htonl(0xfd000910 + i);
	}
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
