// SPDX-License-Identifier: BSD-2-Clause
/*
 * The relay against clients right and wrong: what evidence is bound to, what is carried,
 * and that nothing is before RESULT.
 */
#include "relay_kit.h"

static struct kit *kit;
static struct identity relay_id, dest_id, other_id, client_id;
static struct origin echo, plain, old;
static struct relay_config *config;
static struct proc relay;

static int setup(void **state)
{
	(void)state;
	kit = kit_new();
	kit_issue(kit, &relay_id, "relay", "URI:fairlead://node/relay-1,IP:127.0.0.1");
	kit_issue(kit, &dest_id, "dest", "DNS:api.example,IP:127.0.0.1");
	kit_issue(kit, &other_id, "other", "DNS:elsewhere.example");
	kit_issue(kit, &client_id, "client", "URI:fairlead://node/client-1");
	origin_start(&echo, &dest_id, TLS1_3_VERSION);
	origin_start(&plain, NULL, 0);
	origin_start(&old, &dest_id, TLS1_2_VERSION);
	config = relay_kit_config(&relay_id);
	snprintf(config->clients_ca, sizeof(config->clients_ca), "%s/ca.pem", kit->dir);
	relay_kit_pin(relay_kit_add(config, "pinned", echo.port), &dest_id);
	relay_kit_add(config, "plain", plain.port);
	relay_kit_ca(relay_kit_add(config, "named", echo.port), kit, "api.example");
	relay_kit_ca(relay_kit_add(config, "misnamed", echo.port), kit, "other.example");
	relay_kit_pin(relay_kit_add(config, "mispinned", echo.port), &other_id);
	relay_kit_pin(relay_kit_add(config, "old", old.port), &dest_id);
	relay_kit_pin(relay_kit_add(config, "aged", old.port), &dest_id);
	config->destinations[6].tls12 = true;
	relay_kit_ca(relay_kit_add(config, "both", echo.port), kit, "api.example");
	relay_kit_pin(&config->destinations[7], &other_id);
	relay_kit_start(kit, &relay, config, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proc_stop(&relay);
	origin_stop(&echo);
	origin_stop(&plain);
	origin_stop(&old);
	free(config);
	kit_free(kit);
	return 0;
}

/* Everything in the binding is as the client sees it for itself. */
static void check_binding(struct guest *g, const struct identity *id)
{
	struct wire_claims claims;
	uint8_t digest[DIGEST_BYTES];
	struct binding b;

	assert_true(msg_binding_get(relay.m.body, &b));
	assert_string_equal(b.role, "backend");
	assert_int_equal(b.tee, TEE_SNP);
	assert_memory_equal(b.request, g->digest, DIGEST_BYTES);
	assert_true(tls_export(g->ssl, g->digest, digest));
	assert_memory_equal(b.exporter, digest, EXPORTER_BYTES);
	relay_kit_digest(relay_id.certificate, EVP_sha384(), digest);
	assert_memory_equal(b.spki_attester, digest, DIGEST_BYTES);
	if (id)
		relay_kit_digest(id->certificate, EVP_sha384(), digest);
	else
		assert_true(sha384(bytes_of("", 0), digest));
	assert_memory_equal(b.spki_peer, digest, DIGEST_BYTES);

	parent_answers(&relay, 0, RELAY_REPORT);
	guest_wants(g, WIRE_EVIDENCE);
	assert_true(
		bytes_equal(g->m.evidence.report, bytes_of(RELAY_REPORT, strlen(RELAY_REPORT))));
	assert_true(sha384(g->m.evidence.claims, digest));
	assert_memory_equal(b.claims, digest, DIGEST_BYTES);
	if (!wire_claims_read(g->m.evidence.claims, &claims, g->why))
		fail_msg("%s", g->why);
	assert_string_equal(claims.node, "relay-1");
	assert_int_equal(claims.endpoints_count, 1);
	assert_int_equal(claims.endpoints[0].port, g->port);
	assert_true(claims.has_destinations);
	assert_memory_equal(claims.destinations, config->digest, SHA256_BYTES);
}

static void test_binding(void **state)
{
	const struct identity *ids[] = { NULL, &client_id };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct guest *g = guest_new(config);

		guest_comes(g, ids[i]);
		assert_true(guest_asks(g, 1, ""));
		proc_wants(&relay, MSG_QUOTE_WANTED, -1);
		check_binding(g, ids[i]);
		guest_free(g);
	}
}

