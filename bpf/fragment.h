/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets to a VIP that come in pieces.  The first has the ports and chooses the backend
 * like any packet of its flow; it is remembered for a while, and the others follow it.
 * One whose first has not come is dropped, for nobody can say whose it is.
 *
 * Which bytes have come is remembered too, as what is whole from the start and one row
 * beyond a gap, so that pieces may overtake each other but never overlap (RFC 5722;
 * RFC 1858 for what overlapping was good for).  A first piece has its whole TCP or UDP
 * header (RFC 7112).  A packet that is complete is forgotten, so its id may come again.
 *
 * RFC 791, 8200 4.5, 6946.
 */
#ifndef FRAGMENT_H
#define FRAGMENT_H

#include "hash.h"
#include "parse.h"
#include "tables.h"

enum {
	FRAGMENT_WAYS = 4,
	FRAGMENT_SETS = 4096, /* a power of two: 16 Ki packets at once, 1 MiB */
	/* So long after its first piece a packet is given up: 2 s at HZ 1000, 20 s at HZ 100. */
	FRAGMENT_JIFFIES = 2048,
	FRAGMENT_UNIT = 8,     /* bytes; offsets count in these */
	FRAGMENT_BAD = 0xffff, /* whole: it had an overlap, nothing of it goes on */
	IP_OFFSET = 0x1fff,
	IP_MORE = 0x2000,
	IP6_MORE = 1,
};

/* Of IPv6, as it lies: RFC 8200, 4.5. */
struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset; /* in units, above three bits */
	__be32 id;
};

/* A packet in pieces. */
struct fragment {
	union ip src;
	union ip dst;
	__be32 id;
	__be16 sport;
	__be16 dport;
	__u64 jiffies; /* when the first piece came; 0: a free entry */
	__u16 backend;
	__u8 proto;
	__u8 generation; /* of backend */
	__u16 whole;	 /* units from the start without a gap */
	__u16 from, to;	 /* units beyond a gap; to 0: none */
	__u16 total;	 /* 0: the last piece has not come */
	__u8 pad[4];
};

struct fragment_set {
	struct bpf_spin_lock lock;
	__u32 pad;
	struct fragment way[FRAGMENT_WAYS];
};

_Static_assert(sizeof(struct fragment) == 64, "a cache line");

/* Of no interest to the daemon: a new program may begin with an empty one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAGMENT_SETS);
	__type(key, __u32);
	__type(value, struct fragment_set);
} fragments SEC(".maps");

/* One piece, as its header has it. */
struct piece {
	__u32 from, to; /* units; the last is counted as full */
	__u32 left;	/* bytes of it */
	__be32 id;
	__u32 proto;
	bool more;
};

/* Leaves the cursor behind the headers of IP. */
static __always_inline enum outcome piece_read(struct cursor *c, const struct packet *p,
					       struct piece *f)
{
	const struct fragment_header *h;
	const struct iphdr *ip;

	f->proto = p->proto;
	if (!p->ipv6) {
		ip = take(c, sizeof(*ip));
		if (!ip)
			return OUT_INTERNAL;
		f->id = ip->id;
		f->from = bpf_ntohs(ip->frag_off) & IP_OFFSET;
		f->more = ip->frag_off & bpf_htons(IP_MORE);
		f->left = p->length - sizeof(*ip);
	} else {
		if (!take(c, sizeof(struct ipv6hdr)))
			return OUT_INTERNAL;
		h = take(c, sizeof(*h));
		if (!h || p->length < sizeof(struct ipv6hdr) + sizeof(*h))
			return OUT_TRUNCATED;
		f->id = h->id;
		f->from = bpf_ntohs(h->offset) >> 3;
		f->more = h->offset & bpf_htons(IP6_MORE);
		f->left = p->length - sizeof(struct ipv6hdr) - sizeof(*h);
		f->proto = h->next;
	}
	f->to = f->from + (f->left + FRAGMENT_UNIT - 1) / FRAGMENT_UNIT;
	if (p->l3 + p->length > p->frame || !f->left || (f->more && f->left % FRAGMENT_UNIT) ||
	    f->from * FRAGMENT_UNIT + f->left > 0xffff)
		return OUT_MALFORMED;
	return f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP ? OUT_STEERED : OUT_FRAGMENT;
}

/* The ports of a first piece, which must hold all of its header. */
static __always_inline enum outcome piece_ports(struct cursor *c, struct packet *p, __u32 left)
{
	enum outcome o;

	if (p->proto == IPPROTO_TCP) {
		o = parse_tcp(c, p, left);
	} else {
		const struct udphdr *udp = take(c, sizeof(*udp));

		o = !udp || left < sizeof(*udp) ? OUT_TRUNCATED : OUT_STEERED;
		if (o == OUT_STEERED && bpf_ntohs(udp->len) < sizeof(*udp))
			o = OUT_MALFORMED;
		if (o == OUT_STEERED) {
			p->sport = udp->source;
			p->dport = udp->dest;
			p->opens = MAY_OPEN;
		}
	}
	return o == OUT_STEERED ? o : OUT_FRAGMENT_TINY;
}

static __always_inline struct fragment_set *fragments_of(const struct packet *p, __be32 id)
{
	const struct settings *set;
	__u32 key = 0, at;
	__u64 hash;

	set = bpf_map_lookup_elem(&settings, &key);
	if (!set)
		return NULL;
	/* The id is for anybody to choose, so it goes where the key is. */
	hash = flow_hash_to(set, p->dst.half[1], p->src.half[0] ^ ((__u64)id << 32 | p->proto),
			    p->src.half[1], 0);
	at = hash >> 32 & (FRAGMENT_SETS - 1);
	return bpf_map_lookup_elem(&fragments, &at);
}

