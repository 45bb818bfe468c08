// SPDX-License-Identifier: BSD-2-Clause
#include "channel/acceptor.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

enum {
	AGAIN_S = 1, /* or accept() would fail as fast as it can be called */
};

struct acceptor {
	struct evconnlistener *listener;
	struct event *again;
	const char *what;
	evconnlistener_cb accepted;
	void *arg;
	bool on;
};

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n,
		      void *arg)
{
	struct acceptor *a = arg;

	a->accepted(l, fd, sa, n, a->arg);
}

static void on_error(struct evconnlistener *l, void *arg)
{
	struct timeval later = { AGAIN_S, 0 };
	struct acceptor *a = arg;

	log_warn("accepting on the %s port", a->what);
	evconnlistener_disable(l);
	event_add(a->again, &later);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)fd;
	(void)what;
	if (a->on)
		evconnlistener_enable(a->listener);
}

struct acceptor *acceptor_new(struct event_base *base, int fd, const char *what,
			      evconnlistener_cb accepted, void *arg)
{
	struct acceptor *a = calloc(1, sizeof(*a));

	if (a) {
		*a = (struct acceptor){
			.what = what, .accepted = accepted, .arg = arg, .on = true
		};
		a->again = evtimer_new(base, on_again, a);
		a->listener = evconnlistener_new(base, on_accept, a, LEV_OPT_CLOSE_ON_FREE, 0, fd);
	}
	if (!a || !a->listener)
		close(fd);
	if (!a || !a->listener || !a->again) {
		acceptor_free(a);
		return NULL;
	}
	evconnlistener_set_error_cb(a->listener, on_error);
	return a;
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	if (a->listener)
		evconnlistener_free(a->listener);
	if (a->again)
		event_free(a->again);
	free(a);
}

void acceptor_set(struct acceptor *a, bool on)
{
	a->on = on;
	if (on)
		evconnlistener_enable(a->listener);
	else
		evconnlistener_disable(a->listener);
}
