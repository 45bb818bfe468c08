// SPDX-License-Identifier: BSD-2-Clause
/*
 * Against a router: false agents, and one between it and a genuine agent.  Each is refused
 * with one reason, or unmasked by its binding; a good agent's session goes on all the while.
 */
#include "channel_hostile.h"

#include "channel/b64url.h"
#include "channel/wire.h"

enum { GOOD_ID = 1, EVIL_ID = 2, GENERATION = 4 };

static struct kit *kit;
static struct identity agent_id, router_id, stolen_id, twin_id;
static struct channel_config agent_config, router_config;
static struct proc agent, router;
static uint16_t port, evil_port;
static int listening;
static uint32_t generation = GENERATION;

static int setup(void **state)
{
	struct addr a;

	(void)state;
	kit = kit_new();
	kit_issue(kit, &agent_id, "agent", "URI:fairlead://node/pay-1,IP:127.0.0.1");
	kit_issue(kit, &router_id, "router", "URI:fairlead://node/r1");
	/* Somebody has got a key that is certified for pay-2; and another for pay-1. */
	kit_issue(kit, &stolen_id, "stolen", "URI:fairlead://node/pay-2,IP:127.0.0.1");
	kit_issue(kit, &twin_id, "twin", "URI:fairlead://node/pay-1,IP:127.0.0.1");
	kit_config(kit, &router_id, "r1", &router_config);
	kit_config(kit, &agent_id, "pay-1", &agent_config);
	port = kit_port();
	kit_config_agent(&agent_config, port);
	evil_port = kit_port();
	addr_parse("127.0.0.1", &a);
	listening = sock_listen(&a, evil_port);
	assert_true(listening >= 0);
	/* An agent behind another address, as the one in the middle has it. */
	agent_config.endpoints[0] =
		(struct channel_endpoint){ .addr = a, .port = evil_port, .proto = IPPROTO_TCP };
	agent_config.endpoints_count = 1;
	proc_start_good(kit, &agent, &agent_config, &router, &router_config, GOOD_ID);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(listening);
	proc_stop(&router);
	proc_stop(&agent);
	kit_free(kit);
	return 0;
}

