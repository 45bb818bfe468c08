/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backend as the router sees it, or a router as an agent does that wants to know whom
 * it serves: a state machine that says when to ask it for evidence, what its leases are and why.
 * Pure: events and the time go in, actions and one line for the log come out.  docs/steering.md
 * draws it.
 *
 * Only an accepted appraisal of evidence that was asked for here gives a lease of a
 * class above public, and only such an appraisal of later evidence extends it.
 * No event carries a measurement of load or latency: those cannot make eligible.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "base/messages.h"

enum {
	PEER_LINE_MAX = 512,  /* a log line with both states, the name and the reason */
	PEER_RETRY_MS = 1000, /* first retry when evidence or verdict did not come; doubles */
	PEER_REFUSED_RETRY_MS = 30000, /* first retry after a refusal; doubles */
	PEER_ASK_SPACING_MS = 5000,    /* a reconnecting peer makes us ask no faster than this */
	PEER_LATE_MS = 3000,	       /* so late to our own timer, we have not listened either */
	PEER_ANSWER_MS = 60000,	       /* longest wait for evidence, and for a verdict */
	PEER_WHY_MAX = 320,	       /* WHY_MAX and a few words before it */
};

enum peer_state {
	PEER_UNKNOWN,  /* nothing is known, or it is down, or it has no agent */
	PEER_PROBING,  /* connected; no verdict yet */
	PEER_ATTESTED, /* accepted, and its leases are renewed in time */
	PEER_STALE,    /* was attested; now overdue: leases end when they end */
	PEER_REFUSED,  /* evidence refused: public at most */
};

enum peer_hand {
	PEER_FREE,
	PEER_DRAINED, /* keeps its leases and flows, gets no new flows */
	PEER_EVICTED, /* has no lease at all */
};

struct peer_config {
	bool is_router; /* an agent's view of a router, in the log: all else is the same */
	bool has_agent;
	bool checked;	 /* without an agent: health by TCP check; else taken as healthy */
	bool classified; /* one of its services is */
	uint64_t heartbeat_ms;
	uint64_t heartbeats_missed;
	uint64_t reappraise_ms;
	uint64_t lease_ms[CLASS_COUNT];
};

/* A verdict of ours; UNDETERMINED also when the verifier could not be asked or died. */
enum peer_verdict {
	PEER_ACCEPTED,
	PEER_REJECTED,
	PEER_UNDETERMINED,
};

enum peer_event_type {
	PEER_CONNECTED,	      /* TLS is up and the certificate fits: a new session */
	PEER_DISCONNECTED,    /* missed, why */
	PEER_BEAT,	      /* heartbeat or TCP check answered */
	PEER_BEAT_MISSED,     /* missed (in a row), why */
	PEER_EVIDENCE,	      /* request: it came; the caller keeps it */
	PEER_EVIDENCE_FAILED, /* request, refused (the peer broke the protocol), why */
	PEER_VERDICT,	      /* appraisal, verdict, class_mask, not_after_ms, why */
	PEER_TICK,	      /* the timer of peer_output.next_ms */
	PEER_DRAIN,	      /* by hand, as are the next two */
	PEER_EVICT,
	PEER_ADMIT,	     /* undoes both */
	PEER_DENIED,	     /* why: it refuses our own evidence, and takes no flow of ours */
	PEER_POLICY_CHANGED, /* policy or collateral: appraise again now */
	PEER_RESUMED,	     /* this machine slept, and jiffies with it: lapse first */
};

struct peer_event {
	enum peer_event_type type;
	uint64_t now_ms; /* CLOCK_BOOTTIME */
	uint32_t random; /* any: spreads renewals */
	uint32_t missed;
	uint64_t request;
	uint64_t appraisal;
	bool refused;
	enum peer_verdict verdict;
	uint32_t class_mask;
	uint64_t not_after_ms; /* lease_not_after_ms() */
	const char *why;       /* for people; may be NULL */
};

/* What the caller shall do, in this order. */
enum peer_action {
	PEER_WRITE_LEASES = 1, /* peer.until_ms[] into the backend's entry */
	PEER_SEND_RESULT = 2,  /* tell the agent: request, ok, expires_in_ms */
	PEER_ASK = 4,	       /* MSG_ATTEST with ask_request and purpose */
	PEER_APPRAISE = 8,     /* the evidence of appraise_request, answered with appraisal */
};

struct peer_output {
	uint32_t actions;
	uint64_t ask_request;
	const char *purpose; /* "admit" or "renew" */
	uint64_t appraise_request, appraisal;
	uint64_t result_request, expires_in_ms;
	bool ok;
	bool eligibility_changed; /* plan again: leases, health or hand are other than before */
	uint64_t next_ms;	  /* PEER_TICK is due then; UINT64_MAX: nothing is */
	char line[PEER_LINE_MAX]; /* for log_info(), "" when nothing changed */
};

/* Evidence that was asked for. */
struct peer_evidence {
	uint64_t request;  /* 0: none */
	uint64_t asked_ms; /* its age counts from here */
};

struct peer {
	char name[NAME_MAX_BYTES];
	struct peer_config config;
	enum peer_state state;
	enum peer_hand hand;
	bool up;	/* healthy: what public rests on */
	bool connected; /* a session is open */
	uint64_t until_ms[CLASS_COUNT];
	char why[PEER_WHY_MAX]; /* the reason of the last change or failure, for people */

	/* From here on the machine's own. */
	uint64_t heard_ms;	     /* the last sign of life */
	struct peer_evidence asked;  /* waits for an answer */
	struct peer_evidence judged; /* with the verifier now */
	struct peer_evidence cached; /* last accepted: appraised again from time to time */
	uint64_t appraisal;	     /* of judged; 0: none under way */
	uint64_t appraisal_ms;	     /* since when */
	uint64_t asked_last_ms;	     /* spaces PEER_ASK */
	uint64_t ask_at_ms;	     /* next PEER_ASK; UINT64_MAX: none planned */
	uint64_t reappraise_at_ms;
	uint64_t due_ms;   /* as last said in next_ms: shows whether we are late ourselves */
	uint32_t failures; /* in a row; doubles the wait */
	uint64_t serial;   /* last number given to a request or appraisal */
};

/*
 * Then step it with PEER_TICK at once.  serial: where to begin numbering requests and appraisals
 * (random, so that a restart repeats none).
 */
void peer_init(struct peer *p, const char *name, const struct peer_config *c, uint64_t serial,
	       uint64_t now_ms);
/*
 * After peer_init(), by a daemon that finds leases of its predecessor in the maps: they run on
 * until they end, cut to the classes' limits from now, and count as stale.
 */
void peer_adopt(struct peer *p, const uint64_t until_ms[CLASS_COUNT], uint64_t now_ms);
/* A changed configuration: leases are cut where it shortens them, and never extended. */
void peer_configure(struct peer *p, const struct peer_config *c, uint64_t now_ms,
		    struct peer_output *out);

void peer_step(struct peer *p, const struct peer_event *e, struct peer_output *out);

/* May it get new flows of this class now?  The lease is live, it is up and in nobody's hand. */
bool peer_may_serve(const struct peer *p, enum class c, uint64_t now_ms);

const char *peer_state_str(enum peer_state s);
const char *peer_hand_str(enum peer_hand h);

#endif
