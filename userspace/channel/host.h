/* SPDX-License-Identifier: BSD-2-Clause */
/* What both sides of the channel share within this process. */
#ifndef CHANNEL_HOST_H
#define CHANNEL_HOST_H

#include "channel/parent.h"
#include "channel/session.h"

struct provers;

struct channel_host {
	const struct channel_config *config;
	struct event_base *base;
	struct tls *tls;
	struct parent *parent;
	struct provers *provers;
	struct msg_sources sources; /* what this router wraps comes from these */
	char boot_id[WIRE_BOOT_ID_MAX];
	int load_fd; /* /proc/loadavg */
	unsigned int processors;
};

/* A session_set for one role, "router" or "backend". */
void channel_host_sessions(const struct channel_host *h, const char *role, struct session_set *out);

#endif
