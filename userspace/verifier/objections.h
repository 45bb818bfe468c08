/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that a policy has against a piece of evidence, where appraise() stops at the first: for
 * people who want to know what to change.  What is wrong with the evidence itself still ends it:
 * nothing behind that could be believed.
 */
#ifndef OBJECTIONS_H
#define OBJECTIONS_H

#include "verifier/appraise.h"

enum {
	OBJECTIONS_MAX = 32, /* there are fewer rules */
};

struct objection {
	enum reason reason;
	char detail[WHY_MAX];
};

struct objections {
	struct objection list[OBJECTIONS_MAX];
	size_t count;
};

/* Like appraise(): its verdict is the first of *all, which is empty when all is well. */
enum reason appraise_all(const struct policy *policy, const struct evidence *evidence,
			 struct objections *all, struct claims *out);

/* For a platform: from here on it is policy that speaks, and refuse() only takes down. */
void objections_begin(const struct evidence *evidence, struct claims *out);
/* For refuse(): takes down what out->detail says.  REASON_OK, so that judging goes on. */
enum reason objections_add(struct claims *out, enum reason reason);

#endif
