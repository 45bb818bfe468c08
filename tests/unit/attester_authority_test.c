// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lab's authority: certificates as AMD makes them, in names, serials, algorithms
 * and extensions, and a CRL; keys that are there are used again.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "attester/authority.h"
#include "attester/pki.h"

enum { NOW = 1800000000 }; /* January 2027 */

static char base[] = "/tmp/attester-authority-XXXXXX";
static char roots[SNP_PRODUCTS][ATTESTER_PATH_MAX];
static uint8_t hashes[SNP_PRODUCTS][32];
static char why[WHY_MAX];

static const char *join(const char *directory, const char *name)
{
	static char path[ATTESTER_PATH_MAX];

	assert_int_equal(pki_path(path, directory, name, why), 0);
	return path;
}

/* RSA-4096 takes seconds: the three roots share keys, which is also how reuse is tried. */
static int make_roots(void **state)
{
	static const char *const keys[] = { "ark.key", "ask.key", "asvk.key" };
	struct authority_options o = { .now = NOW };

	(void)state;
	if (!mkdtemp(base))
		return -1;
	for (enum snp_product p = SNP_MILAN; p < SNP_PRODUCTS; p++) {
		snprintf(roots[p], sizeof(roots[p]), "%s/%s", base, lab_product_str(p));
		mkdir(roots[p], 0755);
		for (int i = 0; p && i < 3; i++) {
			char from[ATTESTER_PATH_MAX];

			snprintf(from, sizeof(from), "%s", join(roots[0], keys[i]));
			if (link(from, join(roots[p], keys[i])))
				return -1;
		}
		o.product = p;
		if (authority_make(roots[p], &o, hashes[p], why)) {
			print_error("%s\n", why);
			return -1;
		}
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

static int remove_roots(void **state)
{
	(void)state;
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static X509 *load(const char *directory, const char *name)
{
	X509 *x = pki_certificate_read(directory, name, why);

	assert_non_null(x);
	return x;
}

static X509 *load_der(const char *directory, const char *name)
{
	FILE *f = fopen(join(directory, name), "re");
	X509 *x;

	assert_non_null(f);
	x = d2i_X509_fp(f, NULL);
	fclose(f);
	assert_non_null(x);
	return x;
}

static void assert_common_name(const X509_NAME *n, const char *want)
{
	static const int order[] = { NID_organizationalUnitName, NID_countryName,
				     NID_localityName,		 NID_stateOrProvinceName,
				     NID_organizationName,	 NID_commonName };
	char got[64];

	assert_int_equal(X509_NAME_entry_count(n), 6);
	for (int i = 0; i < 6; i++)
		assert_int_equal(OBJ_obj2nid(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(n, i))),
				 order[i]);
	X509_NAME_get_text_by_NID((X509_NAME *)n, NID_commonName, got, sizeof(got));
	assert_string_equal(got, want);
}

/* PSS, SHA-384 for message and mask, salt 48: OpenSSL sets the TLS flag for no other. */
static void assert_signed_as_amd_does(X509 *x, X509 *issuer)
{
	int md, pk, bits;
	uint32_t flags;

	assert_int_equal(X509_get_signature_info(x, &md, &pk, &bits, &flags), 1);
	assert_int_equal(md, NID_sha384);
	assert_int_equal(pk, NID_rsassaPss);
	assert_true(flags & X509_SIG_INFO_TLS);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(issuer)), 1);
}

