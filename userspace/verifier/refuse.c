// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/refuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "verifier/objections.h"

enum reason refuse(struct claims *out, enum reason reason, const char *fmt, ...)
{
	size_t last = sizeof(out->detail) - 1;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out->detail, sizeof(out->detail), fmt, ap);
	va_end(ap);
	/* Cut, but not inside a character: JSON takes whole ones only. */
	for (; n > (int)last && last > 0 && out->detail[last - 1] & 0x80; last--)
		out->detail[last - 1] = 0;
	return reason && out->objections ? objections_add(out, reason) : reason;
}

char *hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = 0;
	return out;
}

struct short_hex hex_short(const uint8_t *p)
{
	struct short_hex s;

	hex(p, HEX_SHORT / 2, s.text);
	strcpy(s.text + HEX_SHORT, "…"); /* fits: the array is made for both */
	return s;
}

struct time_text time_text(int64_t unix_seconds)
{
	time_t t = unix_seconds;
	struct time_text s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(s.text, sizeof(s.text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(s.text, "(no such time)");
	return s;
}

bool time_read(const char *text, int64_t *unix_seconds)
{
	static const char shape[TIME_CHARS + 1] = "dddd-dd-ddTdd:dd:dd";
	struct tm tm = { 0 }, back;

	for (size_t i = 0; i < TIME_CHARS; i++)
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
	       &tm.tm_min, &tm.tm_sec);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	*unix_seconds = timegm(&back);
	/* What there is not, February 30 or a 61st second, has become something else. */
	return back.tm_mon == tm.tm_mon && back.tm_mday == tm.tm_mday &&
	       back.tm_hour == tm.tm_hour && back.tm_min == tm.tm_min && back.tm_sec == tm.tm_sec;
}
