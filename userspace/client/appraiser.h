/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evidence is judged by children that have nothing but one socket (verifier/process.h).  All of
 * them are made before anybody is spoken to; when one dies or is stuck over what it reads, that
 * appraisal fails and the next child goes on.
 */
#ifndef CLIENT_APPRAISER_H
#define CLIENT_APPRAISER_H

#include <event2/event.h>

#include "base/messages.h"
#include "verifier/policy.h"

struct appraiser;
struct appraisal;

/* v and what it points to last for the call. */
typedef void (*appraised)(void *arg, const struct msg_verdict *v);

/* Forks the children, which get limit_ms for each; the policy is copied by that.  0 or -errno. */
int appraiser_new(struct event_base *base, struct policy *policy, uint32_t limit_ms,
		  struct appraiser **out);
void appraiser_free(struct appraiser *a); /* takes NULL */

/* Calls done later, once, unless cancelled.  NULL without memory, or when m is too long. */
struct appraisal *appraiser_ask(struct appraiser *a, const struct msg_appraise *m, appraised done,
				void *arg);
void appraisal_cancel(struct appraisal *p); /* takes NULL */

#endif
