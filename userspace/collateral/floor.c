// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/floor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char magic[] = "fairlead-floors 1\n";

uint64_t floor_of(const struct floors *f, const struct want *w)
{
	for (size_t i = 0; i < f->count; i++)
		if (want_equal(&f->list[i].want, w))
			return f->list[i].number;
	return 0;
}

bool floor_raise(struct floors *f, const struct want *w, uint64_t number)
{
	size_t i = 0;

	while (i < f->count && !want_equal(&f->list[i].want, w))
		i++;
	if (!number || i == FLOORS_MAX || (i < f->count && f->list[i].number >= number))
		return false;
	f->list[i].want = *w;
	f->list[i].number = number;
	if (i == f->count)
		f->count++;
	return true;
}

/* "NAME NUMBER\n" off the front of *in. */
static bool take_line(struct bytes *in, struct floors *f)
{
	const uint8_t *end = memchr(in->p, '\n', in->n);
	char text[WANT_TEXT_MAX + 24], *number, *rest;
	struct bytes line, newline;
	struct want want;
	uint64_t v;

	if (!end || !get(in, end - in->p, &line) || !get(in, 1, &newline) ||
	    line.n >= sizeof(text) || memchr(line.p, 0, line.n))
		return false;
	memcpy(text, line.p, line.n);
	text[line.n] = 0;
	number = strchr(text, ' ');
	if (!number || number[1] < '0' || number[1] > '9')
		return false;
	*number++ = 0;
	errno = 0;
	v = strtoull(number, &rest, 10);
	if (errno || *rest || v > UINT32_MAX || !want_parse(text, &want))
		return false;
	floor_raise(f, &want, v);
	return floor_of(f, &want) >= v;
}

bool floors_read(struct floors *f, struct bytes in)
{
	struct bytes first;

	f->count = 0;
	if (!get(&in, sizeof(magic) - 1, &first) ||
	    !bytes_equal(first, bytes_of(magic, sizeof(magic) - 1)))
		return false;
	while (in.n)
		if (!take_line(&in, f))
			return false;
	return true;
}

size_t floors_print(const struct floors *f, char out[FLOORS_TEXT_MAX])
{
	size_t n = snprintf(out, FLOORS_TEXT_MAX, "%s", magic);
	char name[WANT_TEXT_MAX];

	for (size_t i = 0; i < f->count; i++)
		n += snprintf(out + n, FLOORS_TEXT_MAX - n, "%s %llu\n",
			      want_text(&f->list[i].want, name),
			      (unsigned long long)f->list[i].number);
	return n;
}
