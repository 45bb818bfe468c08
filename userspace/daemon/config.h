/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fairlead.yaml as a struct.  Read whole or not at all: a file with a mistake leaves
 * the caller with what it had.  fairlead.yaml(5) describes the keys.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attester/attester.h"
#include "channel/channel.h"
#include "collateral/collateral.h"
#include "steering/marks.h"
#include "steering/tc.h"
#include "verifier/policy.h"

enum {
	INTERFACES_MAX = 8,
	SERVICES_CONFIG_MAX = 4096,
	BACKENDS_CONFIG_MAX = BACKEND_ID_MASK,
	POLICIES_MAX = 256,
	VERIFIERS_MAX = 64,
	ROUTERS_MAX = 1024,
	EGRESS_ITEMS_MAX = 1024, /* of one list */
	CONFIG_PATH_MAX = 256,
	SERVER_ID_TEXT_MAX = 2 * QUIC_SERVER_BYTES_MAX + 1,

	HEARTBEAT_MS = 10000, /* these are defaults */
	HEARTBEATS_MISSED = 3,
	REAPPRAISE_MS = 300000,
	LEASE_CLASSIFIED_MS = 3600000, /* also the most that may be asked for */
	LEASE_CONFIDENTIAL_MS = 86400000,
	REBUILD_MS = 10000,
	ROUTER_SETTLE_MS = 300000,
	MOVED_PERMILLE = 100,
	HYSTERESIS_PERMILLE = 200,
	SILENCE_MS = 60000, /* twice what a router takes to miss its heartbeats */
	RING_SLOTS = 65537,
	RING_SHARE = 100, /* slots a member at least: within about 2 % of its weight */
};

enum select {
	SELECT_WEIGHTED, /* flows spread in inverse proportion to cost */
	SELECT_CHEAPEST, /* the cheapest backend, the next one as fallback */
};

struct backend_config {
	char name[NAME_MAX_BYTES];
	struct addr addr;	     /* where its flows are sent, and where its agent is dialled */
	uint16_t agent_port;	     /* 0: no agent, so never more than public */
	char node[NAME_MAX_BYTES];   /* whom its certificate must name; default: name */
	char policy[NAME_MAX_BYTES]; /* appraisal policy; "" without an agent */
	char egress[2 * 32 + 1];     /* what its claim egress_digest must be; "": any or none */
	uint32_t server_id;    /* in QUIC's connection ids */
	uint8_t server_bytes;  /* of it; 0: it has none */
	uint16_t check_port; /* TCP health check in want of an agent; 0: none, taken as healthy */
};

/* Which flows of a service are remembered. */
enum track {
	TRACK_DEFAULT, /* not said; never in a finished configuration: moved for TCP, else always */
	TRACK_MOVED,   /* those whose slot of the ring has moved: see steering/settle.h */
	TRACK_ALWAYS,
};

struct service_config {
	char name[NAME_MAX_BYTES];
	struct addr vip;
	uint16_t port;
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP */
	enum class class;
	enum refusal refusal;
	enum on_lapse on_lapse;
	enum forward forward;
	uint64_t mss; /* the largest of a client's SYN; 0: any */
	struct service_marks marks;
	uint8_t quic_offset, quic_length; /* of the server id in a connection id; length 0: none */
	uint64_t new_rate, new_burst; /* new flows: per second, and at once; of each CPU; 0: any */
	enum select select;
	enum track track;
	uint32_t ring_slots; /* a prime */
	uint16_t *backends;  /* indexes into config.backends */
	size_t backends_count;
};

