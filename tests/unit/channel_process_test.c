// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two channel processes, a router's and an agent's, with the test as the parent of both:
 * they find each other, say what their parents need to hear, and nothing gets lost.
 */
#include "channel_kit.h"

#include "channel/wire.h"

enum { ROUTER_ID = 7, GENERATION = 3 };

struct world {
	struct kit *kit;
	struct identity router_id, agent_id;
	struct channel_config router_config, agent_config;
	struct proc router, agent;
	uint16_t port;
};

static void start_agent(struct world *w)
{
	proc_start(w->kit, &w->agent, "agent", &w->agent_config, false);
}

static void connect_agent(struct world *w)
{
	struct msg_beat b;

	proc_peer(&w->router, MSG_PEER, ROUTER_ID, GENERATION, "pay-1", w->port);
	proc_wants(&w->router, MSG_PEER_UP, ROUTER_ID);
	assert_true(msg_beat_get(w->router.m.body, &b));
	assert_int_equal(b.generation, GENERATION);
	assert_true(b.connect_us > 0 && b.connect_us < 5000000);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->kit = kit_new();
	kit_issue(w->kit, &w->router_id, "router", "URI:fairlead://node/r1,IP:127.0.0.1");
	kit_issue(w->kit, &w->agent_id, "agent", "URI:fairlead://node/pay-1,IP:127.0.0.1");
	kit_config(w->kit, &w->router_id, "r1", &w->router_config);
	kit_config(w->kit, &w->agent_id, "pay-1", &w->agent_config);
	w->port = kit_port();
	kit_config_agent(&w->agent_config, w->port);
	addr_parse("192.0.2.80", &w->agent_config.endpoints[0].addr);
	w->agent_config.endpoints[0].port = 443;
	w->agent_config.endpoints[0].proto = IPPROTO_TCP;
	w->agent_config.endpoints_count = 1;
	proc_start(w->kit, &w->router, "router", &w->router_config, false);
	start_agent(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	proc_stop(&w->router);
	proc_stop(&w->agent);
	kit_free(w->kit);
	free(w);
	return 0;
}

static void test_beats(void **state)
{
	struct world *w = *state;
	struct msg_beat b;

	connect_agent(w);
	for (int i = 0; i < 3; i++) {
		proc_wants(&w->router, MSG_BEAT, ROUTER_ID);
		assert_true(msg_beat_get(w->router.m.body, &b));
		assert_int_equal(b.generation, GENERATION);
		assert_true(b.rtt_us > 0 && b.rtt_us < 5000000);
		assert_true(b.connect_us > 0);
	}
}

/* PONG's load is the machine's: so high that the wire shows it, or as low as /proc says. */
static void test_load_is_the_machines(void **state)
{
	struct world *w = *state;
	double least = 1e9, most = 0;
	struct msg_beat b;

	connect_agent(w);
	for (int i = 0; i < 3; i++) {
		double load = 0;
		FILE *f = fopen("/proc/loadavg", "r");

		assert_int_equal(fscanf(f, "%lf", &load), 1);
		fclose(f);
		load = load * 1000 / sysconf(_SC_NPROCESSORS_ONLN);
		load = load > 1000 ? 1000 : load;
		least = load < least ? load : least;
		most = load > most ? load : most;
		proc_wants(&w->router, MSG_BEAT, ROUTER_ID);
	}
	assert_true(msg_beat_get(w->router.m.body, &b));
	/* It may have moved by one step of five seconds in between: 8 % of what is to come. */
	assert_true(b.load_permille + 150 >= least && b.load_permille <= most + 150);
}

static void ask(struct world *w, uint64_t request, struct binding *at_agent, struct msg_evidence *e)
{
	proc_attest(&w->router, ROUTER_ID, GENERATION, request);
	proc_wants(&w->agent, MSG_QUOTE_WANTED, -1);
	*at_agent = proc_quote(&w->agent, 0);
	proc_wants(&w->router, MSG_EVIDENCE, ROUTER_ID);
	assert_true(msg_evidence_get(w->router.m.body, e));
	assert_int_equal(e->request, request);
	assert_int_equal(e->generation, GENERATION);
}

/* Field by field, and so in REPORT_DATA. */
static void assert_same_binding(const struct binding *a, const struct binding *b)
{
	uint8_t of_a[REPORT_DATA_BYTES], of_b[REPORT_DATA_BYTES];

	assert_string_equal(a->role, b->role);
	assert_int_equal(a->tee, b->tee);
	assert_memory_equal(a->exporter, b->exporter, EXPORTER_BYTES);
	assert_memory_equal(a->spki_attester, b->spki_attester, DIGEST_BYTES);
	assert_memory_equal(a->spki_peer, b->spki_peer, DIGEST_BYTES);
	assert_memory_equal(a->request, b->request, DIGEST_BYTES);
	assert_memory_equal(a->claims, b->claims, DIGEST_BYTES);
	assert_true(binding_report_data(a, of_a) && binding_report_data(b, of_b));
	assert_memory_equal(of_a, of_b, sizeof(of_a));
}

static void test_evidence(void **state)
{
	struct world *w = *state;
	struct binding first, second;
	uint8_t report_data[REPORT_DATA_BYTES];
	struct wire_claims claims;
	struct msg_evidence e;
	char why[WHY_MAX] = "";

	connect_agent(w);
	ask(w, 11, &first, &e);
	assert_same_binding(&e.binding, &first);
	assert_int_equal(first.tee, TEE_SNP);
	assert_string_equal(first.role, "backend");
	assert_true(binding_report_data(&e.binding, report_data));
	assert_true(bytes_equal(e.report, bytes_of(report_data, sizeof(report_data))));
	assert_int_equal(e.certs_count, 1);
	assert_true(bytes_equal(e.certs[0], bytes_of("vcek", 4)));

	assert_true(wire_claims_read(e.claims, &claims, why));
	assert_string_equal(claims.node, "pay-1");
	assert_int_equal(claims.endpoints_count, 2);
	assert_int_equal(claims.endpoints[0].port, w->port);
	assert_int_equal(claims.endpoints[1].port, 443);
	assert_int_equal(claims.counter, 1);

	/* A second question has a nonce, and so an exporter, of its own. */
	ask(w, 12, &second, &e);
	assert_same_binding(&e.binding, &second);
	assert_memory_not_equal(first.request, second.request, DIGEST_BYTES);
	assert_memory_not_equal(first.exporter, second.exporter, EXPORTER_BYTES);
	assert_memory_not_equal(first.claims, second.claims, DIGEST_BYTES);
	assert_memory_equal(first.spki_attester, second.spki_attester, DIGEST_BYTES);
	assert_memory_not_equal(first.spki_attester, first.spki_peer, DIGEST_BYTES);
}

static void test_result_is_passed_on(void **state)
{
	struct world *w = *state;
	struct msg_result m = { .generation = GENERATION, .ok = 1, .code = "accepted" };
	struct msg_evidence e;
	struct ipc_writer out;
	struct binding b;
	uint8_t buf[256];

	connect_agent(w);
	ask(w, 21, &b, &e);
	for (m.request = 20; m.request <= 22; m.request++) {
		m.expires_in_ms = m.request * 1000;
		out = ipc_begin(buf, sizeof(buf), MSG_RESULT, ROUTER_ID);
		msg_result_put(&out, &m);
		proc_send(&w->router, &out);
	}
	proc_must_say(&w->agent, "admits us, accepted, for 21 s");
	assert_false(proc_says(&w->agent, "for 22 s", 100));
	assert_false(proc_says(&w->agent, "for 20 s", 0));
	ask(w, 23, &b, &e);
}

static void test_no_evidence_now(void **state)
{
	static const struct {
		uint32_t failed, tee;
		const char *says;
	} rows[] = {
		{ EBUSY, TEE_SNP, "busy: the host asks for patience" },
		{ ENOTTY, TEE_SNP, "unavailable: the host asks for patience" },
		{ 0, TEE_TDX, "unavailable: the evidence is not of the kind" },
	};
	struct world *w = *state;
	struct msg_failure f;

	connect_agent(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct msg_quote q = { .failed = rows[i].failed, .tee = rows[i].tee };
		struct ipc_writer out;
		uint8_t buf[512];

		strcpy(q.why, "the host asks for patience");
		q.report = bytes_of("report", q.failed ? 0 : 6);
		proc_attest(&w->router, ROUTER_ID, GENERATION, 30 + i);
		proc_wants(&w->agent, MSG_QUOTE_WANTED, -1);
		out = ipc_begin(buf, sizeof(buf), MSG_QUOTE, w->agent.m.id);
		msg_quote_put(&out, &q);
		proc_send(&w->agent, &out);
		proc_wants(&w->router, MSG_EVIDENCE_FAILED, ROUTER_ID);
		assert_true(msg_failure_get(w->router.m.body, &f));
		assert_int_equal(f.refused, 0);
		assert_int_equal(f.request, 30 + i);
		assert_memory_equal(f.why, rows[i].says, strlen(rows[i].says));
	}
}

static void test_asked_too_early_or_twice(void **state)
{
	struct world *w = *state;
	struct msg_failure f;

	proc_peer(&w->router, MSG_PEER, 9, GENERATION, "pay-2", kit_port());
	proc_attest(&w->router, 9, GENERATION, 40);
	proc_wants(&w->router, MSG_EVIDENCE_FAILED, 9);
	assert_true(msg_failure_get(w->router.m.body, &f));
	assert_string_equal(f.why, "it is not connected");
	assert_int_equal(f.refused, 0);

	connect_agent(w);
	proc_attest(&w->router, ROUTER_ID, GENERATION, 41);
	proc_attest(&w->router, ROUTER_ID, GENERATION, 42);
	proc_wants(&w->router, MSG_EVIDENCE_FAILED, ROUTER_ID);
	assert_true(msg_failure_get(w->router.m.body, &f));
	assert_int_equal(f.request, 42);
	assert_string_equal(f.why, "it is being asked already");
	proc_wants(&w->agent, MSG_QUOTE_WANTED, -1);
	proc_quote(&w->agent, 0);
	proc_wants(&w->router, MSG_EVIDENCE, ROUTER_ID);

	/* Of another generation: about somebody else, so not heard at all. */
	proc_attest(&w->router, ROUTER_ID, GENERATION + 1, 43);
	assert_false(proc_gets(&w->agent, MSG_QUOTE_WANTED, -1, 300));
}

static void test_reconnects(void **state)
{
	struct world *w = *state;
	struct msg_failure f;
	struct msg_why why;

	connect_agent(w);
	proc_attest(&w->router, ROUTER_ID, GENERATION, 50);
	proc_wants(&w->agent, MSG_QUOTE_WANTED, -1);
	proc_kill(&w->agent);
	proc_wants(&w->router, MSG_EVIDENCE_FAILED, ROUTER_ID);
	assert_true(msg_failure_get(w->router.m.body, &f));
	assert_int_equal(f.request, 50);
	assert_int_equal(f.refused, 0);
	proc_wants(&w->router, MSG_PEER_DOWN, ROUTER_ID);
	assert_true(msg_why_get(w->router.m.body, &why));
	assert_int_equal(why.generation, GENERATION);
	/* A reset may overtake the end of the stream. */
	assert_true(!strcmp(why.why, "it hung up") || !strcmp(why.why, "the connection broke"));
	/* It is told once: connecting fails every 0.2, 0.4, … s, which is news at most every 5 s.
	 */
	assert_false(proc_gets(&w->router, MSG_PEER_DOWN, ROUTER_ID, 1500));
	start_agent(w);
	proc_wants(&w->router, MSG_PEER_UP, ROUTER_ID);
	proc_wants(&w->router, MSG_BEAT, ROUTER_ID);
}

static void test_missed_beats(void **state)
{
	struct world *w = *state;
	struct msg_beat b;
	struct msg_why m;

	connect_agent(w);
	proc_wants(&w->router, MSG_BEAT, ROUTER_ID);
	kill(w->agent.pid, SIGSTOP);
	for (uint32_t i = 1; i <= 3; i++) {
		proc_wants(&w->router, MSG_BEAT_MISSED, ROUTER_ID);
		assert_true(msg_why_get(w->router.m.body, &m));
		assert_int_equal(m.missed, i);
		assert_int_equal(m.generation, GENERATION);
		assert_string_equal(m.why, "no answer to a heartbeat within 300 ms");
	}
	kill(w->agent.pid, SIGCONT);
	proc_wants(&w->router, MSG_BEAT, ROUTER_ID);
	assert_true(msg_beat_get(w->router.m.body, &b));

	/* A peer that stays silent is hung up on, and dialled anew. */
	kill(w->agent.pid, SIGSTOP);
	proc_wants(&w->router, MSG_PEER_DOWN, ROUTER_ID);
	assert_true(msg_why_get(w->router.m.body, &m));
	assert_string_equal(m.why, "it does not answer heartbeats");
	kill(w->agent.pid, SIGCONT);
	proc_wants(&w->router, MSG_PEER_UP, ROUTER_ID);
}

static void test_forget(void **state)
{
	struct world *w = *state;

	connect_agent(w);
	proc_forget(&w->router, ROUTER_ID);
	proc_must_say(&w->agent, "it hung up");
	while (proc_next(&w->router, 0))
		;
	assert_false(proc_next(&w->router, 500));
}

/* The same backend told of anew keeps its session; told of otherwise it gets another. */
static void test_told_again(void **state)
{
	struct world *w = *state;
	struct msg_beat b;

	connect_agent(w);
	proc_peer(&w->router, MSG_PEER, ROUTER_ID, GENERATION, "pay-1", w->port);
	assert_false(proc_gets(&w->router, MSG_PEER_UP, ROUTER_ID, 400));
	proc_peer(&w->router, MSG_PEER, ROUTER_ID, GENERATION + 1, "pay-1", w->port);
	proc_wants(&w->router, MSG_PEER_UP, ROUTER_ID);
	assert_true(msg_beat_get(w->router.m.body, &b));
	assert_int_equal(b.generation, GENERATION + 1);
}

static void test_check(void **state)
{
	struct world *w = *state;
	uint16_t port = kit_port();
	struct msg_beat b;
	struct msg_why m;
	struct addr a;
	int fd;

	addr_parse("127.0.0.1", &a);
	fd = sock_listen(&a, port);
	assert_true(fd >= 0);
	proc_peer(&w->router, MSG_CHECK, 20, 5, "", port);
	proc_wants(&w->router, MSG_BEAT, 20);
	assert_true(msg_beat_get(w->router.m.body, &b));
	assert_int_equal(b.generation, 5);
	assert_true(b.connect_us > 0);
	assert_int_equal(b.rtt_us, 0);
	close(fd);
	for (uint32_t i = 1; i <= 3; i++) {
		proc_wants(&w->router, MSG_BEAT_MISSED, 20);
		assert_true(msg_why_get(w->router.m.body, &m));
		assert_int_equal(m.missed, i);
		assert_non_null(strstr(m.why, "Connection refused"));
	}
	fd = sock_listen(&a, port);
	proc_wants(&w->router, MSG_BEAT, 20);
	proc_forget(&w->router, 20);
	close(fd);
}

/* Nobody reads what the router says: it waits, and then all of it comes. */
static void test_full_socket_loses_nothing(void **state)
{
	enum { QUESTIONS = 4000, PADDING = 100000 };
	struct world *w = *state;
	struct msg_evidence e;
	struct msg_failure f;
	unsigned int failures = 0, beats = 0, missed = 0;
	struct timespec nap = { 15 * KIT_BEAT_MS / 1000, 500000000 };
	bool evidence = false;

	connect_agent(w);
	proc_peer(&w->router, MSG_PEER, 9, 1, "pay-2", kit_port());
	for (uint64_t i = 0; i < QUESTIONS; i++)
		proc_attest(&w->router, 9, 1, i);
	proc_attest(&w->router, ROUTER_ID, GENERATION, 60);
	proc_wants(&w->agent, MSG_QUOTE_WANTED, -1);
	proc_quote(&w->agent, PADDING);
	nanosleep(&nap, NULL); /* fifteen heartbeats */
	while ((failures < QUESTIONS || !evidence) && proc_next(&w->router, KIT_WAIT_MS)) {
		if (w->router.m.type == MSG_EVIDENCE_FAILED) {
			assert_true(msg_failure_get(w->router.m.body, &f));
			assert_int_equal(f.request, failures);
			failures++;
		} else if (w->router.m.type == MSG_EVIDENCE) {
			assert_true(msg_evidence_get(w->router.m.body, &e));
			assert_int_equal(e.report.n, REPORT_DATA_BYTES + PADDING);
			evidence = true;
		} else {
			missed += w->router.m.type == MSG_BEAT_MISSED;
			beats += w->router.m.type == MSG_BEAT && failures < QUESTIONS;
		}
	}
	/* Meanwhile it has read nothing from the agent, and not held that against it. */
	assert_true(beats < 5 && missed < 5); /* an agent may be late where the machine is slow */
	assert_int_equal(failures, QUESTIONS);
	assert_true(evidence);
	proc_wants(&w->router, MSG_BEAT, ROUTER_ID);
}

/* A parent that is not one: the child ends, and says why. */
static void test_nonsense_from_the_parent(void **state)
{
	struct world *w = *state;
	struct ipc_writer out;
	uint8_t buf[16];
	int status;

	out = ipc_begin(buf, sizeof(buf), MSG_VERDICT, 1);
	proc_send(&w->router, &out);
	assert_int_equal(waitpid(w->router.pid, &status, 0), w->router.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_true(proc_says(&w->router, "makes no sense", 0));
	close(w->router.fd);
	w->router.pid = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_beats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_load_is_the_machines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_evidence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_result_is_passed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_evidence_now, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_too_early_or_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reconnects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missed_beats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_socket_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense_from_the_parent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
