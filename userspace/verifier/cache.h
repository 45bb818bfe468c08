/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has been verified before, by the SHA-256 of exactly the bytes that were: chains, lists of
 * revoked certificates, signed collateral.  It makes the second appraisal of a chip cheap and no
 * appraisal different: only what passed is kept, a key covers everything that the result depends
 * on (the policy's own roots too), and what depends on the time is tested at every use.
 *
 * Whoever appraises owns a cache and passes it in, in struct evidence; nothing is hidden here.  One
 * thread.  A verifier for another platform keeps what it likes: a struct that begins with a
 * struct cached.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "verifier/sig.h"

struct cache;

/* Stands at the head of what is kept; begins with {0} and cached_hold(). */
struct cached {
	unsigned int holders;
	void (*release)(struct cached *self); /* the last holder let go */
};

struct cache_key {
	uint8_t sha256[SHA256_BYTES];
};

struct cache_counts {
	uint64_t hits, misses, evictions;
	size_t entries;
};

/* At most entries_max are kept: the one unused for longest makes room.  NULL without memory. */
struct cache *cache_new(size_t entries_max);
void cache_free(struct cache *c); /* takes NULL */

/*
 * The digest of what (whose result it is) and of every part, each with its length, so that no two
 * lists of parts run together.  False without memory: then there is no key.
 */
bool cache_key(struct cache_key *key, const char *what, const struct bytes *parts, size_t count);

/* What was kept under key, held for the caller, or NULL.  c may be NULL: then nothing was. */
struct cached *cache_find(struct cache *c, const struct cache_key *key);
/* Keeps v beside its other holders, in place of what key had.  c may be NULL: then it does not. */
void cache_keep(struct cache *c, const struct cache_key *key, struct cached *v);

struct cached *cached_hold(struct cached *v);
void cached_drop(struct cached *v); /* takes NULL */

struct cache_counts cache_counts(const struct cache *c);

#endif
