// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pure parts: base64url has one spelling per value, a frame is never longer than may
 * come, a message has exactly its keys, and what we write we can read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "channel/b64url.h"
#include "channel/frame.h"
#include "channel/hold.h"
#include "channel/http_request.h"
#include "channel/load.h"
#include "channel/quota.h"
#include "channel/remote.h"
#include "channel/wire.h"

static void test_base64_vectors(void **state)
{
	/* RFC 4648, section 10, without its padding. */
	static const char *const rows[][2] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
	};
	char text[16];
	uint8_t back[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t length = strlen(rows[i][0]);

		assert_true(b64url_encode(bytes_of(rows[i][0], length), text, sizeof(text)));
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(strlen(text), b64url_length(length));
		assert_true(b64url_decode(text, strlen(text), back, sizeof(back), &n));
		assert_int_equal(n, length);
		assert_memory_equal(back, rows[i][0], n);
	}
	assert_true(b64url_encode(bytes_of("\xfb\xff", 2), text, sizeof(text)));
	assert_string_equal(text, "-_8");
}

static void test_base64_refusals(void **state)
{
	static const char *const rows[] = {
		"A",	 /* six bits are no byte */
		"Zg==",	 /* padding */
		"Zh",	 /* stray bits: Zg is the spelling */
		"Zm9",	 /* stray bits: Zm8 is */
		"+/8",	 /* the other alphabet */
		"Zm 9v", /* space */
		"Zm9v\n", "\xff\xff\xff\xff",
	};
	uint8_t out[16];
	char text[4];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_false(b64url_decode(rows[i], strlen(rows[i]), out, sizeof(out), &n));
	assert_false(b64url_decode("Zm9v", 4, out, 2, &n));
	assert_true(b64url_decode("Zm9v", 4, out, 3, &n));
	assert_false(b64url_encode(bytes_of("foo", 3), text, 4)); /* no room for the NUL */
}

static void test_frames(void **state)
{
	struct evbuffer *b = evbuffer_new();
	struct bytes m;

	(void)state;
	assert_int_equal(frame_put(b, bytes_of("hello", 5)), 0);
	assert_int_equal(frame_put(b, bytes_of("you", 3)), 0);
	assert_int_equal(evbuffer_get_length(b), 16);
	assert_int_equal(frame_next(b, 4, &m), FRAME_TOO_LONG);
	assert_int_equal(frame_next(b, 5, &m), FRAME_READY);
	assert_true(bytes_equal(m, bytes_of("hello", 5)));
	frame_drop(b, m);
	assert_int_equal(frame_next(b, 5, &m), FRAME_READY);
	assert_true(bytes_equal(m, bytes_of("you", 3)));
	frame_drop(b, m);
	assert_int_equal(frame_next(b, 5, &m), FRAME_MORE);

	/* A byte at a time: never ready early, refused as soon as the length is known. */
	for (int i = 0; i < 6; i++) {
		evbuffer_add(b, "\0\0\0\3ab" + i, 1);
		assert_int_equal(frame_next(b, 5, &m), FRAME_MORE);
	}
	evbuffer_add(b, "c", 1);
	assert_int_equal(frame_next(b, 5, &m), FRAME_READY);
	frame_drop(b, m);
	evbuffer_add(b, "\xff\xff\xff\xff", 4);
	assert_int_equal(frame_next(b, FRAME_MAX, &m), FRAME_TOO_LONG);
	evbuffer_drain(b, 4);
	evbuffer_add(b, "\0\0\0\0", 4);
	assert_int_equal(frame_next(b, FRAME_MAX, &m), FRAME_EMPTY);
	assert_int_equal(frame_put(b, bytes_of("", 0)), -EMSGSIZE);
	evbuffer_free(b);
}

static uint8_t room[FRAME_MAX];
static char why[WHY_MAX];

static bool reads(const char *text, struct wire_message *m)
{
	why[0] = 0;
	return wire_read(bytes_of(text, strlen(text)), room, sizeof(room), m, why);
}

