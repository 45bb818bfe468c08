/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration while it is read: what the keys said, and the nodes that said it,
 * so that a mistake found later is still reported with its line.
 *
 *	config.c	 the file, its outermost keys, what is handed out
 *	config_scalar.c	 names, paths, addresses, ports, times
 *	config_router.c	 the keys of router
 *	config_modes.c	 those of a service about forwarding and its flows
 *	config_agent.c	 the keys of agent and identity
 *	config_evidence.c those of agent and router about where evidence comes from
 *	config_egress.c	 those of agent about what may leave the guest
 *	config_collateral.c the keys of collateral
 *	config_check.c	 what can only be judged once all is read
 *	config_print.c	 the way back
 */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include "base/conf.h"
#include "daemon/config.h"

#define CONFIG_COUNT(a) (sizeof(a) / sizeof(*(a)))

struct prefix {
	struct addr addr;
	uint8_t bits; /* 96 more if it is IPv4, as its address is mapped */
};

struct ref {
	char name[NAME_MAX_BYTES];
	const yaml_node_t *node;
};

struct backend_draft {
	struct backend_config config;
	const yaml_node_t *node, *name, *node_name, *agent, *policy, *check, *server_id, *egress;
};

struct service_draft {
	struct service_config config;
	const yaml_node_t *node, *name, *vip, *ring, *backends, *on_lapse, *new_flows, *marks, *quic, *mss;
	struct ref *refs;
	size_t refs_count;
};

struct policy_draft {
	struct policy *policy;
	const yaml_node_t *node;
};

struct draft {
	struct config config;
	const yaml_node_t *root, *identity, *router, *agent;
	const yaml_node_t *services_max, *backends_max, *source, *tc, *guard, *directory, *egress;
	const yaml_node_t *evidence, *attest_policy;
	bool evidence_of_agent; /* what router says of it */
	struct backend_draft *backends;
	size_t backends_count;
	struct service_draft *services;
	size_t services_count;
	struct policy_draft *policies;
	size_t policies_count;
	bool no_memory;
};

/* config_scalar.c: readers for tables of keys.  field is what the name says. */
void read_name(struct conf *y, const yaml_node_t *node, void *field); /* char [NAME_MAX_BYTES] */
void read_user(struct conf *y, const yaml_node_t *node, void *field); /* char [32] */
void read_path(struct conf *y, const yaml_node_t *node, void *field); /* char [CONFIG_PATH_MAX] */
void read_interface(struct conf *y, const yaml_node_t *node, void *field); /* char [IF_NAMESIZE] */
void read_unicast(struct conf *y, const yaml_node_t *node, void *field);   /* struct addr */
void read_port(struct conf *y, const yaml_node_t *node, void *field);	   /* uint16_t */
void read_protocol(struct conf *y, const yaml_node_t *node, void *field);  /* uint8_t */
void read_ms(struct conf *y, const yaml_node_t *node, void *field);	   /* uint64_t */

/* config_evidence.c: likewise, in an attester_config; all of one, and the way back. */
void read_evidence(struct conf *y, const yaml_node_t *node, void *field);
json_t *evidence_json(const struct attester_config *c);
void read_tee(struct conf *y, const yaml_node_t *node, void *field);		/* enum tee */
void read_attester_source(struct conf *y, const yaml_node_t *node, void *field);
void read_vmpl(struct conf *y, const yaml_node_t *node, void *field);		/* unsigned int */

/* A list of interfaces without repetition into names[INTERFACES_MAX]; how many. */
size_t read_interfaces(struct conf *y, const yaml_node_t *node, char names[][IF_NAMESIZE]);

/* config_modes.c: likewise.  field is a struct service_draft, or what the name says. */
void read_on_lapse(struct conf *y, const yaml_node_t *node, void *field);
void read_forward(struct conf *y, const yaml_node_t *node, void *field); /* enum forward */
void read_new_flows(struct conf *y, const yaml_node_t *node, void *field);
void read_mss(struct conf *y, const yaml_node_t *node, void *field);
void read_segment(struct conf *y, const yaml_node_t *node, void *field); /* uint64_t, an MSS */
/* config_marks.c.  bare: an address alone will do; true and *out, or a complaint. */
bool config_prefix(struct conf *y, const yaml_node_t *node, bool bare, struct prefix *out);
void read_marks(struct conf *y, const yaml_node_t *node, void *field);
/* attested: a backend of it has an agent. */
void marks_check(struct conf *y, const struct service_draft *s, bool attested);
/* config_quic.c; field is a struct service_draft, and a struct backend_draft. */
void read_quic(struct conf *y, const yaml_node_t *node, void *field);
void read_server_id(struct conf *y, const yaml_node_t *node, void *field);
void quic_check(struct conf *y, const struct draft *d, const struct service_draft *s);
/* config_egress.c; field is a struct draft. */
void read_egress(struct conf *y, const yaml_node_t *node, void *field);
void egress_check(struct conf *y, const struct draft *d);
/* What these keys and the others of the service do not go together with. */
void modes_check(struct conf *y, const struct service_draft *s);

void router_read(struct conf *y, const yaml_node_t *node, void *draft);
void agent_read(struct conf *y, const yaml_node_t *node, void *draft);
void identity_read(struct conf *y, const yaml_node_t *node, void *draft);
void collateral_read(struct conf *y, const yaml_node_t *node, void *draft);

/* Complaints about what does not fit together; fills the services' indexes of backends. */
void draft_check(struct conf *y, struct draft *d);

#endif
