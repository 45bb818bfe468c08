// SPDX-License-Identifier: BSD-2-Clause
/*
 * A step of a backend's state machine: let time take what it takes, hear the event, give up
 * what took too long, do what is due; then say what changed and when to come back.
 */
#include <stdio.h>
#include <string.h>

#include "base/outcome.h"
#include "steering/lease.h"
#include "steering/peer_step.h"

void peer_init(struct peer *p, const char *name, const struct peer_config *c, uint64_t serial,
	       uint64_t now_ms)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->config = *c;
	p->serial = serial;
	p->heard_ms = now_ms;
	p->ask_at_ms = p->reappraise_at_ms = p->due_ms = NEVER;
}

/* The longest that a lease may still run if nothing but its class and the configuration is known.
 */
static uint64_t longest_until(const struct peer *p, enum class c, uint64_t from_ms)
{
	return later(from_ms, least(lease_limit_ms(c), p->config.lease_ms[c]));
}

void peer_adopt(struct peer *p, const uint64_t until_ms[CLASS_COUNT], uint64_t now_ms)
{
	if (!until_ms[CLASS_PUBLIC])
		return;
	p->up = true;
	p->until_ms[CLASS_PUBLIC] = LEASE_ENDLESS;
	for (int c = CLASS_CONFIDENTIAL; c < CLASS_COUNT && p->config.has_agent; c++)
		if (until_ms[c] > now_ms)
			p->until_ms[c] = least(until_ms[c], longest_until(p, c, now_ms));
	if (has_attested_lease(p))
		p->state = PEER_STALE;
}

static uint64_t silent_until(const struct peer *p)
{
	/* The nth beat missed is noticed up to one interval after it was due. */
	return later(p->heard_ms,
		     (most(p->config.heartbeats_missed, 1) + 1) * p->config.heartbeat_ms);
}

static void lapse(struct step *s)
{
	struct peer *p = s->p;

	for (int c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++) {
		if (!p->until_ms[c] || p->until_ms[c] > s->now)
			continue;
		p->until_ms[c] = 0;
		if (p->state == PEER_ATTESTED)
			p->state = PEER_STALE;
		step_note(s, "%s lease over", class_str(c));
	}
	/* Who came too late to his own timer has not listened: the silence was not the peer's. */
	if (s->now > later(p->due_ms, most(p->config.heartbeat_ms, PEER_LATE_MS)))
		p->heard_ms = s->now;
	if (!is_watched(p) || !p->up || s->now < silent_until(p))
		return;
	step_note(s, "down: silent for %llu s", (unsigned long long)(s->now - p->heard_ms) / 1000);
	step_go_down(s);
}

static void give_up(struct step *s)
{
	struct peer *p = s->p;

	if (p->asked.request && s->now >= later(p->asked.asked_ms, PEER_ANSWER_MS)) {
		p->asked = (struct peer_evidence){ 0, 0 };
		step_could_not(s, "no evidence", "no answer in time");
	}
	if (p->appraisal && s->now >= later(p->appraisal_ms, PEER_ANSWER_MS)) {
		bool fresh = p->judged.request != p->cached.request;

		p->appraisal = 0;
		p->judged = (struct peer_evidence){ 0, 0 };
		if (fresh)
			step_could_not(s, "could not be appraised", "no verdict in time");
		else
			step_could_not_confirm(s, "no verdict in time");
	}
	if (!is_watched(p) && !p->up) {
		p->up = true;
		step_note(s, "up: taken as healthy, it has no agent and no check");
	}
}

static bool may_ask(const struct peer *p)
{
	return p->config.has_agent && p->connected && p->up && p->hand != PEER_EVICTED &&
	       !p->asked.request;
}

static bool may_reappraise(const struct peer *p)
{
	return p->cached.request && has_attested_lease(p) && !p->appraisal;
}

static void do_due(struct step *s)
{
	struct peer *p = s->p;

	if (may_ask(p) && s->now >= p->ask_at_ms) {
		p->asked = (struct peer_evidence){ step_serial(p), s->now };
		p->asked_last_ms = s->now;
		p->ask_at_ms = NEVER;
		s->out->actions |= PEER_ASK;
		s->out->ask_request = p->asked.request;
		s->out->purpose = has_attested_lease(p) ? "renew" : "admit";
	}
	if (may_reappraise(p) && s->now >= p->reappraise_at_ms) {
		p->reappraise_at_ms = later(s->now, p->config.reappraise_ms);
		step_appraise(s, p->cached);
	}
}

