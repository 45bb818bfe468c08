// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/cache.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/queue.h>

struct entry {
	TAILQ_ENTRY(entry) used; /* the latest first */
	LIST_ENTRY(entry) same;	 /* of one bucket */
	struct cache_key key;
	struct cached *value;
};

LIST_HEAD(bucket, entry);

struct cache {
	TAILQ_HEAD(usage, entry) used;
	struct bucket *buckets;
	size_t mask, entries_max; /* a power of two less one */
	struct cache_counts counts;
};

struct cache *cache_new(size_t entries_max)
{
	struct cache *c = calloc(1, sizeof(*c));
	size_t n = 1;

	if (!c)
		return NULL;
	while (n < entries_max)
		n *= 2;
	c->mask = n - 1;
	c->entries_max = entries_max;
	c->buckets = calloc(n, sizeof(*c->buckets));
	if (!c->buckets) {
		free(c);
		return NULL;
	}
	TAILQ_INIT(&c->used);
	return c;
}

static void forget(struct cache *c, struct entry *e)
{
	TAILQ_REMOVE(&c->used, e, used);
	LIST_REMOVE(e, same);
	cached_drop(e->value);
	free(e);
	c->counts.entries--;
}

void cache_free(struct cache *c)
{
	struct entry *e;

	if (!c)
		return;
	while ((e = TAILQ_FIRST(&c->used)))
		forget(c, e);
	free(c->buckets);
	free(c);
}

static bool add(EVP_MD_CTX *md, const void *p, size_t n)
{
	uint64_t length = n;

	return EVP_DigestUpdate(md, &length, sizeof(length)) == 1 &&
	       EVP_DigestUpdate(md, p, n) == 1;
}

bool cache_key(struct cache_key *key, const char *what, const struct bytes *parts, size_t count)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok =
		md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && add(md, what, strlen(what));

	for (size_t i = 0; ok && i < count; i++)
		ok = add(md, parts[i].p, parts[i].n);
	ok = ok && EVP_DigestFinal_ex(md, key->sha256, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}

static struct bucket *bucket_of(const struct cache *c, const struct cache_key *key)
{
	size_t hash;

	memcpy(&hash, key->sha256, sizeof(hash));
	return &c->buckets[hash & c->mask];
}

static struct entry *find(const struct cache *c, const struct cache_key *key)
{
	struct entry *e;

	LIST_FOREACH(e, bucket_of(c, key), same)
	if (!memcmp(&e->key, key, sizeof(*key)))
		return e;
	return NULL;
}

struct cached *cache_find(struct cache *c, const struct cache_key *key)
{
	struct entry *e = c ? find(c, key) : NULL;

	if (!e) {
		if (c)
			c->counts.misses++;
		return NULL;
	}
	c->counts.hits++;
	TAILQ_REMOVE(&c->used, e, used);
	TAILQ_INSERT_HEAD(&c->used, e, used);
	return cached_hold(e->value);
}

/* Without memory it is not kept, which costs time and nothing else. */
void cache_keep(struct cache *c, const struct cache_key *key, struct cached *v)
{
	struct entry *old = c ? find(c, key) : NULL, *e;

	if (!c || !c->entries_max)
		return;
	if (old)
		forget(c, old);
	e = malloc(sizeof(*e));
	if (!e)
		return;
	if (c->counts.entries == c->entries_max) {
		forget(c, TAILQ_LAST(&c->used, usage));
		c->counts.evictions++;
	}
	e->key = *key;
	e->value = cached_hold(v);
	TAILQ_INSERT_HEAD(&c->used, e, used);
	LIST_INSERT_HEAD(bucket_of(c, key), e, same);
	c->counts.entries++;
}

struct cached *cached_hold(struct cached *v)
{
	v->holders++;
	return v;
}

void cached_drop(struct cached *v)
{
	if (v && --v->holders == 0)
		v->release(v);
}

struct cache_counts cache_counts(const struct cache *c)
{
	return c->counts;
}
