/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The answers of TC to what hook_xdp.h asks.  Here a frame may be many at once, which are
 * cut to size when they leave (GSO); its outermost tag may lie beside it; its checksum may
 * be somebody else's to write; and only its first bytes need be where they can be read.
 *
 * Room is made by bpf_skb_adjust_room(), which tells who cuts and sums later where the
 * inner packet begins.  It keeps the size of the pieces: one that does not fit is refused
 * like any packet that is too big.
 */
#ifndef HOOK_H
#define HOOK_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define hook_context __sk_buff

enum {
	LEAVES = 16, /* neither an action of XDP nor of TC */
	/* Written to tc_index of what has been steered: nobody looks at it again on its way out. */
	STEERED_INDEX = 0xfa17,
	HEADERS_MAX = 256, /* of all that is ever read, quoted headers and QUIC's included */
	WRAP_GUE4 = 28,	   /* what frame_wrap() is asked for; else 20 */
	WRAP_IP6 = 40,
	WRAP_GUE6 = 48,
};

static __always_inline __u32 frame_bytes(const struct hook_context *ctx)
{
	return ctx->len;
}

static __always_inline __u32 frame_ifindex(const struct hook_context *ctx)
{
	return ctx->ifindex;
}

/* Tags that lay in the frame are gone by now, if it leaves by another interface. */
static __always_inline int frame_leave(struct hook_context *ctx, __u32 ifindex)
{
	if (ifindex == ctx->ifindex)
		return LEAVES;
	if (ctx->vlan_present && bpf_skb_vlan_pop(ctx))
		return XDP_DROP;
	ctx->tc_index = STEERED_INDEX;
	return bpf_redirect(ifindex, 0);
}

static __always_inline bool frame_cut(struct hook_context *ctx, __u32 bytes, __u32 is)
{
	(void)is;
	return !bpf_skb_change_tail(ctx, bytes, 0);
}

/*
 * In front of all, for a frame with tags in it: of these bpf_skb_adjust_room() does not know.  Nor
 * would who cuts later, so it must be one that is not to be cut.
 */
static __always_inline bool frame_lengthen(struct hook_context *ctx, __u32 grow)
{
	return !ctx->gso_size && !bpf_skb_change_head(ctx, grow, 0);
}

/* One of two tags lies beside the frame, or will when the other one is gone; frame_leave() sees to it. */
static __always_inline bool frame_wrap(struct hook_context *ctx, __u32 grow, __u32 tags, __u32 l3)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (tags && bpf_skb_vlan_pop(ctx))
		return false;
	if (!grow)
		return true;
	if (!tags && l3 != ETH_HLEN)
		return frame_lengthen(ctx, grow);
	flags |= grow < WRAP_IP6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	if (grow == WRAP_GUE4 || grow == WRAP_GUE6)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	return !bpf_skb_adjust_room(ctx, (int)grow, BPF_ADJ_ROOM_MAC, flags);
}

static __always_inline bool frame_push(struct hook_context *ctx, __u32 grow, __u32 l3)
{
	if (l3 != ETH_HLEN)
		return frame_lengthen(ctx, grow);
	return !bpf_skb_adjust_room(ctx, (int)grow, BPF_ADJ_ROOM_MAC, 0);
}

/* A NIC may have handed up the sum over all; an IPv4 header adds 0 to it. */
static __always_inline void frame_wrapped(struct hook_context *ctx, __u32 grow, __u32 l3)
{
	__be32 *outer = (void *)(long)ctx->data + ETH_HLEN;
	__s64 sum;

	if (l3 != ETH_HLEN || grow < WRAP_GUE4 ||
	    (void *)outer + WRAP_GUE6 > (void *)(long)ctx->data_end)
		return;
	if (grow == WRAP_GUE4)
		sum = bpf_csum_diff(NULL, 0, outer, WRAP_GUE4, 0);
	else if (grow == WRAP_IP6)
		sum = bpf_csum_diff(NULL, 0, outer, WRAP_IP6, 0);
	else
		sum = bpf_csum_diff(NULL, 0, outer, WRAP_GUE6, 0);
	if (sum >= 0)
		bpf_csum_update(ctx, sum);
}

static __always_inline __u32 longest_of(const struct hook_context *ctx, __u32 length, __u32 l3,
					__u32 header, __u8 proto)
{
	const __u8 *l4 = (void *)(long)ctx->data + l3 + header;
	__u32 piece = ctx->gso_size + header;

	if (!ctx->gso_size || (void *)l4 + sizeof(struct tcphdr) > (void *)(long)ctx->data_end)
		return length;
	piece += proto == IPPROTO_TCP ? l4[12] >> 4 << 2 : sizeof(struct udphdr);
	return piece < length ? piece : length;
}

/* What is cut later has a length written then; till then too much is said as 0. */
static __always_inline __u32 length_said(__u32 length)
{
	return length > 0xffff ? 0 : length;
}

/*
 * No helper tells; but the one that updates checksums leaves one alone that is due.  It is tried on
 * two bytes of the IP header, which are put back.
 */
static __always_inline bool checksum_is_due(struct hook_context *ctx, __u32 l3)
{
	__u16 *word = (void *)(long)ctx->data + l3 + 4, was;
	bool due;

	if ((void *)(word + 1) > (void *)(long)ctx->data_end)
		return false;
	was = *word;
	if (bpf_l4_csum_replace(ctx, l3 + 4, 0, bpf_htons(1), sizeof(was)))
		return false;
	word = (void *)(long)ctx->data + l3 + 4;
	if ((void *)(word + 1) > (void *)(long)ctx->data_end)
		return false;
	due = *word == was;
	*word = was;
	return due;
}

static __always_inline void checksum_update(struct hook_context *ctx, __u32 at, __be16 old,
					    __be16 new)
{
	bpf_l4_csum_replace(ctx, at, old, new, sizeof(old));
}

/* Headers that lie in pages of their own are brought to where they can be read. */
static __always_inline void frame_gather(struct hook_context *ctx)
{
	__u32 want = ctx->len < HEADERS_MAX ? ctx->len : HEADERS_MAX;

	if ((void *)(long)ctx->data + want > (void *)(long)ctx->data_end)
		bpf_skb_pull_data(ctx, want);
}

#endif
