// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/objections.h"

#include <string.h>

void objections_begin(const struct evidence *evidence, struct claims *out)
{
	out->objections = evidence->objections;
}

enum reason objections_add(struct claims *out, enum reason reason)
{
	struct objections *all = out->objections;
	struct objection *o = &all->list[all->count];

	if (all->count == OBJECTIONS_MAX)
		return reason; /* then this one ends it */
	o->reason = reason;
	memcpy(o->detail, out->detail, sizeof(o->detail));
	all->count++;
	out->detail[0] = 0;
	return REASON_OK;
}

/* Whatever else was found, one objection is a refusal. */
static enum reason settle(const struct objections *all, struct claims *out)
{
	if (!all->count)
		return REASON_OK;
	out->class_mask = 0;
	memcpy(out->detail, all->list[0].detail, sizeof(out->detail));
	return all->list[0].reason;
}

enum reason appraise_all(const struct policy *policy, const struct evidence *evidence,
			 struct objections *all, struct claims *out)
{
	struct evidence e = *evidence;
	enum reason reason;

	all->count = 0;
	e.objections = all;
	reason = appraise(policy, &e, out);
	out->objections = all;
	if (reason && all->count < OBJECTIONS_MAX)
		objections_add(out, reason);
	else if (reason)
		all->list[0].reason = reason;
	out->objections = NULL;
	return settle(all, out);
}
