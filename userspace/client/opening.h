/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One verified session, by whichever of the two ways the command line asks for: the service
 * answers for itself, or its agents do first.
 */
#ifndef CLIENT_OPENING_H
#define CLIENT_OPENING_H

#include "client/approach.h"
#include "verifier/reason.h"

struct opening;

struct opening_ops {
	/* r's link is the callee's. */
	void (*ready)(void *arg, const struct ready *r);
	/* In words fit for people, and for an exit status. */
	void (*failed)(void *arg, enum verdict status, const char *text);
};

/* NULL without memory; else one of ops is called, later, unless cancelled. */
struct opening *opening_start(struct client *c, const struct opening_ops *ops, void *arg);
void opening_cancel(struct opening *o); /* takes NULL */

#endif
