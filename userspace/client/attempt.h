/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a list of endpoints to one that has proved itself, or to why there is none.  All are
 * dialled at once; the first to answer is the cheapest, and the others are for when it fails.
 */
#ifndef CLIENT_ATTEMPT_H
#define CLIENT_ATTEMPT_H

#include "client/approach.h"

struct attempt;

struct attempt_ops {
	/* r's link is the callee's. */
	void (*ready)(void *arg, const struct ready *r);
	void (*failed)(void *arg, const struct plan *p);
};

/*
 * list outlives it.  NULL without memory; else one of ops is called later, unless cancelled:
 * the attempt is gone then.
 */
struct attempt *attempt_start(struct client *c, enum client_tls_kind kind,
			      const struct endpoint list[], size_t count, uint64_t limit_ms,
			      const struct attempt_ops *ops, void *arg);
void attempt_cancel(struct attempt *t); /* takes NULL */

#endif
