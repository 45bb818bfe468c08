/* SPDX-License-Identifier: BSD-2-Clause */
/* A backend as the router's side of the channel knows it: shared by router, remote*.c, nobody else.
 */
#ifndef CHANNEL_REMOTE_H
#define CHANNEL_REMOTE_H

#include "channel/dial.h"
#include "channel/host.h"
#include "channel/prover.h"
#include "channel/question.h"

enum {
	REMOTE_REDIAL_MIN_MS = 200,
	REMOTE_REDIAL_MAX_MS = 5000,
	REMOTE_STEADY_MS = 5000,   /* a session that lasted for so long begins the back-off anew */
	REMOTE_CONNECT_MS = 5000,  /* for TCP */
	REMOTE_BEATS_LOST_MAX = 8, /* unanswered in a row: hang up and dial anew */
	REMOTE_HANDSHAKES_MAX = 256, /* at a time: a thousand would all be late */
	REMOTE_REPEAT_MS = 30000,    /* the same reason for being down is told this often */
};

struct remote {
	const struct channel_host *host;
	struct session_set *sessions;
	unsigned int *handshakes; /* under way, of all */
	uint32_t id;
	struct msg_peer config;
	bool has_agent;

	struct dial *dial;	 /* to connect, or to check */
	struct dial *probe;	 /* beside a session: what a connect takes now */
	int waiting_fd;		 /* connected, until there are fewer handshakes; or -1 */
	struct session *session; /* NULL: not connected */
	bool up;		 /* HELLO both ways */
	bool shaking;		 /* counted in *handshakes */
	struct event *redial, *tick;
	uint32_t backoff_ms;
	uint64_t up_since_us;
	uint64_t connect_us;

	uint64_t ping; /* the latest one's number */
	uint64_t ping_us;
	bool ping_out;
	uint32_t missed;

	char why[WHY_MAX]; /* what the parent was last told, and when */
	uint64_t told_us;
	struct question question;

	struct wire_endpoint self;  /* our end of the session */
	bool admitted;		    /* it knows that we have accepted its evidence */
	struct prover *prover;	    /* NULL: it has not asked for ours */
	struct msg_sources claimed; /* in the latest answer */
};

/* NULL without memory.  Begins to connect or check. */
struct remote *remote_new(const struct channel_host *host, struct session_set *sessions,
			  unsigned int *handshakes, uint32_t id, const struct msg_peer *config,
			  bool has_agent);
void remote_free(struct remote *r); /* takes NULL */

/* remote_beat.c: heartbeats and checks */
int remote_beat_start(struct remote *r); /* 0 or -ENOMEM */
void remote_beat_stop(struct remote *r);
void remote_beat_session(struct remote *r); /* a new session: nothing was missed */
bool remote_beat_answer(struct remote *r, const struct wire_pong *m, char why[WHY_MAX]);
void remote_tell_beat(struct remote *r, uint32_t type, uint64_t rtt_us, uint32_t load_permille);
void remote_hang_up(struct remote *r, const char *why);

/* remote_attest.c: evidence, its and ours */
int remote_attest_start(struct remote *r); /* 0 or -ENOMEM */
void remote_attest_stop(struct remote *r);
void remote_attest_session(struct remote *r); /* a new session */
void remote_attest_lost(struct remote *r, bool refused, const char *why);
void remote_result(struct remote *r, const struct msg_result *m);
void remote_claims_changed(struct remote *r);
/* What it asks us, and what it makes of the answer; false and why[]: it is refused. */
bool remote_attest(struct remote *r, const struct wire_attest *m, struct bytes raw,
		   char why[WHY_MAX]);
bool remote_verdict(struct remote *r, const struct wire_result *m, char why[WHY_MAX]);

/* Pure: the next wait, and a wait spread by chance over its second half. */
uint32_t remote_backoff_next(uint32_t ms);
uint32_t remote_spread(uint32_t ms, uint32_t random);
uint32_t remote_random(void);

#endif
