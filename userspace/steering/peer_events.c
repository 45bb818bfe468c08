// SPDX-License-Identifier: BSD-2-Clause
/*
 * What each event does to a backend.  Leases above public begin and grow in one place,
 * grant_fresh(); all others shorten or end them.
 *
 * Our own failures (no verdict, a verifier that died, no answer in time) never count against
 * the peer: they leave its leases to run on to the end they have.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "steering/lease.h"
#include "steering/peer_step.h"

enum {
	SHIFT_MAX = 16, /* doublings of a wait after which its cap rules anyway */
	JITTER_PERMILLE = 100,
	ATTESTED_MASK = 1 << CLASS_CONFIDENTIAL | 1 << CLASS_CLASSIFIED,
};

static const enum class attested_classes[] = { CLASS_CONFIDENTIAL, CLASS_CLASSIFIED };

uint64_t step_serial(struct peer *p)
{
	if (!++p->serial)
		++p->serial;
	return p->serial;
}

void step_because(struct step *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->text, sizeof(s->text), fmt, ap);
	va_end(ap);
}

void step_note(struct step *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->text, sizeof(s->text), fmt, ap);
	va_end(ap);
	s->noted = true;
}

static const char *why_of(const struct step *s)
{
	return s->e->why && *s->e->why ? s->e->why : "no reason given";
}

static void plan_ask(struct peer *p, uint64_t at)
{
	p->ask_at_ms = least(p->ask_at_ms, at);
}

/* Nothing that is under way, and nothing from before, shall count any more. */
static void forget_evidence(struct peer *p)
{
	p->asked = p->judged = p->cached = (struct peer_evidence){ 0, 0 };
	p->appraisal = 0;
	p->ask_at_ms = p->reappraise_at_ms = NEVER;
}

static void end_attested_leases(struct peer *p)
{
	for (size_t i = 0; i < sizeof(attested_classes) / sizeof(*attested_classes); i++)
		p->until_ms[attested_classes[i]] = 0;
}

static void end_all_leases(struct peer *p)
{
	memset(p->until_ms, 0, sizeof(p->until_ms));
}

/* Doubles with each failure in a row, to reappraise_ms at most, spread by up to a quarter. */
static uint64_t wait_of(const struct step *s, uint64_t first)
{
	uint32_t shift = s->p->failures ? s->p->failures - 1 : 0;
	uint64_t wait = first << (shift < SHIFT_MAX ? shift : SHIFT_MAX);

	wait = least(wait, most(first, s->p->config.reappraise_ms));
	return wait + s->e->random % (wait / 4 + 1);
}

/* Evidence is bound to its session: what a session that ended still owed us is void. */
static void end_session(struct peer *p)
{
	p->asked = (struct peer_evidence){ 0, 0 };
	p->ask_at_ms = NEVER;
	if (p->judged.request == p->cached.request)
		return;
	p->judged = (struct peer_evidence){ 0, 0 };
	p->appraisal = 0;
}

void step_go_down(struct step *s)
{
	struct peer *p = s->p;

	p->up = false;
	p->state = PEER_UNKNOWN;
	end_all_leases(p);
	forget_evidence(p);
}

static void probe(struct step *s, uint64_t at)
{
	struct peer *p = s->p;

	if (!p->config.has_agent || p->hand == PEER_EVICTED)
		return;
	if (p->state == PEER_UNKNOWN || p->state == PEER_REFUSED)
		p->state = PEER_PROBING;
	plan_ask(p, at);
}

/* The peer's fault: evicted at once.  It is asked again, for policy and peers can change. */
static void refuse(struct step *s, const char *why)
{
	struct peer *p = s->p;

	step_note(s, "%s", why);
	p->state = PEER_REFUSED;
	p->failures++;
	end_attested_leases(p);
	forget_evidence(p);
	plan_ask(p, later(s->now, wait_of(s, PEER_REFUSED_RETRY_MS)));
}

