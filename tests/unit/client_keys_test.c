// SPDX-License-Identifier: BSD-2-Clause
/*
 * A round of agents, played here: what they vouch for is believed until one of them shows wrong
 * evidence, and an agent that is only not there takes nothing away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "client/attempt.h"
#include "client/keys.h"

enum {
	AGENTS = 2,
};

struct attempt { /* in place of client/attempt.c: an agent that answers when it is told to */
	const struct attempt_ops *ops;
	void *arg;
	bool under_way;
};

static struct attempt attempts[AGENTS];
static struct client client;
static struct options options;
static unsigned int told; /* waiters, in all */
static bool refused;	  /* the last one was */

struct attempt *attempt_start(struct client *c, enum client_tls_kind kind,
			      const struct endpoint list[], size_t count, uint64_t limit_ms,
			      const struct attempt_ops *ops, void *arg)
{
	struct attempt *t = &attempts[list - c->agents];

	assert_int_equal(kind, CLIENT_TLS_AGENT);
	assert_int_equal(count, 1);
	assert_int_equal(limit_ms, options.deadline_ms);
	assert_false(t->under_way);
	*t = (struct attempt){ ops, arg, true };
	return t;
}

void attempt_cancel(struct attempt *t)
{
	if (t)
		t->under_way = false;
}

void ready_acknowledge(struct ready *r)
{
	(void)r;
}

static void vouch(int agent, uint8_t key)
{
	struct ready r = { .endpoint = &client.agents[agent] };
	struct attempt *t = &attempts[agent];

	assert_true(t->under_way);
	t->under_way = false;
	r.attested.until_ms = client_now_ms() + 3600000;
	memset(r.attested.claims.service_keys[0], key, WIRE_KEY_BYTES);
	r.attested.claims.service_keys_count = 1;
	t->ops->ready(t->arg, &r);
}

static void fail_as(int agent, enum fault_kind kind)
{
	struct plan p = { .faults = 1, .fault = { .step = STEP_APPRAISE, .kind = kind } };
	struct attempt *t = &attempts[agent];

	assert_true(t->under_way);
	t->under_way = false;
	t->ops->failed(t->arg, &p);
}

static void on_done(void *arg, const struct plan *p)
{
	(void)arg;
	told++;
	refused = p;
}

static bool has(struct keyring *k, uint8_t key)
{
	uint8_t digest[WIRE_KEY_BYTES];
	uint64_t until_ms;

	memset(digest, key, sizeof(digest));
	return keys_have(k, digest, client_now_ms(), &until_ms);
}

/* Keys 1 and 2 are known; then somebody wants what is newer than that. */
static struct keyring *asked_anew(void)
{
	struct keyring *k = keyring_new(&client);

	assert_non_null(k);
	told = 0;
	assert_true(keyring_want(k, 0, on_done, NULL));
	vouch(0, 1);
	assert_int_equal(told, 0); /* all are asked */
	vouch(1, 2);
	assert_int_equal(told, 1);
	assert_false(refused);
	assert_true(has(k, 1) && has(k, 2));
	assert_true(keyring_want(k, UINT64_MAX, on_done, NULL));
	assert_int_equal(told, 1);
	return k;
}

static void test_wrong_evidence_takes_back_what_was_believed(void **state)
{
	struct keyring *k = asked_anew();

	(void)state;
	vouch(0, 1);
	fail_as(1, FAULT_HARD);
	assert_int_equal(told, 2);
	assert_true(refused);
	assert_false(has(k, 1) || has(k, 2));
	/* So the next one has to wait until all have answered anew. */
	assert_true(keyring_want(k, 0, on_done, NULL));
	assert_int_equal(told, 2);
	vouch(0, 1);
	vouch(1, 3);
	assert_int_equal(told, 3);
	assert_false(refused);
	assert_true(has(k, 1) && has(k, 3) && !has(k, 2));
	keyring_free(k);
}

/* However long the others take: a round may last as long as an endpoint may take to be found. */
static void test_it_is_taken_back_at_once(void **state)
{
	struct keyring *k = asked_anew();

	(void)state;
	fail_as(1, FAULT_HARD);
	assert_false(has(k, 1) || has(k, 2));
	/* Nor does who comes now get by on it. */
	assert_true(keyring_want(k, 0, on_done, NULL));
	assert_int_equal(told, 1);
	vouch(0, 1);
	assert_int_equal(told, 3);
	assert_true(refused);
	assert_false(has(k, 1) || has(k, 2));
	keyring_free(k);
}

/* A key that was given up, perhaps since others have it: the list that has it not is the newer. */
static void test_the_newest_word_of_an_agent_counts(void **state)
{
	struct keyring *k = asked_anew();

	(void)state;
	vouch(0, 1);
	vouch(1, 3);
	assert_false(refused);
	assert_true(has(k, 1) && has(k, 3));
	assert_false(has(k, 2));
	/* What another one vouches for is that one's to take back, as long as it is not there. */
	assert_true(keyring_want(k, UINT64_MAX, on_done, NULL));
	vouch(0, 3);
	fail_as(1, FAULT_TRANSIENT);
	assert_true(has(k, 3) && !has(k, 1));
	assert_true(keyring_want(k, UINT64_MAX, on_done, NULL));
	fail_as(0, FAULT_TRANSIENT);
	vouch(1, 4);
	assert_true(has(k, 3) && has(k, 4));
	keyring_free(k);
}

static void test_what_is_no_evidence_takes_nothing_back(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_TRANSIENT, FAULT_UNSURE, FAULT_OURS };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct keyring *k = asked_anew();

		vouch(0, 1);
		fail_as(1, kinds[i]);
		assert_int_equal(told, 2);
		assert_int_equal(refused, kinds[i] == FAULT_OURS);
		assert_true(has(k, 1) && has(k, 2));
		keyring_free(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_evidence_takes_back_what_was_believed),
		cmocka_unit_test(test_it_is_taken_back_at_once),
		cmocka_unit_test(test_the_newest_word_of_an_agent_counts),
		cmocka_unit_test(test_what_is_no_evidence_takes_nothing_back),
	};

	options.class = CLASS_CONFIDENTIAL;
	options.deadline_ms = OPTIONS_DEADLINE_MS;
	options.lifetime_ms = OPTIONS_CONFIDENTIAL_MS;
	client.options = &options;
	client.agents_count = AGENTS;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
