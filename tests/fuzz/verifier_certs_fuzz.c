// SPDX-License-Identifier: BSD-2-Clause
/* Certificates and a CRL of any bytes, every root trusted: roles, chain, CRL, leaf extensions. */
#include "verifier/snp.h"

/* Whatever came along as a root is trusted, so that what follows is reached. */
static void trust_all(const struct evidence *e, struct policy *p)
{
	struct claims c = { 0 };
	struct snp_certs certs;

	if (!snp_certs_gather(e, &certs, &c))
		for (size_t i = 0; i < certs.pile.count; i++)
			policy_trust_root(p, certs.pile.certs[i].spki_sha256);
	snp_certs_free(&certs);
}

/* The leaf's extensions also when no chain holds: each certificate as every product's leaf. */
static void read_as_leaf(const struct evidence *e)
{
	struct snp_certs certs;
	struct claims c = { 0 };
	struct snp_leaf leaf;

	if (!snp_certs_gather(e, &certs, &c))
		for (size_t i = 0; i < certs.pile.count; i++)
			for (int k = 0; k < SNP_KEYS * SNP_PRODUCTS; k++) {
				certs.leaf = &certs.pile.certs[i];
				certs.kind = k % SNP_KEYS;
				certs.product = k / SNP_KEYS;
				snp_leaf_read(&certs, &leaf, &c);
			}
	snp_certs_free(&certs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence e = { .tee = TEE_SNP, .at = 1780272000, .certs_count = 1 };
	struct policy *p = policy_default();
	size_t crl = size > 2 ? (data[0] << 8 | data[1]) % size : 0;
	struct claims c;

	if (crl < 2)
		crl = size;
	e.certs[0] = bytes_of(size > 2 ? data + 2 : data, size > 2 ? crl - 2 : 0);
	e.collateral[COLLATERAL_CRL] = bytes_of(data + crl, size - crl);
	trust_all(&e, p);
	read_as_leaf(&e);
	snp_appraise_certs(p, &e, SNP_KEY_VCEK, &c);
	claims_free(&c);
	policy_free(p);
	return 0;
}
