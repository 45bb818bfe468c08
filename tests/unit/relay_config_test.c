// SPDX-License-Identifier: BSD-2-Clause
/*
 * relay.yaml: the example reads as it says; each mistake is told with its line; the digest is
 * that of the bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "base/addr.h"
#include "relay/relay.h"

#define EXAMPLE "docs/relay.yaml"
#define DIGEST	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char good[] = "node: relay-1\n"				/* 1 */
			   "listen: [\"192.0.2.1:8443\"]\n"		/* 2 */
			   "identity: {certificate: /c, key: /k}\n"	/* 3 */
			   "evidence: {tee: snp}\n"			/* 4 */
			   "limits: {window: 65536}\n"			/* 5 */
			   "clients: {ca: /ca}\n"			/* 6 */
			   "destinations:\n"				/* 7 */
			   "  - {name: a, address: \"a.example:443\", " /* 8 */
			   "tls: {ca: /a, ca-sha256: " DIGEST "}}\n"
			   "  - {name: b, address: \"127.0.0.1:80\", tls: none}\n" /* 9 */
			   "  - {name: c, address: \"[::1]:80\", tls: none}\n"	   /* 10 */
			   "  - {name: d, address: unix:/run/m, tls: none}\n";	   /* 11 */

/* good with one text in place of another; what is complained about comes in errors. */
static struct relay_config *parse(const char *from, const char *to, char errors[1024])
{
	const char *at = from ? strstr(good, from) : good;
	FILE *f = fmemopen(errors, 1024, "w");
	struct relay_config *c;
	char text[2048];
	int n;

	assert_non_null(at);
	errors[0] = 0;
	n = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to,
		     at + (from ? strlen(from) : 0));
	c = relay_config_parse("r", text, n, f);
	fclose(f);
	return c;
}

static const struct {
	const char *from, *to, *error;
} rows[] = {
	{ "node: relay-1\n", "", "r:1: key \"node\" is missing\n" },
	{ "relay-1", "re lay",
	  "r:1: node: want letters, digits, \".\", \"_\" and \"-\", got \"re lay\"\n" },
	{ "node:", "user: root\nnode:",
	  "r:1: user: want a user without privileges, got \"root\"\n" },
	{ "192.0.2.1:8443", "192.0.2.1",
	  "r:2: listen[0]: want ADDRESS:PORT or [ADDRESS]:PORT, got \"192.0.2.1\"\n" },
	{ "\"192.0.2.1:8443\"", "", "r:2: listen: want 1 to 8 of ADDRESS:PORT\n" },
	{ "node:", "metrics: on\nnode:",
	  "r:1: metrics: want ADDRESS:PORT or [ADDRESS]:PORT, got \"on\"\n" },
	{ "192.0.2.1", "0.0.0.0",
	  "r:1: listens on every address: want endpoints, what clients dial\n" },
	{ "192.0.2.1", "[::]",
	  "r:1: listens on every address: want endpoints, what clients dial\n" },
	{ "key: /k", "key: k", "r:3: identity.key: want an absolute path, got \"k\"\n" },
	{ ", key: /k", "", "r:3: identity: key \"key\" is missing\n" },
	{ "tee: snp", "tee: sgx", "r:4: evidence.tee: want snp or tdx or nitro, got \"sgx\"\n" },
	{ "tee: snp", "source: soft", "r:4: evidence: source is soft: want its directory\n" },
	{ "tee: snp", "directory: /d", "r:4: evidence: directory is for source: soft alone\n" },
	{ "tee: snp", "tee: tdx, source: nsm",
	  "r:4: evidence: its source gives no evidence of tee: tdx\n" },
	{ "tee: snp", "vmpl: 4", "r:4: evidence.vmpl: want 0..3, got \"4\"\n" },
	{ "window: 65536", "window: 16383",
	  "r:5: limits.window: want 16384..4194304, got \"16383\"\n" },
	{ "window: 65536", "connections: 0",
	  "r:5: limits.connections: want 1..65536, got \"0\"\n" },
	{ "window: 65536", "hello-ms: 9", "r:5: limits.hello-ms: want 10..86400000, got \"9\"\n" },
	{ "window: 65536", "new-per-minute: 9", "r:5: limits: unknown key \"new-per-minute\"\n" },
	{ "ca: /ca", "ca: /ca, enrolled: maybe",
	  "r:6: clients.enrolled: want optional or required, got \"maybe\"\n" },
	{ "ca: /ca", "enrolled: required", "r:6: clients: key \"ca\" is missing\n" },
	{ "name: b", "name: a", "r:8: destinations: \"a\" is there twice\n" },
	{ "a.example:443", "a.example",
	  "r:8: destinations[0].address: want HOST:PORT, [ADDRESS]:PORT or unix:/PATH, got \"a.example\"\n" },
	{ "a.example:443", "a.example:0",
	  "r:8: destinations[0].address: want HOST:PORT, [ADDRESS]:PORT or unix:/PATH, got \"a.example:0\"\n" },
	{ "a.example:443", "a.example:65536",
	  "r:8: destinations[0].address: want HOST:PORT, [ADDRESS]:PORT or unix:/PATH, got \"a.example:65536\"\n" },
	{ "a.example:443", "a/b:443",
	  "r:8: destinations[0].address: want HOST:PORT, [ADDRESS]:PORT or unix:/PATH, got \"a/b:443\"\n" },
	{ "tls: {ca: /a, ca-sha256: " DIGEST "}", "tls: {}",
	  "r:8: destinations[0].tls: want ca or spki-sha256: whom to believe\n" },
	{ "tls: {ca: /a, ca-sha256: " DIGEST "}", "tls: on",
	  "r:8: destinations[0].tls: want none, or a mapping with ca or spki-sha256\n" },
	{ "tls: {ca: /a, ca-sha256: " DIGEST "}", "tls: {alpn: h2}",
	  "r:8: destinations[0].tls: want ca or spki-sha256: whom to believe\n" },
	{ ", tls: {ca: /a, ca-sha256: " DIGEST "}", "",
	  "r:8: destinations[0]: key \"tls\" is missing\nr:8: destinations[0]: tls is none: want an address of this guest's loopback, or unix:/PATH\n" },
	{ ", ca-sha256: " DIGEST, "",
	  "r:8: destinations[0].tls: want ca-sha256, the SHA-256 of /a: a client hears of this file's digest alone\n" },
	{ "ca: /a, ca-sha256", "spki-sha256: [" DIGEST "], ca-sha256",
	  "r:8: destinations[0].tls: has a ca-sha256: want the ca that it is of\n" },
	{ "ca: /a, ca-sha256: " DIGEST, "spki-sha256: []",
	  "r:8: destinations[0].tls.spki-sha256: want 1 to 8 digests\nr:8: destinations[0].tls: want ca or spki-sha256: whom to believe\n" },
	{ "ca: /a, ca-sha256: " DIGEST, "spki-sha256: [00]",
	  "r:8: destinations[0].tls.spki-sha256[0]: want 64 hexadecimal digits, got \"00\"\n" },
	{ "ca: /a", "minimum: 1.1, ca: /a",
	  "r:8: destinations[0].tls.minimum: want 1.3 or 1.2, got \"1.1\"\n" },
	{ "127.0.0.1:80", "192.0.2.9:80",
	  "r:9: destinations[1]: tls is none: want an address of this guest's loopback, or unix:/PATH\n" },
	{ "127.0.0.1:80", "localhost:80",
	  "r:9: destinations[1]: tls is none: want an address of this guest's loopback, or unix:/PATH\n" },
	{ "127.0.0.1:80", "128.0.0.1:80",
	  "r:9: destinations[1]: tls is none: want an address of this guest's loopback, or unix:/PATH\n" },
	{ "[::1]:80", "[::2]:80",
	  "r:10: destinations[2]: tls is none: want an address of this guest's loopback, or unix:/PATH\n" },
	{ "[::1]:80", "[::ffff:10.0.0.1]:80",
	  "r:10: destinations[2]: tls is none: want an address of this guest's loopback, or unix:/PATH\n" },
	{ "[::1]:80\"", "[::1]:80\", server-name: x",
	  "r:10: destinations[2]: tls is none: a server-name is for a certificate\n" },
	{ "unix:/run/m", "unix:run/m",
	  "r:11: destinations[3].address: want HOST:PORT, [ADDRESS]:PORT or unix:/PATH, got \"unix:run/m\"\n" },
	{ "unix:/run/m, tls: none", "unix:/run/m, tls: {ca: /a, ca-sha256: " DIGEST "}",
	  "r:11: destinations[3]: want the server-name that the certificate is for\n" },
};

