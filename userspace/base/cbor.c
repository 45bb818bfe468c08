// SPDX-License-Identifier: BSD-2-Clause
#include "base/cbor.h"

/* RFC 8949, 3.1: the top three bits of a head. */
enum major {
	MAJOR_UINT,
	MAJOR_NEGATIVE,
	MAJOR_BYTES,
	MAJOR_TEXT,
	MAJOR_ARRAY,
	MAJOR_MAP,
	MAJOR_TAG,
	MAJOR_SIMPLE,
};

enum {
	INFO_BITS = 5,
	INFO_MASK = (1 << INFO_BITS) - 1,
	INFO_ONE_BYTE = 24, /* the value follows in 1, 2, 4 or 8 bytes */
	INFO_EIGHT_BYTES = 27,
	INFO_INDEFINITE = 31,
	SIMPLE_FALSE = 20,
	SIMPLE_NULL = 22,
	BREAK = 0xff,
};

/* The first byte of an item and the value in or behind it: a number, a length, a count, a tag. */
struct head {
	enum major major;
	bool indefinite;
	uint64_t value;
};

/* The smallest value that needs the 1, 2, 4 or 8 bytes that info stands for. */
static uint64_t least(unsigned int info)
{
	return info == INFO_ONE_BYTE ? INFO_ONE_BYTE
				     : (uint64_t)1 << (8 * (1U << (info - INFO_ONE_BYTE)) / 2);
}

static bool get_value(struct bytes *in, unsigned int info, uint64_t *out)
{
	struct bytes b;

	if (info < INFO_ONE_BYTE) {
		*out = info;
		return true;
	}
	if (info > INFO_EIGHT_BYTES || !get(in, (size_t)1 << (info - INFO_ONE_BYTE), &b))
		return false;
	*out = 0;
	for (size_t i = 0; i < b.n; i++)
		*out = *out << 8 | b.p[i];
	return *out >= least(info);
}

static bool get_head(struct bytes *in, struct head *out)
{
	struct bytes rest = *in;
	unsigned int info;
	uint8_t first;

	if (!get_u8(&rest, &first))
		return false;
	out->major = first >> INFO_BITS;
	info = first & INFO_MASK;
	out->indefinite = info == INFO_INDEFINITE;
	if (out->indefinite) {
		out->value = 0;
		if (out->major != MAJOR_ARRAY && out->major != MAJOR_MAP)
			return false;
	} else if (!get_value(&rest, info, &out->value)) {
		return false;
	}
	*in = rest;
	return true;
}

static bool get_value_of(struct bytes *in, enum major wanted, uint64_t *out)
{
	struct bytes rest = *in;
	struct head h;

	if (!get_head(&rest, &h) || h.major != wanted || h.indefinite)
		return false;
	*in = rest;
	*out = h.value;
	return true;
}

bool cbor_get_uint(struct bytes *in, uint64_t *out)
{
	return get_value_of(in, MAJOR_UINT, out);
}

bool cbor_get_int(struct bytes *in, int64_t *out)
{
	struct bytes rest = *in;
	uint64_t v;

	if (get_value_of(&rest, MAJOR_UINT, &v) && v <= INT64_MAX)
		*out = v;
	else if (get_value_of(&rest, MAJOR_NEGATIVE, &v) && v <= INT64_MAX)
		*out = -1 - (int64_t)v;
	else
		return false;
	*in = rest;
	return true;
}

static bool get_string(struct bytes *in, enum major wanted, struct bytes *out)
{
	struct bytes rest = *in;
	uint64_t n;

	if (!get_value_of(&rest, wanted, &n) || n > rest.n || !get(&rest, n, out))
		return false;
	*in = rest;
	return true;
}

bool cbor_get_bytes(struct bytes *in, struct bytes *out)
{
	return get_string(in, MAJOR_BYTES, out);
}

/* The bytes of one character, which starts with lead; 0: none does. */
static size_t utf8_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/* RFC 3629: no longer form than needed, no surrogate, nothing above U+10FFFF. */
static bool second_byte_fits(uint8_t lead, uint8_t second)
{
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	return second >= low && second <= high;
}