void step_could_not(struct step *s, const char *what, const char *why)
{
	struct peer *p = s->p;

	p->failures++;
	step_note(s, "%s: %s", what, why);
	if (p->state == PEER_ATTESTED)
		p->state = PEER_STALE;
	plan_ask(p, later(s->now, wait_of(s, PEER_RETRY_MS)));
}

void step_appraise(struct step *s, struct peer_evidence evidence)
{
	struct peer *p = s->p;

	p->judged = evidence;
	p->appraisal = step_serial(p);
	p->appraisal_ms = s->now;
	s->out->actions |= PEER_APPRAISE;
	s->out->appraise_request = evidence.request;
	s->out->appraisal = p->appraisal;
}

static void send_result(struct step *s, uint64_t request, bool ok)
{
	uint64_t until = most(s->p->until_ms[CLASS_CONFIDENTIAL], s->p->until_ms[CLASS_CLASSIFIED]);

	s->out->actions |= PEER_SEND_RESULT;
	s->out->result_request = request;
	s->out->ok = ok;
	s->out->expires_in_ms = ok && until > s->now ? until - s->now : 0;
}

/*
 * New evidence at 3/4 of a classified lease, at half of a confidential one, both from the moment
 * the last was asked for, and 10 % sooner or later so that a fleet does not ask in step.
 */
static uint64_t renewal_of(const struct peer *p, uint32_t random, uint64_t now)
{
	uint64_t classified = p->until_ms[CLASS_CLASSIFIED];
	uint64_t confidential = p->until_ms[CLASS_CONFIDENTIAL];
	uint64_t wait = UINT64_MAX;

	if (classified && (p->config.classified || !confidential))
		wait = (classified - p->cached.asked_ms) / 4 * 3;
	if (confidential) /* which may be configured to be the shorter */
		wait = least(wait, (confidential - p->cached.asked_ms) / 2);
	wait = wait * (1000 - JITTER_PERMILLE + random % (2 * JITTER_PERMILLE + 1)) / 1000;
	return most(p->cached.asked_ms + wait, now + PEER_RETRY_MS);
}

void step_plan_renewal(struct step *s)
{
	if (s->p->cached.request && has_attested_lease(s->p))
		plan_ask(s->p, renewal_of(s->p, JITTER_PERMILLE, s->now));
}

/* The only place where a lease above public begins or grows. */
static void grant_fresh(struct step *s, const struct lease_grant *g)
{
	struct peer *p = s->p;
	uint64_t until[CLASS_COUNT] = { 0 };
	uint64_t longest = 0;

	if (!p->config.has_agent || !p->connected || !p->up || p->hand == PEER_EVICTED)
		return;
	for (size_t i = 0; i < sizeof(attested_classes) / sizeof(*attested_classes); i++) {
		enum class c = attested_classes[i];

		until[c] = lease_until(c, g, p->config.lease_ms[c], s->now);
		longest = most(longest, until[c]);
	}
	if (!longest) {
		refuse(s, "accepted, but for no class, or its certificate has expired");
		return;
	}
	step_because(s, "%s%s%s for %llu s", until[CLASS_CONFIDENTIAL] ? "confidential" : "",
		     until[CLASS_CONFIDENTIAL] && until[CLASS_CLASSIFIED] ? ", " : "",
		     until[CLASS_CLASSIFIED] ? "classified" : "",
		     (unsigned long long)(longest - s->now) / 1000);
	p->cached = p->judged;
	p->judged = (struct peer_evidence){ 0, 0 };
	p->failures = 0;
	p->state = PEER_ATTESTED;
	p->until_ms[CLASS_CONFIDENTIAL] = until[CLASS_CONFIDENTIAL];
	p->until_ms[CLASS_CLASSIFIED] = until[CLASS_CLASSIFIED];
	p->ask_at_ms = renewal_of(p, s->e->random, s->now);
	p->reappraise_at_ms = later(s->now, p->config.reappraise_ms);
}

