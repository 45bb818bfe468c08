// SPDX-License-Identifier: BSD-2-Clause
/* Who scrapes is a stranger: its requests are read here, where there is nothing to be had. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "channel/http.h"
#include "channel/sock.h"
#include "relay/usage.h"

enum { HEADROOM_BYTES = 64 << 20 };

static bool received(void *arg, const struct ipc_message *m)
{
	return http_receive(*(struct http **)arg, m);
}

static void paused(void *arg, bool paused)
{
	(void)arg, (void)paused; /* http.c asks parent_is_paused() */
}

static const struct parent_ops parent_ops = { received, paused };

static int confine(const struct relay_config *c)
{
	int err = relay_give_up(c, HEADROOM_BYTES);

	if (!err)
		err = landlock_enter(NULL, 0);
	return err < 0 ? err : sandbox_enter(SANDBOX_NETWORK);
}

void usage_main(int fd, const struct relay_config *c)
{
	struct event_base *base = event_base_new();
	struct http *http = NULL;
	struct parent *parent = base ? parent_new(base, fd, &parent_ops, &http) : NULL;
	char text[ENDPOINT_TEXT_MAX];
	int sock, err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* our parent says when */
	signal(SIGTERM, SIG_IGN);
	sock = sock_listen(&c->metrics.addr, c->metrics.port);
	if (sock < 0)
		fatalx("listening on %s: %s",
		       endpoint_text(&c->metrics.addr, c->metrics.port, text), strerror(-sock));
	http = parent ? http_new(base, parent, sock) : NULL;
	if (!http)
		fatalx("no memory, or no event loop");
	err = confine(c);
	if (err)
		fatalx("giving up privileges: %s", strerror(-err));
	event_base_dispatch(base);
	err = parent_has_failed(parent);
	http_free(http);
	parent_free(parent);
	event_base_free(base);
	exit(err);
}
