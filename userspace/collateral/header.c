// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/header.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

enum { DATE_BYTES = 29 };

static const char *const chain_names[] = {
	"TCB-Info-Issuer-Chain",
	"SGX-TCB-Info-Issuer-Chain", /* of older caching services */
	"SGX-Enclave-Identity-Issuer-Chain",
	"SGX-PCK-CRL-Issuer-Chain",
};

static bool is_name(struct bytes b, const char *name)
{
	return b.n == strlen(name) && !strncasecmp((const char *)b.p, name, b.n);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes b)
{
	while (b.n && is_blank(b.p[0])) {
		b.p++;
		b.n--;
	}
	while (b.n && is_blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* RFC 3986 escapes; a plus sign is itself, as base64 has it. */
static bool percent_decode(struct bytes in, struct header_facts *f)
{
	struct bytes pair;
	uint8_t c;

	while (get_u8(&in, &c)) {
		if (c == '%') {
			if (!get(&in, 2, &pair) || digit(pair.p[0]) < 0 || digit(pair.p[1]) < 0)
				return false;
			c = (uint8_t)(digit(pair.p[0]) << 4 | digit(pair.p[1]));
		}
		if (!c || f->chain_n == sizeof(f->chain))
			return false;
		f->chain[f->chain_n++] = c;
	}
	return true;
}

static void read_chain(struct bytes value, struct header_facts *f)
{
	if (f->chain_n || f->chain_broken)
		f->chain_broken = true; /* two of them: which one counts? */
	else
		f->chain_broken = !value.n || !percent_decode(value, f);
	if (f->chain_broken)
		f->chain_n = 0;
}

static int month_of(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (!strncmp(names + 3 * i, name, 3))
			return i;
	return -1;
}

bool header_date(struct bytes text, int64_t *out)
{
	static const char shape[] = "aaa, dd aaa dddd dd:dd:dd GMT";
	char s[DATE_BYTES + 1];
	struct tm tm = { 0 };

	if (text.n != DATE_BYTES)
		return false;
	memcpy(s, text.p, DATE_BYTES);
	s[DATE_BYTES] = 0;
	for (int i = 0; i < DATE_BYTES; i++) {
		bool is_digit = s[i] >= '0' && s[i] <= '9';

		if (shape[i] == 'd' ? !is_digit : shape[i] != 'a' && shape[i] != s[i])
			return false;
	}
	tm.tm_mon = month_of(s + 8);
	sscanf(s + 5, "%2d", &tm.tm_mday);
	sscanf(s + 12, "%4d %2d:%2d:%2d", &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
	tm.tm_year -= 1900;
	if (tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	*out = timegm(&tm);
	return true;
}

static void read_retry(struct bytes value, struct header_facts *f)
{
	f->retry_given = true;
	f->retry_after_s = 0;
	f->retry_at = 0;
	if (header_date(value, &f->retry_at))
		return;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9') {
			f->retry_given = false; /* neither: as if it was not there */
			return;
		}
		f->retry_after_s = f->retry_after_s * 10 + (value.p[i] - '0');
		if (f->retry_after_s > RETRY_AFTER_MAX_S)
			f->retry_after_s = RETRY_AFTER_MAX_S;
	}
	f->retry_given = value.n != 0;
}

void header_read(struct bytes line, struct header_facts *f)
{
	const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	struct bytes name, value;

	if (!colon)
		return;
	name = bytes_of(line.p, colon - line.p);
	value = trim(bytes_of(colon + 1, line.p + line.n - colon - 1));
	if (is_name(name, "Retry-After"))
		read_retry(value, f);
	else if (is_name(name, "Date") && !header_date(value, &f->date))
		f->date = 0;
	for (size_t i = 0; i < sizeof(chain_names) / sizeof(*chain_names); i++)
		if (is_name(name, chain_names[i]))
			read_chain(value, f);
}

uint32_t header_retry_s(const struct header_facts *f, int64_t now)
{
	int64_t base = f->date ? f->date : now; /* both by the server's clock, if it says */

	if (!f->retry_given)
		return 0;
	if (!f->retry_at)
		return f->retry_after_s;
	if (f->retry_at <= base)
		return 0;
	return f->retry_at - base > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : f->retry_at - base;
}