/* Evidence appraised again can only take away.  For a class it has come to allow, ask for newer. */
static void confirm_cached(struct step *s, const struct lease_grant *g)
{
	struct peer *p = s->p;
	bool wider = false, shorter = false;

	if (!(g->class_mask & ATTESTED_MASK)) {
		refuse(s, "accepted again, but for no class");
		return;
	}
	for (size_t i = 0; i < sizeof(attested_classes) / sizeof(*attested_classes); i++) {
		enum class c = attested_classes[i];
		uint64_t until = lease_until(c, g, p->config.lease_ms[c], s->now);

		wider |= until && !p->until_ms[c];
		shorter |= until < p->until_ms[c];
		p->until_ms[c] = least(p->until_ms[c], until);
	}
	if (!has_attested_lease(p) && p->state == PEER_ATTESTED) {
		p->state = PEER_STALE;
		step_because(s, "its evidence is good for none of its leases any more");
		plan_ask(p, s->now);
	}
	if (p->state == PEER_ATTESTED)
		p->failures = 0;
	if (shorter)
		step_plan_renewal(s);
	if (wider)
		plan_ask(p, s->now);
}

/* What was accepted stays so: its leases end when they end. */
void step_could_not_confirm(struct step *s, const char *why)
{
	struct peer *p = s->p;

	p->failures++;
	step_note(s, "could not be appraised again: %s", why);
	p->reappraise_at_ms = later(s->now, wait_of(s, PEER_RETRY_MS));
}

static void hear_verdict(struct step *s)
{
	struct peer *p = s->p;
	const struct peer_event *e = s->e;
	struct lease_grant g = { p->judged.asked_ms, e->not_after_ms, e->class_mask };
	struct peer_evidence judged = p->judged;
	bool fresh = judged.request != p->cached.request;

	if (!p->appraisal || e->appraisal != p->appraisal)
		return;
	p->appraisal = 0;
	if (e->verdict == PEER_REJECTED)
		refuse(s, why_of(s));
	else if (e->verdict != PEER_ACCEPTED && fresh)
		step_could_not(s, "could not be appraised", why_of(s));
	else if (e->verdict != PEER_ACCEPTED)
		step_could_not_confirm(s, why_of(s));
	else if (fresh)
		grant_fresh(s, &g);
	else
		confirm_cached(s, &g);
	p->judged = (struct peer_evidence){ 0, 0 };
	if (fresh)
		send_result(s, judged.request, p->cached.request == judged.request);
}

static void hear_connected(struct step *s)
{
	struct peer *p = s->p;

	p->connected = true;
	p->heard_ms = s->now;
	if (!p->config.has_agent)
		return;
	p->up = true;
	end_session(p);
	step_because(s, "connected");
	probe(s, p->asked_last_ms ? most(s->now, later(p->asked_last_ms, PEER_ASK_SPACING_MS))
				  : s->now);
}

static bool is_missing(const struct peer *p, uint32_t missed)
{
	return missed && missed >= p->config.heartbeats_missed;
}

static void hear_disconnected(struct step *s)
{
	struct peer *p = s->p;

	p->connected = false;
	if (!p->config.has_agent)
		return;
	end_session(p);
	step_note(s, "not connected: %s", why_of(s));
	if (p->state == PEER_ATTESTED)
		p->state = PEER_STALE;
	else if (p->state == PEER_PROBING)
		p->state = PEER_UNKNOWN;
	if (p->up && is_missing(p, s->e->missed))
		step_go_down(s);
}

static void hear_beat(struct step *s)
{
	struct peer *p = s->p;

	if (p->config.has_agent && !p->connected)
		return;
	p->heard_ms = s->now;
	if (p->up)
		return;
	p->up = true;
	step_note(s, "up: answers again");
	probe(s, s->now);
}

static void hear_missed(struct step *s)
{
	struct peer *p = s->p;

	if (!is_watched(p) || !p->up || !is_missing(p, s->e->missed))
		return;
	step_note(s, "down: %u heartbeats missed: %s", s->e->missed, why_of(s));
	step_go_down(s);
}

