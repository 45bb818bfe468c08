/* SPDX-License-Identifier: BSD-2-Clause */
/* Which collateral would tell more about evidence that was just appraised. */
#ifndef WANTS_H
#define WANTS_H

#include "base/want.h"
#include "verifier/appraise.h"

/*
 * What evidence is judged by and did not bring along, or brought wrong, into out: how many.
 * By the word of evidence that may not be genuine: good for asking a vendor, and for no more.
 */
size_t evidence_wants(const struct policy *policy, const struct evidence *e, enum reason reason,
		      const struct claims *c, struct want out[EVIDENCE_WANTS_MAX]);

#endif
