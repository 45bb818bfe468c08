// SPDX-License-Identifier: BSD-2-Clause
#include "client/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "client/attempt.h"

enum {
	RETRY_MS = 1000, /* when no agent has answered, and older keys are good yet */
};

struct waiter {
	TAILQ_ENTRY(waiter) next;
	keyring_done done;
	void *arg;
};

TAILQ_HEAD(waiters, waiter);

struct asking {
	struct keyring *ring;
	struct attempt *attempt;
	bool answered; /* in the round under way */
};

struct keyring {
	struct client *client;
	struct keyset set, fresh; /* fresh: what the round under way brings */
	struct asking of[OPTIONS_ENDPOINTS_MAX];
	size_t under_way, answered;
	uint64_t asked_ms;    /* when the round under way, or else the last one, began */
	uint64_t attested_ms; /* when the last round that brought keys began */
	uint64_t renew_ms;    /* from when on they are asked for anew */
	bool failed;
	struct plan plan; /* of the agent that failed in the way that matters most */
	struct waiters waiters;
};

void keyset_add(struct keyset *s, size_t agent, const uint8_t key[WIRE_KEY_BYTES],
		uint64_t until_ms, uint64_t now_ms)
{
	size_t to = s->count;

	for (size_t i = 0; i < s->count; i++) {
		bool same = s->of[i].agent == agent && !memcmp(s->of[i].key, key, WIRE_KEY_BYTES);

		if (same && s->of[i].until_ms >= until_ms)
			return;
		if (same || (s->of[i].until_ms <= now_ms && to == s->count))
			to = i;
		if (same)
			break;
	}
	if (to == KEYS_MAX)
		return;
	s->count += to == s->count;
	memcpy(s->of[to].key, key, WIRE_KEY_BYTES);
	s->of[to].agent = agent;
	s->of[to].until_ms = until_ms;
}

void keyset_drop(struct keyset *s, size_t agent)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++)
		if (s->of[i].agent != agent)
			s->of[kept++] = s->of[i];
	s->count = kept;
}

bool keyset_has(const struct keyset *s, const uint8_t key[WIRE_KEY_BYTES], uint64_t now_ms,
		uint64_t *until_ms)
{
	bool has = false;

	for (size_t i = 0; i < s->count; i++) {
		if (now_ms >= s->of[i].until_ms || memcmp(s->of[i].key, key, WIRE_KEY_BYTES))
			continue;
		if (!has || *until_ms < s->of[i].until_ms)
			*until_ms = s->of[i].until_ms;
		has = true;
	}
	return has;
}

bool keyset_is_live(const struct keyset *s, uint64_t now_ms)
{
	for (size_t i = 0; i < s->count; i++)
		if (now_ms < s->of[i].until_ms)
			return true;
	return false;
}

bool keys_have(const struct keyring *k, const uint8_t key[WIRE_KEY_BYTES], uint64_t now_ms,
	       uint64_t *until_ms)
{
	return k && keyset_has(&k->set, key, now_ms, until_ms);
}

static void tell(struct keyring *k, const struct plan *p)
{
	struct waiters told = TAILQ_HEAD_INITIALIZER(told);
	struct waiter *w;

	/* Those who come while they are told belong to the next round. */
	TAILQ_CONCAT(&told, &k->waiters, next);
	while ((w = TAILQ_FIRST(&told))) {
		TAILQ_REMOVE(&told, w, next);
		w->done(w->arg, p);
		free(w);
	}
}

/* The newest word of each agent is the one that counts. */
static void take_fresh(struct keyring *k, uint64_t now)
{
	for (size_t i = 0; i < k->client->agents_count; i++)
		if (k->of[i].answered)
			keyset_drop(&k->set, i);
	for (size_t i = 0; i < k->fresh.count; i++)
		keyset_add(&k->set, k->fresh.of[i].agent, k->fresh.of[i].key,
			   k->fresh.of[i].until_ms, now);
}

