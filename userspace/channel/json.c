// SPDX-License-Identifier: BSD-2-Clause
#include "channel/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool json_refuse(char why[WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/*
 * How deep brackets nest, strings aside, before a recursive parser gets to see them.
 * Text that is no JSON gets some answer too; the parser refuses it afterwards.
 */
static unsigned int depth_of(struct bytes in)
{
	unsigned int depth = 0, most = 0;
	bool string = false;

	for (size_t i = 0; i < in.n; i++) {
		switch (in.p[i]) {
		case '\\':
			i += string;
			break;
		case '"':
			string = !string;
			break;
		case '{':
		case '[':
			depth += !string;
			most = depth > most ? depth : most;
			break;
		case '}':
		case ']':
			depth -= !string && depth;
			break;
		}
	}
	return most;
}

json_t *json_object_of(struct bytes in, unsigned int depth_max, char why[WHY_MAX])
{
	json_error_t err;
	json_t *j;

	if (depth_of(in) > depth_max) {
		json_refuse(why, "brackets nest deeper than %u", depth_max);
		return NULL;
	}
	j = json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES, &err);
	if (!j) {
		json_refuse(why, "not one JSON object: %s", err.text);
		return NULL;
	}
	if (!json_is_object(j)) {
		json_refuse(why, "not one JSON object: a list");
		json_decref(j);
		return NULL;
	}
	return j;
}

bool json_take(json_t *j, char why[WHY_MAX], const char *fmt, ...)
{
	json_error_t err;
	va_list ap;
	int bad;

	va_start(ap, fmt);
	bad = json_vunpack_ex(j, &err, 0, fmt, ap);
	va_end(ap);
	return !bad || json_refuse(why, "%s", err.text);
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

bool json_text(const char *text, const char *key, char *out, size_t size, char why[WHY_MAX])
{
	size_t n = strlen(text);

	if (n >= size)
		return json_refuse(why, "%s: want at most %zu characters", key, size - 1);
	if (!is_printable(text))
		return json_refuse(why, "%s: want printable ASCII", key);
	memcpy(out, text, n + 1);
	return true;
}
