// SPDX-License-Identifier: BSD-2-Clause
/*
 * The way to one session: with agents nobody dials a service before there are keys, and a key that
 * no agent has vouched for is asked about once more, and once only, before it is held against it.
 */
#include "client_kit.h"

#include "client/attempt.h"
#include "client/keys.h"
#include "client/opening.h"

enum {
	ATTEMPTS = 4,
};

struct attempt { /* in place of client/attempt.c: one that ends when it is told to */
	enum client_tls_kind kind;
	const struct attempt_ops *ops;
	void *arg;
};

struct keyring {	   /* in place of client/keys.c */
	keyring_done done; /* who waits */
	void *arg;
	unsigned int asked;
	uint64_t since_ms; /* at the last time */
};

static struct attempt attempts[ATTEMPTS];
static size_t tried;
static struct keyring ring;

struct attempt *attempt_start(struct client *c, enum client_tls_kind kind,
			      const struct endpoint list[], size_t count, uint64_t limit_ms,
			      const struct attempt_ops *ops, void *arg)
{
	assert_ptr_equal(list, c->endpoints);
	assert_int_equal(count, c->endpoints_count);
	assert_int_equal(limit_ms, c->options->deadline_ms);
	assert_true(tried < ATTEMPTS);
	attempts[tried] = (struct attempt){ kind, ops, arg };
	return &attempts[tried++];
}

void attempt_cancel(struct attempt *t)
{
	(void)t;
}

bool keyring_want(struct keyring *k, uint64_t since_ms, keyring_done done, void *arg)
{
	assert_null(k->done);
	*k = (struct keyring){ done, arg, k->asked + 1, since_ms };
	return true;
}

void keyring_forget(struct keyring *k, void *arg)
{
	if (k && k->arg == arg)
		k->done = NULL;
}

struct world {
	struct options options;
	struct client client;
	struct opening *opening;
	unsigned int ready, failed;
	enum verdict status;
	char text[PLAN_TEXT_MAX];
	uint64_t begun_ms;
};

static void on_ready(void *arg, const struct ready *r)
{
	struct world *w = arg;

	(void)r;
	w->ready++;
}

static void on_failed(void *arg, enum verdict status, const char *text)
{
	struct world *w = arg;

	w->failed++;
	w->status = status;
	snprintf(w->text, sizeof(w->text), "%s", text);
}

static void begin(struct world *w, bool by_agents)
{
	static const struct opening_ops ops = { on_ready, on_failed };

	memset(w, 0, sizeof(*w));
	memset(&ring, 0, sizeof(ring));
	tried = 0;
	w->options.deadline_ms = OPTIONS_DEADLINE_MS;
	w->client.options = &w->options;
	w->client.endpoints_count = 1;
	w->client.keys = by_agents ? &ring : NULL;
	w->client.base = event_base_new();
	w->begun_ms = client_now_ms();
	w->opening = opening_start(&w->client, &ops, w);
	assert_non_null(w->opening);
	assert_int_equal(tried + ring.asked, 0); /* later, as is promised */
	event_base_loop(w->client.base, EVLOOP_NONBLOCK);
}

static void end(struct world *w)
{
	if (!w->ready && !w->failed)
		opening_cancel(w->opening);
	assert_null(ring.done);
	event_base_free(w->client.base);
}

static const struct plan *plan_of(enum fault_kind kind, const char *why)
{
	static const char *const names[] = { "the server" };
	static struct plan p;
	struct fault f = { .step = STEP_TLS, .kind = kind };

	snprintf(f.why, sizeof(f.why), "%s", why);
	plan_init(&p, CLASS_CONFIDENTIAL, names, 1);
	plan_failed(&p, 0, &f);
	return &p;
}

static void answer(const struct plan *p)
{
	keyring_done done = ring.done;

	assert_non_null(done);
	ring.done = NULL;
	done(ring.arg, p);
}

static void attempt_fails(size_t i, enum fault_kind kind, const char *why)
{
	attempts[i].ops->failed(attempts[i].arg, plan_of(kind, why));
}

static void test_by_itself(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	assert_int_equal(tried, 1);
	assert_int_equal(attempts[0].kind, CLIENT_TLS_INLINE);
	attempt_fails(0, FAULT_HARD, "wrong");
	assert_int_equal(w.failed, 1);
	assert_int_equal(w.status, VERDICT_REFUSED);
	assert_non_null(strstr(w.text, "wrong"));
	assert_int_equal(tried, 1);
	end(&w);
}

static void test_agents_first(void **state)
{
	struct world w;

	(void)state;
	begin(&w, true);
	assert_int_equal(tried, 0);
	answer(NULL);
	assert_int_equal(tried, 1);
	assert_int_equal(attempts[0].kind, CLIENT_TLS_SERVICE);
	attempts[0].ops->ready(attempts[0].arg, &(struct ready){ 0 });
	assert_int_equal(w.ready, 1);
	end(&w);

	begin(&w, true); /* without keys nobody is dialled */
	answer(plan_of(FAULT_UNSURE, "no list"));
	assert_int_equal(w.failed, 1);
	assert_int_equal(w.status, VERDICT_UNDETERMINED);
	assert_int_equal(tried, 0);
	end(&w);
}

static void test_a_new_key(void **state)
{
	struct world w;

	(void)state;
	begin(&w, true);
	answer(NULL);
	attempt_fails(0, FAULT_HARD, "nobody vouches for it");
	assert_int_equal(w.failed, 0);
	assert_int_equal(ring.asked, 2);
	assert_true(ring.since_ms >= w.begun_ms); /* what was said before is not enough */
	answer(NULL);
	assert_int_equal(tried, 2);
	attempt_fails(1, FAULT_HARD, "nobody vouches for it");
	assert_int_equal(w.failed, 1);
	assert_int_equal(w.status, VERDICT_REFUSED);
	assert_int_equal(ring.asked, 2);
	end(&w);

	begin(&w, true); /* and who is not there has shown no key */
	answer(NULL);
	attempt_fails(0, FAULT_TRANSIENT, "refused");
	assert_int_equal(w.failed, 1);
	assert_int_equal(ring.asked, 1);
	end(&w);
}

static void test_given_up(void **state)
{
	struct world w;

	(void)state;
	begin(&w, true);
	end(&w); /* the agents have nobody to tell any more */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_itself),
		cmocka_unit_test(test_agents_first),
		cmocka_unit_test(test_a_new_key),
		cmocka_unit_test(test_given_up),
	};

	log_init("client", LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
