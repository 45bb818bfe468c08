/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What our own processes say to each other, over base/ipc.h.
 *
 *   parent    owns maps, leases and netlink; believes verdicts, clamps times
 *   channel   unprivileged; TLS to peers, TCP checks, the metrics listener
 *   verifier  no files, no network; evidence in, verdict out
 *   attester  holds the evidence device of this guest; computes REPORT_DATA itself
 *
 * id is the backend's id unless said otherwise.  generation tells a backend from
 * an earlier user of its id: an answer about another generation is dropped.
 * Structs of received messages point into the receiver's buffer.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "abi.h"
#include "base/binding.h"
#include "base/collateral.h"
#include "base/ipc.h"
#include "base/want.h"

enum {
	NAME_MAX_BYTES = 64, /* names of nodes, backends, services, policies, with their NUL */
	WHY_MAX = 256,	     /* a reason in words, with its NUL */
	CERTS_MAX = 8,	     /* certificates, PEM files or certificate tables beside one report */
	ROUTER_SOURCES_MAX = 2,     /* outer addresses of what one router wraps: IPv4, IPv6 */
};

/*
 * From here on ids are of sessions that routers have opened to our agent, of which none has the
 * number of an earlier one.  MSG_ATTEST, MSG_RESULT, MSG_PEER_DOWN, MSG_EVIDENCE and
 * MSG_EVIDENCE_FAILED are about the router's evidence there, and no generation is looked at.
 */
#define ROUTER_SESSIONS (1u << 31)

enum message {
	/* parent -> channel */
	MSG_PEER = 1,	  /* struct msg_peer: connect to this agent and keep it */
	MSG_CHECK,	  /* struct msg_peer: connect by TCP once an interval, for health and latency */
	MSG_FORGET,	  /* no fields: neither any more */
	MSG_ATTEST,	  /* struct msg_attest: ask this agent for evidence now */
	MSG_RESULT,	  /* struct msg_result: what the agent shall hear */
	MSG_METRICS_TEXT, /* id: of the scrape; struct msg_text: a piece of the page */
	MSG_SOURCES,	  /* struct msg_sources: what this router wraps comes from these */

	/* channel -> parent */
	MSG_PEER_UP = 32,    /* struct msg_beat: TLS is up and the certificate fits */
	MSG_PEER_DOWN,	     /* struct msg_why: not connected any more, or not yet */
	MSG_BEAT,	     /* struct msg_beat: heartbeat or TCP check answered */
	MSG_BEAT_MISSED,     /* struct msg_why: one was not answered in time */
	MSG_EVIDENCE,	     /* struct msg_evidence: answer to MSG_ATTEST */
	MSG_EVIDENCE_FAILED, /* struct msg_failure: no answer to MSG_ATTEST, or a broken one */
	MSG_METRICS_WANTED,  /* id: of the scrape */
	MSG_DENIED,	     /* struct msg_why: the agent refused our own evidence */
	MSG_ROUTER_UP,	     /* id: of the session; struct msg_router: it has admitted us */
	MSG_ROUTER_SOURCES,  /* likewise; struct msg_sources: claimed by the evidence that follows */

	/* channel -> parent -> attester and back; id: of the exchange */
	MSG_QUOTE_WANTED = 64, /* struct binding */
	MSG_QUOTE,	       /* struct msg_quote */

	/* parent <-> verifier; id: of the appraisal */
	MSG_APPRAISE = 96, /* struct msg_appraise */
	MSG_VERDICT,	   /* struct msg_verdict */
};

struct msg_peer {
	uint32_t generation;
	struct addr addr;
	uint32_t port;
	uint32_t interval_ms; /* between heartbeats or checks */
	char node[NAME_MAX_BYTES]; /* the certificate must say fairlead://node/<node>; "" in a check */
	char egress[2 * 32 + 1];   /* its claim egress_digest must be this; "": any or none */
};

struct msg_attest {
	uint32_t generation;
	uint64_t request; /* repeated in the answer */
	char purpose[16]; /* "admit" or "renew" */
	char service[NAME_MAX_BYTES];
	uint32_t policy_epoch;
};

struct msg_result {
	uint32_t generation;
	uint64_t request;
	uint32_t ok;
	char code[NAME_MAX_BYTES]; /* a reason of verifier/reason.h */
	uint64_t expires_in_ms;
};

struct msg_text {
	uint32_t last;
	struct bytes text;
};

struct msg_beat {
	uint32_t generation;
	uint64_t connect_us;   /* of the latest TCP connect */
	uint64_t rtt_us;       /* of the heartbeat; 0 in a check */
	uint32_t load_permille; /* 0..1000 as the agent says; 0 in a check */
};

