// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/tdx_json.h"

#include <stdio.h>
#include <string.h>

#include "verifier/refuse.h"

/* ---- The envelope, by hand: a parser would not say where the bytes of the body are. */

static void skip_space(struct bytes *in)
{
	while (in->n &&
	       (in->p[0] == ' ' || in->p[0] == '\t' || in->p[0] == '\n' || in->p[0] == '\r')) {
		in->p++;
		in->n--;
	}
}

static bool take(struct bytes *in, char c)
{
	uint8_t got;

	skip_space(in);
	return get_u8(in, &got) && got == c;
}

static bool peek(struct bytes *in, char c)
{
	skip_space(in);
	return in->n && in->p[0] == c;
}

/* A string without escapes: none of those wanted here has any. */
static bool take_string(struct bytes *in, struct bytes *out)
{
	const uint8_t *end;

	if (!take(in, '"'))
		return false;
	end = memchr(in->p, '"', in->n);
	if (!end || !get(in, end - in->p, out) || memchr(out->p, '\\', out->n))
		return false;
	return take(in, '"');
}

/* Past the quote that ends a string, whose first quote has been taken. */
static bool skip_string(struct bytes *in)
{
	uint8_t c, escaped;

	while (get_u8(in, &c)) {
		if (c == '"')
			return true;
		if (c == '\\' && !get_u8(in, &escaped))
			return false;
	}
	return false;
}

/* From the brace that is next to the one that closes it; what lies between is parsed later. */
static bool take_object(struct bytes *in, struct bytes *out)
{
	const uint8_t *from;
	unsigned int depth = 0;
	uint8_t c;

	if (!peek(in, '{'))
		return false;
	from = in->p;
	do {
		if (!get_u8(in, &c))
			return false;
		if (c == '"' && !skip_string(in))
			return false;
		if ((c == '{' || c == '[') && ++depth > TDX_JSON_DEPTH)
			return false;
		if (c == '}' || c == ']')
			depth--;
	} while (depth);
	*out = bytes_of(from, in->p - from);
	return true;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool from_digits(struct bytes in, uint8_t *out, size_t n)
{
	if (in.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit(in.p[2 * i]), low = digit(in.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_text(struct bytes b, const char *text)
{
	return bytes_equal(b, bytes_of(text, strlen(text)));
}

bool tdx_json_open(struct bytes in, const char *name, struct tdx_signed *out)
{
	bool has_body = false, has_signature = false;
	struct bytes key, digits;

	if (in.n > TDX_JSON_MAX || !take(&in, '{'))
		return false;
	do {
		if (!take_string(&in, &key) || !take(&in, ':'))
			return false;
		if (!has_body && is_text(key, name)) {
			has_body = take_object(&in, &out->body);
			if (!has_body)
				return false;
		} else if (!has_signature && is_text(key, "signature")) {
			has_signature = take_string(&in, &digits) &&
					from_digits(digits, out->signature, sizeof(out->signature));
			if (!has_signature)
				return false;
		} else {
			return false;
		}
	} while (peek(&in, ',') && take(&in, ','));
	if (!take(&in, '}'))
		return false;
	skip_space(&in);
	return has_body && has_signature && in.n == 0;
}

/* ---- The body. */

json_t *tdx_json_parse(struct bytes body)
{
	json_t *j = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

static void fail(struct tdx_reader *r, const char *key)
{
	if (!r->wrong)
		r->wrong = key;
}

const json_t *tdx_read_member(struct tdx_reader *r, const json_t *o, const char *key,
			      json_type type)
{
	const json_t *v = r->wrong ? NULL : json_object_get(o, key);

	if (v && json_typeof(v) == type)
		return v;
	fail(r, key);
	return NULL;
}

const json_t *tdx_read_list(struct tdx_reader *r, const json_t *o, const char *key, size_t min,
			    size_t max)
{
	const json_t *v = tdx_read_member(r, o, key, JSON_ARRAY);

	if (v && json_array_size(v) >= min && json_array_size(v) <= max)
		return v;
	fail(r, key);
	return NULL;
}

uint64_t tdx_read_number(struct tdx_reader *r, const json_t *o, const char *key, uint64_t max)
{
	const json_t *v = tdx_read_member(r, o, key, JSON_INTEGER);

	if (v && json_integer_value(v) >= 0 && (uint64_t)json_integer_value(v) <= max)
		return json_integer_value(v);
	fail(r, key);
	return 0;
}

void tdx_read_digits(struct tdx_reader *r, const json_t *o, const char *key, uint8_t *out, size_t n)
{
	const json_t *v = tdx_read_member(r, o, key, JSON_STRING);

	if (!v || !from_digits(bytes_of(json_string_value(v), json_string_length(v)), out, n))
		fail(r, key);
}

void tdx_read_text(struct tdx_reader *r, const json_t *o, const char *key, const char *want)
{
	const json_t *v = tdx_read_member(r, o, key, JSON_STRING);

	if (!v || strcmp(json_string_value(v), want) != 0)
		fail(r, key);
}

int64_t tdx_read_date(struct tdx_reader *r, const json_t *o, const char *key)
{
	const json_t *v = tdx_read_member(r, o, key, JSON_STRING);
	const char *s = v ? json_string_value(v) : "";
	int64_t t = 0;

	if (!time_read(s, &t) || strcmp(s + TIME_CHARS, "Z") != 0) {
		fail(r, key);
		return 0;
	}
	return t;
}
