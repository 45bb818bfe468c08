/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What other policies would do to the backends, by the last evidence of each: for
 * `fairlead policy simulate`, and before a reload applies them.  Changes nothing.
 */
#ifndef REHEARSAL_H
#define REHEARSAL_H

#include "daemon/daemon.h"

/*
 * by_node[i], NULL or one of policies[], is what d->nodes[i] would be judged by.  A new object:
 *	attested      backends that have a lease above public now
 *	evicted       [{name, reason, detail}] of those, who would lose all of them
 *	undetermined  [name] of those, about whom it could not be told: they count as kept
 *	classes       {confidential: {before, after}, classified: {before, after}}: backends
 *	dark          [name] of services that somebody serves now and nobody would
 * NULL without memory or processes.
 */
json_t *rehearsal_outlook(struct daemon *d, struct policy *const policies[], size_t count,
			  const struct policy *const by_node[]);

/* Whether the policies of new leave a class to somebody that somebody has now; or why[]. */
bool rehearsal_allows(struct daemon *d, const struct config *new, char why[WHY_MAX]);

/* "policy simulate" of control.h. */
json_t *rehearsal_simulate(struct daemon *d, json_t *args, char error[WHY_MAX], int *code);

/* daemon.c: daemon_reload() that does not ask rehearsal_allows(). */
int daemon_reload_anyway(struct daemon *d, char why[WHY_MAX]);

#endif
