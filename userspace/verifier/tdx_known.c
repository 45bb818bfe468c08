// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is remembered of TDX: platforms, by the exact bytes of certificates, enclave's report and
 * lists; collateral, by its own.  A key covers what policy changes of the result, too.
 *
 * A hit whose time has come or gone is no hit: the long way then finds the words for it.
 */
#include <stdlib.h>

#include "verifier/tdx.h"

static void release_platform(struct cached *self)
{
	struct tdx_platform *p = (struct tdx_platform *)self;

	tdx_chain_free(&p->chain);
	crl_free(&p->root_crl);
	crl_free(&p->pck_crl);
	free(p);
}

static void release_collateral(struct cached *self)
{
	struct tdx_collateral *d = (struct tdx_collateral *)self;

	tdx_document_free(&d->info.document);
	tdx_document_free(&d->qe.document);
	cert_pile_free(&d->signers);
	free(d);
}

bool tdx_known_begin(struct tdx_case *c)
{
	c->platform = calloc(1, sizeof(*c->platform));
	c->collateral = calloc(1, sizeof(*c->collateral)); /* levels: 30 KiB */
	if (c->platform) {
		c->platform->head.release = release_platform;
		cached_hold(&c->platform->head);
	}
	if (c->collateral) {
		c->collateral->head.release = release_collateral;
		cached_hold(&c->collateral->head);
	}
	return c->platform && c->collateral;
}

void tdx_known_end(struct tdx_case *c)
{
	cached_drop(c->platform ? &c->platform->head : NULL);
	cached_drop(c->collateral ? &c->collateral->head : NULL);
}

static struct bytes roots_of(const struct tdx_case *c)
{
	const struct root_list *l = &c->rules->roots;

	return bytes_of(l->sha256[0], l->count * SHA256_BYTES);
}

/* Everything from the chain to the enclave's signature and the lists. */
static bool platform_key(const struct tdx_case *c, struct cache_key *key)
{
	const uint8_t how[] = { c->rules->crl };
	const struct bytes parts[] = {
		bytes_of(how, sizeof(how)),
		roots_of(c),
		c->quote.certificates,
		c->quote.qe_report,
		c->quote.qe_signature,
		c->evidence->collateral[COLLATERAL_ROOT_CRL],
		c->evidence->collateral[COLLATERAL_PCK_CRL],
	};

	return cache_key(key, "tdx platform", parts, sizeof(parts) / sizeof(*parts));
}

/* Under the root that the platform's chain ends in. */
static bool collateral_key(const struct tdx_case *c, struct cache_key *key)
{
	const uint8_t how[] = { c->rules->crl, c->platform->root_crl_checked };
	const struct bytes *given = c->evidence->collateral;
	const struct bytes parts[] = {
		bytes_of(how, sizeof(how)),
		bytes_of(c->platform->chain.root->der_sha256, SHA256_BYTES),
		given[COLLATERAL_TCB_INFO],
		given[COLLATERAL_TCB_INFO_CHAIN],
		given[COLLATERAL_QE_IDENTITY],
		given[COLLATERAL_QE_IDENTITY_CHAIN],
		given[COLLATERAL_ROOT_CRL],
	};

	return cache_key(key, "tdx collateral", parts, sizeof(parts) / sizeof(*parts));
}

/* The edges belong to the long way: whether they count is for others to say. */
static bool cert_holds(const struct cert *x, int64_t at)
{
	return x->not_before < at && at < x->not_after;
}

static bool list_holds(const struct tdx_case *c, bool checked, const struct crl_facts *f)
{
	uint64_t age_s = c->rules->crl_age_hours * 3600;
	int64_t at = c->evidence->at;

	return !checked || (f->this_update < at && at < f->next_update &&
			    (!age_s || (uint64_t)(at - f->this_update) < age_s));
}

void tdx_known_platform(struct tdx_case *c)
{
	int64_t at = c->evidence->at;
	struct tdx_platform *p;
	struct cache_key key;

	if (!c->evidence->cache || !platform_key(c, &key))
		return;
	p = (struct tdx_platform *)cache_find(c->evidence->cache, &key);
	if (p && cert_holds(p->chain.leaf, at) && cert_holds(p->chain.intermediate, at) &&
	    cert_holds(p->chain.root, at) && list_holds(c, p->root_crl_checked, &p->root_crl.facts) &&
	    list_holds(c, p->pck_crl_checked, &p->pck_crl.facts)) {
		cached_drop(&c->platform->head);
		c->platform = p;
		c->platform_known = true;
	} else {
		cached_drop(p ? &p->head : NULL);
	}
}

void tdx_known_collateral(struct tdx_case *c)
{
	int64_t at = c->evidence->at;
	struct tdx_collateral *d;
	struct cache_key key;

	if (!c->evidence->cache || !collateral_key(c, &key))
		return;
	d = (struct tdx_collateral *)cache_find(c->evidence->cache, &key);
	if (d && cert_holds(d->info_signer, at) && cert_holds(d->qe_signer, at) &&
	    list_holds(c, c->platform->root_crl_checked, &d->root_crl)) {
		cached_drop(&c->collateral->head);
		c->collateral = d;
		c->collateral_known = true;
	} else {
		cached_drop(d ? &d->head : NULL);
	}
}

void tdx_known_keep_platform(struct tdx_case *c)
{
	struct cache_key key;

	if (c->evidence->cache && !c->platform_known && platform_key(c, &key))
		cache_keep(c->evidence->cache, &key, &c->platform->head);
}

void tdx_known_keep_collateral(struct tdx_case *c)
{
	struct cache_key key;

	if (c->evidence->cache && !c->collateral_known && collateral_key(c, &key))
		cache_keep(c->evidence->cache, &key, &c->collateral->head);
}
