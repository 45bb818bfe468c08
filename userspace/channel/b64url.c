// SPDX-License-Identifier: BSD-2-Clause
#include "channel/b64url.h"

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool b64url_encode(struct bytes in, char *out, size_t size)
{
	uint32_t bits = 0;
	unsigned int have = 0;

	if (size <= b64url_length(in.n))
		return false;
	for (size_t i = 0; i < in.n; i++) {
		bits = bits << 8 | in.p[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = alphabet[bits >> (have - 6) & 63];
	}
	if (have)
		*out++ = alphabet[bits << (6 - have) & 63];
	*out = 0;
	return true;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool b64url_decode(const char *text, size_t n, uint8_t *out, size_t size, size_t *length)
{
	uint32_t bits = 0;
	unsigned int have = 0;
	size_t used = 0;

	if (n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int v = value_of(text[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 8)
			continue;
		if (used == size)
			return false;
		have -= 8;
		out[used++] = bits >> have & 0xff;
	}
	if (bits & ((1u << have) - 1))
		return false;
	*length = used;
	return true;
}
