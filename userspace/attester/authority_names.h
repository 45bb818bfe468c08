/* SPDX-License-Identifier: BSD-2-Clause */
/* What authority.c and authority_leaf.c share: AMD's names and its way to sign (AMD 57230). */
#ifndef AUTHORITY_NAMES_H
#define AUTHORITY_NAMES_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "attester/soft.h"

enum { NAME_TEXT_MAX = 64 };

enum role {
	ROLE_ARK,
	ROLE_ASK,
	ROLE_ASVK,
	ROLE_COUNT,
	ROLE_VCEK = ROLE_COUNT,
	ROLE_VLEK,
};

/* A new distinguished name: "ARK-Milan", "SEV-Milan", "SEV-VLEK-Milan", "SEV-VCEK", "SEV-VLEK". */
X509_NAME *authority_name(enum snp_product p, enum role role);

/* RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48. */
bool authority_sign(X509 *x, EVP_PKEY *key);
bool authority_sign_crl(X509_CRL *crl, EVP_PKEY *key);

#endif
