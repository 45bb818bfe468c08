/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The highest tcbEvaluationDataNumber that appraisals have rested on, for each of Intel's signed
 * documents.  Intel goes on signing older evaluations for a while, so a newer date alone does not
 * keep somebody on the way from taking a platform's known faults back.
 *
 *	fairlead-floors 1
 *	NAME NUMBER	a line for each
 */
#ifndef COLLATERAL_FLOOR_H
#define COLLATERAL_FLOOR_H

#include "collateral/collateral.h"

enum {
	FLOORS_MAX = 256, /* platform lines of a fleet, and the quoting enclave's */
	FLOORS_TEXT_MAX = FLOORS_MAX * (WANT_TEXT_MAX + 16) + 32,
};

struct floors {
	struct {
		struct want want;
		uint64_t number;
	} list[FLOORS_MAX];
	size_t count;
};

/* 0: none. */
uint64_t floor_of(const struct floors *f, const struct want *w);
/* True: it is higher than before, or the first; false also when there is no room for one more. */
bool floor_raise(struct floors *f, const struct want *w, uint64_t number);

/* Reads the text of a file; false when it is not all of that kind: what could be read is kept. */
bool floors_read(struct floors *f, struct bytes in);
size_t floors_print(const struct floors *f, char out[FLOORS_TEXT_MAX]);

#endif
