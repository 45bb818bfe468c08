// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/objections.h"

#include <stdlib.h>
#include <string.h>

#include "verifier/policy_rules.h"

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

static void list_all(const struct policy *policy, struct evidence *e, struct claims *out)
{
	struct objections *all = e->objections;
	enum reason reason;

	all->count = 0;
	reason = appraise(policy, e, out);
	out->objections = all;
	if (reason && all->count < OBJECTIONS_MAX)
		objections_add(out, reason);
	else if (reason)
		all->list[0].reason = reason;
	out->objections = NULL;
}

/* A list that is not at hand says nothing against the evidence: what does, comes behind it. */
static void look_past_list(const struct policy *policy, struct evidence *e, struct claims *out)
{
	struct objections *all = e->objections;
	const struct objection missing = all->list[0];
	struct policy *lenient = malloc(sizeof(*lenient));

	if (!lenient)
		return;
	*lenient = *policy;
	lenient->snp.crl = lenient->tdx.crl = CRL_GIVEN;
	e->cache = NULL;
	claims_free(out);
	list_all(lenient, e, out);
	free(lenient);
	if (all->count == OBJECTIONS_MAX)
		all->count--;
	memmove(all->list + 1, all->list, all->count++ * sizeof(*all->list));
	all->list[0] = missing;
}

enum reason appraise_all(const struct policy *policy, const struct evidence *evidence,
			 struct objections *all, struct claims *out)
{
	struct evidence e = *evidence;

	e.objections = all;
	list_all(policy, &e, out);
	if (all->count == 1 && all->list[0].reason == REASON_CRL_MISSING)
		look_past_list(policy, &e, out);
	return settle(all, out);
}