static void hear_evidence(struct step *s)
{
	struct peer *p = s->p;
	struct peer_evidence evidence = p->asked;

	if (!evidence.request || s->e->request != evidence.request)
		return;
	p->asked = (struct peer_evidence){ 0, 0 };
	step_appraise(s, evidence);
}

static void hear_evidence_failed(struct step *s)
{
	struct peer *p = s->p;
	char why[PEER_WHY_MAX];

	if (!p->asked.request || s->e->request != p->asked.request)
		return;
	p->asked = (struct peer_evidence){ 0, 0 };
	snprintf(why, sizeof(why), "broke the protocol: %s", why_of(s));
	if (s->e->refused)
		refuse(s, why);
	else
		step_could_not(s, "no evidence", why_of(s));
}

static void hear_denied(struct step *s)
{
	char why[PEER_WHY_MAX];

	if (!s->p->config.has_agent || !s->p->connected)
		return;
	snprintf(why, sizeof(why), "refuses our evidence: %s", why_of(s));
	refuse(s, why);
}

static void hear_drain(struct step *s)
{
	if (s->p->hand != PEER_FREE)
		return;
	s->p->hand = PEER_DRAINED;
	step_note(s, "drained by hand");
}

static void hear_evict(struct step *s)
{
	struct peer *p = s->p;

	if (p->hand == PEER_EVICTED)
		return;
	p->hand = PEER_EVICTED;
	p->state = PEER_UNKNOWN;
	end_all_leases(p);
	forget_evidence(p);
	step_note(s, "evicted by hand");
}

/* Also makes a refused one be asked again now, should the operator know better. */
static void hear_admit(struct step *s)
{
	struct peer *p = s->p;

	if (p->hand == PEER_FREE && p->state != PEER_REFUSED)
		return;
	p->hand = PEER_FREE;
	step_note(s, "admitted by hand");
	if (p->connected && p->up && !has_attested_lease(p) && !p->asked.request && !p->appraisal)
		probe(s, s->now);
}

static void hear_policy_changed(struct step *s)
{
	struct peer *p = s->p;

	bool is_cached = p->appraisal && p->judged.request == p->cached.request;

	if (p->appraisal) /* the verdict on its way is of the old policy */
		step_appraise(s, p->judged);
	if (is_cached)
		return;
	step_because(s, "%s", s->e->why ? s->e->why : "policy changed");
	if (p->cached.request && has_attested_lease(p))
		p->reappraise_at_ms = s->now;
	else if (!p->asked.request && !p->appraisal && p->connected && p->up)
		probe(s, s->now);
}

static void hear_resumed(struct step *s)
{
	step_go_down(s);
	step_note(s, "all leases ended: this machine was suspended");
	s->out->actions |= PEER_WRITE_LEASES;
}

static void hear_nothing(struct step *s)
{
	(void)s;
}

static void (*const hear[])(struct step *s) = {
	[PEER_CONNECTED] = hear_connected, [PEER_DISCONNECTED] = hear_disconnected,
	[PEER_BEAT] = hear_beat,	   [PEER_BEAT_MISSED] = hear_missed,
	[PEER_EVIDENCE] = hear_evidence,   [PEER_EVIDENCE_FAILED] = hear_evidence_failed,
	[PEER_VERDICT] = hear_verdict,	   [PEER_TICK] = hear_nothing,
	[PEER_DRAIN] = hear_drain,	   [PEER_EVICT] = hear_evict,
	[PEER_ADMIT] = hear_admit,	   [PEER_POLICY_CHANGED] = hear_policy_changed,
	[PEER_DENIED] = hear_denied,	   [PEER_RESUMED] = hear_resumed,
};

void step_hear(struct step *s)
{
	if (s->e->type < sizeof(hear) / sizeof(*hear))
		hear[s->e->type](s);
}