static void test_roots(void **state)
{
	static const uint32_t serials[SNP_PRODUCTS][3] = { { 0x10000, 0x10001, 0x10101 },
							   { 0x20000, 0x20002, 0x20101 },
							   { 0x30000, 0x30001, 0x30101 } };
	static const char *const files[] = { "ark.pem", "ask.pem", "asvk.pem" };
	static const char *const names[] = { "ARK-%s", "SEV-%s", "SEV-VLEK-%s" };
	char want[64];

	(void)state;
	for (enum snp_product p = SNP_MILAN; p < SNP_PRODUCTS; p++) {
		X509 *ark = load(roots[p], "ark.pem");
		uint8_t sha256[32];
		unsigned int n;

		assert_int_equal(X509_digest(ark, EVP_sha256(), sha256, &n), 1);
		assert_memory_equal(sha256, hashes[p], sizeof(sha256));
		for (int i = 0; i < 3; i++) {
			X509 *x = load(roots[p], files[i]);

			snprintf(want, sizeof(want), names[i], lab_product_str(p));
			assert_common_name(X509_get_subject_name(x), want);
			snprintf(want, sizeof(want), "ARK-%s", lab_product_str(p));
			assert_common_name(X509_get_issuer_name(x), want);
			assert_int_equal(ASN1_INTEGER_get(X509_get0_serialNumber(x)),
					 serials[p][i]);
			assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 4096);
			assert_int_equal(X509_get_pathlen(x), i ? 0 : -1);
			assert_int_equal(X509_get_key_usage(x),
					 KU_KEY_CERT_SIGN | (i ? 0 : KU_CRL_SIGN));
			assert_true(X509_check_ca(x) == 1);
			assert_signed_as_amd_does(x, ark);
			X509_free(x);
		}
		X509_free(ark);
	}
	assert_memory_not_equal(hashes[0], hashes[1], 32);
}

/* Every root says that it is a lab's. */
static void test_root_says_lab(void **state)
{
	X509 *x = load(roots[0], "ark.pem");
	int at = X509_get_ext_by_NID(x, NID_netscape_comment, -1);
	const ASN1_OCTET_STRING *s;

	(void)state;
	assert_true(at >= 0);
	s = X509_EXTENSION_get_data(X509_get_ext(x, at));
	assert_non_null(
		memmem(ASN1_STRING_get0_data(s), ASN1_STRING_length(s), "fairlead lab", 12));
	X509_free(x);
}

static void test_keys_are_secret_and_stay(void **state)
{
	struct authority_options o = { .product = SNP_MILAN, .now = NOW + 1000 };
	uint8_t again[32];
	struct stat st;

	(void)state;
	assert_int_equal(stat(join(roots[0], "ark.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(authority_make(roots[0], &o, again, why), 0);
	assert_memory_equal(again, hashes[0], sizeof(again));
	o.product = SNP_GENOA;
	assert_int_equal(authority_make(roots[0], &o, again, why), -EEXIST);
	assert_non_null(strstr(why, "Genoa"));
}

/* A certificate that cannot be read is not overwritten. */
static void test_garbage_stays(void **state)
{
	struct authority_options o = { .product = SNP_TURIN, .now = NOW };
	char before[ATTESTER_PATH_MAX], after[ATTESTER_PATH_MAX];
	uint8_t sha256[32];

	(void)state;
	snprintf(before, sizeof(before), "%s", join(roots[SNP_TURIN], "ark.pem"));
	snprintf(after, sizeof(after), "%s", join(roots[SNP_TURIN], "ark.pem.kept"));
	assert_int_equal(rename(before, after), 0);
	assert_int_equal(pki_write(roots[SNP_TURIN], "ark.pem", bytes_of("x", 1), 0644, why), 0);
	assert_int_equal(authority_make(roots[SNP_TURIN], &o, sha256, why), -EIO);
	assert_int_equal(rename(after, before), 0);
}

static X509_CRL *load_crl(const char *directory)
{
	FILE *f = fopen(join(directory, "crl.der"), "re");
	X509_CRL *crl;

	assert_non_null(f);
	crl = d2i_X509_CRL_fp(f, NULL);
	fclose(f);
	assert_non_null(crl);
	return crl;
}

static int revoked(X509_CRL *crl, X509 *x)
{
	X509_REVOKED *r = NULL;

	return X509_CRL_get0_by_cert(crl, &r, x);
}

static void test_crl(void **state)
{
	struct authority_options o = { .product = SNP_MILAN, .now = NOW };
	X509 *ark = load(roots[0], "ark.pem"), *ask = load(roots[0], "ask.pem"),
	     *asvk = load(roots[0], "asvk.pem");
	time_t now = NOW;

	(void)state;
	for (int i = 0; i < 4; i++) {
		X509_CRL *crl;
		uint8_t sha256[32];

		o.revoke_ask = i & 1;
		o.revoke_asvk = i & 2;
		assert_int_equal(authority_make(roots[0], &o, sha256, why), 0);
		crl = load_crl(roots[0]);
		assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(ark)), 1);
		assert_int_equal(X509_CRL_get_signature_nid(crl), NID_rsassaPss);
		assert_int_equal(
			X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ark)), 0);
		assert_true(X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) < 0);
		assert_true(X509_cmp_time(X509_CRL_get0_nextUpdate(crl), &now) > 0);
		assert_int_equal(revoked(crl, ask), o.revoke_ask);
		assert_int_equal(revoked(crl, asvk), o.revoke_asvk);
		assert_int_equal(revoked(crl, ark), 0);
		X509_CRL_free(crl);
	}
	X509_free(ark);
	X509_free(ask);
	X509_free(asvk);
}

