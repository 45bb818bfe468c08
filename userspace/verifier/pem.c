// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/pem.h"

#include <errno.h>

static const char begin[] = "-----BEGIN ";
static const char end[] = "-----END ";
static const char dashes[] = "-----";

/* Moves *in behind the next text and gives what stood before it. */
static bool skip_past(struct bytes *in, const char *text, struct bytes *before)
{
	size_t n = strlen(text);
	const uint8_t *at = in->n ? memmem(in->p, in->n, text, n) : NULL;

	if (!at)
		return false;
	*before = bytes_of(in->p, at - in->p);
	in->n -= at - in->p + n;
	in->p = at + n;
	return true;
}

int pem_next(struct bytes *in, struct pem_block *out)
{
	struct bytes rest = *in, skipped, label_end;

	if (!skip_past(&rest, begin, &skipped))
		return 0;
	if (!skip_past(&rest, dashes, &out->label) || !skip_past(&rest, end, &out->body) ||
	    !skip_past(&rest, dashes, &label_end) || !bytes_equal(out->label, label_end))
		return -EBADMSG;
	*in = rest;
	return 1;
}

bool pem_label_is(const struct pem_block *b, const char *label)
{
	return bytes_equal(b->label, bytes_of(label, strlen(label)));
}

static int sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t pem_decode(const struct pem_block *b, uint8_t *out, size_t size)
{
	size_t n = 0, digits = 0, pads = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < b->body.n; i++) {
		uint8_t c = b->body.p[i];
		int v = sextet(c);

		if (is_space(c))
			continue;
		if (c == '=') {
			pads++;
			continue;
		}
		if (v < 0 || pads || n == size)
			return 0;
		bits = bits << 6 | v;
		if (++digits % 4 == 1)
			continue; /* six bits are no byte yet */
		out[n++] = bits >> (6 - 2 * ((digits - 1) % 4));
	}
	return (digits + pads) % 4 == 0 && pads <= 2 ? n : 0;
}
