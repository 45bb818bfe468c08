// SPDX-License-Identifier: BSD-2-Clause
/* The lab's attester: every field where AMD 56860 puts it, a signature that holds, guest.yaml. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "attester/pki.h"
#include "attester/soft.h"

static char why[WHY_MAX];

static uint64_t le(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* A guest with another value in every byte. */
static struct soft_guest distinct(enum snp_product p, uint32_t version)
{
	struct soft_guest g;

	soft_guest_default(&g, p);
	g.version = version;
	g.guest_svn = 0x01020304;
	g.policy = 0x1112131415161718;
	g.vmpl = 0x21222324;
	g.platform_info = 0x3132333435363738;
	memset(g.family_id, 0x41, sizeof(g.family_id));
	memset(g.image_id, 0x42, sizeof(g.image_id));
	memset(g.measurement, 0x43, sizeof(g.measurement));
	memset(g.host_data, 0x44, sizeof(g.host_data));
	memset(g.id_key_digest, 0x45, sizeof(g.id_key_digest));
	memset(g.author_key_digest, 0x46, sizeof(g.author_key_digest));
	memset(g.report_id, 0x47, sizeof(g.report_id));
	memset(g.report_id_ma, 0x48, sizeof(g.report_id_ma));
	memset(g.chip_id, 0x49, sizeof(g.chip_id));
	g.current_tcb = (struct soft_tcb){ 0x50, 0x51, 0x52, 0x53, 0x54 };
	g.reported_tcb = (struct soft_tcb){ 0x60, 0x61, 0x62, 0x63, 0x64 };
	g.committed_tcb = (struct soft_tcb){ 0x70, 0x71, 0x72, 0x73, 0x74 };
	g.launch_tcb = (struct soft_tcb){ 0x80, 0x81, 0x82, 0x83, 0x84 };
	g.current_firmware = (struct soft_firmware){ 0x91, 0x92, 0x93 };
	g.committed_firmware = (struct soft_firmware){ 0x94, 0x95, 0x96 };
	g.cpuid_family = 0xa1;
	g.cpuid_model = 0xa2;
	g.cpuid_stepping = 0xa3;
	g.launch_mitigations = 0xb1b2b3b4b5b6b7b8;
	g.current_mitigations = 0xc1c2c3c4c5c6c7c8;
	return g;
}

static void build(const struct soft_guest *g, uint8_t r[SNP_REPORT_BYTES])
{
	uint8_t data[REPORT_DATA_BYTES];

	memset(data, 0xd1, sizeof(data));
	memset(r, 0xee, SNP_REPORT_BYTES);
	soft_report_build(g, data, r);
}

static void assert_fill(const uint8_t *p, uint8_t byte, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], byte);
}

static void test_fields_of_every_version(void **state)
{
	static const uint32_t versions[] = { 2, 3, 5 };
	uint8_t r[SNP_REPORT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		struct soft_guest g = distinct(SNP_MILAN, versions[i]);

		build(&g, r);
		assert_int_equal(le(r, 4), versions[i]);
		assert_int_equal(le(r + 0x04, 4), 0x01020304);
		assert_true(le(r + 0x08, 8) == 0x1112131415161718);
		assert_fill(r + 0x10, 0x41, 16);
		assert_fill(r + 0x20, 0x42, 16);
		assert_int_equal(le(r + 0x30, 4), 0x21222324);
		assert_int_equal(le(r + 0x34, 4), 1);
		assert_true(le(r + 0x40, 8) == 0x3132333435363738);
		assert_int_equal(le(r + 0x48, 4), 0);
		assert_fill(r + 0x4c, 0, 4);
		assert_fill(r + 0x50, 0xd1, 64);
		assert_fill(r + 0x90, 0x43, 48);
		assert_fill(r + 0xc0, 0x44, 32);
		assert_fill(r + 0xe0, 0x45, 48);
		assert_fill(r + 0x110, 0x46, 48);
		assert_fill(r + 0x140, 0x47, 32);
		assert_fill(r + 0x160, 0x48, 32);
		assert_fill(r + 0x18b, 0, 21);
		assert_fill(r + 0x1a0, 0x49, 64);
		assert_memory_equal(r + 0x1e8, "\x93\x92\x91\0\x96\x95\x94\0", 8);
		assert_fill(r + 0x208, 0, SNP_REPORT_BYTES - 0x208);
	}
}

