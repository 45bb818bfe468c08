/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parent's state, for the files of this folder that share its loop.
 *
 *   daemon.c      start, signals, reload, stop
 *   fleet.c       backends: events in, a peer's actions out
 *   appraisal.c   evidence to the verifiers and verdicts back, one at a time each
 *   steer.c       services: which ring from which members, when
 *   collateral.c  what evidence does not bring along: kept, fetched, attached
 *   egress.c      what may leave this guest
 *   callers.c     routers that have dialled our agent: who of them is attested
 *   links.c       the children: what they are, what they say
 *   show.c        answers to the control socket
 *   metrics.c     the page that Prometheus reads
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/messages.h"
#include "daemon/child.h"
#include "daemon/config.h"
#include "steering/clock.h"
#include "steering/cost.h"
#include "steering/dataplane.h"
#include "steering/tc.h"
#include "steering/egress.h"
#include "steering/guard.h"
#include "steering/nexthop.h"
#include "steering/peer.h"
#include "steering/plan.h"
#include "steering/tables.h"
#include "verifier/reason.h"

enum {
	LATENCY_BUCKETS = 12, /* of the appraisal histogram */
	RANDOM_BYTES_OF_SERIAL = 6,
	CALLERS_MAX = 128, /* the channel has 64 sessions, and leases outlive some */
};

/* One MSG_EVIDENCE as it came, kept to be appraised again. */
struct stored {
	uint64_t request;
	size_t n;
	uint8_t *bytes; /* NULL: none */
};

/* What the verifier said last, for showing. */
struct verdict_shown {
	bool known;
	enum reason reason;
	enum tee tee;
	bool lab_root;
	uint8_t digest[DIGEST_BYTES];
	char detail[WHY_MAX];
	json_t *claims; /* NULL: none */
};

/* What a router that has dialled our agent is beside a node. */
struct caller {
	struct backend_config config; /* its node's name, and the policy for routers */
	uint32_t session;	      /* the channel's number; 0: it is not connected */
	struct addr addr;	      /* where it has dialled from last */
	struct msg_sources fresh, accepted; /* the addresses it wraps from: claimed, and attested */
};

/* A backend at run time; or such a router. */
struct node {
	struct daemon *daemon;
	const struct backend_config *config; /* of daemon.config, or of caller */
	struct caller *caller;		     /* NULL: a backend */
	char name[NAME_MAX_BYTES];
	uint32_t id;		/* in the maps, and in messages */
	uint32_t generation;	/* in messages */
	struct peer peer;
	struct cost cost;
	struct event *timer;
	struct stored fresh, cached;
	uint64_t evidence_us; /* CLOCK_MONOTONIC when the last evidence came */
	struct verdict_shown shown;
	struct want wants[EVIDENCE_WANTS_MAX]; /* collateral that its evidence does not bring along */
	size_t wants_count;
	uint64_t connect_us, rtt_us;
	uint32_t load_permille;
};

/* A service at run time. */
struct route {
	const struct service_config *config;
	char name[NAME_MAX_BYTES];
	uint16_t id;
	struct plan_backend *backends; /* as configured */
	struct plan_ring built;
	uint32_t moved_permille; /* of its slots, at the last rebuild */
	uint64_t rebuilds, slots_moved;
	uint64_t settle_due_ms;
	uint32_t settled; /* slots of it, when last looked at */
	bool dirty;
};

struct appraisal {
	TAILQ_ENTRY(appraisal) next;
	uint32_t id;
	uint32_t generation;
	uint64_t request, number;
	enum tee tee;	   /* of the evidence, as last sent to a verifier */
	uint32_t attached; /* bit WANT_…: of collateral that the store had */
	uint64_t evaluation[WANT_KINDS]; /* of what was attached: TCB evaluation numbers */
	uint64_t serial[WANT_KINDS];	 /* … and the store's; 0: acceptance proves nothing of it */
	bool proven; /* what was proven before is attached in place of what is not */
	uint32_t rounds;   /* with what the store has */
	uint64_t until_ms; /* has waited for the fetcher until then; 0: not yet */
};

