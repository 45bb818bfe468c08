/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The side that proves itself: listens for routers, and answers an ATTEST for an endpoint
 * of its own with evidence that the attester made over this very session.  If so configured it
 * asks who has admitted it for evidence in turn, and turns away whose is refused.
 */
#ifndef CHANNEL_AGENT_H
#define CHANNEL_AGENT_H

#include "channel/host.h"

enum {
	AGENT_CONNECTIONS_MAX = 64, /* routers, and strangers who might become one */
};

struct agent;

/* Listens on fd, which it takes over: NULL without memory. */
struct agent *agent_new(const struct channel_host *host, int fd);
void agent_free(struct agent *a); /* takes NULL */

/* MSG_ATTEST and MSG_RESULT about routers; false when it is none. */
bool agent_receive(struct agent *a, const struct ipc_message *m);
void agent_set_pause(struct agent *a, bool paused);

#endif
