// SPDX-License-Identifier: BSD-2-Clause
/* Intel's revocation lists: there and wanted, in their time, signed, and whom they name. */
#include "unit/verifier_tdx_lab.h"

static void no_pck_crl(struct tdx_scene *s)
{
	s->evidence.collateral[COLLATERAL_PCK_CRL].n = 0;
}

static void no_root_crl(struct tdx_scene *s)
{
	s->evidence.collateral[COLLATERAL_ROOT_CRL].n = 0;
}

static void pck_revoked(struct tdx_scene *s)
{
	s->pck_crl.revoked = s->pck.serial;
}

static void authority_revoked(struct tdx_scene *s)
{
	s->root_crl.revoked = s->ca.serial;
}

static void signer_revoked(struct tdx_scene *s)
{
	s->root_crl.revoked = s->signer.serial;
}

static void pck_crl_expired(struct tdx_scene *s)
{
	s->pck_crl.to = TDX_LAB_NOW - 1;
}

static void pck_crl_expired_revoked(struct tdx_scene *s)
{
	pck_crl_expired(s);
	pck_revoked(s);
}

static void root_crl_expired_pck_revoked(struct tdx_scene *s)
{
	s->root_crl.to = TDX_LAB_NOW - 1;
	pck_revoked(s);
}

static void root_crl_expired(struct tdx_scene *s)
{
	s->root_crl.to = TDX_LAB_NOW - 1;
}

static void pck_crl_of_other(struct tdx_scene *s)
{
	s->pck_crl.issuer = "Intel SGX PCK Processor CA";
}

static void pck_crl_by_stranger(struct tdx_scene *s)
{
	s->pck_crl.signer = LAB_OTHER;
}

static void add_to_pck_crl(struct tdx_scene *s, const void *p, size_t n)
{
	struct tdx_lab_file *f = &s->files[COLLATERAL_PCK_CRL];

	assert_true(f->n + n <= sizeof(f->bytes));
	memcpy(f->bytes + f->n, p, n);
	s->evidence.collateral[COLLATERAL_PCK_CRL] = bytes_of(f->bytes, f->n + n);
}

static void pck_crl_twice(struct tdx_scene *s)
{
	const struct tdx_lab_file *f = &s->files[COLLATERAL_PCK_CRL];

	add_to_pck_crl(s, f->bytes, f->n);
}

static void pck_crl_before_another(struct tdx_scene *s)
{
	const struct tdx_lab_file *f = &s->files[COLLATERAL_ROOT_CRL];

	add_to_pck_crl(s, f->bytes, f->n);
}

static void pck_crl_before_half(struct tdx_scene *s)
{
	const struct tdx_lab_file *f = &s->files[COLLATERAL_PCK_CRL];

	add_to_pck_crl(s, f->bytes, f->n / 2);
}

static void pck_crl_before_newline(struct tdx_scene *s)
{
	add_to_pck_crl(s, "\n", 1);
}

static void want_crl(struct tdx_scene *s)
{
	s->policy->tdx.crl = CRL_REQUIRED;
}

static void no_crl_looked_at(struct tdx_scene *s)
{
	s->policy->tdx.crl = CRL_OFF;
	pck_revoked(s);
}

static void test_missing(void **state)
{
	static const struct tdx_row rows[] = {
		{ "no PCK CRL", NULL, no_pck_crl, REASON_OK },
		{ "no root CRL", NULL, no_root_crl, REASON_OK },
		{ "no PCK CRL, wanted", want_crl, no_pck_crl, REASON_CRL_MISSING },
		{ "no root CRL, wanted", want_crl, no_root_crl, REASON_CRL_MISSING },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_time(void **state)
{
	static const struct tdx_row rows[] = {
		{ "PCK CRL ran out", pck_crl_expired, NULL, REASON_CRL_STALE },
		{ "root CRL ran out", root_crl_expired, NULL, REASON_CRL_STALE },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_revoked(void **state)
{
	static const struct tdx_row rows[] = {
		{ "PCK", pck_revoked, NULL, REASON_REVOKED },
		{ "authority", authority_revoked, NULL, REASON_REVOKED },
		{ "signer", signer_revoked, NULL, REASON_REVOKED },
		{ "by a list that ran out", pck_crl_expired_revoked, NULL, REASON_REVOKED },
		{ "beside one that did", root_crl_expired_pck_revoked, NULL, REASON_REVOKED },
		{ "lists not looked at", no_crl_looked_at, NULL, REASON_OK },
		{ "list of another authority", pck_crl_of_other, NULL, REASON_CRL },
		{ "list by a stranger", pck_crl_by_stranger, NULL, REASON_CRL },
		{ "two of an authority", NULL, pck_crl_twice, REASON_CRL },
		{ "one of another behind", NULL, pck_crl_before_another, REASON_OK },
		{ "something behind", NULL, pck_crl_before_half, REASON_CRL },
		{ "a newline behind", NULL, pck_crl_before_newline, REASON_OK },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_revoked),
	};

	return cmocka_run_group_tests(tests, tdx_lab_setup, tdx_lab_teardown);
}
