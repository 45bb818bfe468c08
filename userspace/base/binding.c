// SPDX-License-Identifier: BSD-2-Clause
#include "base/binding.h"

#include <openssl/evp.h>
#include <string.h>

static bool put(EVP_MD_CTX *md, const void *p, uint16_t n)
{
	uint8_t length[2] = { n >> 8, n & 0xff };

	return EVP_DigestUpdate(md, length, sizeof(length)) == 1 && EVP_DigestUpdate(md, p, n) == 1;
}

static bool put_string(EVP_MD_CTX *md, const char *s)
{
	return put(md, s, strlen(s));
}

static bool put_all(EVP_MD_CTX *md, const struct binding *b)
{
	return put_string(md, "fairlead/1") && put_string(md, b->role) &&
	       put_string(md, tee_str(b->tee)) && put(md, b->exporter, sizeof(b->exporter)) &&
	       put(md, b->spki_attester, sizeof(b->spki_attester)) &&
	       put(md, b->spki_peer, sizeof(b->spki_peer)) &&
	       put(md, b->request, sizeof(b->request)) && put(md, b->claims, sizeof(b->claims));
}

bool binding_report_data(const struct binding *b, uint8_t out[REPORT_DATA_BYTES])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha512(), NULL) == 1 && put_all(md, b) &&
		  EVP_DigestFinal_ex(md, out, NULL) == 1;

	EVP_MD_CTX_free(md);
	if (!ok)
		memset(out, 0, REPORT_DATA_BYTES);
	return ok;
}

bool sha384(struct bytes in, uint8_t out[DIGEST_BYTES])
{
	return EVP_Digest(in.p, in.n, out, NULL, EVP_sha384(), NULL) == 1;
}
