/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verifier process beside those that decide, to be asked what would be under other policies.  It
 * is as confined as they are; the caller waits for each answer, within a limit.
 */
#ifndef REHEARSE_H
#define REHEARSE_H

#include "base/messages.h"
#include "verifier/policy.h"

struct rehearsal;

/* NULL without memory or processes.  policies[] must live as long. */
struct rehearsal *rehearsal_begin(struct policy *const policies[], size_t count);
/*
 * 0 and *out, which points into the rehearsal until the next question; or -errno: -ETIMEDOUT,
 * -EPIPE when it died over it.  Either way the next question is put to a new process.
 */
int rehearsal_ask(struct rehearsal *r, const struct msg_appraise *m, int limit_ms,
		  struct msg_verdict *out);
void rehearsal_end(struct rehearsal *r); /* takes NULL */

#endif