/* The examples of docs/protocol.md, byte for byte. */
static const char hello_text[] =
	"{\"type\":\"HELLO\",\"v\":1,\"role\":\"backend\",\"tee\":[\"snp\"],"
	"\"agent\":\"fairlead/0.1.0\",\"boot_id\":\"6f1c2f0e-7d3b-4a55-9a51-0c7b8f1f2a10\"}";
static const char attest_text[] =
	"{\"type\":\"ATTEST\",\"v\":1,\"id\":1,"
	"\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\",\"role\":\"router\","
	"\"purpose\":\"admit\",\"endpoint\":{\"proto\":\"tcp\",\"ip\":\"192.0.2.11\","
	"\"port\":7443},\"service\":\"pay\",\"policy_epoch\":42,\"want\":[\"evidence\"]}";
static const char evidence_text[] =
	"{\"type\":\"EVIDENCE\",\"v\":1,\"id\":1,"
	"\"cmw\":[\"application/vnd.fairlead.snp\",\"cmVwb3J0\"],\"certs\":[\"dmNlaw\",\"YXNr\"],"
	"\"claims\":\"e30\"}";
static const char result_text[] =
	"{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"ok\",\"code\":\"accepted\","
	"\"expires_in_ms\":3600000}";
static const char error_text[] = "{\"type\":\"ERROR\",\"v\":1,\"id\":1,\"code\":\"busy\","
				 "\"detail\":\"another ATTEST is being answered\"}";
static const char ping_text[] = "{\"type\":\"PING\",\"n\":7}";
static const char pong_text[] = "{\"type\":\"PONG\",\"n\":7,\"load\":250}";
static const char claims_text[] =
	"{\"node\":\"pay-1\",\"role\":\"backend\",\"endpoints\":[{\"proto\":\"tcp\","
	"\"ip\":\"192.0.2.11\",\"port\":7443},{\"proto\":\"udp\",\"ip\":\"2001:db8::1\","
	"\"port\":53}],\"agent_version\":\"fairlead/0.1.0\","
	"\"boot_id\":\"6f1c2f0e-7d3b-4a55-9a51-0c7b8f1f2a10\",\"counter\":3}";

static const char *const examples[WIRE_TYPES] = {
	[WIRE_HELLO] = hello_text,   [WIRE_ATTEST] = attest_text, [WIRE_EVIDENCE] = evidence_text,
	[WIRE_RESULT] = result_text, [WIRE_ERROR] = error_text,	  [WIRE_PING] = ping_text,
	[WIRE_PONG] = pong_text,
};

static void test_examples_survive(void **state)
{
	struct wire_message m;
	char back[1024];
	size_t n;

	(void)state;
	for (int t = 0; t < WIRE_TYPES; t++) {
		if (!reads(examples[t], &m))
			fail_msg("%s: %s", wire_type_str(t), why);
		assert_int_equal(m.type, t);
		n = wire_write(&m, back, sizeof(back));
		assert_int_equal(n, strlen(examples[t]));
		assert_memory_equal(back, examples[t], n);
		assert_int_equal(wire_write(&m, back, n - 1), 0);
	}
}

static void test_a_client_asks_as_one(void **state)
{
	static const char from[] = "\"router\",\"purpose\":\"admit\"";
	const char *at = strstr(attest_text, from);
	struct wire_message m;
	char text[1024], back[1024];
	size_t n;

	(void)state;
	n = snprintf(text, sizeof(text), "%.*s\"client\",\"purpose\":\"client\"%s",
		     (int)(at - attest_text), attest_text, at + strlen(from));
	if (!reads(text, &m))
		fail_msg("%s", why);
	assert_string_equal(m.attest.role, "client");
	assert_string_equal(m.attest.purpose, "client");
	assert_int_equal(wire_write(&m, back, sizeof(back)), n);
	assert_memory_equal(back, text, n);
}

