// SPDX-License-Identifier: BSD-2-Clause
/*
 * Endpoints that prove themselves or not, as they are told to: who is there but cannot answer is
 * passed over, and after one that shows what is wrong nobody else is spoken to.
 */
#include "client_kit.h"

#include "client/attempt.h"

enum {
	SERVERS = 3, /* that answer; one more does not */
	ENDPOINTS = SERVERS + 1,
	DEADLINE_MS = 60000,
};

struct approach { /* in place of client/approach.c: one that ends when it is told to */
	struct approach_order order;
	const struct approach_ops *ops;
	void *arg;
	bool under_way;
};

static struct approach approaches[2 * ENDPOINTS];
static size_t started;

struct approach *approach_start(struct client *c, const struct approach_order *o, int fd,
				const struct approach_ops *ops, void *arg)
{
	(void)c;
	close(fd);
	assert_true(started < 2 * ENDPOINTS);
	approaches[started] = (struct approach){ *o, ops, arg, true };
	return &approaches[started++];
}

void approach_cancel(struct approach *a)
{
	if (a)
		a->under_way = false;
}

void approach_state(const struct approach *a, struct fault *out)
{
	(void)a;
	*out = (struct fault){ .step = STEP_ATTEST, .kind = FAULT_TRANSIENT };
}

struct world {
	struct options options;
	struct client client;
	struct endpoint endpoints[ENDPOINTS];
	int listening[SERVERS];
	struct attempt *attempt;
	unsigned int ready, failed; /* how often it was told */
	struct plan plan;
};

static void on_ready(void *arg, const struct ready *r)
{
	struct world *w = arg;

	(void)r;
	w->ready++;
}

static void on_failed(void *arg, const struct plan *p)
{
	struct world *w = arg;

	w->failed++;
	w->plan = *p;
}

/* Until n approaches have been started, or it is over. */
static void until(struct world *w, size_t n)
{
	uint64_t end = now_us() + KIT_WAIT_MS * 1000ULL;

	while (started < n && !w->failed && now_us() < end) {
		event_base_loop(w->client.base, EVLOOP_NONBLOCK);
		usleep(100);
	}
	assert_int_equal(started, n);
}

static int begin(void **state)
{
	static const struct attempt_ops ops = { on_ready, on_failed };
	struct world *w = calloc(1, sizeof(*w));

	started = 0;
	w->client.base = event_base_new();
	w->client.options = &w->options;
	for (int i = 0; i < ENDPOINTS; i++) {
		struct endpoint *e = &w->endpoints[i];

		snprintf(e->name, sizeof(e->name), "endpoint %d", i);
		addr_parse("127.0.0.1", &e->addr);
		e->port = kit_port();
		if (i < SERVERS)
			w->listening[i] = sock_listen(&e->addr, e->port);
	}
	w->attempt = attempt_start(&w->client, CLIENT_TLS_INLINE, w->endpoints, ENDPOINTS,
				   DEADLINE_MS, &ops, w);
	assert_non_null(w->attempt);
	until(w, 1);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	if (!w->ready && !w->failed)
		attempt_cancel(w->attempt);
	for (int i = 0; i < SERVERS; i++)
		close(w->listening[i]);
	event_base_free(w->client.base);
	free(w);
	return 0;
}

static void ends(size_t i, enum fault_kind kind)
{
	const struct fault f = { .step = STEP_APPRAISE, .kind = kind };

	assert_true(approaches[i].under_way);
	approaches[i].under_way = false;
	approaches[i].ops->failed(approaches[i].arg, &f);
}

/* Turns the loop as often as would do for another one. */
static void nothing_more(struct world *w)
{
	for (int i = 0; i < 100; i++) {
		event_base_loop(w->client.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

static void test_wrong_evidence_is_the_end(void **state)
{
	struct world *w = *state;

	ends(0, FAULT_HARD);
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->plan.fault.kind, FAULT_HARD);
	nothing_more(w);
	assert_int_equal(started, 1);
	assert_int_equal(w->failed, 1);
}

static void test_our_own_failure_is_the_end(void **state)
{
	struct world *w = *state;

	ends(0, FAULT_TRANSIENT);
	until(w, 2);
	ends(1, FAULT_OURS);
	assert_int_equal(w->failed, 1);
	nothing_more(w);
	assert_int_equal(started, 2);
}

/* One at a time, each of them once, and the last has all the time and the patience that is left. */
static void test_who_cannot_answer_is_passed_over(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < SERVERS; i++) {
		until(w, i + 1);
		assert_false(w->failed);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(approaches[i].order.endpoint,
					     approaches[j].order.endpoint);
		assert_true(approaches[i].order.limit_ms <= DEADLINE_MS);
		if (i < SERVERS - 1) {
			assert_false(approaches[i].order.patient);
			assert_true(approaches[i].order.limit_ms <= DEADLINE_MS / 2);
		}
		if (i == SERVERS - 1)
			nothing_more(w); /* who refuses the connection has done so by now */
		ends(i, i == 1 ? FAULT_UNSURE : FAULT_TRANSIENT);
	}
	nothing_more(w);
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->plan.fault.kind, FAULT_UNSURE);
	assert_int_equal(started, SERVERS);
}

static void test_who_proves_itself_is_the_one(void **state)
{
	struct world *w = *state;
	struct ready r = { .endpoint = approaches[0].order.endpoint };

	ends(0, FAULT_TRANSIENT);
	until(w, 2);
	approaches[1].ops->ready(approaches[1].arg, &r);
	assert_int_equal(w->ready, 1);
	nothing_more(w);
	assert_int_equal(started, 2);
	assert_int_equal(w->failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wrong_evidence_is_the_end, begin, end),
		cmocka_unit_test_setup_teardown(test_our_own_failure_is_the_end, begin, end),
		cmocka_unit_test_setup_teardown(test_who_cannot_answer_is_passed_over, begin, end),
		cmocka_unit_test_setup_teardown(test_who_proves_itself_is_the_one, begin, end),
	};

	log_init("client", LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
