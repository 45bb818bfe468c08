// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is remembered of SNP's certificates, of evidence that was good to its last step: chains with
 * all that their leaves say, by the exact bytes that came along; authorities, by their digests and
 * that of the CRL, for the next chip under them; and pieces that hold authorities alone.
 *
 * A hit whose time has come or gone is no hit: the long way then finds the words for it.
 */
#include <stdlib.h>

#include "verifier/snp.h"

struct snp_authority {
	struct cached head;
	struct cert intermediate, root;
	bool crl_checked;
	struct crl_facts crl;
};

struct snp_known {
	struct cached head;
	struct cert cert; /* the leaf */
	struct snp_authority *authority;
	struct snp_leaf leaf;
	enum snp_key kind;
	enum snp_product product;
	bool root_is_amd;
};

struct snp_piece {
	struct cached head;
	struct cert certs[2];
	size_t count;
};

enum {
	KEY_PARTS_MAX = CERTS_MAX + 3,
};

static struct bytes digest_of(const struct cert *c)
{
	return bytes_of(c->der_sha256, SHA256_BYTES);
}

/* Everything that the chain's steps look at, and policy where it changes what they do. */
static bool chain_key(const struct snp_case *c, struct cache_key *key)
{
	const struct root_list *roots = &c->rules->roots;
	const uint8_t how[] = { snp_report_key(&c->report), c->rules->crl };
	struct bytes parts[KEY_PARTS_MAX] = {
		bytes_of(how, sizeof(how)),
		bytes_of(roots->sha256[0], roots->count * SHA256_BYTES),
		c->evidence->collateral[COLLATERAL_CRL],
	};
	size_t n = 3;

	for (size_t i = 0; i < c->evidence->certs_count && i < CERTS_MAX; i++)
		parts[n++] = c->evidence->certs[i];
	return cache_key(key, "snp chain", parts, n);
}

static bool authority_key(const struct snp_case *c, struct cache_key *key)
{
	const uint8_t how[] = { c->rules->crl };
	const struct bytes parts[] = {
		bytes_of(how, sizeof(how)),
		snp_case_crl(c),
		digest_of(c->certs.intermediate),
		digest_of(c->certs.root),
	};

	return cache_key(key, "snp authority", parts, sizeof(parts) / sizeof(*parts));
}

static bool piece_key(struct bytes piece, struct cache_key *key)
{
	return cache_key(key, "snp piece", &piece, 1);
}

static bool in_time(const struct cert *c, int64_t at)
{
	return at >= c->not_before && at < c->not_after;
}

static bool authority_in_time(const struct snp_case *c, const struct snp_authority *a)
{
	uint64_t age_max = c->rules->crl_age_hours * 3600;
	int64_t at = c->evidence->at;

	if (!in_time(&a->intermediate, at) || !in_time(&a->root, at))
		return false;
	if (!a->crl_checked)
		return true;
	return at >= a->crl.this_update && at <= a->crl.next_update &&
	       (!age_max || (uint64_t)(at - a->crl.this_update) <= age_max);
}

static void use_authority(struct snp_case *c, const struct snp_authority *a)
{
	c->crl = a->crl;
	c->crl_checked = a->crl_checked;
}

bool snp_known_chain(struct snp_case *c)
{
	struct snp_known *k;

	c->has_key = c->evidence->cache && chain_key(c, &c->key);
	if (!c->has_key)
		return false;
	k = (struct snp_known *)cache_find(c->evidence->cache, &c->key);
	if (!k)
		return false;
	c->known = &k->head;
	if (!in_time(&k->cert, c->evidence->at) || !authority_in_time(c, k->authority))
		return false;
	c->certs.leaf = &k->cert;
	c->certs.intermediate = &k->authority->intermediate;
	c->certs.root = &k->authority->root;
	c->certs.root_offered = true;
	c->certs.root_is_amd = k->root_is_amd;
	c->certs.kind = k->kind;
	c->certs.product = k->product;
	c->leaf = k->leaf;
	c->chain_verified = c->leaf_read = true;
	use_authority(c, k->authority);
	return true;
}