static void test_fields(void **state)
{
	struct wire_message m;
	struct addr ip;

	(void)state;
	assert_true(reads(attest_text, &m));
	assert_int_equal(m.attest.nonce[31], 31);
	assert_int_equal(m.attest.endpoint.proto, IPPROTO_TCP);
	assert_int_equal(m.attest.endpoint.port, 7443);
	assert_true(addr_parse("192.0.2.11", &ip));
	assert_true(addr_equal(&ip, &m.attest.endpoint.addr));
	assert_string_equal(m.attest.service, "pay");
	assert_int_equal(m.attest.policy_epoch, 42);
	assert_true(reads(evidence_text, &m));
	assert_int_equal(m.evidence.tee, TEE_SNP);
	assert_int_equal(m.evidence.certs_count, 2);
	assert_true(bytes_equal(m.evidence.report, bytes_of("report", 6)));
	assert_true(bytes_equal(m.evidence.certs[0], bytes_of("vcek", 4)));
	assert_true(bytes_equal(m.evidence.certs[1], bytes_of("ask", 3)));
	assert_true(bytes_equal(m.evidence.claims, bytes_of("{}", 2)));
	assert_true(
		reads("{\"type\":\"HELLO\",\"v\":1,\"role\":\"router\",\"tee\":[\"none\",\"new\"],"
		      "\"agent\":\"x\",\"boot_id\":\"\"}",
		      &m));
	assert_int_equal(m.hello.tees, 1u << TEE_NONE);
}

/* One change to an example: what is replaced, by what, and what the refusal has to speak of. */
static const struct {
	enum wire_type type;
	const char *what, *with, *word;
} changes[] = {
	{ WIRE_PING, "\"n\":7", "\"n\":7,\"n\":7", "duplicate" },
	{ WIRE_PING, "\"n\":7", "\"n\":7,\"m\":7", "unpacked" },
	{ WIRE_PING, ",\"n\":7", "", "not found" },
	{ WIRE_PING, "\"n\":7", "\"n\":\"7\"", "integer" },
	{ WIRE_PING, "\"n\":7", "\"n\":7.0", "integer" },
	{ WIRE_PING, "\"n\":7", "\"n\":0", "n" },
	{ WIRE_PING, "\"n\":7", "\"n\":-1", "positive" },
	{ WIRE_PING, "\"n\":7", "\"n\":99999999999999999999", "integer" },
	{ WIRE_PING, "\"PING\"", "\"ping\"", "name of a message" },
	{ WIRE_PING, "\"PING\"", "7", "name of a message" },
	{ WIRE_PING, "\"type\":\"PING\",", "", "name of a message" },
	{ WIRE_PING, "7}", "7}{", "end of file" },
	{ WIRE_PING, "7}", "7", "object" },
	{ WIRE_PING, "{\"type\":\"PING\",\"n\":7}", "[]", "list" },
	{ WIRE_PING, "\"n\":7", "\"n\":[[[[[[[[[7]]]]]]]]]", "deeper" },
	{ WIRE_PING, "\"n\":7", "\"\\u0000\":7", "object" },
	{ WIRE_PONG, "250", "1001", "load" },
	{ WIRE_PONG, "250", "-1", "load" },
	{ WIRE_HELLO, "\"v\":1", "\"v\":2", "v: want 1" },
	{ WIRE_HELLO, "fairlead/0.1.0", "a\\nb", "printable" },
	{ WIRE_HELLO, "[\"snp\"]", "\"snp\"", "tee" },
	{ WIRE_HELLO, "[\"snp\"]", "[1]", "tee" },
	{ WIRE_HELLO, "[\"snp\"]", "[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]",
	  "tee" },
	{ WIRE_HELLO, "backend", "0123456789abcdef", "role" },
	{ WIRE_ATTEST, "AAEC", "AAE", "nonce" },
	{ WIRE_ATTEST, "AAEC", "AAECAAEC", "nonce" },
	{ WIRE_ATTEST, "Hh8\"", "Hh9\"", "nonce" },
	{ WIRE_ATTEST, "\"id\":1", "\"id\":0", "id" },
	{ WIRE_ATTEST, "\"router\"", "\"server\"", "role" },
	{ WIRE_ATTEST, "\"admit\"", "\"sign\"", "purpose" },
	{ WIRE_ATTEST, "\"admit\"", "\"client\"", "purpose" },
	{ WIRE_ATTEST, "\"router\"", "\"client\"", "purpose" },
	{ WIRE_ATTEST, "\"tcp\"", "\"icmp\"", "proto" },
	{ WIRE_ATTEST, "192.0.2.11", "192.0.2.256", "ip" },
	{ WIRE_ATTEST, "192.0.2.11", "host.example", "ip" },
	{ WIRE_ATTEST, "7443", "0", "port" },
	{ WIRE_ATTEST, "7443", "65536", "port" },
	{ WIRE_ATTEST, "7443", "7443,\"host\":\"x\"", "unpacked" },
	{ WIRE_ATTEST, "42", "4294967296", "policy_epoch" },
	{ WIRE_ATTEST, "[\"evidence\"]", "[]", "want" },
	{ WIRE_ATTEST, "[\"evidence\"]", "[\"ear\"]", "want" },
	{ WIRE_ATTEST, "\"want\":", "\"report_data\":\"AAAA\",\"want\":", "unpacked" },
	{ WIRE_EVIDENCE, "fairlead.snp", "fairlead.sgx", "cmw" },
	{ WIRE_EVIDENCE, "\"cmVwb3J0\"", "\"cmVwb3J0\",\"x\"", "cmw" },
	{ WIRE_EVIDENCE, "cmVwb3J0", "cmVwb3J0=", "cmw" },
	{ WIRE_EVIDENCE, "\"cmVwb3J0\"", "\"\"", "cmw" },
	{ WIRE_EVIDENCE, "\"YXNr\"", "7", "certs" },
	{ WIRE_EVIDENCE, "\"YXNr\"", "\"YQ\",\"YQ\",\"YQ\",\"YQ\",\"YQ\",\"YQ\",\"YQ\",\"YQ\"",
	  "certs" },
	{ WIRE_EVIDENCE, "\"e30\"", "{}", "claims" },
	{ WIRE_EVIDENCE, "\"claims\"", "\"report_data\":\"AAAA\",\"claims\"", "unpacked" },
	{ WIRE_RESULT, "\"ok\"", "\"yes\"", "status" },
	{ WIRE_RESULT, "3600000", "-1", "expires_in_ms" },
	{ WIRE_ERROR, "busy", "tired", "code" },
	{ WIRE_ERROR, "another", "an\xc3\xb6ther", "printable" },
};

