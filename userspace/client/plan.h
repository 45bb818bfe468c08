/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which endpoint is tried next, when to give up, and what is said then.  Pure: no clock, no
 * descriptors.  A transient fault goes on to the next endpoint, a hard one ends the attempt.
 */
#ifndef CLIENT_PLAN_H
#define CLIENT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "base/messages.h"
#include "client/options.h"
#include "verifier/reason.h"

enum step { STEP_CONNECT, STEP_TLS, STEP_ATTEST, STEP_APPRAISE, STEP_RELEASE, STEPS };

enum fault_kind {
	FAULT_TRANSIENT, /* somebody else may do better */
	FAULT_UNSURE,	 /* neither yes nor no, for want of collateral */
	FAULT_OURS,	 /* nobody's but our own: no memory, no verifier */
	FAULT_HARD,	 /* what it shows is wrong, and that is an answer */
};

struct fault {
	enum step step;
	enum fault_kind kind;
	enum reason reason; /* of an appraisal, or REASON_OK */
	char why[WHY_MAX];
};

enum {
	PLAN_MAX = OPTIONS_ENDPOINTS_MAX,
	PLAN_TEXT_MAX = 2 * WHY_MAX,
};

struct plan {
	enum class class;
	size_t count;
	struct {
		enum { PLAN_DIALLED, PLAN_MEASURED, PLAN_TRIED } state;
		uint64_t us; /* its connect time */
		const char *name;
	} of[PLAN_MAX];
	struct fault fault; /* the one that matters most so far */
	size_t fault_of;
	size_t faults;
};

const char *step_str(enum step s);

/* names outlive the plan.  All are being dialled. */
void plan_init(struct plan *p, enum class class, const char *const names[], size_t count);
void plan_measured(struct plan *p, size_t i, uint64_t us);
/* It is being dialled once more. */
void plan_redialled(struct plan *p, size_t i);
/* The cheapest that is measured and untried, which is tried from now on; or -1. */
int plan_next(struct plan *p);
/* Whether somebody is being dialled yet. */
bool plan_waits(const struct plan *p);
/* False when that was the end of it. */
bool plan_failed(struct plan *p, size_t i, const struct fault *f);

/* What the attempt comes to when nobody has served: the exit status, and the words. */
enum verdict plan_verdict(const struct plan *p);
const char *plan_text(const struct plan *p, char out[PLAN_TEXT_MAX]);
/* The sentence that a fault of this kind is reported under. */
const char *plan_headline(enum class class, const struct fault *f);

#endif