static void test_verbatim(void **state)
{
	static const char *const names[] = { "", "pinned", "plain", "named", "aged" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct guest *g = guest_new(config);

		guest_is_released(g, &relay, names[i]);
		guest_exchanges(g, 1, i);
		guest_exchanges(g, 3 << 20, i + 17);
		/* Half of it ends; the other half's end comes back. */
		assert_int_equal(SSL_shutdown(g->ssl), 0);
		guest_sees_end(g, false);
		guest_free(g);
		proc_must_say(&relay, "3145729 bytes up, 3145729 down");
		proc_mark(&relay);
	}
}

/* Bytes in the same record as RESULT are the application's. */
static void test_early_bytes(void **state)
{
	struct guest *g = guest_new(config);
	struct wire_message ok = result_of(1, true);
	char text[4 + 256 + 5], back[5];
	size_t n;

	(void)state;
	guest_comes(g, NULL);
	assert_true(guest_asks(g, 1, "plain"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	parent_answers(&relay, 0, RELAY_REPORT);
	guest_wants(g, WIRE_EVIDENCE);
	n = wire_write(&ok, text + 4, 256);
	memcpy(text, (uint8_t[]){ 0, 0, n >> 8, n }, 4);
	memcpy(text + 4 + n, "early", 5);
	assert_true(guest_writes(g, text, 4 + n + 5));
	assert_true(guest_reads(g, back, 5));
	assert_memory_equal(back, "early", 5);
	guest_free(g);
}

/* Who breaks off does not seem to have ended: the other side hears of no end. */
static void test_broken_off(void **state)
{
	struct guest *g = guest_new(config);
	char back[sizeof(ORIGIN_CUT)];

	(void)state;
	guest_is_released(g, &relay, "pinned");
	assert_true(guest_writes(g, ORIGIN_CUT, sizeof(ORIGIN_CUT)));
	assert_true(guest_reads(g, back, sizeof(back)));
	assert_string_equal(back, ORIGIN_CUT);
	guest_sees_end(g, true);
	proc_must_say(&relay, "7 bytes up, 7 down");
	proc_must_say(&relay, "the destination's connection broke");
	guest_leave(g);
	proc_mark(&relay);
	guest_is_released(g, &relay, "pinned");
	guest_exchanges(g, 10, 1);
	guest_free(g);
	proc_must_say(&relay, "10 bytes up, 10 down");
	proc_must_say(&relay, "the client's connection broke");
	proc_mark(&relay);
}

/* Who does not read is not read from: what may pile up is what the windows and sockets hold. */
static void test_back_pressure(void **state)
{
	enum { MOST = 64 << 20, PIECE = 16384 };
	struct guest *g = guest_new(config);
	static uint8_t piece[PIECE], back[PIECE];
	size_t sent = 0, n;

	(void)state;
	memset(piece, 'p', sizeof(piece));
	guest_is_released(g, &relay, "plain");
	fcntl(g->fd, F_SETFL, O_NONBLOCK);
	for (struct pollfd f = { .fd = g->fd, .events = POLLOUT }; sent < MOST;)
		if (SSL_write_ex(g->ssl, piece, sizeof(piece), &n) == 1)
			sent += n;
		else if (poll(&f, 1, 1000) == 0)
			break;
	assert_true(sent > 0 && sent < MOST);
	fcntl(g->fd, F_SETFL, 0);
	for (size_t got = 0; got < sent; got += sizeof(back)) {
		assert_true(guest_reads(g, back, sizeof(back)));
		assert_memory_equal(back, piece, sizeof(back));
	}
	guest_free(g);
}

/* A destination that is not the pinned one gets nothing, and the log says why. */
static void test_wrong_destinations(void **state)
{
	static const char *const rows[][2] = {
		{ "misnamed", "to misnamed: 0 bytes up, 0 down" },
		{ "mispinned", "to mispinned: 0 bytes up, 0 down" },
		{ "old", "to old: 0 bytes up, 0 down" },
		{ "both", "to both: 0 bytes up, 0 down" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct guest *g = guest_new(config);

		guest_is_released(g, &relay, rows[i][0]);
		guest_writes(g, "secret", 6);
		guest_sees_end(g, true);
		proc_must_say(&relay, rows[i][1]);
		guest_free(g);
	}
}

static void test_other_names_and_endpoints(void **state)
{
	struct guest *g = guest_new(config);
	struct wire_message m;

	(void)state;
	proc_mark(&relay);
	guest_comes(g, NULL);
	assert_true(guest_asks(g, 1, "nowhere"));
	guest_wants(g, WIRE_ERROR);
	assert_int_equal(g->m.error.code, WIRE_ERROR_ENDPOINT);
	assert_int_equal(g->m.error.id, 1);
	m = attest_of(g, 2, "plain");
	m.attest.endpoint.port++;
	assert_true(guest_says(g, &m));
	guest_wants(g, WIRE_ERROR);
	assert_int_equal(g->m.error.code, WIRE_ERROR_ENDPOINT);
	m = attest_of(g, 3, "plain");
	m.attest.endpoint.proto = IPPROTO_UDP;
	assert_true(guest_says(g, &m));
	guest_wants(g, WIRE_ERROR);
	assert_int_equal(g->m.error.code, WIRE_ERROR_ENDPOINT);
	guest_free(g);
	proc_must_say(&relay, "nothing relayed: it hung up");
}

/* What may not come, where it may not: the session ends, and no destination hears of it. */
static void test_breaches(void **state)
{
	enum { AFTER_HELLO, AFTER_EVIDENCE };
	static const struct {
		int when;
		const char *text, *why;
	} rows[] = {
		{ AFTER_HELLO, "{\"type\":\"PING\",\"n\":1}", "PING may not come now" },
		{ AFTER_HELLO,
		  "{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"ok\",\"code\":\"accepted\",\"expires_in_ms\":1}",
		  "RESULT may not come now" },
		{ AFTER_HELLO, "GET / HTTP/1.1", "refused" },
		{ AFTER_EVIDENCE, "{\"type\":\"PING\",\"n\":1}", "PING may not come now" },
		{ AFTER_EVIDENCE,
		  "{\"type\":\"RESULT\",\"v\":1,\"id\":2,\"status\":\"ok\",\"code\":\"accepted\",\"expires_in_ms\":1}",
		  "its id is not the evidence's" },
		{ AFTER_EVIDENCE,
		  "{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"deny\",\"code\":\"measurement\",\"expires_in_ms\":1}",
		  "it denies us: measurement" },
		{ AFTER_EVIDENCE,
		  "{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"OK\",\"code\":\"accepted\",\"expires_in_ms\":1}",
		  "want ok or deny" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct guest *g = guest_new(config);

		proc_mark(&relay);
		guest_comes(g, NULL);
		if (rows[i].when == AFTER_EVIDENCE) {
			assert_true(guest_asks(g, 1, "plain"));
			proc_wants(&relay, MSG_QUOTE_WANTED, -1);
			parent_answers(&relay, 0, RELAY_REPORT);
			guest_wants(g, WIRE_EVIDENCE);
		}
		assert_true(guest_says_text(g, rows[i].text, strlen(rows[i].text)));
		guest_writes(g, "secret", 6);
		while (guest_hears(g))
			assert_int_equal(g->m.type, WIRE_ERROR);
		guest_free(g);
		proc_must_say(&relay, rows[i].why);
		proc_must_say(&relay, "nothing relayed");
	}
}

static void test_lengths(void **state)
{
	static const uint8_t rows[][4] = { { 0, 0, 0, 0 },
					   { 0, 0, 0x20, 1 },
					   { 0xff, 0xff, 0xff, 0xff } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct guest *g = guest_new(config);

		proc_mark(&relay);
		guest_comes(g, NULL);
		assert_true(guest_writes(g, rows[i], 4));
		guest_wants(g, WIRE_ERROR);
		assert_int_equal(g->m.error.code, WIRE_ERROR_PROTOCOL);
		guest_sees_end(g, true);
		guest_free(g);
		proc_must_say(&relay, "a message's length");
	}
}

static void test_handshakes(void **state)
{
	struct guest *g = guest_new(config);
	struct identity foreign;

	(void)state;
	guest_connects(g);
	assert_false(guest_shakes(g, NULL, "http/1.1"));
	guest_leave(g);
	guest_connects(g);
	assert_false(guest_shakes(g, NULL, "fairlead/1"));
	guest_leave(g);
	kit_issue_foreign(kit, &foreign, "foreign", "URI:fairlead://node/client-1");
	guest_connects(g);
	assert_false(guest_shakes(g, &foreign, "fairlead-app/1"));
	guest_free(g);
}

/* The device says no: the session stays, and may ask again. */
static void test_no_evidence(void **state)
{
	static const struct {
		uint32_t failed;
		enum wire_error_code code;
	} rows[] = { { EBUSY, WIRE_ERROR_BUSY },
		     { EAGAIN, WIRE_ERROR_BUSY },
		     { EIO, WIRE_ERROR_UNAVAILABLE } };
	struct guest *g = guest_new(config);

	(void)state;
	guest_comes(g, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(guest_asks(g, i + 1, "plain"));
		proc_wants(&relay, MSG_QUOTE_WANTED, -1);
		parent_answers(&relay, rows[i].failed, NULL);
		guest_wants(g, WIRE_ERROR);
		assert_int_equal(g->m.error.code, rows[i].code);
		assert_int_equal(g->m.error.id, i + 1);
	}
	assert_true(guest_asks(g, 9, "plain"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	parent_answers(&relay, 0, "");
	guest_wants(g, WIRE_ERROR);
	assert_int_equal(g->m.error.code, WIRE_ERROR_UNAVAILABLE);
	/* An id that is not higher is a breach. */
	assert_true(guest_asks(g, 9, "plain"));
	guest_wants(g, WIRE_ERROR);
	assert_int_equal(g->m.error.code, WIRE_ERROR_PROTOCOL);
	guest_free(g);
}

/* One at a time, the rest in turn; who leaves costs nothing; more than may wait hear busy. */
static void test_queue(void **state)
{
	struct guest *g[10];
	bool out[10] = { true, false };
	uint32_t first;
	int busy = 0, left = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		g[i] = guest_new(config);
		guest_comes(g[i], NULL);
	}
	assert_true(guest_asks(g[0], 1, "plain"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	first = relay.m.id;
	for (int i = 1; i < 10; i++)
		assert_true(guest_asks(g[i], 1, "plain"));
	for (int i = 1; busy < 2; i = i % 9 + 1) {
		struct pollfd f = { .fd = g[i]->fd, .events = POLLIN };

		if (out[i] || poll(&f, 1, 10) != 1)
			continue;
		guest_wants(g[i], WIRE_ERROR);
		assert_int_equal(g[i]->m.error.code, WIRE_ERROR_BUSY);
		out[i] = true;
		busy++;
	}
	assert_false(proc_gets(&relay, MSG_QUOTE_WANTED, -1, 50));
	proc_mark(&relay);
	guest_leave(g[0]); /* it was its turn: the device is busy for nobody */
	for (int i = 1; !left; i++)
		if (!out[i]) {
			guest_leave(g[i]);
			left = i;
		}
	while (proc_says(&relay, "nothing relayed: it hung up", 100) < 2)
		;
	relay.m.id = first;
	parent_answers(&relay, 0, RELAY_REPORT);
	for (int i = 0; i < 6; i++) {
		proc_wants(&relay, MSG_QUOTE_WANTED, -1);
		parent_answers(&relay, 0, RELAY_REPORT);
	}
	for (int i = 1; i < 10; i++)
		if (!out[i] && i != left)
			guest_wants(g[i], WIRE_EVIDENCE);
	assert_false(proc_gets(&relay, MSG_QUOTE_WANTED, -1, 50));
	for (int i = 0; i < 10; i++)
		guest_free(g[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_verbatim),
		cmocka_unit_test(test_early_bytes),
		cmocka_unit_test(test_broken_off),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_wrong_destinations),
		cmocka_unit_test(test_other_names_and_endpoints),
		cmocka_unit_test(test_breaches),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_no_evidence),
		cmocka_unit_test(test_queue),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
