// SPDX-License-Identifier: BSD-2-Clause
#include "channel/load.h"

#include <unistd.h>

/* Digits up to the first other byte, nine at most. */
static uint64_t digits(struct bytes *in, unsigned int *count)
{
	uint64_t v = 0;

	for (*count = 0; in->n && *in->p >= '0' && *in->p <= '9' && *count < 9; (*count)++) {
		v = v * 10 + (*in->p - '0');
		in->p++;
		in->n--;
	}
	return v;
}

uint32_t load_permille(struct bytes text, unsigned int processors)
{
	unsigned int whole_digits, digits_after;
	uint64_t whole = digits(&text, &whole_digits), after = 0;
	uint8_t dot;

	if (!whole_digits || !processors || !get_u8(&text, &dot) || dot != '.')
		return 0;
	after = digits(&text, &digits_after);
	for (; digits_after < 3; digits_after++)
		after *= 10;
	for (; digits_after > 3; digits_after--)
		after /= 10;
	whole = (whole * 1000 + after) / processors;
	return whole < LOAD_MOST ? whole : LOAD_MOST;
}

uint32_t load_read(int fd, unsigned int processors)
{
	char text[128];
	ssize_t n = lseek(fd, 0, SEEK_SET) == 0 ? read(fd, text, sizeof(text)) : -1;

	return n > 0 ? load_permille(bytes_of(text, n), processors) : 0;
}
