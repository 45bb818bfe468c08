// SPDX-License-Identifier: BSD-2-Clause
/* Roots, chains and algorithms: what OpenSSL lets through and what it does not, each by name. */
#include "unit/verifier_rows.h"

/* Adds a certificate that is not one of the three. */
static void bring(struct scene *s, struct lab_cert *c)
{
	lab_build_cert(c);
	s->evidence.certs[s->evidence.certs_count++] = bytes_of(c->der, c->n);
}

static struct lab_cert spare;

/* Who came along. */
static void nothing(struct scene *s)
{
	s->evidence.certs_count = 0;
}
static void empty_files(struct scene *s)
{
	for (int i = 0; i < 3; i++)
		s->evidence.certs[i].n = 0;
}
static void leaf_missing(struct scene *s)
{
	s->leaf.left_out = true;
}
static void leaf_alone(struct scene *s)
{
	s->mid.left_out = s->root.left_out = true;
}
static void mid_missing(struct scene *s)
{
	s->mid.left_out = true;
}
static void root_missing(struct scene *s)
{
	s->root.left_out = true;
}
static void mid_as_leaf(struct scene *s)
{
	s->evidence.certs[0] = s->evidence.certs[1];
}
static void twice(struct scene *s)
{
	s->evidence.certs[s->evidence.certs_count++] = s->evidence.certs[1];
	s->evidence.certs[s->evidence.certs_count++] = s->evidence.certs[2];
}
static void both_leaves(struct scene *s)
{
	spare = s->leaf;
	spare.subject = "SEV-VLEK";
	bring(s, &spare);
	s->evidence.certs[3] = s->evidence.certs[0];
	s->evidence.certs[0] = bytes_of(spare.der, spare.n);
}
static void both_authorities(struct scene *s)
{
	spare = s->mid;
	spare.subject = "SEV-VLEK-Milan";
	spare.serial = 0x10101;
	bring(s, &spare);
}