static void test_mistakes(void **state)
{
	char errors[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct relay_config *c = parse(rows[i].from, rows[i].to, errors);

		if (strcmp(errors, rows[i].error))
			fail_msg("row %zu, %s: got %s", i, rows[i].to, errors);
		assert_null(c);
	}
}

static void test_values(void **state)
{
	struct relay_destination *d;
	struct relay_config *c;
	char errors[1024];
	uint8_t digest[32];

	(void)state;
	c = parse(NULL, "", errors);
	assert_string_equal(errors, "");
	assert_non_null(c);
	assert_int_equal(c->endpoints_count, 1);
	assert_int_equal(c->endpoints[0].port, 8443);
	assert_int_equal(c->destinations_count, 4);
	d = c->destinations;
	assert_true(d[0].tls && !d[0].is_literal && !d[0].tls12);
	assert_string_equal(d[0].host, "a.example");
	assert_string_equal(d[0].server_name, "a.example");
	assert_int_equal(d[0].port, 443);
	assert_true(!d[1].tls && d[1].is_literal);
	assert_string_equal(d[3].path, "/run/m");
	assert_int_equal(EVP_Digest(good, strlen(good), digest, NULL, EVP_sha256(), NULL), 1);
	assert_memory_equal(c->digest, digest, sizeof(digest));
	free(c);
	c = parse("node:", "metrics: off\nnode:", errors);
	assert_non_null(c);
	assert_int_equal(c->metrics.port, 0);
	free(c);
	/* A comment is another digest. */
	c = parse(NULL, "# so\n", errors);
	assert_non_null(c);
	assert_memory_not_equal(c->digest, digest, sizeof(digest));
	free(c);
}

static void test_example(void **state)
{
	struct relay_config *c = relay_config_read(EXAMPLE, stderr);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->node, "relay-1");
	assert_int_equal(c->destinations_count, 3);
	assert_int_equal(c->endpoints_count, 1);
	assert_false(c->enrolled);
	assert_string_equal(c->destinations[1].alpn, "h2");
	assert_int_equal(c->destinations[1].pins_count, 1);
	assert_int_equal(c->limits.connections, 1024);
	assert_int_equal(c->metrics.port, 9478);
	free(c);
	assert_null(relay_config_read("/nonexistent", stderr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