static void test_changes_are_refused(void **state)
{
	struct wire_message m;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		const char *from = examples[changes[i].type];
		const char *at = strstr(from, changes[i].what);

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - from), from, changes[i].with,
			 at + strlen(changes[i].what));
		if (reads(text, &m))
			fail_msg("row %zu was read: %s", i, text);
		if (!strstr(why, changes[i].word))
			fail_msg("row %zu: \"%s\" does not speak of \"%s\"", i, why,
				 changes[i].word);
	}
}

static void test_text_is_fit_to_be_shown(void **state)
{
	struct wire_message m;

	(void)state;
	assert_false(reads("{\"type\":\"PING\",\"n\":1,\"a\\u001b[2Jb\\n\":1}", &m));
	for (const char *c = why; *c; c++)
		assert_true(*c >= 0x20 && *c <= 0x7e);
}

static void test_depth_does_not_count_strings(void **state)
{
	struct wire_message m;

	(void)state;
	assert_true(reads("{\"type\":\"ERROR\",\"v\":1,\"id\":0,\"code\":\"protocol\","
			  "\"detail\":\"[[[[[[[[[[ \\\" [[[[ \\\\\"}",
			  &m));
	assert_string_equal(m.error.detail, "[[[[[[[[[[ \" [[[[ \\");
}

static void test_endless_lease_is_a_number(void **state)
{
	struct wire_message m = { .type = WIRE_RESULT };
	char text[256] = "";

	(void)state;
	m.result.id = 1;
	m.result.expires_in_ms = UINT64_MAX;
	assert_true(wire_write(&m, text, sizeof(text)) > 0);
	assert_true(reads(text, &m));
	assert_true(m.result.expires_in_ms == (1ULL << 53) - 1);
}

static bool reads_claims(const char *text, struct wire_claims *c)
{
	why[0] = 0;
	return wire_claims_read(bytes_of(text, strlen(text)), c, why);
}