/* One that shows wrong evidence ends it for all; one that is not there does not. */
static void end_round(struct keyring *k)
{
	bool stop = k->failed && k->plan.fault.kind >= FAULT_OURS;
	struct plan plan = k->plan;
	uint64_t now = client_now_ms();

	if (!stop)
		take_fresh(k, now);
	if (stop || !keyset_is_live(&k->set, now)) {
		tell(k, &plan);
		return;
	}
	if (k->answered)
		k->attested_ms = k->asked_ms;
	k->renew_ms = now + (k->answered ? k->client->options->lifetime_ms / 4 * 3 : RETRY_MS);
	tell(k, NULL);
}

static void one_less(struct asking *a)
{
	struct keyring *k = a->ring;

	a->attempt = NULL;
	if (!--k->under_way)
		end_round(k);
}

static void on_ready(void *arg, const struct ready *r)
{
	const struct wire_claims *c = &r->attested.claims;
	struct ready ready = *r;
	struct asking *a = arg;
	struct keyring *k = a->ring;

	for (size_t i = 0; i < c->service_keys_count; i++)
		keyset_add(&k->fresh, a - k->of, c->service_keys[i], r->attested.until_ms,
			   client_now_ms());
	if (!c->service_keys_count)
		log_warnx("%s: attested, but vouches for no key (svc_spki_sha256)",
			  r->endpoint->name);
	a->answered = true;
	k->answered++;
	ready_acknowledge(&ready);
	one_less(a);
}

static void on_failed(void *arg, const struct plan *p)
{
	struct asking *a = arg;
	struct keyring *k = a->ring;

	if (!k->failed || p->fault.kind > k->plan.fault.kind)
		k->plan = *p;
	k->failed = true;
	/* Nothing is believed beside wrong evidence, however long the others take. */
	if (p->fault.kind == FAULT_HARD)
		k->set.count = 0;
	one_less(a);
}

static const struct attempt_ops attempt_ops = { on_ready, on_failed };

static bool start_round(struct keyring *k)
{
	struct client *c = k->client;

	k->asked_ms = client_now_ms();
	k->answered = 0;
	k->failed = false;
	k->fresh.count = 0;
	plan_init(&k->plan, c->options->class, NULL, 0);
	for (size_t i = 0; i < c->agents_count; i++) {
		struct asking *a = &k->of[i];

		a->ring = k;
		a->answered = false;
		a->attempt = attempt_start(c, CLIENT_TLS_AGENT, &c->agents[i], 1,
					   c->options->deadline_ms, &attempt_ops, a);
		k->under_way += a->attempt != NULL;
	}
	return k->under_way;
}

bool keyring_want(struct keyring *k, uint64_t since_ms, keyring_done done, void *arg)
{
	uint64_t now = client_now_ms();
	bool good = keyset_is_live(&k->set, now) && k->attested_ms >= since_ms;
	struct waiter *w;

	/* What is good serves on while it is renewed. */
	if ((!good || now >= k->renew_ms) && !k->under_way && !start_round(k))
		return false;
	if (good) {
		done(arg, NULL);
		return true;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return false;
	w->done = done;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&k->waiters, w, next);
	return true;
}

void keyring_forget(struct keyring *k, void *arg)
{
	struct waiter *w, *following;

	for (w = k ? TAILQ_FIRST(&k->waiters) : NULL; w; w = following) {
		following = TAILQ_NEXT(w, next);
		if (w->arg != arg)
			continue;
		TAILQ_REMOVE(&k->waiters, w, next);
		free(w);
	}
}

struct keyring *keyring_new(struct client *c)
{
	struct keyring *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->client = c;
	TAILQ_INIT(&k->waiters);
	return k;
}

void keyring_free(struct keyring *k)
{
	struct waiter *w;

	if (!k)
		return;
	for (size_t i = 0; i < OPTIONS_ENDPOINTS_MAX; i++)
		attempt_cancel(k->of[i].attempt);
	while ((w = TAILQ_FIRST(&k->waiters))) {
		TAILQ_REMOVE(&k->waiters, w, next);
		free(w);
	}
	free(k);
}
