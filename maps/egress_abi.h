/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the program on a guest's way out and the daemon agree on.  The rules are one
 * trie, which is put in the place of the former by one store: a packet is judged by
 * the one or by the other.
 */
#ifndef FAIRLEAD_EGRESS_ABI_H
#define FAIRLEAD_EGRESS_ABI_H

#include "abi.h"

enum {
	EGRESS_WAYS_MAX = 4096,
	EGRESS_WAY_BITS = 32, /* of a key before its address */
	EGRESS_WAY_BITS_MAX = EGRESS_WAY_BITS + 128,
};

/* What a rule lets out. */
enum egress_way {
	EGRESS_WAY_TO = 1,    /* proto to addr, port */
	EGRESS_WAY_FROM,      /* proto from addr, port, which are served here: to anybody */
	EGRESS_WAY_ANSWER,    /* proto from port to addr */
	EGRESS_WAY_NEIGHBOUR, /* neighbour discovery to addr */
	EGRESS_WAY_DHCP,      /* DHCP and DHCPv6, to whoever hears it */
};

/*
 * Key of the trie of rules: everything up to bits is compared.  IPv4 addresses are mapped.  The
 * value is a __u32: of EGRESS_WAY_FROM the largest segment that its SYN-ACKs may ask for, 0 any;
 * else 0.
 */
struct egress_key {
	__u32 bits; /* EGRESS_WAY_BITS and the prefix's length, and 96 more if it is IPv4 */
	__u8 way;   /* enum egress_way */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP; 0 where it does not matter, as port */
	__be16 port;
	struct addr addr;
};

/*
 * Every way a packet can leave the program: key of outcomes.  Append only, name the newcomer in
 * userspace/steering/egress_words.c and give it a row in tests/packet/egress_test.c.
 */
enum egress_outcome {
	EGRESS_PINNED,	   /* let out: to a pinned destination */
	EGRESS_SERVED,	   /* let out: from what is served here */
	EGRESS_ANSWERED,   /* let out: an answer to a peer */
	EGRESS_LINK,	   /* let out: ARP, neighbour discovery, MLD or DHCP, on this link */
	EGRESS_NO_RULES,   /* nobody has said yet what may leave */
	EGRESS_NOT_PINNED, /* TCP or UDP to anywhere else */
	EGRESS_OPENS,	   /* a connection begun from a port that only answers */
	EGRESS_PROTOCOL,   /* neither TCP nor UDP */
	EGRESS_ETHERTYPE,  /* neither IP nor ARP, or under too many tags */
	EGRESS_FRAGMENT,   /* in pieces, of which but one has ports */
	EGRESS_OPTIONS,	   /* IPv4 options or IPv6 extension headers */
	EGRESS_MALFORMED,  /* truncated, or with lengths that contradict each other */
	EGRESS_NOT_LINK,   /* ARP or neighbour discovery of another form, or to elsewhere */
	EGRESS_COUNT	   /* keep last */
};

/* What events tells of a refused packet; sampled, so of some. */
struct egress_event {
	struct addr src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 outcome;	  /* enum egress_outcome */
	__be16 ethertype; /* after the tags that were looked at */
	__u32 length;	  /* of the frame, which may be many segments */
	__u32 ifindex;
};

_Static_assert(sizeof(struct egress_key) == 24, "bits, then what is compared without a gap");
_Static_assert(sizeof(struct egress_event) == 48, "no padding that is not named");

#endif