struct msg_why {
	uint32_t generation;
	uint32_t missed; /* in a row */
	char why[WHY_MAX];
};

struct msg_failure {
	uint32_t generation;
	uint64_t request;
	uint32_t refused; /* 1: the peer broke the protocol; 0: it could not answer now */
	char why[WHY_MAX];
};

struct msg_router {
	struct addr addr; /* where it has dialled from */
	char node[NAME_MAX_BYTES]; /* as its certificate says */
};

struct msg_sources {
	uint64_t request; /* 0 from our parent */
	uint32_t count;
	struct addr addrs[ROUTER_SOURCES_MAX];
};

struct msg_evidence {
	uint32_t generation;
	uint64_t request;
	struct binding binding; /* as the channel saw the session; tee as the peer says */
	struct bytes report;
	struct bytes certs[CERTS_MAX];
	uint32_t certs_count;
	struct bytes claims; /* JSON, the bytes that binding.claims digests */
};

struct msg_quote {
	uint32_t failed; /* errno, 0 with a report */
	char why[WHY_MAX];
	uint32_t tee;
	struct bytes report;
	struct bytes certs[CERTS_MAX];
	uint32_t certs_count;
};

struct msg_appraise {
	char policy[NAME_MAX_BYTES];
	uint64_t at; /* Unix seconds: wall clock, for certificates only */
	struct binding binding;
	struct bytes report;
	struct bytes certs[CERTS_MAX];
	uint32_t certs_count;
	struct bytes collateral[COLLATERAL_COUNT]; /* each may be empty */
};

struct msg_verdict {
	uint32_t reason;      /* enum reason; 0 is REASON_OK */
	uint32_t class_mask;  /* bit CLASS_…: classes that this evidence is good for; 0 if refused */
	uint32_t lab_root;    /* 1: rests on a root that only the configuration vouches for */
	uint64_t not_after;   /* Unix seconds: the first certificate to expire; 0 unknown */
	uint8_t digest[DIGEST_BYTES]; /* SHA-384 of the report */
	char detail[WHY_MAX]; /* for people: what, which, why, what was wanted */
	struct bytes claims;  /* JSON object for `fairlead backend show -j` */
	struct want wants[EVIDENCE_WANTS_MAX]; /* collateral that would tell more */
	uint32_t wants_count;
};

/* Each put appends its fields to w; each get is false when the body is not exactly that. */
void msg_peer_put(struct ipc_writer *w, const struct msg_peer *m);
bool msg_peer_get(struct bytes in, struct msg_peer *m);
void msg_attest_put(struct ipc_writer *w, const struct msg_attest *m);
bool msg_attest_get(struct bytes in, struct msg_attest *m);
void msg_result_put(struct ipc_writer *w, const struct msg_result *m);
bool msg_result_get(struct bytes in, struct msg_result *m);
void msg_text_put(struct ipc_writer *w, const struct msg_text *m);
bool msg_text_get(struct bytes in, struct msg_text *m);
void msg_beat_put(struct ipc_writer *w, const struct msg_beat *m);
bool msg_beat_get(struct bytes in, struct msg_beat *m);
void msg_why_put(struct ipc_writer *w, const struct msg_why *m);
bool msg_why_get(struct bytes in, struct msg_why *m);
void msg_failure_put(struct ipc_writer *w, const struct msg_failure *m);
bool msg_failure_get(struct bytes in, struct msg_failure *m);
void msg_router_put(struct ipc_writer *w, const struct msg_router *m);
bool msg_router_get(struct bytes in, struct msg_router *m);
void msg_sources_put(struct ipc_writer *w, const struct msg_sources *m);
bool msg_sources_get(struct bytes in, struct msg_sources *m);
void msg_evidence_put(struct ipc_writer *w, const struct msg_evidence *m);
bool msg_evidence_get(struct bytes in, struct msg_evidence *m);
void msg_binding_put(struct ipc_writer *w, const struct binding *m);
bool msg_binding_get(struct bytes in, struct binding *m);
void msg_quote_put(struct ipc_writer *w, const struct msg_quote *m);
bool msg_quote_get(struct bytes in, struct msg_quote *m);
void msg_appraise_put(struct ipc_writer *w, const struct msg_appraise *m);
bool msg_appraise_get(struct bytes in, struct msg_appraise *m);
void msg_verdict_put(struct ipc_writer *w, const struct msg_verdict *m);
bool msg_verdict_get(struct bytes in, struct msg_verdict *m);

#endif
