// SPDX-License-Identifier: BSD-2-Clause
#include "channel/process.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "channel/agent.h"
#include "channel/boot.h"
#include "channel/http.h"
#include "channel/prover.h"
#include "channel/router.h"
#include "channel/sock.h"

enum {
	FILES_MAX = 65536,	  /* a session and a probe for every backend there can be, nearly */
	HEADROOM_BYTES = 1 << 30, /* a thousand sessions take some 60 MiB */
};

struct channel {
	struct channel_host host;
	struct router *router;
	struct agent *agent; /* NULL: not one */
	struct http *http;   /* NULL: no metrics */
};

static bool sources_changed(struct channel *ch, const struct ipc_message *m)
{
	struct msg_sources now = { 0 };

	if (!msg_sources_get(m->body, &now))
		return false;
	ch->host.sources = now;
	router_claims_changed(ch->router);
	return true;
}

static bool received(void *arg, const struct ipc_message *m)
{
	struct channel *ch = arg;

	switch (m->type) {
	case MSG_QUOTE:
		return provers_receive(ch->host.provers, m);
	case MSG_SOURCES:
		return sources_changed(ch, m);
	case MSG_METRICS_TEXT:
		return ch->http && http_receive(ch->http, m);
	default:
		if (m->id >= ROUTER_SESSIONS)
			return ch->agent && agent_receive(ch->agent, m);
		return router_receive(ch->router, m);
	}
}

static void paused(void *arg, bool paused)
{
	struct channel *ch = arg;

	router_set_pause(ch->router, paused);
	if (ch->agent)
		agent_set_pause(ch->agent, paused);
}

static const struct parent_ops parent_ops = { received, paused };

void channel_host_sessions(const struct channel_host *h, const char *role, struct session_set *out)
{
	memset(out, 0, sizeof(*out));
	out->base = h->base;
	out->tls = h->tls;
	out->router = !strcmp(role, "router");
	snprintf(out->hello.role, sizeof(out->hello.role), "%s", role);
	out->hello.tees = 1u << (out->router ? h->config->router_tee : h->config->tee);
	strcpy(out->hello.agent, "fairlead/" VERSION);
	memcpy(out->hello.boot_id, h->boot_id, sizeof(out->hello.boot_id));
	LIST_INIT(&out->all);
}

static int listen_on(const char *what, const struct addr *addr, uint16_t port, char why[WHY_MAX])
{
	int fd = sock_listen(addr, port);
	char text[ENDPOINT_TEXT_MAX];

	if (fd < 0)
		snprintf(why, WHY_MAX, "%s: listening on %s: %s", what,
			 endpoint_text(addr, port, text), strerror(-fd));
	return fd;
}

/* A router that only makes TCP checks needs none; the configuration asks everybody else for one. */
static bool has_identity(const struct channel_config *c)
{
	return c->certificate[0];
}

static int open_host(struct channel_host *h, int fd, struct channel *ch, char why[WHY_MAX])
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int err = has_identity(h->config) ? tls_open(h->config, &h->tls, why) : 0;

	if (err)
		return err;
	boot_id_read(h->boot_id);
	h->load_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	h->processors = processors > 0 ? processors : 1;
	h->base = event_base_new();
	h->parent = h->base ? parent_new(h->base, fd, &parent_ops, ch) : NULL;
	h->provers = provers_new();
	if (!h->parent || !h->provers) {
		snprintf(why, WHY_MAX, "no memory, or no event loop");
		return -ENOMEM;
	}
	return 0;
}

static int open_listeners(struct channel *ch, char why[WHY_MAX])
{
	const struct channel_config *c = ch->host.config;
	int fd;

	if (c->agent) {
		fd = listen_on("agent", &c->listen_addr, c->listen_port, why);
		if (fd < 0)
			return fd;
		ch->agent = agent_new(&ch->host, fd);
	}
	if (c->metrics) {
		fd = listen_on("metrics", &c->metrics_addr, c->metrics_port, why);
		if (fd < 0)
			return fd;
		ch->http = http_new(ch->host.base, ch->host.parent, fd);
	}
	ch->router = router_new(&ch->host);
	if (ch->router && !ch->agent == !c->agent && !ch->http == !c->metrics)
		return 0;
	snprintf(why, WHY_MAX, "no memory");
	return -ENOMEM;
}

int channel_open(int fd, const struct channel_config *c, struct channel **out, char why[WHY_MAX])
{
	struct channel *ch = calloc(1, sizeof(*ch));
	int err;

	if (!ch) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	ch->host.config = c;
	ch->host.load_fd = -1;
	err = open_host(&ch->host, fd, ch, why);
	if (!err)
		err = open_listeners(ch, why);
	if (err) {
		channel_close(ch);
		return err;
	}
	*out = ch;
	return 0;
}

int channel_run(struct channel *ch)
{
	event_base_dispatch(ch->host.base);
	return parent_has_failed(ch->host.parent);
}

void channel_close(struct channel *ch)
{
	if (!ch)
		return;
	router_free(ch->router);
	agent_free(ch->agent);
	http_free(ch->http);
	provers_free(ch->host.provers);
	parent_free(ch->host.parent);
	if (ch->host.base) {
		/* Deferred callbacks hold on to connections that are closed: here they go. */
		event_base_loop(ch->host.base, EVLOOP_NONBLOCK);
		event_base_free(ch->host.base);
	}
	if (ch->host.load_fd >= 0)
		close(ch->host.load_fd);
	tls_close(ch->host.tls);
	free(ch);
}

static int confine(const struct channel_config *c)
{
	int err = sandbox_limit(HEADROOM_BYTES);

	if (!err && c->user[0])
		err = sandbox_drop(c->user);
	return err ? err : sandbox_enter(SANDBOX_NETWORK);
}

void channel_main(int fd, const struct channel_config *c)
{
	char why[WHY_MAX] = "";
	struct channel *ch;
	int err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* from a terminal: our parent ends us by closing fd */
	files_limit_raise(FILES_MAX);
	if (channel_open(fd, c, &ch, why))
		fatalx("%s", why);
	if (ch->host.tls && !tls_trusts_itself(ch->host.tls, time(NULL), why))
		log_warnx("%s; no other node will believe it", why);
	err = confine(c);
	if (err)
		fatalx("giving up privileges: %s", strerror(-err));
	err = channel_run(ch);
	channel_close(ch);
	exit(err);
}

int channel_check(const struct channel_config *c, char why[WHY_MAX])
{
	char reason[WHY_MAX];
	struct tls *t;
	int err;

	if (!has_identity(c))
		return 0;
	err = tls_open(c, &t, why);
	if (err)
		return err;
	/* One that has expired may be renewed while we run; one of another CA is a mistake. */
	if (!tls_trusts_itself(t, 0, reason)) {
		snprintf(why, WHY_MAX, "%.80s: does not stand up against %.80s: %.60s",
			 c->certificate, c->ca, reason);
		err = -EINVAL;
	}
	tls_close(t);
	return err;
}