static void good_agent_goes_on(void)
{
	int fd;

	proc_forget(&router, EVIL_ID);
	proc_goes_on(&router, GOOD_ID);
	/* What it had dialled before it forgot is of no use to the next test. */
	while ((fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

/* Has the router dial us, looking for a node; each time it is a new backend to it. */
static struct hostile *dialled(const char *node, const struct manners *m)
{
	proc_peer(&router, MSG_PEER, EVIL_ID, ++generation, node, evil_port);
	return hostile_accept(listening, m);
}

static struct hostile *trusted(const char *node, const struct identity *id)
{
	struct hostile *h = dialled(node, &(struct manners){ .id = id });

	assert_true(hostile_greets(h, HELLO_OF("backend")));
	proc_wants(&router, MSG_PEER_UP, EVIL_ID);
	return h;
}

static void is_down_because(const char *why)
{
	struct msg_why m;

	proc_wants(&router, MSG_PEER_DOWN, EVIL_ID);
	assert_true(msg_why_get(router.m.body, &m));
	assert_int_equal(m.generation, generation);
	assert_string_equal(m.why, why);
}

static void test_wrong_certificates(void **state)
{
	static const struct {
		const char *name, *names;
		long until;
		bool foreign;
		const char *why;
	} rows[] = {
		{ "another node", "URI:fairlead://node/pay-2,IP:127.0.0.1", 3600, false,
		  "its certificate is for node \"pay-2\", want \"pay-1\"" },
		{ "another address", "URI:fairlead://node/pay-1,IP:127.0.0.2", 3600, false,
		  "its certificate does not list the address 127.0.0.1" },
		{ "an address as a name", "URI:fairlead://node/pay-1,DNS:127.0.0.1", 3600, false,
		  "its certificate does not list the address 127.0.0.1" },
		{ "no node", "IP:127.0.0.1", 3600, false,
		  "its certificate names no node, want a URI fairlead://node/NAME" },
		{ "no names", NULL, 3600, false,
		  "its certificate names no node, want a URI fairlead://node/NAME" },
		{ "a longer name", "URI:fairlead://node/pay-1x,IP:127.0.0.1", 3600, false,
		  "its certificate is for node \"pay-1x\", want \"pay-1\"" },
		{ "a path in the name", "URI:fairlead://node/pay-1/x,IP:127.0.0.1", 3600, false,
		  "its certificate's node is no name" },
		{ "two nodes", "URI:fairlead://node/pay-1,URI:fairlead://node/pay-2,IP:127.0.0.1",
		  3600, false, "its certificate names several nodes, want one" },
		{ "expired", "URI:fairlead://node/pay-1,IP:127.0.0.1", -60, false,
		  "its certificate: certificate has expired" },
		{ "a foreign CA", "URI:fairlead://node/pay-1,IP:127.0.0.1", 3600, true,
		  "its certificate: certificate signature failure" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		EVP_PKEY *key = kit_key();
		struct hostile *h;
		struct identity id;

		print_message("  %s\n", rows[i].name);
		if (rows[i].foreign)
			kit_issue_foreign(kit, &id, "wrong", rows[i].names);
		else
			kit_issue_key(kit, &id, "wrong", rows[i].names, -7200, rows[i].until, key);
		EVP_PKEY_free(key);
		proc_peer(&router, MSG_PEER, EVIL_ID, ++generation, "pay-1", evil_port);
		/* Refused before our handshake is through, or with the first thing said after it.
		 */
		h = hostile_answer(listening, &(struct manners){ .id = &id });
		if (h->ssl)
			assert_false(hostile_hears_type(h, "HELLO"));
		is_down_because(rows[i].why);
		hostile_free(h);
		good_agent_goes_on();
	}
}

static void test_wrong_tls(void **state)
{
	static const struct {
		const char *name;
		struct manners m;
		const char *why;
	} rows[] = {
		{ "TLS 1.2 only",
		  { .id = &agent_id, .tls12 = true },
		  "TLS: tlsv1 alert protocol version" },
		{ "no ALPN",
		  { .id = &agent_id, .no_alpn = true },
		  "want the application protocol fairlead/1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hostile *h;

		print_message("  %s\n", rows[i].name);
		proc_peer(&router, MSG_PEER, EVIL_ID, ++generation, "pay-1", evil_port);
		h = hostile_answer(listening, &rows[i].m);
		if (h->ssl)
			assert_false(hostile_hears_type(h, "HELLO"));
		is_down_because(rows[i].why);
		hostile_free(h);
		good_agent_goes_on();
	}
}

/* Tickets that we press on the router are of no use to it: every handshake is a whole one. */
static void test_tickets_are_ignored(void **state)
{
	const struct manners m = { .id = &agent_id, .tickets = true };
	struct hostile *h;

	(void)state;
	for (int i = 0; i < 3; i++) {
		h = i ? hostile_accept(listening, &m) : dialled("pay-1", &m);
		assert_true(hostile_greets(h, HELLO_OF("backend")));
		assert_false(SSL_session_reused(h->ssl));
		proc_wants(&router, MSG_PEER_UP, EVIL_ID);
		hostile_free(h); /* it dials anew */
	}
	good_agent_goes_on();
}

/* What a false agent says where HELLO or an answer should be. */
static void test_messages(void **state)
{
	static const struct {
		const char *name, *before, *text, *why;
	} rows[] = {
		{ "data before HELLO", NULL, "{\"type\":\"PONG\",\"n\":1,\"load\":0}",
		  "PONG before HELLO" },
		{ "another router", NULL, HELLO_OF("router"),
		  "HELLO: role: want backend, got router" },
		{ "unasked evidence", HELLO_OF("backend"),
		  "{\"type\":\"EVIDENCE\",\"v\":1,\"id\":1,\"cmw\":[\"application/vnd.fairlead.snp\","
		  "\"AAAA\"],\"certs\":[],\"claims\":\"e30\"}",
		  "EVIDENCE that was not asked for" },
		{ "an unasked answer", HELLO_OF("backend"),
		  "{\"type\":\"PONG\",\"n\":999,\"load\":0}", "PONG: n 999 answers no PING" },
		{ "load that is none", HELLO_OF("backend"),
		  "{\"type\":\"PONG\",\"n\":1,\"load\":4000}", "PONG: load: want 0..1000" },
		{ "a question", HELLO_OF("backend"), "{\"type\":\"PING\",\"n\":1}",
		  "PING is not for a router" },
		{ "garbage", HELLO_OF("backend"), "{",
		  "not one JSON object: string or '}' expected near end of file" },
		{ "its own refusal", HELLO_OF("backend"),
		  "{\"type\":\"ERROR\",\"v\":1,\"id\":0,\"code\":\"protocol\",\"detail\":\"no\"}",
		  "it refused us: no" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hostile *h = dialled("pay-1", &(struct manners){ .id = &agent_id });

		print_message("  %s\n", rows[i].name);
		if (rows[i].before)
			assert_true(hostile_greets(h, rows[i].before));
		assert_true(hostile_say(h, rows[i].text));
		is_down_because(rows[i].why);
		hostile_free(h);
		good_agent_goes_on();
	}
}

static void base64(const char *text, char *out, size_t size)
{
	assert_true(b64url_encode(bytes_of(text, strlen(text)), out, size));
}

/* EVIDENCE with these claims, answering id. */
static void say_evidence(struct hostile *h, int id, const char *claims)
{
	char text[4096], encoded[2048];

	base64(claims, encoded, sizeof(encoded));
	snprintf(
		text, sizeof(text),
		"{\"type\":\"EVIDENCE\",\"v\":1,\"id\":%d,\"cmw\":[\"application/vnd.fairlead.snp\","
		"\"AAAA\"],\"certs\":[],\"claims\":\"%s\"}",
		id, encoded);
	assert_true(hostile_say(h, text));
}

#define CLAIMS(node, role, ip)                              \
	"{\"node\":\"" node "\",\"role\":\"" role           \
	"\",\"endpoints\":[{\"proto\":\"tcp\",\"ip\":\"" ip \
	"\",\"port\":%d}],\"agent_version\":\"x\",\"boot_id\":\"x\",\"counter\":1}"

/* Whether an answer is refused, and the parent told once, by EVIDENCE_FAILED, of what. */
static void is_refused_because(uint64_t request, const char *why)
{
	struct msg_failure f;

	proc_wants(&router, MSG_EVIDENCE_FAILED, EVIL_ID);
	assert_true(msg_failure_get(router.m.body, &f));
	assert_int_equal(f.request, request);
	assert_int_equal(f.generation, generation);
	assert_int_equal(f.refused, 1);
	assert_string_equal(f.why, why);
	is_down_because(why);
}

static void test_answers(void **state)
{
	static const struct {
		const char *name, *claims;
		int id; /* beyond the one that was asked with */
		const char *why;
	} rows[] = {
		{ "a stale id", CLAIMS("pay-1", "backend", "127.0.0.1"), -1,
		  "EVIDENCE: id 1, want 2" },
		{ "an id to come", CLAIMS("pay-1", "backend", "127.0.0.1"), 1,
		  "EVIDENCE: id 3, want 2" },
		{ "another node's claims", CLAIMS("pay-2", "backend", "127.0.0.1"), 0,
		  "claims: want backend \"pay-1\", got backend \"pay-2\"" },
		{ "a router's claims", CLAIMS("pay-1", "router", "127.0.0.1"), 0,
		  "claims: want backend \"pay-1\", got router \"pay-1\"" },
		{ "another endpoint's claims", CLAIMS("pay-1", "backend", "192.0.2.1"), 0,
		  "claims: the endpoint that was dialled is not among them" },
		{ "claims that are none", "{}", 0, "claims: Object item not found: node" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hostile *h = trusted("pay-1", &agent_id);
		char good[1024], bad[1024];

		print_message("  %s\n", rows[i].name);
		snprintf(good, sizeof(good), CLAIMS("pay-1", "backend", "127.0.0.1"), evil_port);
		snprintf(bad, sizeof(bad), rows[i].claims, evil_port);
		proc_attest(&router, EVIL_ID, generation, 70);
		assert_true(hostile_hears_type(h, "ATTEST"));
		say_evidence(h, 1, good);
		proc_wants(&router, MSG_EVIDENCE, EVIL_ID);
		proc_attest(&router, EVIL_ID, generation, 71);
		assert_true(hostile_hears_type(h, "ATTEST"));
		say_evidence(h, 2 + rows[i].id, bad);
		is_refused_because(71, rows[i].why);
		hostile_free(h);
		good_agent_goes_on();
	}
}

#define EIGHT(c)  c c c c c c c c
#define DIGEST(c) EIGHT(c) EIGHT(c) EIGHT(c) EIGHT(c) EIGHT(c) EIGHT(c) EIGHT(c) EIGHT(c)

/* The claims of pay-1 with whatever is between the quotes. */
static void claims_with(char out[1024], const char *more)
{
	size_t n;

	snprintf(out, 1024, CLAIMS("pay-1", "backend", "127.0.0.1"), evil_port);
	n = strlen(out) - 1; /* the brace */
	snprintf(out + n, 1024 - n, "%s}", more);
}

/* Whose egress is pinned has to be confined so, and not otherwise, nor not at all. */
static void test_egress(void **state)
{
	static const struct {
		const char *more, *why;
	} rows[] = {
		{ "", "claims: want egress_digest " DIGEST("a") ", got none" },
		{ ",\"egress_digest\":\"" DIGEST("b") "\"",
		  "claims: want egress_digest " DIGEST("a") ", got " DIGEST("b") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char good[1024], bad[1024];
		struct hostile *h;

		kit_egress = DIGEST("a");
		h = trusted("pay-1", &agent_id);
		kit_egress = "";
		claims_with(good, ",\"egress_digest\":\"" DIGEST("a") "\"");
		claims_with(bad, rows[i].more);
		proc_attest(&router, EVIL_ID, generation, 80);
		assert_true(hostile_hears_type(h, "ATTEST"));
		say_evidence(h, 1, good);
		proc_wants(&router, MSG_EVIDENCE, EVIL_ID);
		proc_attest(&router, EVIL_ID, generation, 81);
		assert_true(hostile_hears_type(h, "ATTEST"));
		say_evidence(h, 2, bad);
		is_refused_because(81, rows[i].why);
		hostile_free(h);
		good_agent_goes_on();
	}
}

/* Two questions that are the same but for their nonces. */
static void test_nonces(void **state)
{
	char first[2048];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct hostile *h = trusted("pay-1", &agent_id);
		const char *key = "\"nonce\":\"", *nonce;

		proc_attest(&router, EVIL_ID, generation, 60);
		assert_true(hostile_hears_type(h, "ATTEST"));
		nonce = strstr(h->text, key) + strlen(key);
		assert_memory_equal(nonce + 43, "\"", 1);
		if (i)
			assert_memory_not_equal(nonce, first, 43);
		memcpy(first, nonce, 43);
		hostile_free(h);
		good_agent_goes_on();
	}
}

/* "That endpoint is not mine", from who holds its certificate: not where flows may go. */
static void test_it_denies_the_endpoint(void **state)
{
	struct hostile *h = trusted("pay-1", &agent_id);
	struct msg_failure f;

	(void)state;
	proc_attest(&router, EVIL_ID, generation, 80);
	assert_true(hostile_hears_type(h, "ATTEST"));
	assert_true(hostile_say(h, "{\"type\":\"ERROR\",\"v\":1,\"id\":1,\"code\":\"endpoint\","
				   "\"detail\":\"not mine\"}"));
	proc_wants(&router, MSG_EVIDENCE_FAILED, EVIL_ID);
	assert_true(msg_failure_get(router.m.body, &f));
	assert_int_equal(f.refused, 1);
	assert_string_equal(f.why, "endpoint: not mine");
	hostile_free(h);
	good_agent_goes_on();
}

/* A long message is taken only while one is due, and then up to the protocol's limit. */
static void test_lengths(void **state)
{
	struct hostile *h = trusted("pay-1", &agent_id);
	char claims[1024];

	(void)state;
	assert_true(hostile_write(h, "\0\1\0\0", 4));
	is_down_because("a message's length: want 1..8192");
	hostile_free(h);

	h = trusted("pay-1", &agent_id);
	proc_attest(&router, EVIL_ID, generation, 89);
	assert_true(hostile_hears_type(h, "ATTEST"));
	snprintf(claims, sizeof(claims), CLAIMS("pay-1", "backend", "127.0.0.1"), evil_port);
	say_evidence(h, 1, claims);
	proc_wants(&router, MSG_EVIDENCE, EVIL_ID);
	assert_true(hostile_write(h, "\0\1\0\0", 4));
	is_down_because("a message's length: want 1..8192");
	hostile_free(h);

	h = trusted("pay-1", &agent_id);
	proc_attest(&router, EVIL_ID, generation, 90);
	assert_true(hostile_hears_type(h, "ATTEST"));
	assert_true(hostile_write(h, "\0\4\0\1", 4));
	is_refused_because(90, "a message's length: want 1..262144");
	hostile_free(h);

	h = trusted("pay-1", &agent_id);
	proc_attest(&router, EVIL_ID, generation, 91);
	assert_true(hostile_hears_type(h, "ATTEST"));
	assert_true(hostile_write(h, "\0\1\0\0{\"type\":", 12));
	shutdown(h->fd, SHUT_RDWR);
	is_down_because("it hung up in the middle of a message");
	hostile_free(h);
	good_agent_goes_on();
}

/* What the router's parent holds against the report: the report's bytes are REPORT_DATA here. */
static bool report_fits(struct msg_evidence *e)
{
	uint8_t wanted[REPORT_DATA_BYTES];

	assert_true(msg_evidence_get(router.m.body, e));
	assert_int_equal(e->report.n, REPORT_DATA_BYTES);
	assert_true(binding_report_data(&e->binding, wanted));
	return !memcmp(e->report.p, wanted, sizeof(wanted));
}

/* Asks at the router, brings the question to the genuine agent and its answer back. */
static bool relay_fits(struct hostile *to_router, struct hostile *to_agent, uint64_t request,
		       struct binding *at_agent, struct msg_evidence *e)
{
	proc_attest(&router, EVIL_ID, generation, request);
	assert_true(hostile_hears_type(to_router, "ATTEST"));
	assert_true(hostile_say_bytes(to_agent, to_router->text, to_router->n));
	proc_wants(&agent, MSG_QUOTE_WANTED, -1);
	*at_agent = proc_quote(&agent, 0);
	assert_true(hostile_hears_type(to_agent, "EVIDENCE"));
	assert_true(hostile_say_bytes(to_router, to_agent->text, to_agent->n));
	proc_wants(&router, MSG_EVIDENCE, EVIL_ID);
	return report_fits(e);
}

static struct hostile *as_router(const struct identity *id)
{
	struct hostile *h = hostile_dial(port, &(struct manners){ .id = id });

	assert_true(hostile_greets(h, HELLO_OF("router")));
	return h;
}

/*
 * The relay of CVE-2026-33697: in the middle sits who has the very key of the agent's TLS
 * identity, and even the router's.  Everything else is genuine; the sessions are two.
 */
static void test_relay(void **state)
{
	struct hostile *to_router = trusted("pay-1", &agent_id);
	struct hostile *to_agent = as_router(&twin_id);
	struct msg_evidence e;
	struct binding b;

	(void)state;
	assert_false(relay_fits(to_router, to_agent, 100, &b, &e));
	/* The question and the claims got through unchanged: the session's own secret did not. */
	assert_memory_equal(b.request, e.binding.request, DIGEST_BYTES);
	assert_memory_equal(b.claims, e.binding.claims, DIGEST_BYTES);
	assert_memory_equal(b.spki_attester, e.binding.spki_attester, DIGEST_BYTES);
	assert_memory_not_equal(b.exporter, e.binding.exporter, EXPORTER_BYTES);
	hostile_free(to_agent);
	hostile_free(to_router);
	good_agent_goes_on();
}

/* The same with a key of its own that is certified for the same node: two SPKIs differ as well. */
static void test_relay_with_another_key(void **state)
{
	struct hostile *to_router = trusted("pay-1", &twin_id);
	struct hostile *to_agent = as_router(&stolen_id);
	uint8_t at_agent[REPORT_DATA_BYTES], here[REPORT_DATA_BYTES];
	struct msg_evidence e;
	struct binding b;

	(void)state;
	assert_false(relay_fits(to_router, to_agent, 110, &b, &e));
	assert_memory_not_equal(b.spki_attester, e.binding.spki_attester, DIGEST_BYTES);
	assert_memory_not_equal(b.spki_peer, e.binding.spki_peer, DIGEST_BYTES);
	/* Were the exporters equal, the keys alone would still tell. */
	memcpy(b.exporter, e.binding.exporter, EXPORTER_BYTES);
	assert_true(binding_report_data(&b, at_agent) && binding_report_data(&e.binding, here));
	assert_memory_not_equal(at_agent, here, sizeof(here));
	hostile_free(to_agent);
	hostile_free(to_router);
	good_agent_goes_on();
}

/* Genuine evidence of one session, kept, and shown in the next as the answer to its question. */
static void test_replay(void **state)
{
	struct hostile *h, *to_agent = as_router(&twin_id);
	static char kept[KIT_MESSAGE_MAX];
	struct msg_evidence e;
	struct binding b;
	size_t n;

	(void)state;
	h = trusted("pay-1", &agent_id);
	relay_fits(h, to_agent, 120, &b, &e);
	n = to_agent->n;
	memcpy(kept, to_agent->text, n);
	hostile_free(h);
	hostile_free(to_agent);

	h = trusted("pay-1", &agent_id);
	proc_attest(&router, EVIL_ID, generation, 121);
	assert_true(hostile_hears_type(h, "ATTEST"));
	assert_true(hostile_say_bytes(h, kept, n)); /* its id fits: the first of a session is 1 */
	proc_wants(&router, MSG_EVIDENCE, EVIL_ID);
	assert_false(report_fits(&e));
	assert_memory_not_equal(b.request, e.binding.request, DIGEST_BYTES);
	hostile_free(h);
	good_agent_goes_on();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_certificates),
		cmocka_unit_test(test_wrong_tls),
		cmocka_unit_test(test_tickets_are_ignored),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_egress),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_it_denies_the_endpoint),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_relay),
		cmocka_unit_test(test_relay_with_another_key),
		cmocka_unit_test(test_replay),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