/* One verifier process and the appraisal that it has in hand. */
struct verifier {
	struct daemon *daemon;
	struct child *child;
	struct appraisal *in_flight; /* NULL: it is idle */
	struct event *limit;	     /* how long that may take */
	uint64_t in_flight_us;
};

struct histogram {
	uint64_t bucket[LATENCY_BUCKETS + 1], count, sum_us;
};

/* A program of the router behind TC. */
struct router_tc {
	bool is_open;
	int program;
};

struct daemon {
	const char *path; /* of the configuration */
	struct config *config;
	struct event_base *base;
	struct event *signals[4];
	uint64_t started_ms, reloads, reload_failures, reloaded_at_s;
	uint32_t generations;	/* last one given */
	uint64_t wall_high_s;	/* the wall clock never runs backwards for us */

	struct child *channel, *attester;
	struct verifier *verifiers[VERIFIERS_MAX];
	size_t verifiers_count;
	struct control *control;

	/* Router. */
	bool routing;
	struct dataplane dataplane;
	struct router_tc tc[TC_WAYS];
	struct tables *tables;
	struct clock *clock;
	struct nexthops *nexthops;
	struct addr source4, source6; /* that the kernel chose, for want of configured ones */
	struct event *nexthop_event, *nexthop_timer, *second, *grow;
	struct node **nodes; /* in the order of the configuration */
	size_t nodes_count;
	struct node *by_id[BACKENDS_CONFIG_MAX + 1];
	struct route *routes;
	size_t routes_count;
	struct ring_work *ring_work;
	struct ring_slot *ring_scratch;
	struct ring_member *member_scratch;
	struct ring_member *drawn_members; /* what ring_scratch was drawn from, for the next service */
	size_t drawn_count;
	uint32_t drawn_slots; /* 0: nothing that another may have */
	bool drawn_cheapest;
	struct event *plan_event;
	size_t plan_next;	  /* the route that the next turn begins with */
	uint64_t settle_until_ms; /* after a take-over nobody is planned out before then */

	TAILQ_HEAD(appraisals, appraisal) appraisals;
	struct event *appraisal_event; /* the next turn */
	struct histogram appraisal_time;
	uint64_t attestations[TEE_COUNT][REASON_COUNT]; /* verdicts */
	struct supply *supply; /* NULL: none is configured */
	uint8_t *crl;
	size_t crl_bytes;

	/* Agent. */
	struct guard guard;
	bool guarding;
	struct node *callers[CALLERS_MAX];
	uint64_t caller_failures[2]; /* no answer now, and refused: without a verdict */
	struct guard_peer *adopted; /* let in by a former daemon, until then */
	size_t adopted_count;
	struct event *adopted_event; /* when that ends */
	struct egress egress;
	bool confining;
	struct egress_watch *egress_watch;

	uint8_t out[IPC_MAX]; /* the message being written */
};

/* daemon.c */
uint64_t now_ms(void);	/* CLOCK_BOOTTIME */
uint64_t now_us(void);	/* CLOCK_MONOTONIC */
uint64_t daemon_wall_s(struct daemon *d);
int daemon_reload(struct daemon *d, char why[WHY_MAX]);
bool daemon_attests(const struct daemon *d); /* others' evidence: it has verifiers */

/* router.c */
int router_start(struct daemon *d);
void router_stop(struct daemon *d);
/* Goes over to d->config; the nodes and routes of the old one are matched by name. */
int router_apply(struct daemon *d, char why[WHY_MAX]);

/* Tells the channel what we wrap from, for claims. */
void router_tell_sources(struct daemon *d);

