// SPDX-License-Identifier: BSD-2-Clause
/* What Intel's and AWS's certificates have in common: ECDSA all the way. */
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "verifier/x509.h"

bool cert_is_ecdsa(const struct cert *c, enum curve curve)
{
	int wanted = curve == CURVE_P256 ? NID_ecdsa_with_SHA256 : NID_ecdsa_with_SHA384;
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, c->x);
	return cert_key(c) && key_is_on(cert_key(c), curve) &&
	       OBJ_obj2nid(outer->algorithm) == wanted &&
	       !X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(c->x));
}

bool cert_may_sign(const struct cert *c)
{
	return X509_get_key_usage(c->x) & KU_DIGITAL_SIGNATURE;
}