bool snp_known_authority(struct snp_case *c)
{
	struct snp_authority *a;
	struct cache_key key;

	if (!c->evidence->cache || !authority_key(c, &key))
		return false;
	a = (struct snp_authority *)cache_find(c->evidence->cache, &key);
	if (!a)
		return false;
	c->authority = &a->head;
	return authority_in_time(c, a);
}

bool snp_known_revocation(struct snp_case *c)
{
	const struct snp_authority *a = (const struct snp_authority *)c->authority;

	if (!a || !authority_in_time(c, a))
		return false;
	use_authority(c, a);
	return true;
}

bool snp_known_piece(struct cache *cache, struct bytes piece, struct cert_pile *pile)
{
	struct cache_key key;
	struct snp_piece *p;

	if (!cache || !piece_key(piece, &key))
		return false;
	p = (struct snp_piece *)cache_find(cache, &key);
	if (!p)
		return false;
	cert_pile_share(pile, p->certs, p->count);
	cached_drop(&p->head);
	return true;
}

static void release_authority(struct cached *head)
{
	struct snp_authority *a = (struct snp_authority *)head;

	cert_free(&a->intermediate);
	cert_free(&a->root);
	free(a);
}

static void release_known(struct cached *head)
{
	struct snp_known *k = (struct snp_known *)head;

	cert_free(&k->cert);
	cached_drop((struct cached *)k->authority);
	free(k);
}

static void release_piece(struct cached *head)
{
	struct snp_piece *p = (struct snp_piece *)head;

	for (size_t i = 0; i < p->count; i++)
		cert_free(&p->certs[i]);
	free(p);
}

/* The one that all chips under it share, or NULL without memory. */
static struct snp_authority *keep_authority(struct snp_case *c)
{
	struct snp_authority *a = (struct snp_authority *)c->authority;
	struct cache_key key;

	if (a && authority_in_time(c, a))
		return (struct snp_authority *)cached_hold(&a->head);
	if (!authority_key(c, &key))
		return NULL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->head = (struct cached){ .holders = 1, .release = release_authority };
	a->crl = c->crl;
	a->crl_checked = c->crl_checked;
	if (!cert_share(c->certs.intermediate, &a->intermediate) ||
	    !cert_share(c->certs.root, &a->root)) {
		cached_drop(&a->head);
		return NULL;
	}
	cache_keep(c->evidence->cache, &key, &a->head);
	return a;
}

static void keep_chain(struct snp_case *c)
{
	struct snp_known *k = calloc(1, sizeof(*k));

	if (!k)
		return;
	k->head = (struct cached){ .holders = 1, .release = release_known };
	k->leaf = c->leaf;
	k->kind = c->certs.kind;
	k->product = c->certs.product;
	k->root_is_amd = c->certs.root_is_amd;
	k->authority = keep_authority(c);
	if (k->authority && cert_share(c->certs.leaf, &k->cert))
		cache_keep(c->evidence->cache, &c->key, &k->head);
	cached_drop(&k->head);
}

/* A piece of nothing but intermediate and root, which the next chip's owner sends too. */
static void keep_piece(struct snp_case *c, struct bytes bytes, unsigned int number)
{
	struct snp_piece *p = calloc(1, sizeof(*p));
	const struct cert_pile *pile = &c->certs.pile;
	struct cache_key key;
	bool ours = p != NULL;

	for (size_t i = 0; ours && i < pile->count; i++) {
		const struct cert *x = &pile->certs[i];

		if (x->piece != number)
			continue;
		ours = (x == c->certs.intermediate || x == c->certs.root) &&
		       cert_share(x, &p->certs[p->count]);
		p->count += ours;
	}
	if (!p)
		return;
	p->head = (struct cached){ .holders = 1, .release = release_piece };
	if (ours && p->count && piece_key(bytes, &key))
		cache_keep(c->evidence->cache, &key, &p->head);
	cached_drop(&p->head);
}

void snp_known_keep(struct snp_case *c)
{
	const struct evidence *e = c->evidence;

	if (!c->has_key)
		return;
	keep_chain(c);
	/* With doubles among them a piece in the pile may be less than what it was. */
	for (size_t i = 0; !c->certs.pile.doubles && i < e->certs_count && i < CERTS_MAX; i++)
		if (c->certs.is_piece[i])
			keep_piece(c, e->certs[i], c->certs.piece_of[i]);
}
