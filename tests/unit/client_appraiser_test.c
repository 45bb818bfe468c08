// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verifiers that die, are stuck or talk nonsense over what they read: that one appraisal fails,
 * the next has its answer from the next child, and when none is left nothing is believed.
 */
#include "client_kit.h"

#include "client/appraiser.h"
#include "verifier/process.h"
#include "verifier/reason.h"

enum {
	LIMIT_MS = 3000, /* an answer takes less, also on a machine that is busy */
};

static void answer(int fd, uint32_t id, uint32_t type)
{
	static const struct msg_verdict v = { .class_mask = 1u << CLASS_CONFIDENTIAL };
	uint8_t buf[4096];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), type, id);

	msg_verdict_put(&w, &v);
	ipc_send(fd, &w);
}

/* In place of verifier/process.c: one that does what the evidence says. */
_Noreturn void verifier_main(int fd, struct policy *const policies[], size_t count)
{
	static uint8_t buf[IPC_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct msg_appraise m;
	struct ipc_message got;

	(void)policies;
	(void)count;
	while (poll(&p, 1, -1) == 1 && ipc_receive(fd, buf, sizeof(buf), &got) > 0 &&
	       msg_appraise_get(got.body, &m)) {
		switch (m.report.p[0]) {
		case 'd': /* dies */
			_exit(1);
		case 's': /* is stuck */
			for (;;)
				pause();
		case 'o': /* answers for another */
			answer(fd, got.id + 1, MSG_VERDICT);
			break;
		case 'n': /* nonsense */
			answer(fd, got.id, MSG_QUOTE);
			break;
		default:
			answer(fd, got.id, MSG_VERDICT);
		}
	}
	_exit(0);
}

struct world {
	struct event_base *base;
	struct appraiser *appraiser;
	unsigned int told;
	char said[16]; /* in the order of the verdicts: '+' believed, '-' our own failure */
	char why[WHY_MAX];
};

static void on_verdict(void *arg, const struct msg_verdict *v)
{
	struct world *w = arg;

	assert_true(v->reason == REASON_OK || v->reason == REASON_INTERNAL);
	w->said[w->told++] = v->reason == REASON_OK ? '+' : '-';
	snprintf(w->why, sizeof(w->why), "%s", v->detail);
}

static struct appraisal *ask(struct world *w, const char *what)
{
	const struct msg_appraise m = { .report = bytes_of(what, 1) };
	struct appraisal *p = appraiser_ask(w->appraiser, &m, on_verdict, w);

	assert_non_null(p);
	return p;
}

static void until_told(struct world *w, unsigned int times)
{
	uint64_t until = now_us() + KIT_WAIT_MS * 1000ULL;

	while (w->told < times && now_us() < until) {
		event_base_loop(w->base, EVLOOP_NONBLOCK);
		usleep(100);
	}
	assert_int_equal(w->told, times);
}

static int begin_with(void **state, uint32_t limit_ms)
{
	struct world *w = calloc(1, sizeof(*w));

	w->base = event_base_new();
	assert_int_equal(appraiser_new(w->base, NULL, limit_ms, &w->appraiser), 0);
	*state = w;
	return 0;
}

static int begin(void **state)
{
	return begin_with(state, KIT_WAIT_MS);
}

static int begin_limited(void **state)
{
	return begin_with(state, LIMIT_MS);
}

static int end(void **state)
{
	struct world *w = *state;

	appraiser_free(w->appraiser);
	event_base_free(w->base);
	free(w);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return 0;
}

static void test_only_that_evidence_pays_for_it(void **state)
{
	struct world *w = *state;

	/* All at once: each of them but the first waits in line. */
	for (const char *what = "+d+o+n+"; *what; what++)
		ask(w, what);
	until_told(w, 7);
	assert_string_equal(w->said, "+-+-+-+");
}

static void test_who_is_stuck_stops_nobody(void **state)
{
	struct world *w = *state;

	for (const char *what = "s+s+"; *what; what++)
		ask(w, what);
	until_told(w, 4);
	assert_string_equal(w->said, "-+-+");
}

/* It is not asked again in place of who has gone away, nor is that one told. */
static void test_who_has_gone_away(void **state)
{
	struct world *w = *state;
	struct appraisal *first = ask(w, "s");

	event_base_loop(w->base, EVLOOP_NONBLOCK); /* it is being judged */
	appraisal_cancel(first);
	appraisal_cancel(ask(w, "d"));
	ask(w, "+");
	until_told(w, 1);
	assert_string_equal(w->said, "+");
}

static void test_nobody_is_left(void **state)
{
	struct world *w = *state;

	for (const char *what = "dddd+"; *what; what++)
		ask(w, what);
	until_told(w, 5);
	assert_string_equal(w->said, "-----");
	assert_string_equal(w->why, "no verifier process is left");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_only_that_evidence_pays_for_it, begin, end),
		cmocka_unit_test_setup_teardown(test_who_is_stuck_stops_nobody, begin_limited, end),
		cmocka_unit_test_setup_teardown(test_who_has_gone_away, begin_limited, end),
		cmocka_unit_test_setup_teardown(test_nobody_is_left, begin, end),
	};

	signal(SIGPIPE, SIG_IGN);
	log_init("client", LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
