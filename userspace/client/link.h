/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS connection from its TCP connection on until application bytes may pass: the handshake,
 * then framed messages.  What it is good for after that belongs to who takes it.
 */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include <event2/event.h>
#include <openssl/types.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/messages.h"

struct link;

struct link_ops {
	/* TLS is up.  False: the link is gone. */
	bool (*up)(void *arg);
	/* A message, which lasts for the call.  False: the link is gone. */
	bool (*message)(void *arg, struct bytes raw);
	/* It has ended; the callee closes it.  breach: the peer did wrong, not the path. */
	void (*over)(void *arg, bool breach, const char *why);
};

/* Takes over fd and ssl, also without memory: then NULL. */
struct link *link_new(struct event_base *base, int fd, SSL *ssl, const struct link_ops *ops,
		      void *arg);
void link_close(struct link *l); /* takes NULL */

/* Who hears of it from now on. */
void link_set(struct link *l, const struct link_ops *ops, void *arg);
SSL *link_ssl(const struct link *l);
/* Whether a message as long as EVIDENCE may come. */
void link_expect_evidence(struct link *l, bool expected);
/* One frame on its way: 0 or -errno. */
int link_send(struct link *l, struct bytes message);

/*
 * Gives the connection away: its state, which is on *fd.  NULL when frames of ours are not out
 * yet, or bytes of the peer's lie here that it had no leave to send; the link stays then.
 */
SSL *link_take(struct link *l, int *fd);
/* Whether the peer has been silent and is still there, as it has to be between RESULT and us. */
bool link_is_quiet(struct link *l);

#endif
