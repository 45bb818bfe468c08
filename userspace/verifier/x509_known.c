// SPDX-License-Identifier: BSD-2-Clause
/*
 * Authorities that have been read before.  To take a certificate apart costs OpenSSL more than to
 * verify a signature, and a fleet's evidence brings the same few with every report.  Nothing of an
 * authority is believed for being here: what is remembered is what its bytes say, found by their
 * digest, and only those get in that a trusted root has vouched for, so that strangers push none
 * out.  One process, one thread.
 */
#include <openssl/x509.h>

#include "verifier/x509.h"

enum { KNOWN_MAX = 32 };

static struct cert known[KNOWN_MAX]; /* the one used last comes first */
static size_t count;

static void to_front(size_t i)
{
	struct cert c = known[i];

	memmove(known + 1, known, i * sizeof(*known));
	known[0] = c;
}

bool cert_recall(const uint8_t der_sha256[SHA256_BYTES], struct cert *out)
{
	for (size_t i = 0; i < count; i++)
		if (!memcmp(known[i].der_sha256, der_sha256, SHA256_BYTES)) {
			to_front(i);
			return cert_share(&known[0], out);
		}
	return false;
}

void cert_remember(const struct cert *c)
{
	struct cert mine;

	for (size_t i = 0; i < count; i++)
		if (!memcmp(known[i].der_sha256, c->der_sha256, SHA256_BYTES))
			return;
	if (!cert_share(c, &mine))
		return;
	if (count == KNOWN_MAX)
		cert_free(&known[--count]);
	known[count++] = mine;
	to_front(count - 1);
}

void cert_forget_known(void)
{
	while (count)
		cert_free(&known[--count]);
}