static __always_inline bool fragment_is(const struct fragment *f, const struct packet *p, __be32 id)
{
	return f->id == id && f->proto == p->proto && f->src.half[0] == p->src.half[0] &&
	       f->src.half[1] == p->src.half[1] && f->dst.half[0] == p->dst.half[0] &&
	       f->dst.half[1] == p->dst.half[1];
}

static __always_inline bool fragment_lives(const struct fragment *f, __u64 now)
{
	return f->jiffies && now - f->jiffies < FRAGMENT_JIFFIES;
}

/* Adds a piece to what has come of a packet. */
static __always_inline enum outcome fragment_add(struct fragment *f, const struct piece *a)
{
	enum outcome o = OUT_STEERED;

	if (a->from < f->whole || (f->to && a->from < f->to && a->to > f->from) ||
	    (f->total && (a->to > f->total || !a->more)) || (!a->more && f->to > a->to)) {
		f->whole = FRAGMENT_BAD;
		return OUT_FRAGMENT_OVERLAP;
	}
	if (a->from == f->whole) {
		f->whole = a->to;
		if (f->to && f->whole == f->from) {
			f->whole = f->to;
			f->to = 0;
		}
	} else if (!f->to) {
		f->from = a->from;
		f->to = a->to;
	} else if (a->from == f->to) {
		f->to = a->to;
	} else if (a->to == f->from) {
		f->from = a->from;
	} else {
		return OUT_FRAGMENT_FULL; /* a second gap */
	}
	if (!a->more)
		f->total = a->to;
	if (f->total && f->whole == f->total)
		f->jiffies = 0;
	return o;
}

/*
 * Reads a piece of a packet.  OUT_STEERED: p's ports are known and, unless it is the first, its
 * backend.
 */
__noinline int fragment_read(struct hook_context *ctx, struct packet *p)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	struct fragment_set *set;
	struct piece a = {};
	enum outcome o;
	__u32 key, generation;
	const struct backend *b;
	__u64 now = bpf_jiffies64();

	if (!p)
		return OUT_INTERNAL; /* the verifier does not see who calls */
	c.pos += l3_offset(p);
	o = piece_read(&c, p, &a);
	if (o != OUT_STEERED)
		return o;
	p->proto = a.proto;
	if (!a.from) {
		/* One that is all there is needs no memory: RFC 6946. */
		p->part = a.more ? PART_FIRST : PART_WHOLE;
		return piece_ports(&c, p, a.left);
	}
	set = fragments_of(p, a.id);
	if (!set)
		return OUT_INTERNAL;
	o = OUT_FRAGMENT_UNKNOWN;
	p->part = PART_LATER;
	generation = 0;
	bpf_spin_lock(&set->lock);
#pragma unroll
	for (int i = 0; i < FRAGMENT_WAYS; i++) {
		struct fragment *f = &set->way[i];

		if (o != OUT_FRAGMENT_UNKNOWN || !fragment_is(f, p, a.id) ||
		    !fragment_lives(f, now))
			continue;
		p->sport = f->sport;
		p->dport = f->dport;
		p->backend = f->backend;
		generation = f->generation;
		o = fragment_add(f, &a);
	}
	bpf_spin_unlock(&set->lock);
	if (o != OUT_STEERED)
		return o;
	key = p->backend;
	b = bpf_map_lookup_elem(&backends, &key);
	return b && b->generation == generation ? OUT_STEERED : OUT_FRAGMENT_UNKNOWN;
}

/* Remembers who got a first piece: OUT_STEERED, or why it must not go on. */
__noinline int fragment_remember(struct hook_context *ctx, struct packet *p, __u32 backend)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	enum outcome o = OUT_FRAGMENT_FULL;
	const struct backend *b;
	struct fragment_set *set;
	struct piece a = {};
	__u64 now = bpf_jiffies64();
	__u32 free = FRAGMENT_WAYS, generation;
	struct fragment *f;

	if (!p)
		return OUT_INTERNAL;
	c.pos += l3_offset(p);
	b = bpf_map_lookup_elem(&backends, &backend);
	if (!b || piece_read(&c, p, &a) == OUT_INTERNAL)
		return OUT_INTERNAL;
	generation = b->generation;
	set = fragments_of(p, a.id);
	if (!set)
		return OUT_INTERNAL;
	bpf_spin_lock(&set->lock);
#pragma unroll
	for (int i = 0; i < FRAGMENT_WAYS; i++) {
		f = &set->way[i];
		if (!fragment_lives(f, now)) {
			free = i;
		} else if (fragment_is(f, p, a.id)) {
			f->whole = FRAGMENT_BAD;
			o = OUT_FRAGMENT_OVERLAP;
		}
	}
	if (o == OUT_FRAGMENT_FULL && free < FRAGMENT_WAYS) {
		f = &set->way[free];
		f->src = p->src;
		f->dst = p->dst;
		f->id = a.id;
		f->sport = p->sport;
		f->dport = p->dport;
		f->jiffies = now;
		f->backend = backend;
		f->proto = p->proto;
		f->generation = generation;
		f->whole = a.to;
		f->from = f->to = f->total = 0;
		o = OUT_STEERED;
	}
	bpf_spin_unlock(&set->lock);
	return o;
}

#endif
