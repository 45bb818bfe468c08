/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel programs and the daemon agree on, and nothing else.
 *
 * Every table of the packet path is an ARRAY that the daemon maps into its own
 * memory, so a change is a plain store which the next packet sees.  Fields typed
 * __be16/__be32 are as on the wire, all others are host order.  Padding is named
 * and always zero.  Any change of a struct, an enum or a hash raises ABI_VERSION.
 */
#ifndef FAIRLEAD_ABI_H
#define FAIRLEAD_ABI_H

#include <linux/types.h>

enum {
	ABI_VERSION = 3,

	/* Defaults of the object; a daemon may ask for others before it loads it. */
	SERVICE_BUCKETS = 512,	 /* per half; a power of two */
	SERVICES_MAX = 512,	 /* ids, so a load of at most a quarter */
	BACKENDS_MAX = 4096,	 /* id 0 is nobody; at most BACKEND_ID_MASK + 1 */
	RING_SLOTS_MAX = 4194304, /* all rings together: 64 of 65537; 16 MiB, touched as used */
	FLOW_SETS = 131072,	 /* a power of two; one cache line each: 1 M flows, 8 MiB */
	FLOW_SETS_FIRST = 16384, /* so many of them are in use at first; see flow_set_of() */

	RING_BLOCK = 2,	     /* slots of one value of rings */
	SERVICE_SLOTS = 4,   /* of one bucket; see service_bucket() in hash.h */
	SERVICE_PROBES = 2,  /* buckets looked at before a packet is not ours */
	FLOW_WAYS = 8,	     /* entries of one set */
	PEERS_MAX = 1024,    /* routers a guard accepts from */
	GUARD_VIPS_MAX = 1024,
};

/* An address of either family; IPv4 is stored as ::ffff:a.b.c.d. */
struct addr {
	__be32 w[4];
};

/* What may be done with a flow.  Any other value is denied. */
enum class {
	CLASS_PUBLIC,	    /* any healthy backend */
	CLASS_CONFIDENTIAL, /* an attested one */
	CLASS_CLASSIFIED,   /* one attested within the hour */
	CLASS_COUNT
};

/* What the client hears when no backend may have its packet. */
enum refusal {
	REFUSE_ANSWER, /* TCP RST; ICMP administratively prohibited for the rest */
	REFUSE_DROP,   /* nothing */
};

/* Value of settings: one entry, read for every packet. */
struct settings {
	__u64 hash_key[2];     /* secret: or anyone could aim flows at one set */
	struct addr source6;   /* outer source address of IP6IP6 */
	__be32 source4;	       /* of IPIP, for backends to have it too */
	__u32 abi;	       /* ABI_VERSION once a daemon has filled the maps */
	__u32 services_half;   /* 0 or 1: the half of services that is live */
	__u32 services_mask;   /* buckets of a half - 1 */
	__u32 flows_mask;      /* sets in use - 1 */
	__u32 flows_before;    /* what it was, while some entries may still lie by it; else 0 */
	__u32 pad[2];
};

enum service_kind {
	SERVICE_EMPTY,	 /* ends the search of a bucket */
	SERVICE_PORT,	 /* address, port and protocol: packets we steer */
	SERVICE_ADDRESS, /* the address alone: packets whose ports cannot be read */
};

/* How a packet gets to its backend. */
enum forward {
	FORWARD_ENCAP, /* IPIP, IP6IP6 or one family in the other (RFC 2003, 2473, 4213) */
	FORWARD_GUE,   /* the same in UDP (draft-ietf-intarea-gue): spreads over paths and queues */
	FORWARD_L2,    /* the frame readdressed; the backend is a neighbour */
};

/* What becomes of a known flow when its backend's lease has lapsed. */
enum on_lapse {
	LAPSE_RESTEER, /* to another backend, as if it were new */
	LAPSE_ANSWER,  /* the refusal of new packets, as if there were no other */
	LAPSE_DROP,    /* nothing */
};

enum service_flags {
	SERVICE_SETTLES = 1, /* its ring may have settled slots: look there first */
	SERVICE_SPECIAL = 2, /* wants more than encapsulation: the short path leaves it alone */
	SERVICE_STRICT = 4,  /* an unknown mark is refused */
	SERVICE_QUIC = 8,    /* connection ids before addresses */
	SERVICE_MARKS = 16,  /* marks may raise a flow's class */
	SERVICE_SOURCES = 32, /* and some of them are prefixes of sources */
	SERVICE_GUE = 64, /* forward says so; by itself that is not special */
};

