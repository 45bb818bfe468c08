// SPDX-License-Identifier: BSD-2-Clause
/* CRLs, which only speak of authorities; and which reasons are no refusals. */
#include "unit/verifier_rows.h"

#include <openssl/pem.h>

static void crl(struct scene *s)
{
	s->crl.given = true;
}
static void crl_lists(struct scene *s, long serial)
{
	crl(s);
	s->crl.serials[s->crl.serials_count++] = serial;
}
static void crl_mid(struct scene *s)
{
	crl_lists(s, 5);
	crl_lists(s, 0x10001);
}
static void crl_root(struct scene *s)
{
	crl_lists(s, 0x10000);
}
static void crl_serial_0(struct scene *s)
{
	crl_lists(s, 0);
}
static void crl_stranger(struct scene *s)
{
	crl(s);
	s->crl.signer = LAB_STRANGER;
}
static void crl_other_name(struct scene *s)
{
	crl(s);
	s->crl.issuer = "ARK-Genoa";
}
static void crl_by_mid(struct scene *s)
{
	crl(s);
	s->crl.signer = LAB_ASK;
	s->crl.issuer = "SEV-Milan";
}
static void crl_old(struct scene *s)
{
	crl(s);
	s->crl.to = LAB_NOW - 1;
}
static void crl_old_lists(struct scene *s)
{
	crl_old(s);
	crl_lists(s, 0x10001);
}
static void crl_new(struct scene *s)
{
	crl(s);
	s->crl.from = LAB_NOW + 1;
}
static void crl_delta(struct scene *s)
{
	crl(s);
	s->crl.delta = true;
}
static void crl_critical(struct scene *s)
{
	crl(s);
	s->crl.critical = true;
}
static void crl_pkcs1(struct scene *s)
{
	crl(s);
	s->crl.pkcs1 = true;
}
static void crl_flipped(struct scene *s)
{
	s->crl.der[s->crl.n - 1] ^= 1;
}
static void crl_cut(struct scene *s)
{
	s->evidence.collateral[COLLATERAL_CRL].n -= 10;
}
static void crl_required(struct scene *s)
{
	s->policy->snp.crl = CRL_REQUIRED;
}
static void crl_required_there(struct scene *s)
{
	crl_required(s);
	crl(s);
}
static void crl_off(struct scene *s)
{
	crl_mid(s);
	s->policy->snp.crl = CRL_OFF;
}
static void crl_too_old(struct scene *s)
{
	crl(s);
	s->policy->snp.crl_age_hours = 23;
}
static void crl_young_enough(struct scene *s)
{
	crl(s);
	s->policy->snp.crl_age_hours = 24;
}
/* Two lists in a row. */
static void crls(struct scene *s, struct lab_crl *first, struct lab_crl *second)
{
	static uint8_t both[2 * LAB_DER_MAX];

	lab_build_crl(first);
	lab_build_crl(second);
	memcpy(both, first->der, first->n);
	memcpy(both + first->n, second->der, second->n);
	s->evidence.collateral[COLLATERAL_CRL] = bytes_of(both, first->n + second->n);
}
static void crl_second(struct scene *s)
{
	struct lab_crl first = s->crl;

	first.issuer = "ARK-Turin";
	crls(s, &first, &s->crl);
}
/* The operator's own list, which revokes nobody, before the scene's. */
static void crl_behind_own(struct scene *s)
{
	struct lab_crl own = s->crl;

	own.serials_count = 0;
	crls(s, &own, &s->crl);
}
static void crl_before_another(struct scene *s)
{
	struct lab_crl another = s->crl;

	another.serials_count = 0;
	crls(s, &s->crl, &another);
}
static void crl_behind_old(struct scene *s)
{
	struct lab_crl old = s->crl;

	old.to = LAB_NOW - 1;
	crls(s, &old, &s->crl);
}
static void crl_before_old(struct scene *s)
{
	struct lab_crl old = s->crl;

	old.to = LAB_NOW - 1;
	crls(s, &s->crl, &old);
}
static void crl_behind_new(struct scene *s)
{
	struct lab_crl tomorrows = s->crl;

	tomorrows.from = LAB_NOW + 1;
	crls(s, &tomorrows, &s->crl);
}
static void crl_behind_strangers(struct scene *s)
{
	struct lab_crl false_one = s->crl;

	false_one.signer = LAB_STRANGER;
	crls(s, &false_one, &s->crl);
}
static void crl_before_strangers(struct scene *s)
{
	struct lab_crl false_one = s->crl;

	false_one.signer = LAB_STRANGER;
	false_one.serials[false_one.serials_count++] = 0x10001;
	crls(s, &s->crl, &false_one);
}

