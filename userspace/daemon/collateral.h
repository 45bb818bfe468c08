/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collateral for appraisals: what evidence does not bring along is taken from the store, or else
 * asked of the fetcher, whose answers come when they come.  Nothing here waits for anybody: an
 * appraisal that cannot be decided is put aside for a while and done again, or told as it is.
 */
#ifndef DAEMON_COLLATERAL_H
#define DAEMON_COLLATERAL_H

#include <stdio.h>

#include "collateral/demand.h"
#include "collateral/store.h"
#include "daemon/daemon.h"

enum { CRLS_BYTES_MAX = 2 * COLLATERAL_BODY_MAX };

struct supply {
	struct daemon *daemon;
	struct collateral_config config; /* as in force */
	struct store *store;
	struct demand *demand;
	struct child *fetcher; /* NULL: offline */
	struct event *tick;
	struct appraisals waiting; /* for what is being fetched */
	uint64_t fetches[SOURCES][FETCH_RESULTS];
	uint64_t looked_ms, clock_word_ms;
	uint8_t out[1024];
	uint8_t crls[CRLS_BYTES_MAX]; /* the operator's and the vendor's, for one message */
};

/* By d->config, in which the section may be missing: then there is none.  0 or -errno, and said. */
int collateral_start(struct daemon *d);
/* After a reload: goes over to d->config. */
int collateral_apply(struct daemon *d, const struct config *old);
void collateral_stop(struct daemon *d);
/* The pid of its process; 0: there is none. */
pid_t collateral_fetcher(const struct daemon *d);
bool collateral_reaped(struct daemon *d, pid_t pid, int status);

/* Adds to m what the store has of n's wants, and says so in a.  m then points into the store. */
void collateral_attach(struct daemon *d, const struct node *n, struct appraisal *a,
		       struct msg_appraise *m);

/*
 * After a verdict.  True: a is not over, and will come again by d->appraisals, since there is
 * more to know by now, or soon.
 */
bool collateral_keeps(struct daemon *d, struct node *n, struct appraisal *a,
		      const struct msg_verdict *v);

/* collateral_metrics.c */
void collateral_metrics(struct daemon *d, FILE *f);

#endif
