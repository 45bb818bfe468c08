/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The side that asks: keeps a session with every agent it is told of, measures latency and
 * load by heartbeats, fetches evidence when asked to, and checks by TCP those who have no
 * agent.  An agent whose evidence has been accepted may ask for ours, if we have a source of
 * any.  Answers carry the generation of the MSG_PEER or MSG_CHECK that they are about.
 */
#ifndef CHANNEL_ROUTER_H
#define CHANNEL_ROUTER_H

#include "channel/host.h"

struct router;

struct router *router_new(const struct channel_host *host); /* NULL without memory */
void router_free(struct router *r);			    /* takes NULL */

/* MSG_PEER, MSG_CHECK, MSG_FORGET, MSG_ATTEST, MSG_RESULT; false when it is none. */
bool router_receive(struct router *r, const struct ipc_message *m);
/* What our evidence has claimed may be so no more: who has it is dialled anew. */
void router_claims_changed(struct router *r);
void router_set_pause(struct router *r, bool paused);

#endif
