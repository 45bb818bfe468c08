/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a client hears when no backend may have its packet: a TCP RST (RFC 9293,
 * 3.10.7.1), or ICMP administratively prohibited (RFC 1812, 5.2.7.1; RFC 4443,
 * 3.1), or, when only the packet's size was wrong, what size would do (RFC 1191,
 * RFC 4443 3.2).  It leaves by the interface that the packet came in by.
 *
 * An answer is never larger than the minimum MTU asks, never goes to an address
 * that is not one host's, and ICMP is limited per CPU (RFC 4443, 2.4 f).  This path
 * is cold: it parses again rather than make the other carry its needs.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "encap.h"

enum {
	/* So that the whole error has 576 and 1280 bytes: RFC 1812, 4.3.2.3; RFC 4443, 2.4 c. */
	QUOTE4_MAX = 576 - 20 - 8,
	QUOTE6_MAX = 1280 - 40 - 8,
	/* ICMP errors: so many in a burst, and so many more with each jiffy. */
	ANSWERS_BURST = 256,
	ANSWERS_PER_JIFFY = 4,
	/* linux/icmp.h and icmpv6.h have these as macros, among much else. */
	ICMP4_UNREACHABLE = 3,
	ICMP4_TOO_BIG = 4,
	ICMP4_PROHIBITED = 13,
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_PROHIBITED = 1,
};

struct icmp {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 rest; /* of IPv4, its low half is the MTU; of IPv6, all */
};

struct budget {
	__u64 jiffies; /* when left was last topped up */
	__u64 left;
};

/* Of two kinds, so that a flood of pings takes no answer from those who need one. */
enum {
	BUDGET_ERROR,
	BUDGET_ECHO,
	BUDGET_EVENT,
	BUDGETS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BUDGETS);
	__type(key, __u32);
	__type(value, struct budget);
} answers SEC(".maps");

static __always_inline bool budget_allows(__u32 key)
{
	struct budget *b = bpf_map_lookup_elem(&answers, &key);
	__u64 now = bpf_jiffies64(), passed;

	if (!b)
		return false;
	passed = now - b->jiffies;
	if (passed >= ANSWERS_BURST / ANSWERS_PER_JIFFY)
		b->left = ANSWERS_BURST;
	else if (passed)
		b->left += passed * ANSWERS_PER_JIFFY;
	if (b->left > ANSWERS_BURST)
		b->left = ANSWERS_BURST;
	b->jiffies = now;
	if (!b->left)
		return false;
	b->left--;
	return true;
}

