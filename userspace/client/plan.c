// SPDX-License-Identifier: BSD-2-Clause
#include "client/plan.h"

#include <stdio.h>
#include <string.h>

const char *step_str(enum step s)
{
	static const char *const names[STEPS] = { "connect", "TLS", "attest", "appraise",
						  "release" };

	return s < STEPS ? names[s] : "unknown";
}

void plan_init(struct plan *p, enum class class, const char *const names[], size_t count)
{
	memset(p, 0, sizeof(*p));
	p->class = class;
	p->count = count < PLAN_MAX ? count : PLAN_MAX;
	for (size_t i = 0; i < p->count; i++)
		p->of[i].name = names[i];
}

void plan_measured(struct plan *p, size_t i, uint64_t us)
{
	if (p->of[i].state != PLAN_DIALLED)
		return;
	p->of[i].state = PLAN_MEASURED;
	p->of[i].us = us;
}

void plan_redialled(struct plan *p, size_t i)
{
	p->of[i].state = PLAN_DIALLED;
}

int plan_next(struct plan *p)
{
	int best = -1;

	for (size_t i = 0; i < p->count; i++)
		if (p->of[i].state == PLAN_MEASURED && (best < 0 || p->of[i].us < p->of[best].us))
			best = i;
	if (best >= 0)
		p->of[best].state = PLAN_TRIED;
	return best;
}

bool plan_waits(const struct plan *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->of[i].state == PLAN_DIALLED)
			return true;
	return false;
}

/* The kinds are in the order of their weight; of two alike the one that came further says more. */
static bool matters_more(const struct fault *a, const struct fault *b)
{
	return a->kind != b->kind ? a->kind > b->kind : a->step >= b->step;
}

bool plan_failed(struct plan *p, size_t i, const struct fault *f)
{
	p->of[i].state = PLAN_TRIED;
	if (!p->faults++ || matters_more(f, &p->fault)) {
		p->fault = *f;
		p->fault_of = i;
	}
	return f->kind < FAULT_OURS;
}

enum verdict plan_verdict(const struct plan *p)
{
	switch (p->faults ? p->fault.kind : FAULT_TRANSIENT) {
	case FAULT_UNSURE:
		return VERDICT_UNDETERMINED;
	case FAULT_OURS:
		return VERDICT_ERROR;
	case FAULT_TRANSIENT:
	case FAULT_HARD:
		break;
	}
	return VERDICT_REFUSED;
}

const char *plan_headline(enum class class, const struct fault *f)
{
	if (f->reason == REASON_MEASUREMENT || f->reason == REASON_RTMR)
		return "TEE code differs from expected policy";
	if (class == CLASS_CLASSIFIED && (f->step == STEP_ATTEST || f->step == STEP_APPRAISE))
		return "Classified task requires fresh attestation";
	return "No verified TEE endpoints available";
}

const char *plan_text(const struct plan *p, char out[PLAN_TEXT_MAX])
{
	const struct fault *f = &p->fault;

	if (!p->faults)
		snprintf(out, PLAN_TEXT_MAX,
			 "No verified TEE endpoints available: none answered "
			 "before the deadline");
	else
		snprintf(out, PLAN_TEXT_MAX, "%s: %s: %s: %s%s%s", plan_headline(p->class, f),
			 p->of[p->fault_of].name, step_str(f->step),
			 f->reason ? reason_str(f->reason) : "", f->reason ? ": " : "", f->why);
	return out;
}