/* What is no list, before the scene's own or behind it. */
static void with_rubbish(struct scene *s, const char *before, struct lab_crl *between,
			 const char *behind)
{
	static uint8_t all[3 * LAB_DER_MAX];
	size_t n = 0;

	lab_build_crl(between);
	memcpy(all, between->der, between->n);
	n += between->n;
	memcpy(all + n, before, strlen(before));
	n += strlen(before);
	memcpy(all + n, s->crl.der, s->crl.n);
	n += s->crl.n;
	memcpy(all + n, behind, strlen(behind) + 1); /* as in a page that is not full */
	n += strlen(behind) + 1;
	s->evidence.collateral[COLLATERAL_CRL] = bytes_of(all, n);
}
static void crl_behind_rubbish(struct scene *s)
{
	struct lab_crl own = s->crl;

	own.serials_count = 0;
	with_rubbish(s, "not found", &own, "");
}
static void crl_before_rubbish(struct scene *s)
{
	struct lab_crl own = s->crl;

	own.serials_count = 0;
	with_rubbish(s, "", &own, "not found");
}
static void crl_between_lines(struct scene *s)
{
	struct lab_crl own = s->crl;

	own.serials_count = 0;
	with_rubbish(s, "\r\n", &own, "\n");
}
/* A list in PEM, then what is behind it. */
static void pem_and(struct scene *s, struct lab_crl *first, struct bytes behind)
{
	static uint8_t text[4 * LAB_DER_MAX];
	BIO *bio = BIO_new(BIO_s_mem());
	const uint8_t *p = first->der;
	X509_CRL *list;
	int n;

	lab_build_crl(first);
	list = d2i_X509_CRL(NULL, &p, first->n);
	PEM_write_bio_X509_CRL(bio, list);
	n = BIO_read(bio, text, sizeof(text) / 2);
	memcpy(text + n, behind.p, behind.n); /* fits */
	s->evidence.collateral[COLLATERAL_CRL] = bytes_of(text, n + behind.n);
	X509_CRL_free(list);
	BIO_free(bio);
}
static void pem_and_text(struct scene *s, const char *behind)
{
	pem_and(s, &s->crl, bytes_of(behind, strlen(behind)));
}
static void crl_bad_pem(struct scene *s)
{
	pem_and_text(s, "-----BEGIN X509 CRL-----\nA\n-----END X509 CRL-----\n");
}
static void crl_cut_pem(struct scene *s)
{
	pem_and_text(s, "-----BEGIN X509 CRL-----\n");
}
static void crl_remark(struct scene *s)
{
	pem_and_text(s, "# of the root\n");
}
/* The operator's own in PEM, and the vendor's behind it. */
static void crl_behind_pem(struct scene *s)
{
	struct lab_crl own = s->crl;

	own.serials_count = 0;
	pem_and(s, &own, bytes_of(s->crl.der, s->crl.n));
}
static void crl_behind_remark(struct scene *s)
{
	static uint8_t text[2 * LAB_DER_MAX] = "# remark\n";
	struct lab_crl own = s->crl;
	size_t n = strlen("# remark\n");

	own.serials_count = 0;
	memcpy(text + n, s->crl.der, s->crl.n);
	pem_and(s, &own, bytes_of(text, n + s->crl.n));
}

static void debug(struct scene *s)
{
	s->report[0x0a] |= 8;
}
static void crl_old_debug(struct scene *s)
{
	crl_old(s);
	debug(s);
}
static void crl_required_debug(struct scene *s)
{
	crl_required(s);
	debug(s);
}
static void forged(struct scene *s)
{
	s->report[0x90] ^= 1;
}

