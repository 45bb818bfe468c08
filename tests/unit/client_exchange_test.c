// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client's half of the exchange against every message that may come at every point: one
 * order leads to evidence, and what it is bound to is our own view of the session alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "channel/frame.h"
#include "client/exchange.h"

static uint8_t room[FRAME_MAX];
static char why[WHY_MAX];
static struct exchange_answer answer;

static const uint8_t nonce[WIRE_NONCE_BYTES] = { 1, 2, 3 };
static const uint8_t exporter[EXPORTER_BYTES] = { 0xe };

static struct exchange begin(void)
{
	struct exchange x = { .endpoint = { .proto = IPPROTO_TCP, .port = 443 } };

	assert_true(addr_parse("198.51.100.1", &x.endpoint.addr));
	strcpy(x.service, "files");
	memset(x.spki_own, 0x0c, DIGEST_BYTES);
	memset(x.spki_peer, 0x0d, DIGEST_BYTES);
	return x;
}

static enum exchange_event take(struct exchange *x, const char *text)
{
	return exchange_take(x, bytes_of(text, strlen(text)), room, sizeof(room), &answer, why);
}

static const char hello[] = "{\"type\":\"HELLO\",\"v\":1,\"role\":\"backend\",\"tee\":[\"snp\"],"
			    "\"agent\":\"a\",\"boot_id\":\"b\"}";

static void ask(struct exchange *x)
{
	char text[FRAME_SMALL_MAX];

	assert_true(exchange_question(x, nonce, text, sizeof(text)) > 0);
	exchange_asked(x, exporter);
}

static void asked(struct exchange *x)
{
	*x = begin();
	assert_int_equal(take(x, hello), EXCHANGE_ASK);
	ask(x);
}

/* EVIDENCE with these claims. */
static const char *evidence(uint64_t id, const char *role, const char *node, const char *ip,
			    uint16_t port)
{
	static char claims[1024], text[4096];
	struct wire_claims c = { .endpoints_count = 2, .counter = 1 };
	struct wire_message m = { .type = WIRE_EVIDENCE };
	size_t n;

	snprintf(c.role, sizeof(c.role), "%s", role);
	snprintf(c.node, sizeof(c.node), "%s", node);
	c.endpoints[0] = (struct wire_endpoint){ .proto = IPPROTO_TCP, .port = 9 };
	c.endpoints[1] = (struct wire_endpoint){ .proto = IPPROTO_TCP, .port = port };
	assert_true(addr_parse(ip, &c.endpoints[1].addr));
	n = wire_claims_write(&c, claims, sizeof(claims));
	m.evidence.id = id;
	m.evidence.tee = TEE_SNP;
	m.evidence.report = bytes_of("report", 6);
	m.evidence.claims = bytes_of(claims, n);
	n = wire_write(&m, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = 0;
	return text;
}

static void test_the_one_way(void **state)
{
	struct exchange x;
	uint8_t claims[DIGEST_BYTES];

	(void)state;
	asked(&x);
	assert_int_equal(take(&x, evidence(1, "backend", "n", "198.51.100.1", 443)),
			 EXCHANGE_EVIDENCE);
	assert_string_equal(answer.binding.role, "backend");
	assert_int_equal(answer.binding.tee, TEE_SNP);
	assert_memory_equal(answer.binding.exporter, exporter, EXPORTER_BYTES);
	assert_memory_equal(answer.binding.spki_attester, x.spki_peer, DIGEST_BYTES);
	assert_memory_equal(answer.binding.spki_peer, x.spki_own, DIGEST_BYTES);
	assert_memory_equal(answer.binding.request, x.question, DIGEST_BYTES);
	assert_true(sha384(answer.evidence.claims, claims));
	assert_memory_equal(answer.binding.claims, claims, DIGEST_BYTES);
	assert_string_equal(answer.claims.node, "n");
	/* Evidence is shown once. */
	assert_int_equal(take(&x, evidence(1, "backend", "n", "198.51.100.1", 443)),
			 EXCHANGE_BREACH);
}

static void test_the_question(void **state)
{
	struct exchange x = begin();
	uint8_t digest[DIGEST_BYTES], first[DIGEST_BYTES];
	char text[FRAME_SMALL_MAX];
	struct wire_message m;
	size_t n;

	(void)state;
	n = exchange_hello("boot", text, sizeof(text));
	assert_true(wire_read(bytes_of(text, n), room, sizeof(room), &m, why));
	assert_string_equal(m.hello.role, "client");
	n = exchange_question(&x, nonce, text, sizeof(text));
	assert_true(wire_read(bytes_of(text, n), room, sizeof(room), &m, why));
	assert_int_equal(m.attest.id, 1);
	assert_string_equal(m.attest.role, "client");
	assert_string_equal(m.attest.purpose, "client");
	assert_string_equal(m.attest.service, "files");
	assert_true(wire_endpoint_equal(&m.attest.endpoint, &x.endpoint));
	assert_memory_equal(m.attest.nonce, nonce, sizeof(nonce));
	assert_true(sha384(bytes_of(text, n), digest));
	assert_memory_equal(x.question, digest, DIGEST_BYTES);
	memcpy(first, x.question, sizeof(first));
	n = exchange_question(&x, nonce, text, sizeof(text));
	assert_true(wire_read(bytes_of(text, n), room, sizeof(room), &m, why));
	assert_int_equal(m.attest.id, 2); /* ids only rise */
	assert_memory_not_equal(x.question, first, DIGEST_BYTES);
	assert_int_equal(exchange_question(&x, nonce, text, 16), 0);
}

static void test_wrong_answers(void **state)
{
	static const struct {
		uint64_t id;
		const char *role, *node, *ip;
		uint16_t port;
		const char *word;
	} rows[] = {
		{ 2, "backend", "n", "198.51.100.1", 443, "id 2, want 1" },
		{ 1, "router", "n", "198.51.100.1", 443, "role" },
		{ 1, "client", "n", "198.51.100.1", 443, "role" },
		{ 1, "backend", "m", "198.51.100.1", 443, "node" },
		{ 1, "backend", "n", "198.51.100.2", 443, "198.51.100.1:443" },
		{ 1, "backend", "n", "198.51.100.1", 444, "198.51.100.1:443" },
	};
	struct exchange x;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		asked(&x);
		strcpy(x.node, "n");
		assert_int_equal(take(&x, evidence(rows[i].id, rows[i].role, rows[i].node,
						   rows[i].ip, rows[i].port)),
				 EXCHANGE_BREACH);
		if (!strstr(why, rows[i].word))
			fail_msg("row %zu: \"%s\"", i, why);
	}
}