/* The content of AMD's extension 1.3.6.1.4.1.3704.1.SUFFIX, exactly; n 0: there is none. */
static void assert_extension(X509 *x, const char *suffix, const void *want, int n)
{
	const ASN1_OCTET_STRING *s;
	ASN1_OBJECT *o;
	char oid[64];
	int at;

	snprintf(oid, sizeof(oid), "1.3.6.1.4.1.3704.1.%s", suffix);
	o = OBJ_txt2obj(oid, 1);
	at = X509_get_ext_by_OBJ(x, o, -1);
	assert_int_equal(at >= 0, n > 0);
	if (at >= 0) {
		assert_int_equal(X509_get_ext_by_OBJ(x, o, at), -1);
		assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(x, at)), 0);
		s = X509_EXTENSION_get_data(X509_get_ext(x, at));
		assert_int_equal(ASN1_STRING_length(s), n);
		assert_memory_equal(ASN1_STRING_get0_data(s), want, n);
	}
	ASN1_OBJECT_free(o);
}

static struct soft_guest guest_of(enum snp_product p)
{
	struct soft_guest g;

	soft_guest_default(&g, p);
	for (int i = 0; i < (p == SNP_TURIN ? 8 : 64); i++)
		g.chip_id[i] = 4 + i; /* 04 in front: must not be taken for an OCTET STRING */
	return g;
}

static void issue(enum snp_product p, const struct soft_guest *g, bool expired, char *directory)
{
	snprintf(directory, ATTESTER_PATH_MAX, "%s/guest-%s", base, lab_product_str(p));
	assert_int_equal(pki_mkdir(directory, why), 0);
	assert_int_equal(authority_issue(roots[p], directory, g, NOW, expired, why), 0);
}

static void assert_leaf(X509 *x, X509 *issuer, const char *name)
{
	assert_common_name(X509_get_subject_name(x), name);
	assert_int_equal(ASN1_INTEGER_get(X509_get0_serialNumber(x)), 0);
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(issuer)), 0);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 384);
	assert_int_equal(X509_get_ext_by_NID(x, NID_authority_key_identifier, -1), -1);
	assert_int_equal(X509_get_ext_by_NID(x, NID_subject_key_identifier, -1), -1);
	assert_int_equal(X509_get_ext_by_NID(x, NID_key_usage, -1), -1);
	assert_int_equal(X509_get_ext_by_NID(x, NID_basic_constraints, -1), -1);
	assert_signed_as_amd_does(x, issuer);
}

static void test_milan_leaves(void **state)
{
	struct soft_guest g = guest_of(SNP_MILAN);
	char d[ATTESTER_PATH_MAX];
	X509 *ask = load(roots[0], "ask.pem"), *asvk = load(roots[0], "asvk.pem"), *x;

	(void)state;
	issue(SNP_MILAN, &g, false, d);
	x = load_der(d, "vcek.der");
	assert_leaf(x, ask, "SEV-VCEK");
	assert_extension(x, "1", "\2\1\0", 3);
	assert_extension(x, "2", "\x16\x08Milan-B0", 10);
	assert_extension(x, "3.1", "\2\1\4", 3);
	assert_extension(x, "3.2", "\2\1\0", 3);
	assert_extension(x, "3.3", "\2\1\x18", 3);
	assert_extension(x, "3.4", "\2\1\0", 3);
	assert_extension(x, "3.7", "\2\1\0", 3);
	assert_extension(x, "3.8", "\2\2\0\xdb", 4); /* 219 must not be negative */
	assert_extension(x, "3.9", NULL, 0);
	assert_extension(x, "4", g.chip_id, 64); /* raw */
	assert_extension(x, "5", NULL, 0);
	assert_int_equal(X509_get_ext_count(x), 11);
	X509_free(x);
	x = load_der(d, "vlek.der");
	assert_leaf(x, asvk, "SEV-VLEK");
	assert_extension(x, "2", "\x16\x05Milan", 7);
	assert_extension(x, "4", NULL, 0);
	assert_extension(x, "5",
			 "\x16\x17"
			 "CN=lab.fairlead.invalid",
			 25);
	X509_free(x);
	X509_free(ask);
	X509_free(asvk);
}

