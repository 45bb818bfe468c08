/* SPDX-License-Identifier: BSD-2-Clause */
/* What all of fairlead-connect's parts share: the options, what they named, and who judges. */
#ifndef CLIENT_H
#define CLIENT_H

#include <event2/event.h>
#include <stdint.h>
#include <time.h>

#include "base/addr.h"
#include "channel/wire.h"
#include "client/appraiser.h"
#include "client/options.h"
#include "client/tls.h"
#include "verifier/inputs.h"

enum {
	CLIENT_NAME_MAX = OPTIONS_HOST_MAX + ENDPOINT_TEXT_MAX + 4,
};

/* One address to connect to. */
struct endpoint {
	char host[OPTIONS_HOST_MAX]; /* as it was given */
	char name[CLIENT_NAME_MAX];  /* for people */
	struct addr addr;
	uint16_t port;
};

/* What an appraisal has established, and for how long. */
struct attested {
	uint64_t until_ms; /* of client_now_ms() */
	struct wire_claims claims;
};

struct keyring;

struct client {
	const struct options *options;
	struct event_base *base;
	struct inputs inputs;
	struct appraiser *appraiser;
	struct client_tls *tls;	      /* to the endpoints */
	struct client_tls *agent_tls; /* NULL without agents */
	struct endpoint endpoints[OPTIONS_ENDPOINTS_MAX], agents[OPTIONS_ENDPOINTS_MAX];
	size_t endpoints_count, agents_count;
	struct keyring *keys; /* that agents have vouched for; NULL without agents */
	char boot_id[WIRE_BOOT_ID_MAX];
	int save_fd;	      /* or -1 */
	uint64_t wall_high_s; /* the wall clock never runs backwards for us */
};

/* Counts through a suspend: what was good for an hour is not good for a night. */
static inline uint64_t client_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whether --class classified can be granted by it at all: it pins chips. */
bool inputs_pin_chips(const struct inputs *in);

/* Every address that the names stand for, the first 16 of them: how many, or 0 and why[]. */
size_t endpoints_resolve(const struct host_port list[], size_t count, struct endpoint out[],
			 char why[WHY_MAX]);

#endif
