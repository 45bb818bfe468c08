// SPDX-License-Identifier: BSD-2-Clause
/* The lab's software enclave: its file, its leaves, and documents over what was asked. */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "unit/lab_dir.h"

#include "attester/nitro_format.h"
#include "attester/soft_nitro.h"

#define NOW INT64_C(1780272000)

static char why[WHY_MAX];
static char enclave[LAB_PATH_MAX];

static int setup(void **state)
{
	struct soft_enclave e;
	uint8_t sha256[32];

	(void)state;
	if (lab_dir_open("enclave", enclave))
		return -1;
	soft_enclave_default(&e);
	return soft_nitro_root(root, NOW, sha256, why) ||
	       soft_nitro_issue(root, enclave, NOW, why) || soft_enclave_write(enclave, &e, why);
}

static void test_file(void **state)
{
	static const struct {
		const char *field, *value;
		bool good;
	} rows[] = {
		{ "module-id", "i-1-enc2", true }, { "module-id", "i 1", false },
		{ "module-id", "", false },	   { "pcr0", "00", false },
		{ "pcr9", "00", false },	   { "leaf-seconds", "4", true },
		{ "leaf-seconds", "3", false },	   { "leaf-seconds", "soon", false },
		{ "leaf-seconds", "4\n", false },  { "colour", "red", false },
		{ "module-id", "i'1", false },
	};
	struct soft_enclave e, again;
	char path[ATTESTER_PATH_MAX];

	(void)state;
	soft_enclave_default(&e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (soft_enclave_set(&e, rows[i].field, rows[i].value, why) !=
		    (rows[i].good ? 0 : -EINVAL))
			fail_msg("%s=%s: %s", rows[i].field, rows[i].value, why);
	assert_string_equal(e.module_id, "i-1-enc2");
	assert_int_equal(e.leaf_s, 4);
	memset(e.pcrs[8], 0x88, sizeof(e.pcrs[8]));
	assert_int_equal(soft_enclave_write(top, &e, why), 0);
	snprintf(path, sizeof(path), "%s/enclave.yaml", top);
	assert_int_equal(soft_enclave_read(path, &again, why), 0);
	assert_memory_equal(&e, &again, sizeof(e));
	assert_int_equal(soft_enclave_parse("f", "module-id: x", 12, &again, why), -EINVAL);
}

/* The leaf is of its own key each time, and begins a little before now. */
static void test_leaf(void **state)
{
	struct soft_leaf a, b;
	struct soft_enclave e;

	(void)state;
	soft_enclave_default(&e);
	assert_int_equal(soft_leaf_issue(enclave, &e, NOW, &a, why), 0);
	assert_int_equal(soft_leaf_issue(enclave, &e, NOW + 1, &b, why), 0);
	assert_int_equal(a.from, NOW - 3);
	assert_int_equal(a.until, NOW + SOFT_LEAF_S);
	assert_true(a.n != b.n || memcmp(a.der, b.der, a.n) != 0);
	assert_int_not_equal(EVP_PKEY_eq(a.key, b.key), 1);
	soft_leaf_free(&a);
	soft_leaf_free(&b);
	assert_int_not_equal(soft_leaf_issue(root, &e, NOW, &a, why), 0);
}

static void test_quote(void **state)
{
	struct attester_config c = { .source = ATTESTER_SOFT, .tee = TEE_NITRO };
	static struct quote q;
	uint8_t data[REPORT_DATA_BYTES];
	struct attester *a;
	struct bytes has;

	(void)state;
	memset(data, 0xab, sizeof(data));
	strcpy(c.directory, enclave);
	assert_int_equal(attester_open(&c, &a, why), 0);
	for (int i = 0; i < 3; i++) {
		data[0] = i;
		assert_int_equal(attester_quote(a, data, &q, why), 0);
		assert_int_equal(q.tee, TEE_NITRO);
		assert_true(nitro_user_data(q.report, &has));
		assert_memory_equal(has.p, data, sizeof(data));
	}
	attester_close(a);
	strcpy(c.directory, root);
	assert_int_not_equal(attester_open(&c, &a, why), 0);
	assert_non_null(strstr(why, "enclave.yaml"));
}

/* Keys that are there are used again: a root stays the root that policies name. */
static void test_root_stays(void **state)
{
	uint8_t once[32], again[32];

	(void)state;
	assert_int_equal(soft_nitro_root(root, NOW, once, why), 0);
	assert_int_equal(soft_nitro_root(root, NOW + 100, again, why), 0);
	assert_memory_equal(once, again, sizeof(once));
	assert_int_equal(soft_nitro_issue(enclave, top, NOW, why), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_leaf),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_root_stays),
	};

	return cmocka_run_group_tests(tests, setup, lab_dir_close);
}
