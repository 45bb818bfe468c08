/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client's connection from accept to end, and what all of them share.
 *
 *	conn.c	   states up to RESULT, and the relaying that follows; the end, told in one line
 *	ask.c	   ATTEST: the evidence queue, claims, binding
 *	reach.c	   the way to a destination: addresses, TCP, TLS
 *	serve.c	   the process: listeners, the parent, the sandbox
 */
#ifndef RELAY_CONN_H
#define RELAY_CONN_H

#include <event2/event.h>
#include <sys/queue.h>

#include "base/addr.h"
#include "channel/dial.h"
#include "channel/parent.h"
#include "channel/quota.h"
#include "relay/admit.h"
#include "relay/tls.h"
#include "relay/usage.h"

enum conn_state {
	CONN_HANDSHAKE, /* TLS with the client */
	CONN_HELLO,	/* ours is sent, theirs awaited */
	CONN_ATTEST,	/* it may ask */
	CONN_ASKED,	/* evidence is awaited */
	CONN_RESULT,	/* evidence is sent; a client may keep this for the next stream */
	CONN_REACH,	/* accepted; a connection to the destination is being made */
	CONN_SHAKE,	/* TLS with the destination */
	CONN_RELAY,
};

struct conn {
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) waiting; /* for evidence, in CONN_ASKED */
	struct server *server;
	struct source *source;
	enum conn_state state;
	struct end client, dest;
	struct window up, down; /* from the client; to it */
	struct event *client_event, *dest_event;
	struct event *timer; /* of the state */
	struct event *again; /* there was more to move */
	uint64_t begun_us, active_us;
	char from[ENDPOINT_TEXT_MAX];

	bool anonymous, denied;
	unsigned int asked;	    /* for evidence, so often */
	uint8_t spki[DIGEST_BYTES]; /* the client's */
	uint64_t id;		    /* of its latest ATTEST */
	struct binding binding;	    /* of the answer */
	char *claims;		    /* likewise */
	size_t claims_n;

	size_t destination;
	struct dial *dial;
	size_t tried;	   /* addresses of the destination */
	bool asked_anew;   /* for its addresses */
	char why[WHY_MAX]; /* what the latest one failed at */
};

struct place { /* where a destination is */
	struct resolved found;
	bool asked; /* the resolver is looking */
};

struct server {
	const struct relay_config *config;
	struct usage *usage; /* for our parent to read */
	struct event_base *base;
	struct relay_tls *tls;
	struct parent *parent;
	struct admit *admit;
	struct acceptor *acceptors[RELAY_LISTEN_MAX];
	TAILQ_HEAD(conns, conn) conns; /* the oldest first */
	size_t count, unproven;	       /* of them: all, those before ATTEST */
	struct quota lines;
	struct place places[RELAY_DESTINATIONS_MAX];

	struct conns waiting; /* for their turn with the evidence device */
	size_t waiting_count;
	struct conn *asker; /* whose turn it is; NULL: it has left, or nobody */
	bool busy;	    /* our parent was asked, by exchange, and has not answered */
	uint32_t exchange;
	uint64_t counter; /* of claims */
	struct event *quote_timer;
};

/* Takes over fd and gives source back at its end. */
void conn_new(struct server *s, int fd, struct source *source, const char *from);
/* Ends it with one line: what passed, for how long, and why it ended. */
__attribute__((format(printf, 2, 3))) void conn_end(struct conn *c, const char *fmt, ...);
void conn_enter(struct conn *c, enum conn_state state); /* and its time limit */
/* False and why[], so that it can be returned. */
__attribute__((format(printf, 2, 3))) bool conn_refuse(char why[WHY_MAX], const char *fmt, ...);
/* Queues a message; false when there is no memory.  conn_progress() sends it. */
bool conn_say(struct conn *c, const struct wire_message *m);
/* Goes as far as both ends let it; may end c. */
void conn_progress(struct conn *c);
bool conn_watch(struct conn *c, struct end *e, struct event **event, event_callback_fn on);
/* ask.c.  False and why[] when ATTEST breaks the protocol. */
bool ask_attest(struct conn *c, const struct wire_attest *m, struct bytes raw, char why[WHY_MAX]);
void ask_forget(struct conn *c);
bool ask_answered(struct server *s, const struct ipc_message *m); /* MSG_QUOTE */
bool ask_open(struct server *s);				  /* false without memory */

/* reach.c */
void reach_begin(struct conn *c);
void reach_stop(struct conn *c);
void reach_resolve(struct server *s, size_t destination);
bool reach_resolved(struct server *s, const struct ipc_message *m); /* MSG_RESOLVED */

/* serve.c: the process in its steps, so that a test can take them without the sandbox. */
int relay_open(int fd, const struct relay_config *c, struct usage *usage, struct server **out,
	       char why[WHY_MAX]);
int relay_serve(struct server *s);  /* until fd closes: 0, or 1 when the parent made no sense */
void relay_close(struct server *s); /* takes NULL */

#endif