static void test_out_of_turn(void **state)
{
	static const char *const others[] = {
		"{\"type\":\"PING\",\"n\":1}",
		"{\"type\":\"PONG\",\"n\":1,\"load\":1}",
		"{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"ok\",\"code\":\"ok\","
		"\"expires_in_ms\":1}",
		"{\"type\":\"ATTEST\"}",
		"GET / HTTP/1.1",
		"",
	};
	struct exchange x;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		x = begin();
		assert_int_equal(take(&x, others[i]), EXCHANGE_BREACH);
		assert_true(why[0]);
		asked(&x);
		assert_int_equal(take(&x, others[i]), EXCHANGE_BREACH);
	}
	x = begin(); /* evidence before it was asked for: that of somebody else's session */
	assert_int_equal(take(&x, evidence(1, "backend", "n", "198.51.100.1", 443)),
			 EXCHANGE_BREACH);
	x = begin();
	assert_int_equal(take(&x, hello), EXCHANGE_ASK);
	assert_int_equal(take(&x, evidence(0 + 1, "backend", "n", "198.51.100.1", 443)),
			 EXCHANGE_BREACH);
	asked(&x);
	assert_int_equal(take(&x, hello), EXCHANGE_BREACH);
	x = begin();
	assert_int_equal(take(&x, "{\"type\":\"HELLO\",\"v\":1,\"role\":\"router\",\"tee\":[],"
				  "\"agent\":\"\",\"boot_id\":\"\"}"),
			 EXCHANGE_BREACH);
	assert_non_null(strstr(why, "want backend, got router"));
}

#define ERROR(id, code) \
	"{\"type\":\"ERROR\",\"v\":1,\"id\":" id ",\"code\":\"" code "\",\"detail\":\"d\"}"

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		enum exchange_event event;
	} rows[] = {
		{ ERROR("1", "busy"), EXCHANGE_NOT_NOW },
		{ ERROR("1", "unavailable"), EXCHANGE_NOT_NOW },
		{ ERROR("1", "endpoint"), EXCHANGE_BREACH },
		{ ERROR("0", "protocol"), EXCHANGE_BREACH },
		{ ERROR("2", "busy"), EXCHANGE_BREACH },
		{ ERROR("0", "busy"), EXCHANGE_BREACH },
	};
	struct exchange x;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		asked(&x);
		if (take(&x, rows[i].text) != rows[i].event)
			fail_msg("row %zu", i);
		assert_non_null(strstr(why, ": d"));
	}
	asked(&x); /* busy, and asked again: only the second question can be answered */
	assert_int_equal(take(&x, ERROR("1", "busy")), EXCHANGE_NOT_NOW);
	assert_int_equal(take(&x, evidence(1, "backend", "n", "198.51.100.1", 443)),
			 EXCHANGE_BREACH);
	asked(&x);
	assert_int_equal(take(&x, ERROR("1", "busy")), EXCHANGE_NOT_NOW);
	ask(&x);
	assert_int_equal(take(&x, evidence(1, "backend", "n", "198.51.100.1", 443)),
			 EXCHANGE_BREACH);
	asked(&x);
	assert_int_equal(take(&x, ERROR("1", "busy")), EXCHANGE_NOT_NOW);
	ask(&x);
	assert_int_equal(take(&x, evidence(2, "backend", "n", "198.51.100.1", 443)),
			 EXCHANGE_EVIDENCE);
	x = begin(); /* nothing was asked */
	assert_int_equal(take(&x, ERROR("1", "busy")), EXCHANGE_BREACH);
}

static void test_results(void **state)
{
	char text[FRAME_SMALL_MAX];
	struct wire_message m;
	struct exchange x;
	size_t n;

	(void)state;
	asked(&x);
	n = exchange_result(&x, true, "ok", 3600000, text, sizeof(text));
	assert_true(wire_read(bytes_of(text, n), room, sizeof(room), &m, why));
	assert_true(m.result.ok);
	assert_int_equal(m.result.id, 1);
	assert_int_equal(m.result.expires_in_ms, 3600000);
	n = exchange_result(&x, false, "bad-measurement", 0, text, sizeof(text));
	assert_true(wire_read(bytes_of(text, n), room, sizeof(room), &m, why));
	assert_false(m.result.ok);
	assert_string_equal(m.result.code, "bad-measurement");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_one_way),   cmocka_unit_test(test_the_question),
		cmocka_unit_test(test_wrong_answers), cmocka_unit_test(test_out_of_turn),
		cmocka_unit_test(test_errors),	      cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
