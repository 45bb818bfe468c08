// SPDX-License-Identifier: BSD-2-Clause
#include "attester/authority_names.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <stdio.h>

static bool add(X509_NAME *n, int nid, int type, const char *text)
{
	return X509_NAME_add_entry_by_NID(n, nid, type, (const unsigned char *)text, -1, -1, 0);
}

static void common_name(enum snp_product p, enum role role, char out[NAME_TEXT_MAX])
{
	static const char *const formats[] = {
		[ROLE_ARK] = "ARK-%s",	  [ROLE_ASK] = "SEV-%s",    [ROLE_ASVK] = "SEV-VLEK-%s",
		[ROLE_VCEK] = "SEV-VCEK", [ROLE_VLEK] = "SEV-VLEK",
	};

	snprintf(out, NAME_TEXT_MAX, formats[role], lab_product_str(p));
}

X509_NAME *authority_name(enum snp_product p, enum role role)
{
	X509_NAME *n = X509_NAME_new();
	char cn[NAME_TEXT_MAX];

	common_name(p, role, cn);
	if (n && add(n, NID_organizationalUnitName, V_ASN1_UTF8STRING, "Engineering") &&
	    add(n, NID_countryName, V_ASN1_PRINTABLESTRING, "US") &&
	    add(n, NID_localityName, V_ASN1_UTF8STRING, "Santa Clara") &&
	    add(n, NID_stateOrProvinceName, V_ASN1_UTF8STRING, "CA") &&
	    add(n, NID_organizationName, V_ASN1_UTF8STRING, "Advanced Micro Devices") &&
	    add(n, NID_commonName, V_ASN1_UTF8STRING, cn))
		return n;
	X509_NAME_free(n);
	return NULL;
}

static bool prepare(EVP_MD_CTX *md, EVP_PKEY *key)
{
	EVP_PKEY_CTX *c;

	return EVP_DigestSignInit(md, &c, EVP_sha384(), NULL, key) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha384()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool authority_sign(X509 *x, EVP_PKEY *key)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && prepare(md, key) && X509_sign_ctx(x, md) > 0;

	EVP_MD_CTX_free(md);
	return ok;
}

bool authority_sign_crl(X509_CRL *crl, EVP_PKEY *key)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && prepare(md, key) && X509_CRL_sign_ctx(crl, md) > 0;

	EVP_MD_CTX_free(md);
	return ok;
}