static bool is_utf8(struct bytes in)
{
	struct bytes c;

	while (in.n) {
		if (!utf8_length(in.p[0]) || !get(&in, utf8_length(in.p[0]), &c))
			return false;
		if (c.n > 1 && !second_byte_fits(c.p[0], c.p[1]))
			return false;
		for (size_t i = 2; i < c.n; i++)
			if ((c.p[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

bool cbor_get_text(struct bytes *in, struct bytes *out)
{
	struct bytes rest = *in;

	if (!get_string(&rest, MAJOR_TEXT, out) || !is_utf8(*out))
		return false;
	*in = rest;
	return true;
}

bool cbor_get_null(struct bytes *in)
{
	struct bytes rest = *in;
	uint64_t v;

	if (!get_value_of(&rest, MAJOR_SIMPLE, &v) || v != SIMPLE_NULL)
		return false;
	*in = rest;
	return true;
}

bool cbor_get_tag(struct bytes *in, uint64_t *out)
{
	return get_value_of(in, MAJOR_TAG, out);
}

static bool get_items(struct bytes *in, enum major wanted, struct cbor_items *out)
{
	struct bytes rest = *in;
	struct head h;

	if (!get_head(&rest, &h) || h.major != wanted)
		return false;
	*in = rest;
	*out = (struct cbor_items){ h.value, h.indefinite };
	return true;
}

bool cbor_get_array(struct bytes *in, struct cbor_items *out)
{
	return get_items(in, MAJOR_ARRAY, out);
}

bool cbor_get_map(struct bytes *in, struct cbor_items *out)
{
	return get_items(in, MAJOR_MAP, out);
}

bool cbor_more(struct bytes *in, struct cbor_items *items)
{
	if (!items->indefinite)
		return items->left && items->left--;
	if (!in->n || in->p[0] != BREAK)
		return true;
	in->p++;
	in->n--;
	return false;
}

static bool skip(struct bytes *in, unsigned int depth);

static bool skip_items(struct bytes *in, const struct head *h, unsigned int depth)
{
	struct cbor_items items = { h->value, h->indefinite };

	while (cbor_more(in, &items))
		if (!skip(in, depth + 1) || (h->major == MAJOR_MAP && !skip(in, depth + 1)))
			return false;
	return true;
}

static bool skip(struct bytes *in, unsigned int depth)
{
	struct bytes string, at = *in;
	struct head h;

	if (depth > CBOR_DEPTH_MAX || !get_head(in, &h))
		return false;
	switch (h.major) {
	case MAJOR_UINT:
	case MAJOR_NEGATIVE:
		return true;
	case MAJOR_BYTES:
		return h.value <= in->n && get(in, h.value, &string);
	case MAJOR_TEXT:
		*in = at;
		return cbor_get_text(in, &string);
	case MAJOR_ARRAY:
	case MAJOR_MAP:
		return skip_items(in, &h, depth);
	case MAJOR_TAG:
		return skip(in, depth + 1);
	case MAJOR_SIMPLE:
		return h.value >= SIMPLE_FALSE && h.value <= SIMPLE_NULL;
	}
	return false;
}

bool cbor_skip(struct bytes *in)
{
	struct bytes rest = *in;

	if (!skip(&rest, 0))
		return false;
	*in = rest;
	return true;
}

bool cbor_keys_add(struct cbor_keys *keys, struct bytes key)
{
	if (keys->count == CBOR_KEYS_MAX)
		return false;
	for (size_t i = 0; i < keys->count; i++)
		if (bytes_equal(keys->keys[i], key))
			return false;
	keys->keys[keys->count++] = key;
	return true;
}

static void put(struct cbor_writer *w, const void *p, size_t n)
{
	if (w->full || n > w->max - w->n) {
		w->full = true;
		return;
	}
	if (n)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

/* In the shortest form. */
static void put_head(struct cbor_writer *w, enum major major, uint64_t v)
{
	uint8_t head[CBOR_HEAD_MAX] = { (uint8_t)(major << INFO_BITS) };
	unsigned int info = INFO_EIGHT_BYTES;
	size_t n;

	if (v < INFO_ONE_BYTE) {
		head[0] |= v;
		put(w, head, 1);
		return;
	}
	while (info > INFO_ONE_BYTE && v < least(info))
		info--;
	n = (size_t)1 << (info - INFO_ONE_BYTE);
	head[0] |= info;
	for (size_t i = 0; i < n; i++)
		head[n - i] = v >> 8 * i;
	put(w, head, 1 + n);
}

void cbor_put_int(struct cbor_writer *w, int64_t v)
{
	if (v < 0)
		put_head(w, MAJOR_NEGATIVE, -(v + 1));
	else
		put_head(w, MAJOR_UINT, v);
}

void cbor_put_bytes(struct cbor_writer *w, struct bytes b)
{
	put_head(w, MAJOR_BYTES, b.n);
	put(w, b.p, b.n);
}

void cbor_put_text(struct cbor_writer *w, const char *text)
{
	put_head(w, MAJOR_TEXT, strlen(text));
	put(w, text, strlen(text));
}

void cbor_put_null(struct cbor_writer *w)
{
	put_head(w, MAJOR_SIMPLE, SIMPLE_NULL);
}

void cbor_put_tag(struct cbor_writer *w, uint64_t tag)
{
	put_head(w, MAJOR_TAG, tag);
}

void cbor_put_array(struct cbor_writer *w, uint64_t count)
{
	put_head(w, MAJOR_ARRAY, count);
}

void cbor_put_map(struct cbor_writer *w, uint64_t pairs)
{
	put_head(w, MAJOR_MAP, pairs);
}
