/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of something that is accepted become others, one at a time: whatever is accepted then says
 * just what was said before.  By itself a bit of every stride-th byte; with FAIRLEAD_MUTATE=full,
 * which takes minutes, every bit of every byte, and each byte inverted and zero.
 */
#ifndef VERIFIER_MUTATE_H
#define VERIFIER_MUTATE_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "verifier/appraise.h"

struct mutation {
	const char *what; /* for people */
	uint8_t *p;
	size_t n, stride;
	enum reason (*judge)(void *scene); /* frees the claims of before */
	void *scene;
	const struct claims *claims;
	size_t tried; /* out */
};

static inline char *mutation_said(const struct mutation *m)
{
	char *text = json_dumps(m->claims->json, JSON_COMPACT | JSON_SORT_KEYS);

	assert_non_null(text);
	return text;
}

/* True when it is accepted all the same. */
static inline bool mutate_one(const struct mutation *m, size_t at, uint8_t by, const char *before)
{
	bool accepted;
	char *after;

	m->p[at] ^= by;
	accepted = m->judge(m->scene) == REASON_OK;
	m->p[at] ^= by;
	if (!accepted)
		return false;
	after = mutation_said(m);
	if (strcmp(before, after))
		fail_msg("%s: byte %zu by 0x%02x changes the claims: %s", m->what, at, by, after);
	free(after);
	return true;
}

/* How many of the mutations were accepted. */
static inline size_t mutate(struct mutation *m)
{
	const char *how = getenv("FAIRLEAD_MUTATE");
	bool full = how && !strcmp(how, "full");
	size_t accepted = 0;
	char *before;

	assert_int_equal(m->judge(m->scene), REASON_OK);
	before = mutation_said(m);
	for (size_t at = 0; at < m->n; at += full ? 1 : m->stride) {
		const uint8_t all[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255, m->p[at] };
		const uint8_t one[] = { (uint8_t)(1 << at % 8) };
		const uint8_t *by = full ? all : one;

		for (size_t i = 0; i < (full ? sizeof(all) : 1); i++, m->tried++)
			accepted += by[i] && mutate_one(m, at, by[i], before);
	}
	assert_int_equal(m->judge(m->scene), REASON_OK);
	free(before);
	print_message("%s: %zu bytes, %zu mutations, %zu without meaning\n", m->what, m->n,
		      m->tried, accepted);
	return accepted;
}

#endif
