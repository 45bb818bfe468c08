// SPDX-License-Identifier: BSD-2-Clause
/* The index of a store: text, a line for each piece, as strict as if a stranger had written it. */
#include <errno.h>
#include <stdlib.h>

#include "collateral/store.h"

static const char magic[] = "fairlead-collateral 1\n";

bool index_begin(struct bytes *in)
{
	struct bytes first;

	return get(in, sizeof(magic) - 1, &first) &&
	       bytes_equal(first, bytes_of(magic, sizeof(magic) - 1));
}

/* The next word, ended by a blank or, the last one, by the line's end, in out[size]. */
static bool take_word(struct bytes *line, char *out, size_t size)
{
	const uint8_t *blank = line->n ? memchr(line->p, ' ', line->n) : NULL;
	struct bytes word;

	if (!get(line, blank ? (size_t)(blank - line->p) : line->n, &word) || !word.n ||
	    word.n >= size || memchr(word.p, 0, word.n))
		return false;
	if (blank) {
		line->p++;
		line->n--;
	}
	memcpy(out, word.p, word.n);
	out[word.n] = 0;
	return true;
}

static bool take_number(struct bytes *line, uint64_t max, uint64_t *out)
{
	char text[24], *end;

	if (!take_word(line, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end && *out <= max;
}

static bool take_time(struct bytes *line, int64_t *out)
{
	uint64_t v;

	if (!take_number(line, INT64_MAX, &v))
		return false;
	*out = v;
	return true;
}

static bool take_digest(struct bytes *line, uint8_t out[32])
{
	static const char digits[] = "0123456789abcdef";
	char text[65];

	if (!take_word(line, text, sizeof(text)) || strspn(text, digits) != 64)
		return false;
	for (int i = 0; i < 32; i++)
		out[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
				   (strchr(digits, text[2 * i + 1]) - digits));
	return true;
}

int index_next(struct bytes *in, struct index_line *out)
{
	const uint8_t *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
	char name[WANT_TEXT_MAX];
	struct bytes line, newline;

	if (!in->n)
		return 0;
	memset(out, 0, sizeof(*out));
	if (!end || !get(in, end - in->p, &line) || !get(in, 1, &newline) ||
	    !take_word(&line, name, sizeof(name)) || !want_parse(name, &out->want) ||
	    !take_digest(&line, out->digest) || !take_number(&line, COLLATERAL_BODY_MAX, &out->n) ||
	    !take_digest(&line, out->chain_digest) ||
	    !take_number(&line, COLLATERAL_PEM_MAX, &out->chain_n) ||
	    !take_time(&line, &out->issued) || !take_time(&line, &out->expires) ||
	    !take_time(&line, &out->fetched) || !out->n ||
	    (line.n && !take_number(&line, UINT32_MAX, &out->evaluation)) || line.n)
		return -EBADMSG;
	return 1;
}
