// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chains of documents in the cache that evidence comes with, by the exact bytes of all certificates
 * and by the policy's own roots: one leaf serves an enclave for hours.  A hit whose time has come
 * or gone is no hit: the long way then finds the words for it.
 */
#include <stdlib.h>

#include "verifier/cache.h"
#include "verifier/nitro.h"

struct nitro_known {
	struct cached head;
	struct cert certs[NITRO_CHAIN_MAX]; /* root first */
	size_t count;
	bool root_is_aws;
};

enum {
	KEY_PARTS_MAX = NITRO_CHAIN_MAX + 1,
};

static bool chain_key(const struct nitro_case *c, struct cache_key *key)
{
	const struct nitro_document *d = &c->document;
	const struct root_list *roots = &c->rules->roots;
	struct bytes parts[KEY_PARTS_MAX] = {
		bytes_of(roots->sha256[0], roots->count * SHA256_BYTES),
		d->certificate,
	};
	size_t n = 2;

	for (size_t i = 0; i < d->cabundle_count; i++)
		parts[n++] = d->cabundle[i];
	return cache_key(key, "nitro chain", parts, n);
}

static bool in_time(const struct nitro_known *k, int64_t at)
{
	for (size_t i = 0; i < k->count; i++)
		if (at < k->certs[i].not_before || at >= k->certs[i].not_after)
			return false;
	return true;
}

bool nitro_known_chain(struct nitro_case *c)
{
	struct nitro_chain *chain = &c->chain;
	struct nitro_known *k;
	struct cache_key key;

	if (!c->evidence->cache || !chain_key(c, &key))
		return false;
	k = (struct nitro_known *)cache_find(c->evidence->cache, &key);
	if (!k)
		return false;
	chain->known = &k->head; /* holds what certs points to */
	if (!in_time(k, c->evidence->at))
		return false;
	chain->certs = k->certs;
	chain->count = k->count;
	chain->root = &k->certs[0];
	chain->leaf = &k->certs[k->count - 1];
	chain->root_is_aws = k->root_is_aws;
	c->chain_verified = true;
	return true;
}

static void release(struct cached *head)
{
	struct nitro_known *k = (struct nitro_known *)head;

	for (size_t i = 0; i < k->count; i++)
		cert_free(&k->certs[i]);
	free(k);
}

void nitro_known_keep(const struct nitro_case *c)
{
	const struct nitro_chain *chain = &c->chain;
	struct nitro_known *k;
	struct cache_key key;

	if (!c->evidence->cache || chain->certs != chain->pile.certs || !chain_key(c, &key))
		return;
	k = calloc(1, sizeof(*k));
	if (!k)
		return;
	k->head = (struct cached){ .holders = 1, .release = release };
	k->root_is_aws = chain->root_is_aws;
	while (k->count < chain->count && cert_share(&chain->certs[k->count], &k->certs[k->count]))
		k->count++;
	if (k->count == chain->count)
		cache_keep(c->evidence->cache, &key, &k->head);
	cached_drop(&k->head);
}