/* router_tc.c: as the above, for interfaces and ways without XDP */
int router_tc_start(struct daemon *d);
int router_tc_apply(struct daemon *d);
void router_tc_stop(struct daemon *d);
int agent_start(struct daemon *d);
int agent_apply(struct daemon *d, char why[WHY_MAX]);
void agent_stop(struct daemon *d);

/* callers.c */
int callers_start(struct daemon *d);
void callers_apply(struct daemon *d);
void callers_stop(struct daemon *d);
bool caller_up(struct daemon *d, const struct ipc_message *m);	 /* MSG_ROUTER_UP */
bool caller_sources(struct daemon *d, const struct ipc_message *m); /* MSG_ROUTER_SOURCES */
void callers_lost(struct daemon *d, const char *why); /* all sessions */
struct node *caller_of(const struct daemon *d, uint32_t id);
struct node *caller_in(const struct daemon *d, uint32_t session); /* of the channel */
void caller_accepted(struct node *n); /* its evidence was, and what it claims with it */
void caller_refused(struct node *n);  /* nor is it let in for what our predecessor thought */
/* Has the guard let in those routers of the configuration that may be: 0 or -errno. */
int callers_guard(struct daemon *d, char why[WHY_MAX]);
void callers_changed(struct daemon *d); /* somebody's lease: the same, and logged */

/* egress.c */
int egress_start(struct daemon *d);
int egress_apply(struct daemon *d, char why[WHY_MAX]);
void egress_stop(struct daemon *d);

/* fleet.c */
struct node *node_new(struct daemon *d, const struct backend_config *c);
void node_free(struct node *n);
/* Begins: after the tables gave it an id.  kept: leases of a former daemon run on. */
void node_begin(struct node *n, const struct backend_held *held);
void node_configure(struct node *n, const struct backend_config *c);
void node_event(struct node *n, struct peer_event *e);
void node_simple_event(struct node *n, enum peer_event_type type, const char *why);
void node_connect(struct node *n); /* tells the channel process whom to reach */
void node_forget(struct node *n);
bool node_classified(const struct daemon *d, const struct backend_config *c);
struct node *node_find(const struct daemon *d, const char *name);
struct node *node_of(const struct daemon *d, uint32_t id, uint32_t generation);
struct stored *node_stored(struct node *n, uint64_t request);
void node_evidence(struct node *n, uint64_t request, struct bytes body);
void node_failure(struct node *n, const struct msg_failure *f);
void node_configure_peer(struct node *n, const struct peer_config *c);

/* appraisal.c */
int appraisal_init(struct daemon *d);
void appraisal_submit(struct node *n, uint64_t request, uint64_t number);
bool appraisal_verdict(struct verifier *v, uint32_t id, const struct msg_verdict *m);
void appraisal_verifier_started(struct verifier *v);
void appraisal_verifier_died(struct verifier *v);
struct verifier *appraisal_verifier_new(struct daemon *d, const struct child_ops *ops);
void appraisal_verifier_free(struct verifier *v); /* what it has in hand is another's */
void appraisal_free(struct daemon *d);

/* steer.c */
int steer_apply(struct daemon *d, char why[WHY_MAX]);
void steer_settle(struct daemon *d, uint64_t jiffies); /* every second: slots whose time it is */
void steer_wake(struct daemon *d); /* somebody's eligibility or cost is another */
void steer_free(struct daemon *d);
struct route *route_find(const struct daemon *d, const char *name);

/* links.c */
int links_start(struct daemon *d);
void links_reaped(struct daemon *d);
void links_stop(struct daemon *d);
void links_restart(struct daemon *d, const struct config *old);

/* show.c: the handler of control.h. */
json_t *show_handler(void *arg, const char *cmd, json_t *args, char error[WHY_MAX], int *code);

/* metrics.c: the page, to be freed by the caller; NULL without memory. */
char *metrics_page(struct daemon *d, size_t *n);
void histogram_add(struct histogram *h, uint64_t us);

#endif