static void test_turin_leaf(void **state)
{
	struct soft_guest g = guest_of(SNP_TURIN);
	X509 *ask = load(roots[SNP_TURIN], "ask.pem"), *x;
	char d[ATTESTER_PATH_MAX];

	(void)state;
	g.reported_tcb = (struct soft_tcb){ 9, 8, 7, 6, 127 };
	issue(SNP_TURIN, &g, false, d);
	x = load_der(d, "vcek.der");
	assert_leaf(x, ask, "SEV-VCEK");
	assert_extension(x, "1", "\2\1\1", 3);
	assert_extension(x, "2", "\x16\x05Turin", 7);
	assert_extension(x, "3.9", "\2\1\x09", 3);
	assert_extension(x, "3.1", "\2\1\x08", 3);
	assert_extension(x, "3.2", "\2\1\x07", 3);
	assert_extension(x, "3.3", "\2\1\x06", 3);
	assert_extension(x, "3.4", NULL, 0);
	assert_extension(x, "3.8", "\2\1\x7f", 3);
	assert_extension(x, "4", g.chip_id, 8);
	X509_free(x);
	X509_free(ask);
}

static void test_times(void **state)
{
	struct soft_guest g = guest_of(SNP_GENOA);
	char d[ATTESTER_PATH_MAX];
	time_t now = NOW;

	(void)state;
	for (int expired = 0; expired < 2; expired++) {
		static const char *const leaves[] = { "vcek.der", "vlek.der" };

		issue(SNP_GENOA, &g, expired, d);
		for (int i = 0; i < 2; i++) {
			X509 *x = load_der(d, leaves[i]);

			assert_true(X509_cmp_time(X509_get0_notBefore(x), &now) < 0);
			assert_int_equal(X509_cmp_time(X509_get0_notAfter(x), &now) < 0, expired);
			X509_free(x);
		}
	}
}

/* The key outlives the certificate, and the chain beside it is the issuer's, then the root's. */
static void test_issue_again(void **state)
{
	struct soft_guest g = guest_of(SNP_GENOA);
	EVP_PKEY *before, *after;
	char d[ATTESTER_PATH_MAX];
	X509 *x, *ask = load(roots[SNP_GENOA], "ask.pem");

	(void)state;
	issue(SNP_GENOA, &g, false, d);
	before = pki_key_read(d, "vcek.key", why);
	issue(SNP_GENOA, &g, false, d);
	after = pki_key_read(d, "vcek.key", why);
	assert_int_equal(EVP_PKEY_eq(before, after), 1);
	x = load_der(d, "vcek.der");
	assert_int_equal(X509_check_private_key(x, after), 1);
	X509_free(x);
	x = load(d, "vcek_chain.pem");
	assert_int_equal(X509_cmp(x, ask), 0);
	X509_free(x);
	X509_free(ask);
	EVP_PKEY_free(before);
	EVP_PKEY_free(after);
	assert_int_equal(authority_issue(roots[SNP_MILAN], d, &g, NOW, false, why), -EINVAL);
	assert_non_null(strstr(why, "Genoa"));
}

static void test_product_of_a_root(void **state)
{
	enum snp_product got = SNP_PRODUCTS;

	(void)state;
	for (enum snp_product p = SNP_MILAN; p < SNP_PRODUCTS; p++) {
		assert_int_equal(authority_product(roots[p], &got, why), 0);
		assert_int_equal(got, p);
	}
	assert_int_equal(authority_product(base, &got, why), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_root_says_lab),
		cmocka_unit_test(test_keys_are_secret_and_stay),
		cmocka_unit_test(test_garbage_stays),
		cmocka_unit_test(test_crl),
		cmocka_unit_test(test_milan_leaves),
		cmocka_unit_test(test_turin_leaf),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_issue_again),
		cmocka_unit_test(test_product_of_a_root),
	};

	return cmocka_run_group_tests(tests, make_roots, remove_roots);
}
