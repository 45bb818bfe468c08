/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that talks to strangers: fairlead/1 over mutual TLS 1.3 as a client
 * (router) and as a server (agent), TCP checks, and the metrics listener.  It holds
 * the TLS identity and no other privilege; it decides nothing.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/messages.h"

enum {
	CHANNEL_PATH_MAX = 256,
	CHANNEL_ENDPOINTS_MAX = 64,
	CHANNEL_SERVICE_KEYS_MAX = 16,
	CHANNEL_ANSWER_MS = 90000, /* hardware may take 60 s */
};

struct channel_endpoint {
	struct addr addr;
	uint16_t port; /* host order */
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP */
};

/* As read from the configuration; the process gets it by fork. */
struct channel_config {
	char node[NAME_MAX_BYTES];
	char user[32]; /* to become; "" stays */
	char certificate[CHANNEL_PATH_MAX];
	char key[CHANNEL_PATH_MAX];
	char ca[CHANNEL_PATH_MAX];

	bool metrics; /* answer GET /metrics on metrics_addr:metrics_port */
	struct addr metrics_addr;
	uint16_t metrics_port;

	enum tee tee, router_tee; /* of the evidence that agent and router give; TEE_NONE: none */
	unsigned int answer_ms;	  /* how long another's may take */

	bool agent;	      /* listen for routers */
	bool attests_routers; /* and ask for their evidence in turn */
	struct addr listen_addr;
	uint16_t listen_port;
	/* What this node serves, repeated in claims; an ATTEST for anything else is refused. */
	struct channel_endpoint endpoints[CHANNEL_ENDPOINTS_MAX];
	size_t endpoints_count;
	bool confined; /* what leaves this guest; egress is the digest of how, for claims */
	uint8_t egress[32];
	/* Certificates that services in this guest show, for clients to know their keys by. */
	char service_keys[CHANNEL_SERVICE_KEYS_MAX][CHANNEL_PATH_MAX];
	size_t service_keys_count;
	unsigned int silence_ms; /* an agent hangs up on a router silent for this long */
};

/*
 * Loads the identity, listens, drops privileges, sandboxes itself and serves until fd (one end of
 * ipc_pair()) closes.  Exits with 2 and a log line when it cannot start.
 */
_Noreturn void channel_main(int fd, const struct channel_config *c);

/* Whether the identity of c can be loaded and fits its node: 0, or -errno and why[]. */
int channel_check(const struct channel_config *c, char why[WHY_MAX]);

#endif