static void test_claims(void **state)
{
	struct wire_claims c;
	char back[1024];
	size_t n;

	(void)state;
	if (!reads_claims(claims_text, &c))
		fail_msg("%s", why);
	assert_string_equal(c.node, "pay-1");
	assert_int_equal(c.endpoints_count, 2);
	assert_int_equal(c.endpoints[1].proto, IPPROTO_UDP);
	assert_int_equal(c.counter, 3);
	n = wire_claims_write(&c, back, sizeof(back));
	assert_int_equal(n, strlen(claims_text));
	assert_memory_equal(back, claims_text, n);
}

static void test_claims_changes(void **state)
{
	static const struct {
		const char *what, *with;
		bool ok;
	} rows[] = {
		{ "\"counter\":3", "\"counter\":3,\"wg\":\"AAAA\"", true }, /* of a later version */
		{ "\"port\":53", "\"port\":53,\"service\":\"dns\"", true },
		{ "\"counter\":3", "\"counter\":3,\"node\":\"pay-2\"", false }, /* twice */
		{ "\"counter\":3", "\"counter\":0", false },
		{ "\"role\":\"backend\",", "", false },
		{ "\"pay-1\"", "[\"pay-1\"]", false },
		{ "\"port\":53", "\"port\":\"53\"", false },
		{ "\"port\":53", "\"port\":53,\"x\":[[[[[[[[1]]]]]]]]", false },
		{ "\"counter\":3", "\"counter\":3,\"sources\":[\"192.0.2.2\",\"2001:db8::2\"]",
		  true },
		{ "\"counter\":3", "\"counter\":3,\"sources\":\"192.0.2.2\"", false },
		{ "\"counter\":3", "\"counter\":3,\"sources\":[7]", false },
		{ "\"counter\":3", "\"counter\":3,\"sources\":[\"host.example\"]", false },
		{ "\"counter\":3", "\"counter\":3,\"sources\":[\"::1\",\"::2\",\"::3\"]", false },
	};
	struct wire_claims c;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *at = strstr(claims_text, rows[i].what);

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - claims_text), claims_text,
			 rows[i].with, at + strlen(rows[i].what));
		if (reads_claims(text, &c) != rows[i].ok)
			fail_msg("row %zu: %s", i, why);
		assert_true(rows[i].ok || why[0]);
	}
}

/* What a router says that it wraps from survives. */
static void test_claims_of_sources(void **state)
{
	struct wire_claims c = { .node = "r1",
				 .role = "router",
				 .agent_version = "x",
				 .boot_id = "x",
				 .counter = 1,
				 .endpoints_count = 1 },
			   back;
	char text[1024];
	size_t n;

	(void)state;
	c.endpoints[0] = (struct wire_endpoint){ .proto = IPPROTO_TCP, .port = 1 };
	addr_parse("192.0.2.2", &c.sources[0]);
	addr_parse("2001:db8::2", &c.sources[1]);
	for (c.sources_count = 0; c.sources_count <= WIRE_SOURCES_MAX; c.sources_count++) {
		n = wire_claims_write(&c, text, sizeof(text));
		assert_true(n && wire_claims_read(bytes_of(text, n), &back, why));
		assert_int_equal(back.sources_count, c.sources_count);
		assert_memory_equal(back.sources, c.sources, c.sources_count * sizeof(*c.sources));
	}
}

/* An ATTEST of the other direction. */
static void test_a_backend_asks(void **state)
{
	static const char to_router[] =
		"{\"type\":\"ATTEST\",\"v\":1,\"id\":1,"
		"\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\",\"role\":\"backend\","
		"\"purpose\":\"renew\",\"endpoint\":{\"proto\":\"tcp\",\"ip\":\"192.0.2.2\","
		"\"port\":40000},\"service\":\"\",\"policy_epoch\":0,\"want\":[\"evidence\"]}";
	struct wire_message m;
	char text[1024];
	size_t n;

	(void)state;
	assert_true(reads(to_router, &m));
	assert_string_equal(m.attest.role, "backend");
	n = wire_write(&m, text, sizeof(text));
	assert_int_equal(n, strlen(to_router));
	assert_memory_equal(text, to_router, n);
}

