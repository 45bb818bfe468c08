/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run of bytes that shrinks from the front as it is read: the only way in which
 * anything from outside is taken apart.  No allocation, no copy: what comes out
 * points into what went in.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p;
	size_t n;
};

static inline struct bytes bytes_of(const void *p, size_t n)
{
	return (struct bytes){ p, n };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || !memcmp(a.p, b.p, a.n));
}

static inline bool bytes_are_zero(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i])
			return false;
	return true;
}

/* Each get answers false, and leaves *in alone, when in holds too little. */
static inline bool get(struct bytes *in, size_t n, struct bytes *out)
{
	if (in->n < n)
		return false;
	*out = (struct bytes){ in->p, n };
	in->p += n;
	in->n -= n;
	return true;
}

static inline bool get_u8(struct bytes *in, uint8_t *out)
{
	struct bytes b;

	if (!get(in, 1, &b))
		return false;
	*out = b.p[0];
	return true;
}

static inline bool get_le16(struct bytes *in, uint16_t *out)
{
	struct bytes b;

	if (!get(in, 2, &b))
		return false;
	*out = (uint16_t)(b.p[1] << 8 | b.p[0]);
	return true;
}

static inline bool get_le32(struct bytes *in, uint32_t *out)
{
	struct bytes b;

	if (!get(in, 4, &b))
		return false;
	*out = (uint32_t)b.p[3] << 24 | (uint32_t)b.p[2] << 16 | (uint32_t)b.p[1] << 8 | b.p[0];
	return true;
}

static inline bool get_le64(struct bytes *in, uint64_t *out)
{
	struct bytes b;

	if (!get(in, 8, &b))
		return false;
	*out = 0;
	for (int i = 7; i >= 0; i--)
		*out = *out << 8 | b.p[i];
	return true;
}

static inline bool get_be32(struct bytes *in, uint32_t *out)
{
	struct bytes b;

	if (!get(in, 4, &b))
		return false;
	*out = (uint32_t)b.p[0] << 24 | (uint32_t)b.p[1] << 16 | (uint32_t)b.p[2] << 8 | b.p[3];
	return true;
}

#endif
