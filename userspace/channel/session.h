/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of fairlead/1: handshake, HELLO both ways, then messages, each within
 * its time and size.  Whatever breaks a rule ends the session with one reason, told to
 * the peer as an ERROR where TLS still stands, and to the owner.
 */
#ifndef SESSION_H
#define SESSION_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "channel/tls.h"
#include "channel/wire.h"

enum {
	SESSION_HANDSHAKE_MS = 5000,	/* from the connection to TLS being up */
	SESSION_MESSAGE_MS = 10000,	/* from a message's first byte to its last; to HELLO too */
	SESSION_FLUSH_MS = 1000,	/* for the last ERROR to leave */
	SESSION_UNREAD_MAX = 512 << 10, /* bytes that the peer lets pile up here */
};

enum session_end {
	SESSION_CLOSED,	 /* it ended: by the peer, by the path, by time */
	SESSION_REFUSED, /* the peer is not who it should be, or broke the protocol */
};

struct session_ops {
	/* TLS is up: false and why[] when this is the wrong peer. */
	bool (*identify)(void *arg, const struct tls_peer *peer, SSL *ssl, char why[WHY_MAX]);
	/* Both HELLOs are through. */
	void (*ready)(void *arg, const struct wire_hello *hello);
	/* Any later message; raw is its bytes as they came.  False and why[] when it may not come.
	 */
	bool (*message)(void *arg, const struct wire_message *m, struct bytes raw,
			char why[WHY_MAX]);
	/* The last call: the session is gone for its owner. */
	void (*over)(void *arg, enum session_end end, const char *why);
};

struct session;

/* The sessions of one side, and what they have in common. */
struct session_set {
	struct event_base *base;
	struct tls *tls;
	bool router;		 /* we are the router: the client */
	bool clients;		 /* as a server: not routers alone may ask */
	struct wire_hello hello; /* ours */
	uint32_t silence_ms;	 /* hang up on a peer silent for so long; 0: never */
	bool paused;
	size_t count;
	LIST_HEAD(, session) all;
};

/* Takes over fd, also when there is no memory: then NULL. */
struct session *session_start(struct session_set *set, int fd, const struct session_ops *ops,
			      void *arg);
/* Without a word to anybody; over() is not called.  Takes NULL. */
void session_close(struct session *s);
/* Tells the peer why, and then the owner by over(). */
void session_refuse(struct session *s, const char *why);

/* 0 or -errno.  The peer may be gone when it comes to that: over() tells. */
int session_send(struct session *s, const struct wire_message *m);
int session_send_bytes(struct session *s, struct bytes raw);
bool session_export(struct session *s, const uint8_t request[DIGEST_BYTES],
		    uint8_t out[EXPORTER_BYTES]);
const struct tls_peer *session_peer(const struct session *s);
/* Whether EVIDENCE, the one long message, may come. */
void session_expect_evidence(struct session *s, bool expected);

/* Sessions neither read nor count time while paused. */
void session_set_pause(struct session_set *set, bool paused);
void session_set_close(struct session_set *set);

#endif
