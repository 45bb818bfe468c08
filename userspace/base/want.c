// SPDX-License-Identifier: BSD-2-Clause
#include "base/want.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[WANT_KINDS] = {
	[WANT_VCEK] = "vcek",
	[WANT_VCEK_CHAIN] = "vcek-chain",
	[WANT_VLEK_CHAIN] = "vlek-chain",
	[WANT_VCEK_CRL] = "vcek-crl",
	[WANT_VLEK_CRL] = "vlek-crl",
	[WANT_TCB_INFO] = "tcb-info",
	[WANT_QE_IDENTITY] = "qe-identity",
	[WANT_PCK_CRL] = "pck-crl",
	[WANT_ROOT_CRL] = "root-crl",
};

/* Those that have a certificate chain of their own at AMD's key server. */
static const char *const products[] = { "Milan", "Genoa", "Turin" };
static const char turin[] = "Turin";

const char *want_kind_str(enum want_kind k)
{
	return k < WANT_KINDS ? kinds[k] : "unknown";
}

bool want_is_amd(const struct want *w)
{
	return w->kind <= WANT_VLEK_CRL;
}

bool want_is_certificate(enum want_kind k)
{
	return k <= WANT_VLEK_CHAIN;
}

bool want_is_list(enum want_kind k)
{
	return k == WANT_VCEK_CRL || k == WANT_VLEK_CRL || k == WANT_PCK_CRL || k == WANT_ROOT_CRL;
}

static bool is_turin(const struct want *w)
{
	return !strcmp(w->product, turin);
}

static size_t chip_bytes(const struct want *w)
{
	return is_turin(w) ? WANT_CHIP_TURIN_BYTES : WANT_CHIP_BYTES;
}

static char *put_hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		out += sprintf(out, "%02x", p[i]);
	return out;
}

static void vcek_text(const struct want *w, char *out)
{
	out += sprintf(out, "amd/%s/vcek/", w->product);
	out = put_hex(w->chip, chip_bytes(w), out);
	for (int i = is_turin(w) ? 0 : 1; i < WANT_PARTS; i++)
		out += sprintf(out, "%c%u", i == !is_turin(w) ? '/' : '-', w->part[i]);
}

char *want_text(const struct want *w, char out[WANT_TEXT_MAX])
{
	const char *kind = want_kind_str(w->kind);

	if (w->kind == WANT_VCEK)
		vcek_text(w, out);
	else if (want_is_amd(w))
		sprintf(out, "amd/%s/%s", w->product, kind);
	else if (w->kind == WANT_TCB_INFO)
		put_hex(w->fmspc, sizeof(w->fmspc), out + sprintf(out, "intel/%s/", kind));
	else if (w->kind == WANT_PCK_CRL)
		sprintf(out, "intel/%s/%s", kind, w->processor ? "processor" : "platform");
	else
		sprintf(out, "intel/%s", kind);
	return out;
}

/* Takes word off *text. */
static bool skip(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n))
		return false;
	*text += n;
	return true;
}

static bool take_hex(const char **text, uint8_t *out, size_t n)
{
	if (strspn(*text, "0123456789abcdef") < 2 * n)
		return false;
	for (size_t i = 0; i < n; i++, *text += 2)
		sscanf(*text, "%2hhx", &out[i]);
	return true;
}

/* Decimal, 0 to 255, without leading zeros. */
static bool take_part(const char **text, uint8_t *out)
{
	size_t n = strspn(*text, "0123456789");
	unsigned int v = 0;

	if (!n || n > 3 || (n > 1 && **text == '0'))
		return false;
	for (; n; n--)
		v = v * 10 + (unsigned int)(*(*text)++ - '0');
	*out = v;
	return v <= UINT8_MAX;
}

static bool take_vcek(const char **text, struct want *w)
{
	if (!take_hex(text, w->chip, chip_bytes(w)))
		return false;
	for (int i = is_turin(w) ? 0 : 1; i < WANT_PARTS; i++)
		if (!skip(text, i == !is_turin(w) ? "/" : "-") || !take_part(text, &w->part[i]))
			return false;
	return true;
}

static bool take_amd(const char **text, struct want *w)
{
	for (size_t i = 0; i < sizeof(products) / sizeof(*products); i++)
		if (skip(text, products[i]))
			strcpy(w->product, products[i]);
	if (!w->product[0] || !skip(text, "/"))
		return false;
	if (skip(text, "vcek/"))
		return take_vcek(text, w);
	for (w->kind = WANT_VCEK_CHAIN; w->kind <= WANT_VLEK_CRL; w->kind++)
		if (skip(text, kinds[w->kind]))
			return true;
	return false;
}

static bool take_intel(const char **text, struct want *w)
{
	for (w->kind = WANT_TCB_INFO; w->kind < WANT_KINDS; w->kind++)
		if (skip(text, kinds[w->kind]))
			break;
	if (w->kind == WANT_TCB_INFO)
		return skip(text, "/") && take_hex(text, w->fmspc, sizeof(w->fmspc));
	if (w->kind == WANT_PCK_CRL) {
		w->processor = skip(text, "/processor");
		return w->processor || skip(text, "/platform");
	}
	return w->kind < WANT_KINDS;
}

bool want_parse(const char *text, struct want *out)
{
	struct want w;

	memset(&w, 0, sizeof(w)); /* padding too */
	if (!(skip(&text, "amd/") ? take_amd(&text, &w)
				  : skip(&text, "intel/") && take_intel(&text, &w)) ||
	    *text)
		return false;
	*out = w;
	return true;
}

bool want_equal(const struct want *a, const struct want *b)
{
	return a->kind == b->kind && !strcmp(a->product, b->product) &&
	       !memcmp(a->chip, b->chip, sizeof(a->chip)) &&
	       !memcmp(a->part, b->part, sizeof(a->part)) &&
	       !memcmp(a->fmspc, b->fmspc, sizeof(a->fmspc)) && a->processor == b->processor;
}
