/* SPDX-License-Identifier: BSD-2-Clause */
/* A listening socket: on or off, and patient when accept() fails for want of descriptors. */
#ifndef ACCEPTOR_H
#define ACCEPTOR_H

#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>

struct acceptor;

/* Takes over fd, also without memory: then NULL.  what is for the log and outlives it. */
struct acceptor *acceptor_new(struct event_base *base, int fd, const char *what,
			      evconnlistener_cb accepted, void *arg);
void acceptor_free(struct acceptor *a); /* takes NULL */
/* Those who connect while it is off wait in the socket's backlog. */
void acceptor_set(struct acceptor *a, bool on);

#endif