/* One slot of services: a cache line. */
struct service {
	struct addr vip;
	__be16 port; /* 0 in a SERVICE_ADDRESS */
	__u8 proto;  /* IPPROTO_TCP or IPPROTO_UDP; 0 in a SERVICE_ADDRESS */
	__u8 kind;   /* enum service_kind */
	__u16 id;    /* index of service_stats */
	__u8 class;  /* enum class */
	__u8 refusal; /* enum refusal */
	union {	     /* one 8-byte store moves the service to another ring */
		struct {
			__u32 ring;	  /* its first slot in rings */
			__u32 ring_slots; /* 0: no ring yet, so nobody may serve */
		};
		__u64 ring_ref;
	};
	__u16 flags;	   /* enum service_flags */
	__u8 forward;	   /* enum forward */
	__u8 on_lapse;	   /* enum on_lapse */
	__u16 mss;	   /* TCP's is made this at most; 0: let be */
	__u8 quic_offset;  /* of the server id in a connection id, in bytes */
	__u8 quic_length;  /* of it; 1 to 4 bytes */
	__u32 new_rate;	   /* new flows per second and CPU; 0: any number */
	__u32 new_burst;   /* and how many at once */
	__u32 pad[4];
};

/* Value of services: buckets of half 0, then those of half 1. */
struct service_bucket {
	struct service slot[SERVICE_SLOTS];
};

/*
 * One slot of a ring: backend ids, 0 is nobody, with flags above them.
 *
 * SLOT_SETTLED: every flow of the slot is the primary's, so none needs to be remembered.
 * The daemon says so; a program that has to send one elsewhere takes it back.
 * SLOT_MOVED: its flows were another's, who is the fallback now.  A TCP packet without
 * SYN of a flow that is not remembered is of a time before, and goes there.
 * SLOT_YOUNG: it moved, or had a flow that is not the primary's, since the daemon last
 * looked.  A slot that is old when the daemon looks again is settled.
 */
struct ring_slot {
	__u16 primary;	/* SLOT_SETTLED, SLOT_MOVED */
	__u16 fallback; /* SLOT_YOUNG */
} __attribute__((aligned(4))); /* the daemon changes it as one word */

#define SLOT_SETTLED 0x8000u
#define SLOT_MOVED 0x4000u
#define SLOT_YOUNG 0x8000u
#define BACKEND_ID_MASK 0x3fffu

/*
 * Value of rings.  The kernel rounds values up to 8 bytes, so single slots would lie twice as
 * far apart in the daemon's memory as they should; blocks make them one row of slots.
 */
struct ring_block {
	struct ring_slot slot[RING_BLOCK];
};

enum backend_flags {
	BACKEND_DRAINED = 1, /* keeps its flows and gets no new ones */
	BACKEND_EVICTED = 2, /* by hand; for the next daemon to know, the kernel sees no lease */
	BACKEND_ROUTED = 4,  /* mac is a gateway's: what is not encapsulated would not arrive */
};

/*
 * Value of backends, one cache line, laid out as the packet path copies it.  To (re)use an
 * id: leases to zero, then the fields with a new generation, then the leases.
 */
struct backend {
	__u64 until[CLASS_COUNT]; /* jiffies64; from then on the kernel refuses.  0: never */
	__u8 mac[6];		  /* of the next hop */
	__u8 source_mac[6];	  /* of ifindex */
	__be16 ethertype;	  /* of an outer header: ETH_P_IP or ETH_P_IPV6 */
	__u16 mtu;		  /* of the way to it; 0: there is none, nothing fits */
	__u32 ifindex;		  /* way out */
	__u8 generation;	  /* a flow remembered under another one is forgotten */
	__u8 flags;		  /* enum backend_flags */
	__u16 id;		  /* its own */
	union {
		struct addr addr; /* outer destination, IPv6 */
		struct {
			__be32 zero[2];
			__be32 source4; /* outer source, and */
			__be32 addr4;	/* destination, if ethertype is ETH_P_IP */
		};
	};
};

/*
 * Value of flows: one cache line.  An entry is read and written whole; its bits
 * are flow_entry() and friends in hash.h.
 */
struct flow_set {
	__u64 entry[FLOW_WAYS];
};

enum {
	DSCPS = 64,
	SOURCES_MAX = 65536,		  /* prefixes of all services together */
	SOURCE_BITS_MAX = 8 * (4 + 16), /* of service and src */
	MARK_UNKNOWN = 0xff,		  /* no class: packets with it are refused */
};

/* Value of marks, by service id: what class each DSCP raises to; CLASS_PUBLIC raises none. */
struct marks {
	__u8 dscp[DSCPS];
};

/* Key of sources; the value is an enum class. */
struct source_key {
	__u32 bits; /* that count: 32 and the prefix's length, and 96 more if it is IPv4 */
	__u32 service;
	struct addr src;
};

enum {
	QUIC_SERVERS_MAX = 32768, /* of all services together: a quarter of the slots */
	QUIC_BUCKETS = 32768,	  /* a power of two; 2 MiB */
	QUIC_SLOTS = 4,		  /* of one bucket; see quic_bucket_of() in hash.h */
	QUIC_PROBES = 8,	  /* buckets that a server id may be in, one after the other */
	QUIC_SERVER_BYTES_MAX = 4,
};