struct router_config {
	char interfaces[INTERFACES_MAX][IF_NAMESIZE];
	size_t interfaces_count;
	char tc[TC_WAYS][INTERFACES_MAX][IF_NAMESIZE]; /* steered behind TC */
	size_t tc_count[TC_WAYS];
	struct addr source4, source6; /* outer source addresses; all zero: not set */
	uint64_t heartbeat_ms;
	uint64_t heartbeats_missed;
	uint64_t reappraise_ms;
	uint64_t lease_ms[CLASS_COUNT]; /* at most the class's limit; public is not a time */
	uint64_t settle_ms; /* a slot's flows may be silent so long after it moved */
	uint64_t rebuild_ms;	      /* rings are rebuilt for a changed cost at most this often */
	uint64_t moved_permille;      /* most slots of a ring that one such rebuild may move */
	uint64_t hysteresis_permille; /* a cost that changed by less is left as it was */
	uint64_t verifiers;	      /* processes; 0: as many as there are CPUs */
	uint64_t services_max, backends_max, flows_max; /* sizes of the maps; 0: the object's own */
	char crl[CONFIG_PATH_MAX]; /* a directory with crl.der of each product, or "" */

	struct service_config *services;
	size_t services_count;
	struct backend_config *backends;
	size_t backends_count;
};

/* One thing that egress names. */
struct egress_item {
	struct addr addr;
	uint8_t bits; /* of the prefix, 96 more if it is IPv4 */
	uint8_t list; /* enum egress_list */
	uint8_t proto;
	uint8_t pad;
	uint16_t port;
	uint16_t pad2;
};

enum egress_list {
	EGRESS_DESTINATIONS, /* clients of this guest reach these */
	EGRESS_RESOLVERS,
	EGRESS_ANSWERS,	   /* who may be answered from a local port */
	EGRESS_NEIGHBOURS, /* on the link, for neighbour discovery */
};

/* What may leave this guest; nothing is confined unless wanted. */
struct egress_config {
	bool wanted, dhcp;
	char interfaces[INTERFACES_MAX][IF_NAMESIZE];
	size_t interfaces_count;
	uint64_t mss; /* the largest that services ask for in SYN-ACKs; 0: any */
	struct egress_item *items; /* of all lists, one after the other */
	size_t count;
};

/* Of the routers that dial our agent; nothing is asked of them unless wanted. */
struct attest_routers_config {
	bool wanted;
	char policy[NAME_MAX_BYTES];
	uint64_t reappraise_ms, lease_ms;
};

struct agent_config {
	struct attest_routers_config attest_routers;
	char interfaces[INTERFACES_MAX][IF_NAMESIZE]; /* of the guard; may be none */
	size_t interfaces_count;
	struct addr *routers; /* whose packets the guard accepts */
	size_t routers_count;
	struct channel_endpoint services[CHANNEL_ENDPOINTS_MAX]; /* VIPs this node serves */
	size_t services_count;
	struct egress_config egress;
};

struct config {
	char node[NAME_MAX_BYTES];
	char pins[CONFIG_PATH_MAX];    /* directory in a bpffs */
	char control[CONFIG_PATH_MAX]; /* path of the control socket */
	char control_group[32];	       /* that may use it too; "" is root alone */
	char user[32];		       /* whom the children become */
	struct channel_config channel; /* identity, metrics, listener: handed to the child as is */
	bool is_router, is_agent;
	struct router_config router;
	struct agent_config agent;
	struct attester_config evidence; /* where it comes from; of the agent and of the router */
	bool router_gives_evidence;
	struct collateral_config collateral;
	struct policy *policies[POLICIES_MAX];
	size_t policies_count;
};

/*
 * Reads path.  The config, which the caller frees; or NULL, with every mistake printed to errors,
 * one a line: "FILE:LINE: PLACE: what was wanted, what was there".
 */
struct config *config_read(const char *path, FILE *errors);
void config_free(struct config *c); /* takes NULL */

/* The same of text in memory; name stands for the file in messages. */
struct config *config_parse(const char *name, const char *text, size_t n, FILE *errors);

/* As YAML with every default spelt out: read again it gives the same.  0 or -errno. */
int config_print(const struct config *c, FILE *to);

const struct policy *config_policy(const struct config *c, const char *name); /* or NULL */
const char *select_str(enum select s);
const char *lapse_str(enum on_lapse o);
const char *forward_str(enum forward f);
bool service_settles(const struct service_config *s);
/* Hexadecimal, or "": it has none. */
const char *server_id_text(const struct backend_config *b, char out[SERVER_ID_TEXT_MAX]);
json_t *marks_json(const struct service_marks *m); /* {strict, dscp, sources}, as in the file */

#endif