static uint64_t next_due(const struct peer *p)
{
	uint64_t due = NEVER;

	for (int c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++)
		if (p->until_ms[c])
			due = least(due, p->until_ms[c]);
	if (is_watched(p) && p->up)
		due = least(due, silent_until(p));
	if (p->asked.request)
		due = least(due, later(p->asked.asked_ms, PEER_ANSWER_MS));
	if (p->appraisal)
		due = least(due, later(p->appraisal_ms, PEER_ANSWER_MS));
	if (may_ask(p))
		due = least(due, p->ask_at_ms);
	if (may_reappraise(p))
		due = least(due, p->reappraise_at_ms);
	return due;
}

/* Words of others get no control characters into our log. */
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* One line a change; the same failure again is no change. */
static void write_line(struct step *s, enum peer_state before)
{
	struct peer *p = s->p;
	const char *what = p->config.is_router ? "router" : "backend";

	clean(s->text);
	if (p->state != before)
		snprintf(s->out->line, PEER_LINE_MAX, "%s %s: %s -> %s: %s", what, p->name,
			 peer_state_str(before), peer_state_str(p->state), s->text);
	else if (s->noted && strcmp(s->text, p->why))
		snprintf(s->out->line, PEER_LINE_MAX, "%s %s: %s", what, p->name, s->text);
	if (*s->text)
		memcpy(p->why, s->text, sizeof(p->why));
}

static bool differ_in_eligibility(const struct peer *a, const struct peer *b)
{
	for (int c = 0; c < CLASS_COUNT; c++)
		if (!a->until_ms[c] != !b->until_ms[c])
			return true;
	return a->up != b->up || a->hand != b->hand;
}

static void finish(struct step *s, const struct peer *before)
{
	struct peer *p = s->p;

	p->until_ms[CLASS_PUBLIC] = p->up && p->hand != PEER_EVICTED ? LEASE_ENDLESS : 0;
	if (memcmp(p->until_ms, before->until_ms, sizeof(p->until_ms)))
		s->out->actions |= PEER_WRITE_LEASES;
	s->out->eligibility_changed = differ_in_eligibility(p, before);
	p->due_ms = s->out->next_ms = next_due(p);
	write_line(s, before->state);
}

void peer_step(struct peer *p, const struct peer_event *e, struct peer_output *out)
{
	struct step s = { .p = p, .e = e, .out = out, .now = e->now_ms };
	struct peer before = *p;

	memset(out, 0, sizeof(*out));
	lapse(&s);
	step_hear(&s);
	give_up(&s);
	do_due(&s);
	finish(&s, &before);
}

void peer_configure(struct peer *p, const struct peer_config *c, uint64_t now_ms,
		    struct peer_output *out)
{
	struct peer_event tick = { .type = PEER_TICK, .now_ms = now_ms };
	struct step s = { .p = p, .e = &tick, .out = out, .now = now_ms };
	bool other = c->has_agent != p->config.has_agent || c->checked != p->config.checked;
	struct peer before = *p;

	memset(out, 0, sizeof(*out));
	p->config = *c;
	lapse(&s);
	if (other) {
		step_note(&s, "watched in another way: begins anew");
		p->connected = false;
		step_go_down(&s);
	}
	for (int i = CLASS_CONFIDENTIAL; i < CLASS_COUNT; i++) {
		uint64_t from = p->cached.request ? p->cached.asked_ms : now_ms;

		if (p->until_ms[i])
			p->until_ms[i] = least(p->until_ms[i], longest_until(p, i, from));
	}
	if (memcmp(p->until_ms, before.until_ms, sizeof(p->until_ms)) ||
	    c->classified != before.config.classified)
		step_plan_renewal(&s);
	lapse(&s);
	give_up(&s);
	do_due(&s);
	finish(&s, &before);
}

bool peer_may_serve(const struct peer *p, enum class c, uint64_t now_ms)
{
	if ((unsigned int)c >= CLASS_COUNT || !p->up || p->hand != PEER_FREE)
		return false;
	return p->until_ms[c] > now_ms;
}

const char *peer_state_str(enum peer_state s)
{
	switch (s) {
	case PEER_UNKNOWN:	return "unknown";
	case PEER_PROBING:	return "probing";
	case PEER_ATTESTED:	return "attested";
	case PEER_STALE:	return "stale";
	case PEER_REFUSED:	return "refused";
	}
	return "unknown";
}

const char *peer_hand_str(enum peer_hand h)
{
	switch (h) {
	case PEER_FREE:		return "free";
	case PEER_DRAINED:	return "drained";
	case PEER_EVICTED:	return "evicted";
	}
	return "unknown";
}
