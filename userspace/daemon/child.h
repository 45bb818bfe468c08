/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes that the parent keeps beside it: started by fork, spoken to over
 * base/ipc.h, started again when they die.  A child that sends nonsense, or does
 * not read what it is sent, is killed: its death costs the work it had in hand.
 */
#ifndef CHILD_H
#define CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/ipc.h"

/* What a kind of child is.  arg is the same for all. */
struct child_ops {
	const char *name;			/* of the process, in log lines */
	void (*run)(int fd, void *arg);		/* in the child; does not return */
	/* A message came; false: it was none of this child's, so kill the child. */
	bool (*received)(void *arg, const struct ipc_message *m);
	void (*started)(void *arg);		/* may send */
	void (*died)(void *arg);		/* what was in hand is lost; may be NULL */
};

struct child;

/* NULL without memory.  Not started yet. */
struct child *child_new(struct event_base *base, const struct child_ops *ops, void *arg);
void child_free(struct child *c); /* kills it, waits for it; takes NULL */

/* 0 or -errno.  From here on it is kept running. */
int child_start(struct child *c);

/* Ends it and starts it anew with what the parent knows now, without waiting. */
void child_restart(struct child *c);

/*
 * Sends or, while the child is busy, queues up to a limit.  0 or -errno: -EPIPE when there is no
 * child just now, -EMSGSIZE for a message that does not fit.
 */
int child_send(struct child *c, const struct ipc_writer *w);

/* Kills it for a reason worth a log line; it is started again. */
void child_kill(struct child *c, const char *why);

/* To be told of every SIGCHLD: whether pid was this child's. */
bool child_reaped(struct child *c, pid_t pid, int status);

pid_t child_pid(const struct child *c); /* 0: none running */
bool child_hears(const struct child *c); /* it can be sent to; false while one ends and the next begins */
unsigned int child_restarts(const struct child *c);

#endif