static void test_fields_that_came_later(void **state)
{
	uint8_t r[SNP_REPORT_BYTES];
	struct soft_guest g;

	(void)state;
	g = distinct(SNP_GENOA, 2);
	build(&g, r);
	assert_fill(r + 0x188, 0, 3);
	assert_fill(r + 0x1f8, 0, 16);
	g.version = 3;
	build(&g, r);
	assert_memory_equal(r + 0x188, "\xa1\xa2\xa3", 3);
	assert_fill(r + 0x1f8, 0, 16);
	g.version = 5;
	build(&g, r);
	assert_memory_equal(r + 0x188, "\xa1\xa2\xa3", 3);
	assert_true(le(r + 0x1f8, 8) == 0xb1b2b3b4b5b6b7b8);
	assert_true(le(r + 0x200, 8) == 0xc1c2c3c4c5c6c7c8);
}

static void test_tcb_layouts(void **state)
{
	static const int at[] = { 0x38, 0x180, 0x1e0, 0x1f0 };
	uint8_t r[SNP_REPORT_BYTES];
	struct soft_guest g;

	(void)state;
	for (enum snp_product p = SNP_MILAN; p < SNP_PRODUCTS; p++) {
		g = distinct(p, 3);
		build(&g, r);
		for (uint8_t i = 0; i < 4; i++) {
			uint8_t b = 0x50 + i * 0x10, want[2][8] = {
				{ b + 1, b + 2, 0, 0, 0, 0, b + 3, b + 4 },
				{ b, b + 1, b + 2, b + 3, 0, 0, 0, b + 4 },
			};

			assert_memory_equal(r + at[i], want[p == SNP_TURIN], 8);
		}
	}
}

static void test_key_info_and_chip(void **state)
{
	struct soft_guest g = distinct(SNP_MILAN, 3);
	uint8_t r[SNP_REPORT_BYTES];

	(void)state;
	g.author_key = true;
	build(&g, r);
	assert_int_equal(le(r + 0x48, 4), 1);
	g.mask_chip_key = true;
	build(&g, r);
	assert_int_equal(le(r + 0x48, 4), 3);
	assert_fill(r + 0x1a0, 0, 64);
	g = distinct(SNP_MILAN, 3);
	g.key = SNP_VLEK;
	build(&g, r);
	assert_int_equal(le(r + 0x48, 4), 4);
	assert_fill(r + 0x1a0, 0, 64);
}

/* r and s, little-endian, back to DER: as far as can be from how they were written. */
static bool verifies(const uint8_t report[SNP_REPORT_BYTES], EVP_PKEY *key)
{
	BIGNUM *r = BN_lebin2bn(report + 0x2a0, 72, NULL),
	       *s = BN_lebin2bn(report + 0x2e8, 72, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	bool ok;
	int n;

	assert_int_equal(ECDSA_SIG_set0(sig, r, s), 1);
	n = i2d_ECDSA_SIG(sig, &der);
	assert_true(n > 0);
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sha384(), NULL, key), 1);
	ok = EVP_DigestVerify(md, der, n, report, 0x2a0) == 1;
	EVP_MD_CTX_free(md);
	ECDSA_SIG_free(sig);
	OPENSSL_free(der);
	return ok;
}