static void test_presence(void **state)
{
	static const struct row rows[] = {
		{ "no certificates", 0, 0, NULL, nothing, REASON_NO_LEAF },
		{ "empty files", 0, 0, NULL, empty_files, REASON_NO_LEAF },
		{ "no leaf", 0, 0, leaf_missing, NULL, REASON_NO_LEAF },
		{ "leaf alone", 0, 0, leaf_alone, NULL, REASON_NO_CHAIN },
		{ "no intermediate", 0, 0, mid_missing, NULL, REASON_CERT_CHAIN },
		{ "no root", 0, 0, root_missing, NULL, REASON_CERT_CHAIN },
		{ "intermediate as leaf", 0, 0, NULL, mid_as_leaf, REASON_CERT_CHAIN },
		{ "authorities twice", 0, 0, NULL, twice, REASON_OK },
		{ "a VLEK beside the VCEK", 0, 0, NULL, both_leaves, REASON_OK },
		{ "ASVK beside ASK", 0, 0, NULL, both_authorities, REASON_OK },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* Roots. */
static void unpinned(struct scene *s)
{
	s->policy->snp.roots.count = 0;
}
static void unpinned_and_worse(struct scene *s)
{
	unpinned(s);
	s->report[0] = 1;
	s->evidence.certs[0].n -= 40;
}
static void pinned_by_key(struct scene *s)
{
	struct bytes der = bytes_of(s->root.der, s->root.n);
	struct cert_pile pile = { 0 };

	assert_int_equal(cert_pile_add(&pile, der), 0);
	s->policy->snp.roots.count = 0;
	assert_int_equal(policy_trust_root(s->policy, pile.certs[0].spki_sha256), 0);
	cert_pile_free(&pile);
}
static void flip_last(struct lab_cert *c)
{
	c->der[c->n - 1] ^= 1;
}
static void root_flipped(struct scene *s)
{
	flip_last(&s->root);
}
static void root_flipped_key_pinned(struct scene *s)
{
	pinned_by_key(s);
	flip_last(&s->root);
}
/* The same names all the way, every key the attacker's own, beside the genuine root. */
static void attackers_chain(struct scene *s)
{
	s->mid.signer = LAB_STRANGER;
}
static void attackers_root_too(struct scene *s)
{
	spare = s->root;
	spare.key = spare.signer = LAB_STRANGER;
	bring(s, &spare);
}
static void attackers_root_alone(struct scene *s)
{
	attackers_root_too(s);
	s->evidence.certs[2] = s->evidence.certs[3];
	s->evidence.certs_count--;
}
static void extra_issuer(struct scene *s)
{
	s->root.extra_issuer = "More";
}
static void lab_named_root(struct scene *s)
{
	s->root.subject = s->root.issuer = s->mid.issuer = "Nobody in particular";
}

static void test_roots(void **state)
{
	static const struct row rows[] = {
		{ "AMD's names, not AMD's root", 0, 0, NULL, unpinned, REASON_UNTRUSTED_ROOT },
		{ "and all else wrong", 0, 0, NULL, unpinned_and_worse, REASON_UNTRUSTED_ROOT },
		{ "pinned by key", 0, 0, NULL, pinned_by_key, REASON_OK },
		{ "signature flipped", 0, 0, NULL, root_flipped, REASON_UNTRUSTED_ROOT },
		{ "the same, pinned by key", 0, 0, NULL, root_flipped_key_pinned,
		  REASON_CERT_SIGNATURE },
		{ "attacker's intermediate", 0, 0, attackers_chain, NULL, REASON_CERT_SIGNATURE },
		{ "and attacker's root beside", 0, 0, attackers_chain, attackers_root_too,
		  REASON_CERT_SIGNATURE },
		{ "attacker's alone", 0, 0, attackers_chain, attackers_root_alone,
		  REASON_UNTRUSTED_ROOT },
		{ "root's issuer has more", 0, 0, extra_issuer, pinned_by_key, REASON_CERT_CHAIN },
		{ "root of another name", 0, 0, lab_named_root, NULL, REASON_CERT_CHAIN },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* Who issued whom. */
static void leaf_by_root(struct scene *s)
{
	s->leaf.issuer = s->root.subject;
	s->leaf.signer = LAB_ARK;
}
static void vlek_under_ask(struct scene *s)
{
	s->mid.subject = s->leaf.issuer = "SEV-Milan";
}
static void vcek_under_asvk(struct scene *s)
{
	s->mid.subject = s->leaf.issuer = "SEV-VLEK-Milan";
}
static void ask_for_vlek(struct scene *s)
{
	s->mid.subject = "SEV-Milan";
}
static void other_product(struct scene *s)
{
	s->mid.subject = "SEV-Genoa";
	s->mid.issuer = s->root.subject = s->root.issuer = "ARK-Genoa";
}
static void mixed_products(struct scene *s)
{
	s->mid.issuer = s->root.subject = s->root.issuer = "ARK-Genoa";
}
static void unknown_product(struct scene *s)
{
	s->mid.subject = s->leaf.issuer = "SEV-Venice";
	s->mid.issuer = s->root.subject = s->root.issuer = "ARK-Venice";
}
static void mid_of_a_lab(struct scene *s)
{
	s->mid.subject = s->leaf.issuer = "LAB-Milan";
}
static void mid_no_ca(struct scene *s)
{
	s->mid.ca = false;
}
static void mid_small_key(struct scene *s)
{
	s->mid.key = s->leaf.signer = LAB_RSA;
}
static void leaf_by_leaf(struct scene *s)
{
	spare = s->mid; /* an intermediate under the intermediate */
	spare.issuer = s->mid.subject;
	spare.subject = "SEV-Milan";
	spare.signer = LAB_ASK;
	spare.key = LAB_STRANGER;
	s->leaf.signer = LAB_STRANGER;
}
static void leaf_by_leaf_2(struct scene *s)
{
	bring(s, &spare);
}
static void leaf_flipped(struct scene *s)
{
	flip_last(&s->leaf);
}
static void mid_flipped(struct scene *s)
{
	flip_last(&s->mid);
}
static void leaf_early(struct scene *s)
{
	s->leaf.from = LAB_NOW + 1;
}
static void leaf_late(struct scene *s)
{
	s->leaf.to = LAB_NOW - 1;
}
static void mid_late(struct scene *s)
{
	s->mid.to = LAB_NOW - 1;
}
static void root_late(struct scene *s)
{
	s->root.to = LAB_NOW - 1;
}
static void mid_early(struct scene *s)
{
	s->mid.from = LAB_NOW + 1;
}

static void test_links(void **state)
{
	static const struct row rows[] = {
		{ "leaf by the root", 0, 0, leaf_by_root, NULL, REASON_CERT_CHAIN },
		{ "VLEK under the ASK", 0, SNP_KEY_VLEK, vlek_under_ask, NULL, REASON_CERT_CHAIN },
		{ "VCEK under the ASVK", 0, 0, vcek_under_asvk, NULL, REASON_CERT_CHAIN },
		{ "ASK offered for a VLEK", 0, SNP_KEY_VLEK, ask_for_vlek, NULL,
		  REASON_CERT_CHAIN },
		{ "another product's chain", 0, 0, other_product, NULL, REASON_CERT_CHAIN },
		{ "two products in a chain", 0, 0, mixed_products, NULL, REASON_CERT_CHAIN },
		{ "no product we know", 0, 0, unknown_product, NULL, REASON_CERT_CHAIN },
		{ "an intermediate's name", 0, 0, mid_of_a_lab, NULL, REASON_CERT_CHAIN },
		{ "intermediate no authority", 0, 0, mid_no_ca, NULL, REASON_CERT_CHAIN },
		{ "intermediate of RSA-3072", 0, 0, mid_small_key, NULL, REASON_CERT_CHAIN },
		{ "two intermediates", 0, 0, leaf_by_leaf, leaf_by_leaf_2, REASON_CERT_SIGNATURE },
		{ "leaf flipped", 0, 0, NULL, leaf_flipped, REASON_CERT_SIGNATURE },
		{ "intermediate flipped", 0, 0, NULL, mid_flipped, REASON_CERT_SIGNATURE },
		{ "leaf of tomorrow", 0, 0, leaf_early, NULL, REASON_CERT_NOT_YET_VALID },
		{ "leaf of yesterday", 0, SNP_KEY_VLEK, leaf_late, NULL, REASON_CERT_EXPIRED },
		{ "intermediate of tomorrow", 0, 0, mid_early, NULL, REASON_CERT_NOT_YET_VALID },
		{ "intermediate of yesterday", 0, 0, mid_late, NULL, REASON_CERT_EXPIRED },
		{ "root of yesterday", 0, 0, root_late, NULL, REASON_CERT_EXPIRED },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* How it is signed. */
static void leaf_pkcs1(struct scene *s)
{
	s->leaf.pkcs1 = true;
}
static void mid_pkcs1(struct scene *s)
{
	s->mid.pkcs1 = true;
}
static void root_pkcs1(struct scene *s)
{
	s->root.pkcs1 = true;
}
static void leaf_salt_32(struct scene *s)
{
	s->leaf.salt = 32;
}
static void mid_salt_20(struct scene *s)
{
	s->mid.salt = 20;
}
static void leaf_sha256(struct scene *s)
{
	s->leaf.md = EVP_sha256;
	s->leaf.salt = 32;
}
static void mid_sha512(struct scene *s)
{
	s->mid.md = EVP_sha512;
}

/* The outer algorithm says another salt than what is signed: found by its last bytes. */
static void outer_algorithm(struct scene *s)
{
	static const uint8_t salt[] = { 0xa2, 3, 2, 1, 48 };
	uint8_t *at = NULL;

	for (size_t i = 0; i + sizeof(salt) <= s->leaf.n; i++)
		if (!memcmp(s->leaf.der + i, salt, sizeof(salt)))
			at = s->leaf.der + i;
	assert_non_null(at);
	at[4] = 32;
}

static void test_algorithms(void **state)
{
	static const struct row rows[] = {
		{ "leaf by PKCS#1", 0, 0, leaf_pkcs1, NULL, REASON_CERT_SIGNATURE },
		{ "intermediate by PKCS#1", 0, 0, mid_pkcs1, NULL, REASON_CERT_SIGNATURE },
		{ "root by PKCS#1", 0, 0, root_pkcs1, NULL, REASON_CERT_SIGNATURE },
		{ "leaf with salt 32", 0, 0, leaf_salt_32, NULL, REASON_CERT_SIGNATURE },
		{ "intermediate with salt 20", 0, 0, mid_salt_20, NULL, REASON_CERT_SIGNATURE },
		{ "leaf by SHA-256", 0, 0, leaf_sha256, NULL, REASON_CERT_SIGNATURE },
		{ "intermediate by SHA-512", 0, 0, mid_sha512, NULL, REASON_CERT_SIGNATURE },
		{ "outer algorithm swapped", 0, 0, NULL, outer_algorithm, REASON_CERT_SIGNATURE },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_algorithms),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
