/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of services that attested agents vouch for, each for as long as its evidence is good,
 * or until the agent says otherwise.
 * All agents are asked, since any of their backends may be who answers behind a VIP.
 */
#ifndef CLIENT_KEYS_H
#define CLIENT_KEYS_H

#include "client/client.h"
#include "client/plan.h"

enum {
	KEYS_MAX = OPTIONS_ENDPOINTS_MAX * WIRE_SERVICE_KEYS_MAX,
	KEYS_PLAN_TEXT_MAX = PLAN_TEXT_MAX,
};

/* Pure. */
struct keyset {
	struct {
		uint8_t key[WIRE_KEY_BYTES];
		size_t agent; /* that vouches for it */
		uint64_t until_ms;
	} of[KEYS_MAX];
	size_t count;
};

/* What an agent has vouched for before gets the later time; what is over makes room. */
void keyset_add(struct keyset *s, size_t agent, const uint8_t key[WIRE_KEY_BYTES],
		uint64_t until_ms, uint64_t now_ms);
/* All that this agent has vouched for. */
void keyset_drop(struct keyset *s, size_t agent);
/* Until when it is good by the word of whoever vouches for it longest. */
bool keyset_has(const struct keyset *s, const uint8_t key[WIRE_KEY_BYTES], uint64_t now_ms,
		uint64_t *until_ms);
/* Whether any of it is good at that time. */
bool keyset_is_live(const struct keyset *s, uint64_t now_ms);

struct keyring;

/* p is NULL when there are keys; otherwise why there are none. */
typedef void (*keyring_done)(void *arg, const struct plan *p);

struct keyring *keyring_new(struct client *c);
void keyring_free(struct keyring *k); /* takes NULL */

/*
 * Calls done once, now or later, unless it is forgotten before: with keys that were attested at
 * or after since_ms (0: whenever), if they are still good.  False without memory.
 */
bool keyring_want(struct keyring *k, uint64_t since_ms, keyring_done done, void *arg);
void keyring_forget(struct keyring *k, void *arg);

bool keys_have(const struct keyring *k, const uint8_t key[WIRE_KEY_BYTES], uint64_t now_ms,
	       uint64_t *until_ms);

#endif
