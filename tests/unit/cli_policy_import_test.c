// SPDX-License-Identifier: BSD-2-Clause
/* `fairlead policy import`: its exit status, what it prints, and that a signer's key is asked for.
 */
#include "unit/verifier_corim.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/policy_import.h"

static char top[] = "/tmp/cli-import-XXXXXX", out[8192];
static struct cli_options options;

static int setup(void **state)
{
	(void)state;
	return !mkdtemp(top) || chdir(top);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", top);
	return chdir("/") || system(command);
}

static void write_file(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

/* The exit status of the words; what went to stdout is in out. */
static int import(const char *const words[], size_t count)
{
	const char *argv[8] = { "import" };
	int kept = dup(1), fd = open("stdout", O_RDWR | O_CREAT | O_TRUNC, 0600), status;
	ssize_t n;

	memcpy(argv + 1, words, count * sizeof(*words));
	fflush(stdout);
	dup2(fd, 1);
	status = policy_import(&options, count + 1, (char **)argv);
	fflush(stdout);
	dup2(kept, 1);
	n = pread(fd, out, sizeof(out) - 1, 0);
	out[n > 0 ? n : 0] = 0;
	close(fd);
	close(kept);
	return status;
}
#define import(...)                                  \
	import((const char *const[]){ __VA_ARGS__ }, \
	       sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

static void test_json(void **state)
{
	static const char text[] = "{\"mr_td\": [\"%s\"], \"xfam\": [\"e7\"]}";
	char digits[97], file[256];
	int n;

	(void)state;
	for (int i = 0; i < 48; i++)
		strcpy(digits + 2 * i, "d1");
	n = snprintf(file, sizeof(file), text, digits);
	write_file("values.json", file, n);
	assert_int_equal(import("values.json"), CLI_REFUSED);
	assert_string_equal(out, "");
	assert_int_equal(import("values.json", "--partial"), CLI_DONE);
	assert_non_null(strstr(out, "# Demanded there, and not here: xfam\n"));
	assert_non_null(strstr(out, "tdx:\n  mrtd:\n    - \"d1d1"));
	options.json = true;
	assert_int_equal(import("values.json", "--partial"), CLI_DONE);
	assert_int_equal(out[0], '{');
	options.json = false;
	assert_int_equal(import("none.json"), CLI_ERROR);
	assert_int_equal(import("values.json", "--tee", "none"), CLI_ERROR);
	assert_int_equal(import("values.json", "values.json"), CLI_ERROR);
	assert_int_equal(import("values.json", "--key", "values.json"), CLI_ERROR);
}

/* Enclaves in debug mode have zeroes there: no policy takes them. */
static void test_debug_pcrs(void **state)
{
	char file[256];
	int n;

	(void)state;
	n = snprintf(file, sizeof(file), "{\"HashAlgorithm\": \"Sha384\", \"PCR0\": \"%096d\"}", 0);
	write_file("debug.json", file, n);
	assert_int_equal(import("debug.json"), CLI_REFUSED);
	assert_string_equal(out, "");
}

static void write_key(const char *name, EVP_PKEY *key)
{
	FILE *f = fopen(name, "w");

	assert_int_equal(PEM_write_PUBKEY(f, key), 1);
	fclose(f);
}

static void test_signed(void **state)
{
	struct corim c = corim_of("AMD", "SEV-SNP", "MEASUREMENT");
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	uint8_t plain[CORIM_MAX], cose[CORIM_MAX];
	size_t n = corim_build(&c, plain);

	(void)state;
	write_key("key.pem", key);
	write_key("other.pem", other);
	write_file("plain.cbor", plain, n);
	write_file("signed.cbor", cose, corim_sign(key, 32, -7, bytes_of(plain, n), cose));
	assert_int_equal(import("plain.cbor"), CLI_DONE);
	assert_non_null(strstr(out, "(CoRIM, not signed)"));
	assert_int_equal(import("plain.cbor", "--key", "key.pem"), CLI_REFUSED);
	assert_int_equal(import("signed.cbor"), CLI_REFUSED);
	assert_int_equal(import("signed.cbor", "--key", "other.pem"), CLI_REFUSED);
	assert_int_equal(import("signed.cbor", "--key", "key.pem"), CLI_DONE);
	assert_non_null(strstr(out, "(CoRIM, its signature verified)"));
	assert_non_null(strstr(out, "snp:\n  measurements:\n    - \"d1d1"));
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_debug_pcrs),
		cmocka_unit_test(test_signed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