/* 64 hexadecimal digits. */
#define KEY(c) c c c c c c c c "0123456789abcdef0123456789abcdef0123456789abcdef01234567"

/* What a relay or an agent says of keys and destinations survives, in this order. */
static void test_claims_of_services(void **state)
{
	static const struct {
		const char *with;
		size_t keys;
		bool destinations, ok;
	} rows[] = {
		{ ",\"svc_spki_sha256\":[\"" KEY("a") "\"]", 1, false, true },
		{ ",\"svc_spki_sha256\":[\"" KEY("a") "\",\"" KEY(
			  "b") "\"],"
			       "\"destinations_digest\":\"" KEY("c") "\"",
		  2, true, true },
		{ ",\"destinations_digest\":\"" KEY("c") "\"", 0, true, true },
		{ ",\"svc_spki_sha256\":\"" KEY("a") "\"", 0, false, false },
		{ ",\"svc_spki_sha256\":[\"" KEY("A") "\"]", 0, false, false },
		{ ",\"svc_spki_sha256\":[\"" KEY("a") "0\"]", 0, false, false },
		{ ",\"svc_spki_sha256\":[7]", 0, false, false },
		{ ",\"svc_spki_sha256\":[7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7]", 0, false, false },
		{ ",\"destinations_digest\":7", 0, false, false },
		{ ",\"destinations_digest\":\"\"", 0, false, false },
		{ ",\"destinations_digest\":\"" KEY("c") "\",\"egress_digest\":\"" KEY("d") "\"", 0,
		  true, true },
		{ ",\"egress_digest\":\"" KEY("d") "\"", 0, false, true },
		{ ",\"egress_digest\":\"" KEY("d") "0\"", 0, false, false },
		{ ",\"egress_digest\":[]", 0, false, false },
	};
	size_t stem = strlen(claims_text) - 1;
	char text[1024], back[1024];
	struct wire_claims c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = snprintf(text, sizeof(text), "%.*s%s}", (int)stem, claims_text,
				    rows[i].with);

		if (reads_claims(text, &c) != rows[i].ok)
			fail_msg("row %zu: %s", i, why);
		if (!rows[i].ok)
			continue;
		assert_int_equal(c.service_keys_count, rows[i].keys);
		assert_int_equal(c.has_destinations, rows[i].destinations);
		assert_int_equal(wire_claims_write(&c, back, sizeof(back)), n);
		assert_memory_equal(back, text, n);
	}
}