static void test_crl(void **state)
{
	static const struct row rows[] = {
		{ "a good one", 0, 0, crl, NULL, REASON_OK },
		{ "a good one, VLEK", 0, SNP_KEY_VLEK, crl, NULL, REASON_OK },
		{ "revokes the ASK", 0, 0, crl_mid, NULL, REASON_REVOKED },
		{ "revokes the ASVK", 0, SNP_KEY_VLEK, crl_mid, NULL, REASON_REVOKED },
		{ "revokes the root", 0, 0, crl_root, NULL, REASON_REVOKED },
		{ "lists serial 0", 0, 0, crl_serial_0, NULL, REASON_OK },
		{ "by a stranger", 0, 0, crl_stranger, NULL, REASON_CRL },
		{ "another root's", 0, 0, crl_other_name, NULL, REASON_CRL },
		{ "by the intermediate", 0, 0, crl_by_mid, NULL, REASON_CRL },
		{ "run out", 0, 0, crl_old, NULL, REASON_CRL_STALE },
		{ "run out, but it revokes", 0, 0, crl_old_lists, NULL, REASON_REVOKED },
		{ "of tomorrow", 0, 0, crl_new, NULL, REASON_CRL_STALE },
		{ "a delta", 0, 0, crl_delta, NULL, REASON_CRL },
		{ "a critical extension", 0, 0, crl_critical, NULL, REASON_CRL },
		{ "by PKCS#1", 0, 0, crl_pkcs1, NULL, REASON_CRL },
		{ "flipped", 0, 0, crl, crl_flipped, REASON_CRL },
		{ "cut", 0, 0, crl, crl_cut, REASON_CRL },
		{ "wanted, none there", 0, 0, crl_required, NULL, REASON_CRL_MISSING },
		{ "wanted and there", 0, 0, crl_required_there, NULL, REASON_OK },
		{ "off", 0, 0, crl_off, NULL, REASON_OK },
		{ "older than policy wants", 0, 0, crl_too_old, NULL, REASON_CRL_STALE },
		{ "as old as it may be", 0, 0, crl_young_enough, NULL, REASON_OK },
		{ "the second of two", 0, 0, crl, crl_second, REASON_OK },
		{ "the second revokes", 0, 0, crl_mid, crl_second, REASON_REVOKED },
		{ "the second of one root revokes", 0, 0, crl_mid, crl_behind_own, REASON_REVOKED },
		{ "the first revokes", 0, 0, crl_mid, crl_before_another, REASON_REVOKED },
		{ "the first has run out", 0, 0, crl, crl_behind_old, REASON_OK },
		{ "the second has run out", 0, 0, crl, crl_before_old, REASON_OK },
		{ "the first is of tomorrow", 0, 0, crl, crl_behind_new, REASON_OK },
		{ "both have run out", 0, 0, crl_old, crl_behind_old, REASON_CRL_STALE },
		{ "run out, and the second revokes", 0, 0, crl_old_lists, crl_behind_own,
		  REASON_REVOKED },
		{ "the first is a stranger's", 0, 0, crl, crl_behind_strangers, REASON_OK },
		{ "a stranger's revokes", 0, 0, crl, crl_before_strangers, REASON_OK },
		{ "both are strangers'", 0, 0, crl_stranger, crl_before_strangers, REASON_CRL },
		{ "run out, and the guest can be debugged", 0, 0, crl_old_debug, NULL,
		  REASON_POLICY_DEBUG },
		{ "wanted, none there, and the guest can be debugged", 0, 0, crl_required_debug,
		  NULL, REASON_POLICY_DEBUG },
		{ "run out, and the report is forged", 0, 0, crl_old, forged,
		  REASON_REPORT_SIGNATURE },
		{ "rubbish before one that revokes", 0, 0, crl_mid, crl_behind_rubbish,
		  REASON_CRL },
		{ "rubbish behind one that revokes", 0, 0, crl_mid, crl_before_rubbish,
		  REASON_REVOKED },
		{ "rubbish behind good ones", 0, 0, crl, crl_before_rubbish, REASON_CRL },
		{ "ends of lines before one that revokes", 0, 0, crl_mid, crl_between_lines,
		  REASON_REVOKED },
		{ "ends of lines", 0, 0, crl, crl_between_lines, REASON_OK },
		{ "PEM, the second is rubbish", 0, 0, crl, crl_bad_pem, REASON_CRL },
		{ "PEM, the second is cut", 0, 0, crl, crl_cut_pem, REASON_CRL },
		{ "PEM, and a remark", 0, 0, crl, crl_remark, REASON_CRL },
		{ "PEM, and one in DER revokes", 0, 0, crl_mid, crl_behind_pem, REASON_REVOKED },
		{ "PEM, and one in DER", 0, 0, crl, crl_behind_pem, REASON_OK },
		{ "PEM, and a list behind a remark", 0, 0, crl_mid, crl_behind_remark, REASON_CRL },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
	assert_int_equal(reason_verdict(REASON_CRL_STALE), VERDICT_UNDETERMINED);
	assert_int_equal(reason_verdict(REASON_CRL_MISSING), VERDICT_UNDETERMINED);
	assert_int_equal(reason_verdict(REASON_CRL), VERDICT_REFUSED);
	assert_int_equal(reason_verdict(REASON_NO_LEAF), VERDICT_UNDETERMINED);
	assert_int_equal(reason_verdict(REASON_NO_CHAIN), VERDICT_UNDETERMINED);
	assert_int_equal(reason_verdict(REASON_INTERNAL), VERDICT_ERROR);
	assert_int_equal(reason_verdict((enum reason)9999), VERDICT_ERROR);
}

static void test_reasons_have_names(void **state)
{
	(void)state;
	for (int a = 0; a < REASON_COUNT; a++)
		for (int b = a + 1; b < REASON_COUNT; b++)
			if (!strcmp(reason_str(a), reason_str(b)))
				assert_true(a == REASON_CRL_STALE && b == REASON_CRL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crl),
		cmocka_unit_test(test_reasons_have_names),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