static void test_signature(void **state)
{
	struct soft_guest g = distinct(SNP_TURIN, 5);
	EVP_PKEY *key = EVP_EC_gen("P-384"), *other = EVP_EC_gen("P-384");
	uint8_t r[SNP_REPORT_BYTES];

	(void)state;
	build(&g, r);
	assert_int_equal(soft_report_sign(r, key), 0);
	assert_true(verifies(r, key));
	assert_false(verifies(r, other));
	/* P-384: 48 bytes of number, 24 of zero; what is not signed stays zero. */
	assert_fill(r + 0x2a0 + 48, 0, 24);
	assert_fill(r + 0x2e8 + 48, 0, 24);
	assert_fill(r + 0x330, 0, 368);
	/* The first and the last byte that are signed, and the first that is not. */
	r[0] ^= 1;
	assert_false(verifies(r, key));
	r[0] ^= 1;
	r[0x29f] ^= 1;
	assert_false(verifies(r, key));
	r[0x29f] ^= 1;
	r[0x330] ^= 1;
	assert_true(verifies(r, key));
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* *text is the caller's to free. */
static void print(const struct soft_guest *g, char **text, size_t *n)
{
	FILE *f = open_memstream(text, n);

	assert_non_null(f);
	soft_guest_print(g, f);
	fclose(f);
}

static void test_yaml_there_and_back(void **state)
{
	uint8_t before[SNP_REPORT_BYTES], after[SNP_REPORT_BYTES];

	(void)state;
	for (enum snp_product p = SNP_MILAN; p < SNP_PRODUCTS; p++) {
		struct soft_guest g = distinct(p, 5), back;
		size_t n;
		char *text;

		g.author_key = true;
		print(&g, &text, &n);
		assert_int_equal(soft_guest_parse("test", text, n, &back, why), 0);
		free(text);
		assert_string_equal(back.name, g.name);
		assert_string_equal(back.csp_id, g.csp_id);
		assert_int_equal(back.product, g.product);
		build(&g, before);
		build(&back, after);
		assert_memory_equal(before, after, sizeof(before));
	}
}

/* A default guest of Turin has a short chip id, which comes back long and zero behind. */
static void test_yaml_short_chip_id(void **state)
{
	struct soft_guest g, back;
	size_t n;
	char *text;

	(void)state;
	soft_guest_default(&g, SNP_TURIN);
	memcpy(g.chip_id, "\1\2\3\4\5\6\7\x8", 8);
	print(&g, &text, &n);
	assert_non_null(strstr(text, "chip-id: \"0102030405060708\"\n"));
	assert_int_equal(soft_guest_parse("test", text, n, &back, why), 0);
	assert_memory_equal(back.chip_id, g.chip_id, sizeof(g.chip_id));
	free(text);
}

static void test_yaml_refuses(void **state)
{
	static const struct {
		const char *line, *instead;
	} rows[] = {
		{ "version: 3", "version: 4" },
		{ "version: 3", "version: 6" },
		{ "version: 3", "version: three" },
		{ "version: 3\n", "" },
		{ "vmpl: 0", "vmpl: 4294967296" },
		{ "vmpl: 0", "vmpl: -1" },
		{ "product: Milan", "product: Rome" },
		{ "key: vcek", "key: ark" },
		{ "author-key: false", "author-key: maybe" },
		{ "name: \"lab\"", "name: \"a b\"" },
		{ "name: \"lab\"", "name: [lab]" },
		{ "name: \"lab\"", "nome: \"lab\"" },
		{ "reported-tcb: bootloader=4", "reported-tcb: bootloader=256" },
		{ "reported-tcb: bootloader=4", "reported-tcb: bootloader=" },
		{ "reported-tcb: bootloader=4", "reported-tcb: bootloader" },
		{ "reported-tcb: bootloader=4", "reported-tcb: loader=4" },
		{ "reported-tcb: bootloader=4", "reported-tcb: bootloader=-4" },
		{ "current-firmware: \"1.55.29\"", "current-firmware: \"1.55\"" },
		{ "current-firmware: \"1.55.29\"", "current-firmware: \"1.55.256\"" },
		{ "current-firmware: \"1.55.29\"", "current-firmware: \"1.55.29.1\"" },
		{ "mask-chip-key: false\n", "mask-chip-key: false\nmask-chip-key: false\n" },
	};
	struct soft_guest g, untouched;
	size_t n;
	char *text, *at, changed[4096];

	(void)state;
	soft_guest_default(&g, SNP_MILAN);
	print(&g, &text, &n);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		at = strstr(text, rows[i].line);
		assert_non_null(at);
		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text,
			 rows[i].instead, at + strlen(rows[i].line));
		memset(&g, 0xab, sizeof(g));
		untouched = g;
		why[0] = 0;
		assert_int_equal(soft_guest_parse("test", changed, strlen(changed), &g, why),
				 -EINVAL);
		assert_non_null(strstr(why, "test:"));
		assert_memory_equal(&g, &untouched, sizeof(g));
	}
	free(text);
	assert_int_equal(soft_guest_parse("test", "", 0, &g, why), -EINVAL);
}