static void test_load(void **state)
{
	static const struct {
		const char *text;
		unsigned int processors;
		uint32_t permille;
	} rows[] = {
		{ "0.00 0.01 0.05 1/89 4242\n", 2, 0 },
		{ "0.50 0.01 0.05 1/89 4242\n", 2, 250 },
		{ "1.00 ", 1, 1000 },
		{ "1.99 ", 2, 995 },
		{ "731.20 ", 2, 1000 },
		{ "999999999999999999999.00 ", 2, 0 },
		{ "0.50", 0, 0 },
		{ "", 2, 0 },
		{ "-1.00", 2, 0 },
		{ "nan", 2, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(load_permille(bytes_of(rows[i].text, strlen(rows[i].text)),
					       rows[i].processors),
				 rows[i].permille);
}

static void test_backoff_is_bounded(void **state)
{
	uint32_t ms = 0, sum = 0;

	(void)state;
	for (int i = 0; i < 40; i++) {
		uint32_t next = remote_backoff_next(ms);

		assert_true(next >= REMOTE_REDIAL_MIN_MS && next <= REMOTE_REDIAL_MAX_MS);
		assert_true(next >= ms);
		ms = next;
		sum += ms;
	}
	assert_int_equal(ms, REMOTE_REDIAL_MAX_MS);
	assert_true(sum > 30 * REMOTE_REDIAL_MAX_MS);
	assert_int_equal(remote_spread(1000, 0), 500);
	assert_int_equal(remote_spread(1000, 500), 1000);
	for (uint32_t r = 0; r < 5000; r += 7)
		assert_true(remote_spread(1000, r) >= 500 && remote_spread(1000, r) <= 1000);
}

static void test_http_requests(void **state)
{
	static const struct {
		const char *text;
		enum http_request r;
	} rows[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_REQUEST_PAGE },
		{ "GET /metrics?collect=all HTTP/1.0\r\n\r\n", HTTP_REQUEST_PAGE },
		{ "HEAD /metrics HTTP/1.1\r\n\r\n", HTTP_REQUEST_HEAD },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n", HTTP_REQUEST_MORE },
		{ "", HTTP_REQUEST_MORE },
		{ "GET /metrics/ HTTP/1.1\r\n\r\n", HTTP_REQUEST_NOT_FOUND },
		{ "GET http://x/metrics HTTP/1.1\r\n\r\n", HTTP_REQUEST_NOT_FOUND },
		{ "get /metrics HTTP/1.1\r\n\r\n", HTTP_REQUEST_METHOD },
		{ "DELETE /metrics HTTP/1.1\r\n\r\n", HTTP_REQUEST_METHOD },
		{ "GET /metrics HTTP/1.1 \r\n\r\n", HTTP_REQUEST_BAD },
		{ "GET /met\trics HTTP/1.1\r\n\r\n", HTTP_REQUEST_BAD },
		{ "GET /metrics\r\n\r\n", HTTP_REQUEST_BAD },
		{ " /metrics HTTP/1.1\r\n\r\n", HTTP_REQUEST_BAD },
		{ "GET  HTTP/1.1\r\n\r\n", HTTP_REQUEST_BAD },
		{ "\r\n\r\n", HTTP_REQUEST_BAD },
		{ "\n\r\n\r\n", HTTP_REQUEST_BAD },
	};
	static uint8_t endless[HTTP_REQUEST_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(http_request_read(bytes_of(rows[i].text, strlen(rows[i].text))),
				 rows[i].r);
	memset(endless, 'a', sizeof(endless));
	assert_int_equal(http_request_read(bytes_of(endless, sizeof(endless) - 1)),
			 HTTP_REQUEST_MORE);
	assert_int_equal(http_request_read(bytes_of(endless, sizeof(endless))), HTTP_REQUEST_BAD);
}

static void test_quota(void **state)
{
	struct quota q = quota_of(2, 1000);
	unsigned int silenced = 0;

	(void)state;
	assert_true(quota_take(&q, 5000, &silenced));
	assert_true(quota_take(&q, 5001, &silenced));
	assert_false(quota_take(&q, 5002, &silenced));
	assert_false(quota_take(&q, 5999, &silenced));
	assert_true(quota_take(&q, 6000, &silenced));
	assert_int_equal(silenced, 2);
	assert_true(quota_take(&q, 6001, &silenced));
	assert_int_equal(silenced, 0);
}

static void test_holds(void **state)
{
	struct holds h = { 0 };
	char name[NAME_MAX_BYTES];

	(void)state;
	assert_false(holds_has(&h, "", 0));
	holds_add(&h, "r1", 100);
	assert_true(holds_has(&h, "r1", 99));
	assert_false(holds_has(&h, "r1", 100));
	assert_false(holds_has(&h, "r", 99));
	for (int i = 0; i < HOLDS_MAX; i++) {
		assert_true(i == 0 || holds_has(&h, name, 99));
		snprintf(name, sizeof(name), "other-%d", i);
		holds_add(&h, name, 100);
	}
	assert_false(holds_has(&h, "r1", 99)); /* the oldest made room */
	assert_true(holds_has(&h, "other-0", 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_vectors),
		cmocka_unit_test(test_base64_refusals),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_examples_survive),
		cmocka_unit_test(test_a_client_asks_as_one),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_claims_of_sources),
		cmocka_unit_test(test_a_backend_asks),
		cmocka_unit_test(test_claims_of_services),
		cmocka_unit_test(test_changes_are_refused),
		cmocka_unit_test(test_text_is_fit_to_be_shown),
		cmocka_unit_test(test_depth_does_not_count_strings),
		cmocka_unit_test(test_endless_lease_is_a_number),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_claims_changes),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_backoff_is_bounded),
		cmocka_unit_test(test_http_requests),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