/* Not for what stands for nobody or for many: RFC 1122, 3.2.2; RFC 4443, 2.4 e. */
static __always_inline bool source_is_one_host(const struct packet *p)
{
	const __be32 *w = p->src.addr.w;
	__u32 top = bpf_ntohl(w[3]) >> 24;

	if (!p->ipv6)
		return top != 0 && top != 127 && top < 224;
	if ((w[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000))
		return false;
	/* ::, ::1, and the IPv4 that lives in the same corner */
	return w[0] || w[1] || (w[2] && w[2] != bpf_htonl(0xffff));
}

static __always_inline __u64 sum_addr(const union ip *ip)
{
	const __be32 *w = ip->addr.w;

	return (__u64)w[0] + w[1] + w[2] + w[3];
}

/* The pseudo header; a mapped address adds its ffff twice, which is 0 in ones' complement. */
static __always_inline __u64 sum_pseudo(const struct packet *p, __u8 proto, __u32 length)
{
	return sum_addr(&p->src) + sum_addr(&p->dst) + bpf_htonl(proto) + bpf_htonl(length);
}

/* The IP header of an answer, from the VIP to the source.  Answers what comes behind it. */
static __always_inline void *answer_ip(void *l3, const struct packet *p, __u8 proto, __u32 payload)
{
	struct outer4 o4 = { p->dst.addr.w[3], p->src.addr.w[3], sizeof(struct iphdr) + payload,
			     proto, 0 };
	struct outer6 o6 = { p->dst, p->src, 0, payload, proto, 0 };

	if (p->ipv6) {
		ipv6_write(l3, &o6);
		return l3 + sizeof(struct ipv6hdr);
	}
	ipv4_write(l3, &o4);
	return l3 + sizeof(struct iphdr);
}

/* Back to where the frame came from; called while it is still as it came. */
static __always_inline struct hop hop_back(struct hook_context *ctx, const struct packet *p)
{
	const void *eth = (void *)(long)ctx->data;
	struct hop hop = { .proto = bpf_htons(p->ipv6 ? ETH_P_IPV6 : ETH_P_IP) };

	if (eth + ETH_HLEN > (void *)(long)ctx->data_end)
		return hop;
	hop.dst = mac_read(eth + ETH_ALEN);
	hop.src = mac_read(eth);
	return hop;
}

/* Sequence numbers and flags of the RST that a segment of so many bytes (with header) deserves. */
static __always_inline void reset_of(const struct tcphdr *in, __u32 bytes, struct tcphdr *out)
{
	*out = (struct tcphdr){
		.source = in->dest,
		.dest = in->source,
		.doff = TCP_DOFF_MIN,
		.rst = 1,
	};
	if (in->ack) {
		out->seq = in->ack_seq;
		return;
	}
	out->ack = 1;
	out->ack_seq = bpf_htonl(bpf_ntohl(in->seq) + bytes - in->doff * 4u + in->syn + in->fin);
}

static __always_inline int answer_reset(struct hook_context *ctx, const struct packet *p)
{
	__u32 header = p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	bool due = checksum_is_due(ctx, l3_offset(p));
	struct tcphdr *tcp = (void *)(long)ctx->data + l3_offset(p) + header, reset;
	const __u32 *w = (const __u32 *)&reset;
	struct hop hop = hop_back(ctx, p);
	__u64 sum;
	void *l3;

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end || tcp->rst)
		return XDP_DROP;
	reset_of(tcp, p->length - header, &reset);
	sum = sum_pseudo(p, IPPROTO_TCP, sizeof(reset));
	for (int i = 0; i < TCP_DOFF_MIN && !due; i++)
		sum += w[i];
	reset.check = due ? ~checksum_fold(sum) : checksum_fold(sum);

	if (!frame_cut(ctx, p->l3 + header + sizeof(reset), p->frame))
		return XDP_DROP;
	l3 = reframe(ctx, p, 0, &hop);
	if (!l3 || l3 + header + sizeof(reset) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	tcp = answer_ip(l3, p, IPPROTO_TCP, sizeof(reset));
	*tcp = reset;
	return XDP_TX;
}

/*
 * Of the frame from there on; at most what an IPv6 error may have.  Not static, so that the
 * verifier looks at it once and not again for each way that leads here.
 */
__noinline __u64 sum_frame(struct hook_context *ctx, __u32 from)
{
	const void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u8 *tail;
	__u32 last = 0;
	__u64 sum = 0;

	at += from & 127;
	for (int i = 0; i < (QUOTE6_MAX + (int)sizeof(struct icmp)) / 4; i++) {
		if (at + 4 > end)
			break;
		sum += *(const __u32 *)at;
		at += 4;
	}
	tail = at;
	for (int i = 0; i < 3; i++) {
		if ((const void *)(tail + 1) > end)
			break;
		last |= (__u32)*tail++ << (24 - 8 * i);
	}
	return sum + bpf_htonl(last);
}

/*
 * What to add to a sum over a packet whose own checksum is due: together with that, and all that it
 * is of, nothing but what its place holds till then remains, negated.
 */
static __always_inline __u64 sum_of_due(struct hook_context *ctx, __u32 l4, __u8 proto)
{
	const __u16 *check = (void *)(long)ctx->data + l4;

	check += proto == IPPROTO_TCP ? 8 : 3;
	if ((void *)(check + 1) > (void *)(long)ctx->data_end)
		return 0;
	return (__u64)(__u16)~*check + checksum_fold(sum_frame(ctx, l4));
}

static __always_inline struct icmp icmp_of(const struct packet *p, __u32 mtu)
{
	if (p->ipv6)
		return (struct icmp){
			.type = mtu ? ICMP6_TOO_BIG : ICMP6_UNREACHABLE,
			.code = mtu ? 0 : ICMP6_PROHIBITED,
			.rest = bpf_htonl(mtu),
		};
	return (struct icmp){
		.type = ICMP4_UNREACHABLE,
		.code = mtu ? ICMP4_TOO_BIG : ICMP4_PROHIBITED,
		.rest = bpf_htonl(mtu & 0xffff),
	};
}

static __always_inline int answer_icmp(struct hook_context *ctx, const struct packet *p, __u32 mtu)
{
	__u32 header = p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 quote = p->ipv6 ? QUOTE6_MAX : QUOTE4_MAX;
	__u32 grow = header + sizeof(struct icmp);
	bool due = checksum_is_due(ctx, l3_offset(p));
	struct hop hop = hop_back(ctx, p);
	struct icmp *icmp;
	__u64 sum;
	void *l3;

	if (!budget_allows(BUDGET_ERROR))
		return XDP_DROP;
	if (quote > p->length)
		quote = p->length;
	if (!frame_cut(ctx, p->l3 + quote, p->frame) || !frame_push(ctx, grow, p->l3))
		return XDP_DROP;
	l3 = reframe(ctx, p, grow, &hop);
	if (!l3 || l3 + grow > (void *)(long)ctx->data_end)
		return XDP_DROP;
	icmp = answer_ip(l3, p, p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, sizeof(*icmp) + quote);
	*icmp = icmp_of(p, mtu);
	sum = sum_frame(ctx, p->l3 + header);
	if (due)
		sum += sum_of_due(ctx, l3_offset(p) + grow + header, p->proto);
	if (p->ipv6)
		sum += sum_pseudo(p, IPPROTO_ICMPV6, sizeof(*icmp) + quote);
	icmp->check = checksum_fold(sum);
	return XDP_TX;
}

/*
 * mtu: what would have fit, or 0 when it was not about size.  Not static, so that the verifier
 * looks at it once.
 */
__noinline int answer(struct hook_context *ctx, __u32 mtu)
{
	struct packet p = {};
	enum outcome o = parse(ctx, &p);

	if ((o != OUT_STEERED && o != OUT_FRAGMENT) || !source_is_one_host(&p))
		return XDP_DROP;
	/* Of a segment in pieces nobody can say how long it is, so what RST it deserves. */
	if (p.proto == IPPROTO_TCP && !mtu && o == OUT_STEERED)
		return answer_reset(ctx, &p);
	return answer_icmp(ctx, &p, mtu);
}

#endif
