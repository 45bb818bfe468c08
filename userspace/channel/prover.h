/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving evidence in a session: an ATTEST becomes claims, a report that our attester made over
 * this very session, and EVIDENCE; one at a time.  An agent answers its routers by it, and a
 * router the agents that want to know whom they serve.
 */
#ifndef CHANNEL_PROVER_H
#define CHANNEL_PROVER_H

#include "base/addr.h"
#include "channel/host.h"

enum {
	PROVER_WHO_MAX = NAME_MAX_BYTES + ENDPOINT_TEXT_MAX + 8,
};

struct prover;

struct prover_ops {
	const char *role; /* ours, in claims and in the binding */
	bool router;	  /* whose evidence is of router_tee */
	/* Adds to node, role, version, boot and counter: the endpoints first of all. */
	void (*claim)(void *arg, struct wire_claims *c);
	/* The peer as the log has it. */
	const char *(*who)(void *arg, char out[PROVER_WHO_MAX]);
	/* It does not read what it is sent: the last call. */
	void (*deaf)(void *arg);
};

/* Those of this process; exchanges with our parent are numbered over all of them. */
struct provers;
struct provers *provers_new(void);    /* NULL without memory */
void provers_free(struct provers *p); /* takes NULL; all of them are gone */
/* MSG_QUOTE; false when it is none. */
bool provers_receive(struct provers *p, const struct ipc_message *m);

/* For one session; NULL without memory. */
struct prover *prover_new(const struct channel_host *host, struct session *session,
			  const struct prover_ops *ops, void *arg);
void prover_free(struct prover *p); /* takes NULL */
bool prover_is_busy(const struct prover *p);

/* asker: the role that it has said it has.  false and why[]: the peer is refused. */
bool prover_attest(struct prover *p, const struct wire_attest *m, const char *asker,
		   struct bytes raw, char why[WHY_MAX]);
bool prover_result(struct prover *p, const struct wire_result *m, char why[WHY_MAX]);

#endif