/* The second word is written before the first, and read after it. */
struct quic_server {
	__u64 key; /* quic_key_of(); 0: free */
	__u16 backend;
	__u8 generation; /* of backend: under another one the slot is nobody's */
	__u8 pad[5];
};

/* Value of quic_servers: one cache line. */
struct quic_bucket {
	struct quic_server slot[QUIC_SLOTS];
};

/* Value of outcomes. */
struct counter {
	__u64 packets;
	__u64 bytes; /* of the packet as it came */
};

/* Value of service_stats and backend_stats: what was forwarded. */
struct traffic {
	__u64 packets;
	__u64 bytes;
	__u64 new_flows;
	__u64 pad;
};

/* What clock_sample() answers: jiffies64 stood between the two while the rest was read. */
struct clock_reading {
	__u64 jiffies;
	__u64 jiffies_after;
	__u64 boot_ns; /* CLOCK_BOOTTIME */
	__u64 mono_ns; /* CLOCK_MONOTONIC */
};

/* What events tells of a refused packet; sampled, so of some. */
struct event {
	__u64 jiffies;
	struct addr src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 outcome;  /* enum outcome */
	__u16 service; /* its id; 0xffff: none */
	__u16 backend; /* its id; 0: none */
	__u16 length;  /* of the frame */
	__u32 ifindex; /* it came in by */
};

/*
 * Every way a packet can leave our programs: key of outcomes, one counter each.
 * Append only, name the newcomer in userspace/base/outcome.c and give it a row
 * in tests/packet.  What is forwarded is counted in service_stats and
 * backend_stats alone (one line less per packet): OUT_STEERED of outcomes stays
 * zero in the map and userspace sums service_stats for it.
 */
enum outcome {
	OUT_STEERED,
	OUT_NOT_OURS,	     /* no such service: passed untouched */
	OUT_TRUNCATED,	     /* to a VIP, but ends inside its headers */
	OUT_MALFORMED,	     /* to a VIP, with lengths that contradict each other */
	OUT_IP_OPTIONS,	     /* to a VIP, with IPv4 options or IPv6 extension headers */
	OUT_FRAGMENT,	     /* to a VIP, in pieces that have no ports */
	OUT_CLASS_UNKNOWN,   /* the service has a class that we do not know */
	OUT_NO_BACKEND,	     /* no ring, or an empty slot */
	OUT_LEASE_LAPSED,    /* candidates there are, none with a live lease */
	OUT_NO_NEXT_HOP,     /* the chosen backend's neighbour is not resolved */
	OUT_TOO_BIG,	     /* would not fit its length field once encapsulated */
	OUT_NO_HEADROOM,     /* the driver left no room for the outer header */
	OUT_INTERNAL,	     /* a map is missing or misshapen: must stay 0 */
	OUT_DECAPSULATED,    /* guard: from a known router, handed to the host */
	OUT_PEER_UNKNOWN,    /* guard: encapsulated by somebody else */
	OUT_NOT_ENCAPSULATED, /* guard: to a VIP, past the router */
	OUT_NOT_A_VIP,	     /* guard: encapsulated, to an address that is none of ours */
	OUT_ECHOED,	     /* an echo request, answered by us */
	OUT_ECHO_LIMITED,    /* another, of too many, or of nobody that could be answered */
	OUT_ICMP_UNRELATED,  /* an ICMP error to a VIP that quotes nothing it has sent */
	OUT_FRAGMENT_UNKNOWN, /* a later fragment whose first has not come, or long ago */
	OUT_FRAGMENT_FULL,   /* no room to remember which fragments have come */
	OUT_FRAGMENT_TINY,   /* a first fragment without all of its TCP or UDP header */
	OUT_FRAGMENT_OVERLAP, /* a fragment of what has come already, or beyond the last */
	OUT_RATE_LIMITED,    /* a new flow, of more than the service takes */
	OUT_MARK_UNKNOWN,    /* a DSCP or source that a strict service does not know */
	OUT_COUNT	     /* keep last */
};

_Static_assert(sizeof(struct settings) == 64, "one cache line, read per packet");
_Static_assert(sizeof(struct service) == 64, "one cache line");
_Static_assert(BACKENDS_MAX <= BACKEND_ID_MASK + 1, "flags stand above ids");
_Static_assert(sizeof(struct backend) == 64, "one cache line");
_Static_assert(sizeof(struct flow_set) == 64, "one cache line");
_Static_assert(sizeof(struct quic_bucket) == 64, "one cache line");
_Static_assert(sizeof(struct ring_slot) == 4, "a ring of 65537 fits 257 KiB");
_Static_assert(sizeof(struct ring_block) % 8 == 0, "blocks without gaps between them");
_Static_assert(sizeof(struct traffic) == 32, "two to a cache line");
_Static_assert(sizeof(struct event) == 56, "no padding that is not named");

#endif
