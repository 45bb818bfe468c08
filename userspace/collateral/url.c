// SPDX-License-Identifier: BSD-2-Clause
/* AMD 57230 (KDS); Intel PCS API version 4, which its caching service (PCCS) repeats. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "collateral/collateral.h"

void collateral_defaults(struct collateral_config *c)
{
	memset(c, 0, sizeof(*c));
	strcpy(c->directory, COLLATERAL_DIRECTORY);
	strcpy(c->kds, COLLATERAL_KDS);
	strcpy(c->pcs, COLLATERAL_PCS);
	strcpy(c->user, "nobody");
	c->timeout_ms = COLLATERAL_TIMEOUT_MS;
	c->refresh_ms = COLLATERAL_REFRESH_MS;
}

/* "https://HOST[:PORT][/PATH]" of letters that need no escaping, and no user in it. */
const char *url_fault(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_~:/[]";
	size_t scheme = !strncmp(text, "https://", 8) ? 8 : !strncmp(text, "http://", 7) ? 7 : 0;

	if (!scheme)
		return "want it to begin with https:// or http://";
	if (text[scheme + strspn(text + scheme, letters)])
		return "want a host, perhaps a port and a path, and nothing else";
	if (!text[scheme] || text[scheme] == '/' || text[scheme] == ':')
		return "want a host";
	if (text[strlen(text) - 1] == '/')
		return "want no slash at the end";
	return NULL;
}

static int vcek_url(const struct collateral_config *c, const struct want *w, char *out)
{
	static const char *const names[WANT_PARTS] = { "fmcSPL", "blSPL", "teeSPL", "snpSPL",
						       "ucodeSPL" };
	bool turin = !strcmp(w->product, "Turin");
	size_t chip = turin ? WANT_CHIP_TURIN_BYTES : WANT_CHIP_BYTES;
	char hex[2 * WANT_CHIP_BYTES + 1];
	int n;

	for (size_t i = 0; i < chip; i++)
		sprintf(hex + 2 * i, "%02x", w->chip[i]);
	n = snprintf(out, COLLATERAL_URL_MAX, "%s/vcek/v1/%s/%s", c->kds, w->product, hex);
	for (int i = turin ? 0 : 1; i < WANT_PARTS && n < COLLATERAL_URL_MAX; i++)
		n += snprintf(out + n, COLLATERAL_URL_MAX - n, "%c%s=%u", i == !turin ? '?' : '&',
			      names[i], w->part[i]);
	return n;
}

static int tcb_info_url(const struct collateral_config *c, const struct want *w, char *out)
{
	const uint8_t *f = w->fmspc;

	return snprintf(out, COLLATERAL_URL_MAX,
			"%s/tdx/certification/v4/tcb?fmspc=%02X%02X%02X%02X%02X%02X%s", c->pcs,
			f[0], f[1], f[2], f[3], f[4], f[5], c->early ? "&update=early" : "");
}

static int root_crl_url(const struct collateral_config *c, char *out)
{
	if (!strcasecmp(c->pcs, COLLATERAL_PCS))
		return snprintf(out, COLLATERAL_URL_MAX, "%s", COLLATERAL_PCS_ROOT);
	return snprintf(out, COLLATERAL_URL_MAX, "%s/sgx/certification/v4/rootcacrl", c->pcs);
}

bool url_of(const struct collateral_config *c, const struct want *w, char *out)
{
	int n = COLLATERAL_URL_MAX;

	switch (w->kind) {
	case WANT_VCEK:
		n = vcek_url(c, w, out);
		break;
	case WANT_VCEK_CHAIN:
	case WANT_VLEK_CHAIN:
		n = snprintf(out, COLLATERAL_URL_MAX, "%s/%s/v1/%s/cert_chain", c->kds,
			     w->kind == WANT_VCEK_CHAIN ? "vcek" : "vlek", w->product);
		break;
	case WANT_VCEK_CRL:
	case WANT_VLEK_CRL:
		n = snprintf(out, COLLATERAL_URL_MAX, "%s/%s/v1/%s/crl", c->kds,
			     w->kind == WANT_VCEK_CRL ? "vcek" : "vlek", w->product);
		break;
	case WANT_TCB_INFO:
		n = tcb_info_url(c, w, out);
		break;
	case WANT_QE_IDENTITY:
		n = snprintf(out, COLLATERAL_URL_MAX, "%s/tdx/certification/v4/qe/identity%s",
			     c->pcs, c->early ? "?update=early" : "");
		break;
	case WANT_PCK_CRL:
		n = snprintf(out, COLLATERAL_URL_MAX,
			     "%s/sgx/certification/v4/pckcrl?ca=%s&encoding=der", c->pcs,
			     w->processor ? "processor" : "platform");
		break;
	case WANT_ROOT_CRL:
		n = root_crl_url(c, out);
		break;
	case WANT_KINDS:
		break;
	}
	return n > 0 && n < COLLATERAL_URL_MAX;
}
