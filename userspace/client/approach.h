/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint, from its TCP connection to the point where a byte may be released: TLS, the
 * exchange, the appraisal.  There is one way to success, at the end of it.
 */
#ifndef CLIENT_APPROACH_H
#define CLIENT_APPROACH_H

#include "client/client.h"
#include "client/link.h"
#include "client/plan.h"

struct approach;

/* Where something may be released to, as soon as RESULT is sent. */
struct ready {
	struct link *link;
	const struct endpoint *endpoint;
	enum client_tls_kind kind;
	uint64_t exchange_id;
	struct attested attested;
};

struct approach_ops {
	/* r's link is the callee's. */
	void (*ready)(void *arg, const struct ready *r);
	void (*failed)(void *arg, const struct fault *f);
};

struct approach_order {
	enum client_tls_kind kind;
	const struct endpoint *endpoint;
	uint64_t limit_ms; /* for all of it */
	bool patient;	   /* nobody else is left: ask again where it cannot answer now */
};

/* Takes over fd.  NULL without memory; else one of ops is called later, unless cancelled. */
struct approach *approach_start(struct client *c, const struct approach_order *o, int fd,
				const struct approach_ops *ops, void *arg);
void approach_cancel(struct approach *a); /* takes NULL */
/* How far it has come, for who cannot wait any longer: transient, and why. */
void approach_state(const struct approach *a, struct fault *out);

/* RESULT, and the connection on *fd with nothing of ours before its first byte; or NULL. */
SSL *ready_release(struct ready *r, int *fd);
/* RESULT without anything after it: what it was for needs no connection. */
void ready_acknowledge(struct ready *r);
void ready_drop(struct ready *r);

#endif
