/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the peer of a session for evidence: one question at a time, its answer tied to the
 * question and to the session.  What our parent is given carries our own view of both, never
 * what the peer says about them.  Either side may ask: a router its backends, an agent its routers.
 */
#ifndef CHANNEL_QUESTION_H
#define CHANNEL_QUESTION_H

#include "channel/host.h"

struct question;

struct question_ops {
	const char *role, *peer; /* ours, and the one that the evidence has to be for */
	const char *endpoint;	 /* what about the one that it has to claim: "was dialled" */
	/* What it claims beside node, role and endpoint; false and why[]: it is refused. */
	bool (*fits)(void *arg, const struct wire_claims *c, char why[WHY_MAX]);
	/* No answer came in time.  May be NULL. */
	void (*silent)(void *arg);
};

/* Embedded in its owner, whose memory is all zero at first. */
struct question {
	const struct channel_host *host;
	const struct question_ops *ops;
	void *arg;
	struct event *timer;

	/* Of the session. */
	struct session *session;       /* NULL: none that is up */
	uint32_t about;		       /* the id in messages to our parent */
	uint32_t generation;	       /* likewise */
	const char *node;	       /* whom its evidence has to name */
	struct wire_endpoint endpoint; /* that it has to claim */

	bool asked;	  /* an answer is awaited */
	bool late;	  /* given up, but the answer may still come: then it is dropped */
	uint64_t request; /* the parent's number; kept for RESULT */
	uint64_t id;	  /* ours on the wire */
	uint8_t digest[DIGEST_BYTES]; /* of the ATTEST's bytes */
	uint8_t exporter[EXPORTER_BYTES];
};

/* 0 or -ENOMEM. */
int question_init(struct question *q, const struct channel_host *host,
		  const struct question_ops *ops, void *arg);
void question_free(struct question *q);
/* A session is up: nothing has been asked in it. */
void question_begin(struct question *q, struct session *session);
/* It has ended, maybe while an answer was awaited. */
void question_end(struct question *q, bool refused, const char *why);

void question_ask(struct question *q, const struct msg_attest *m);
/* Tells our parent that there is no answer to what it asked for. */
void question_failed(struct question *q, uint64_t request, bool refused, const char *why);
/* True: it was about the latest evidence, and the peer is told. */
bool question_result(struct question *q, const struct msg_result *m);
/* false and why[]: the peer is refused. */
bool question_evidence(struct question *q, const struct wire_evidence *m, char why[WHY_MAX]);
bool question_error(struct question *q, const struct wire_error *m, char why[WHY_MAX]);

#endif