static void test_set(void **state)
{
	struct soft_guest g, before;

	(void)state;
	soft_guest_default(&g, SNP_MILAN);
	assert_int_equal(soft_guest_set(&g, "guest_svn", "7", why), 0);
	assert_int_equal(g.guest_svn, 7);
	assert_int_equal(soft_guest_set(&g, "policy", "0xb0000", why), 0);
	assert_int_equal(g.policy, 0xb0000);
	/* Only the components named change. */
	assert_int_equal(soft_guest_set(&g, "reported_tcb", "microcode=9", why), 0);
	assert_int_equal(g.reported_tcb.microcode, 9);
	assert_int_equal(g.reported_tcb.snp, 24);
	before = g;
	assert_int_equal(soft_guest_set(&g, "measurement", "12", why), -EINVAL);
	assert_string_equal(why, "measurement: want 96 hexadecimal digits, got \"12\"");
	assert_int_equal(soft_guest_set(&g, "colour", "red", why), -EINVAL);
	assert_non_null(strstr(why, "colour"));
	assert_int_equal(soft_guest_set(&g, "name", "a'\nvmpl: '3", why), -EINVAL);
	assert_int_equal(soft_guest_set(&g, "reported_tcb", "microcode=300", why), -EINVAL);
	assert_memory_equal(&g, &before, sizeof(g));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

/* A guest's directory with a true key; the certificates' content is no affair of the attester. */
static void make_directory(char *directory, struct soft_guest *g)
{
	char path[ATTESTER_PATH_MAX];
	static const char *const files[] = { "vcek.der", "vcek_chain.pem", "vlek.der",
					     "vlek_chain.pem" };

	assert_non_null(mkdtemp(directory));
	EVP_PKEY_free(pki_key(directory, "vcek.key", PKI_P384, why));
	EVP_PKEY_free(pki_key(directory, "vlek.key", PKI_P384, why));
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		assert_int_equal(pki_write(directory, files[i],
					   bytes_of(files[i], strlen(files[i])), 0644, why),
				 0);
	soft_guest_default(g, SNP_GENOA);
	assert_int_equal(pki_path(path, directory, "guest.yaml", why), 0);
	assert_int_equal(soft_guest_write(path, g, why), 0);
}

/* The whole source: guest.yaml is read again for every quote, and a broken one is an error. */
static void test_source_follows_guest_yaml(void **state)
{
	char directory[] = "/tmp/attester-soft-XXXXXX", path[ATTESTER_PATH_MAX];
	struct attester_config c = { .source = ATTESTER_SOFT, .tee = TEE_SNP };
	uint8_t data[REPORT_DATA_BYTES] = { 1, 2, 3 };
	struct attester *a = NULL;
	struct soft_guest g;
	static struct quote q;
	EVP_PKEY *key;

	(void)state;
	make_directory(directory, &g);
	snprintf(path, sizeof(path), "%s/guest.yaml", directory);
	snprintf(c.directory, sizeof(c.directory), "%s", directory);
	assert_int_equal(attester_open(&c, &a, why), 0);
	assert_int_equal(attester_quote(a, data, &q, why), 0);
	key = pki_key_read(directory, "vcek.key", why);
	assert_true(verifies(q.report.p, key));
	EVP_PKEY_free(key);
	assert_memory_equal(q.report.p + 0x50, data, sizeof(data));
	assert_int_equal(q.certs_count, 2);
	assert_memory_equal(q.certs[0].p, "vcek.der", 8);
	assert_memory_equal(q.certs[1].p, "vcek_chain.pem", 14);

	memset(g.measurement, 0x77, sizeof(g.measurement));
	g.key = SNP_VLEK;
	assert_int_equal(soft_guest_write(path, &g, why), 0);
	assert_int_equal(attester_quote(a, data, &q, why), 0);
	assert_fill(q.report.p + 0x90, 0x77, 48);
	assert_memory_equal(q.certs[0].p, "vlek.der", 8);
	key = pki_key_read(directory, "vlek.key", why);
	assert_true(verifies(q.report.p, key));
	EVP_PKEY_free(key);

	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(attester_quote(a, data, &q, why), -EINVAL);
	assert_non_null(strstr(why, "guest.yaml"));
	unlink(path);
	assert_int_not_equal(attester_quote(a, data, &q, why), 0);
	attester_close(a);
	assert_int_not_equal(attester_open(&c, &a, why), 0);
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_open_refuses(void **state)
{
	struct attester_config c = { .source = ATTESTER_NSM, .tee = TEE_TDX };
	struct attester *a = NULL;

	(void)state;
	assert_int_equal(attester_open(&c, &a, why), -EPROTONOSUPPORT);
	c.source = ATTESTER_SOFT;
	c.tee = TEE_SNP;
	c.vmpl = 4;
	assert_int_equal(attester_open(&c, &a, why), -EPROTONOSUPPORT);
	c.vmpl = 0;
	c.source = 99;
	assert_int_equal(attester_open(&c, &a, why), -EPROTONOSUPPORT);
}

/* AUTO looks at hardware only, however good the lab guest beside it, and names both places. */
static void test_auto_is_never_soft(void **state)
{
	char directory[] = "/tmp/attester-auto-XXXXXX";
	struct attester_config c = { .source = ATTESTER_SOFT, .tee = TEE_SNP };
	struct attester *a = NULL;
	struct soft_guest g;

	(void)state;
	make_directory(directory, &g);
	snprintf(c.directory, sizeof(c.directory), "%s", directory);
	strcpy(c.tsm, "/nonexistent/tsm");
	strcpy(c.device, "/nonexistent/sev-guest");
	assert_int_equal(attester_open(&c, &a, why), 0);
	attester_close(a);
	a = NULL;
	c.source = ATTESTER_AUTO;
	assert_int_equal(attester_open(&c, &a, why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/tsm"));
	assert_non_null(strstr(why, "/nonexistent/sev-guest"));
	assert_null(a);
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_of_every_version),
		cmocka_unit_test(test_fields_that_came_later),
		cmocka_unit_test(test_tcb_layouts),
		cmocka_unit_test(test_key_info_and_chip),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_yaml_there_and_back),
		cmocka_unit_test(test_yaml_short_chip_id),
		cmocka_unit_test(test_yaml_refuses),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_source_follows_guest_yaml),
		cmocka_unit_test(test_open_refuses),
		cmocka_unit_test(test_auto_is_never_soft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
