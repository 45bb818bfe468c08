// SPDX-License-Identifier: BSD-2-Clause
/* The lab's software TD: its file, its certificates, and quotes over what was asked. */
#include <errno.h>
#include <openssl/x509.h>
#include <string.h>

#include "unit/lab_dir.h"

#include "attester/pki.h"
#include "attester/soft_tdx.h"

#define NOW INT64_C(1780272000)

static const struct soft_tdx_options usual = { .now = NOW, .evaluation = SOFT_TDX_EVALUATION };
static char why[WHY_MAX];
static char td[LAB_PATH_MAX];

static int setup(void **state)
{
	uint8_t sha256[32];
	struct soft_td t;

	(void)state;
	if (lab_dir_open("td", td))
		return -1;
	soft_td_default(&t);
	return soft_tdx_root(root, &usual, sha256, why) || soft_tdx_issue(root, td, NOW, why) ||
	       soft_td_write(td, &t, why);
}

static void test_file(void **state)
{
	static const struct {
		const char *field, *value;
		bool good;
	} rows[] = {
		{ "version", "5", true },	{ "version", "3", false },
		{ "version", "6", false },	{ "body", "1.5", true },
		{ "body", "2.0", false },	{ "mrtd", "00", false },
		{ "rtmr4", "00", false },	{ "tcb-svn", "00", false },
		{ "xfam", "0x3", true },	{ "attributes", "-1", false },
		{ "qe-svn", "65535", true },	{ "qe-svn", "65536", false },
		{ "attributes", "1\n", false }, { "xf'am", "1", false },
	};
	struct soft_td t, again;
	char path[ATTESTER_PATH_MAX];

	(void)state;
	soft_td_default(&t);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (soft_td_set(&t, rows[i].field, rows[i].value, why) !=
		    (rows[i].good ? 0 : -EINVAL))
			fail_msg("%s=%s: %s", rows[i].field, rows[i].value, why);
	assert_int_equal(t.version, 5);
	assert_int_equal(t.body, SOFT_TD_15);
	assert_int_equal(t.xfam, 3);
	memset(t.rtmr[3], 0x33, sizeof(t.rtmr[3]));
	assert_int_equal(soft_td_write(top, &t, why), 0);
	snprintf(path, sizeof(path), "%s/td.yaml", top);
	assert_int_equal(soft_td_read(path, &again, why), 0);
	assert_memory_equal(&t, &again, sizeof(t));
	t.version = 4; /* has no body of TD 1.5 */
	assert_int_equal(soft_td_write(top, &t, why), -EINVAL);
	assert_int_equal(soft_td_parse("f", "version: 4", 10, &again, why), -EINVAL);
}

static void quote_of(const char *fields[][2], size_t count, size_t at, uint16_t version)
{
	struct attester_config c = { .source = ATTESTER_SOFT, .tee = TEE_TDX };
	static struct quote q;
	uint8_t data[REPORT_DATA_BYTES];
	struct attester *a;
	struct soft_td t;

	soft_td_default(&t);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(soft_td_set(&t, fields[i][0], fields[i][1], why), 0);
	assert_int_equal(soft_td_write(td, &t, why), 0);
	memset(data, 0xab, sizeof(data));
	strcpy(c.directory, td);
	assert_int_equal(attester_open(&c, &a, why), 0);
	for (int i = 0; i < 2; i++) {
		data[0] = i;
		assert_int_equal(attester_quote(a, data, &q, why), 0);
		assert_int_equal(q.tee, TEE_TDX);
		assert_int_equal(q.report.p[0], version);
		assert_memory_equal(q.report.p + at, data, sizeof(data));
		assert_int_equal(q.certs_count, 0);
	}
	attester_close(a);
}

/* Every shape of quote, over what was asked. */
static void test_quote(void **state)
{
	static const char *v5[][2] = { { "version", "5" }, { "body", "1.0" } };
	static const char *v5_15[][2] = { { "version", "5" }, { "body", "1.5" } };
	struct attester_config c = { .source = ATTESTER_SOFT, .tee = TEE_TDX };
	struct attester *a;

	(void)state;
	quote_of(v5, 0, 48 + 520, 4);
	quote_of(v5, 2, 54 + 520, 5);
	quote_of(v5_15, 2, 54 + 520, 5);
	strcpy(c.directory, root);
	assert_int_not_equal(attester_open(&c, &a, why), 0);
	assert_non_null(strstr(why, "td.yaml"));
}

static X509 *pck_of(const char *directory)
{
	X509 *x = pki_certificate_read(directory, "pck.pem", why);

	assert_non_null(x);
	return x;
}

/* Keys that are there are used again; a PCK has a number, and a platform, of its own. */
static void test_root_stays(void **state)
{
	uint8_t once[32], again[32];
	X509 *first, *second;

	(void)state;
	assert_int_equal(soft_tdx_root(root, &usual, once, why), 0);
	assert_int_equal(soft_tdx_root(root, &usual, again, why), 0);
	assert_memory_equal(once, again, sizeof(once));
	first = pck_of(td);
	assert_int_equal(soft_tdx_issue(root, td, NOW, why), 0);
	second = pck_of(td);
	assert_int_not_equal(
		ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)), 0);
	X509_free(first);
	X509_free(second);
	assert_int_equal(soft_tdx_issue(td, top, NOW, why), -ENOENT);
	assert_int_equal(soft_tdx_issue(top, td, NOW, why), -ENOENT);
}

static void test_revoke(void **state)
{
	struct soft_tdx_options o = usual;
	uint8_t sha256[32];

	(void)state;
	o.revoke = top; /* no TD's */
	assert_int_equal(soft_tdx_root(root, &o, sha256, why), -ENOENT);
	o.revoke = td;
	assert_int_equal(soft_tdx_root(root, &o, sha256, why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_root_stays),
		cmocka_unit_test(test_revoke),
	};

	return cmocka_run_group_tests(tests, setup, lab_dir_close);
}
