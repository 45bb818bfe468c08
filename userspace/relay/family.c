// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parent: keeps the relay, its evidence source and its resolver running, and carries
 * their messages.  What passes through it is digests, evidence and addresses.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/notify.h"
#include "daemon/child.h"
#include "relay/usage.h"

enum {
	FILES_BESIDE = 64, /* descriptors that no connection has */
	STOP_S = 2,
};

struct family {
	const struct relay_config *config;
	struct event_base *base;
	struct usage *usage; /* counted by the relay */
	struct child *relay, *attester, *resolver, *metrics;
	struct event *signals[3];
	bool ready, stopping;
	uint32_t quoting; /* what the attester was last asked */
	uint8_t out[IPC_MAX];
};

static void pass_on(struct family *f, struct child *to, const struct ipc_message *m)
{
	struct ipc_writer w = ipc_begin(f->out, sizeof(f->out), m->type, m->id);

	if (w.size - w.n < m->body.n)
		return;
	memcpy(w.buf + w.n, m->body.p, m->body.n);
	w.n += m->body.n;
	child_send(to, &w);
}

static void quote_failed(struct family *f, uint32_t id)
{
	struct msg_quote q = { .failed = EAGAIN, .why = "the evidence source is not running" };
	struct ipc_writer w = ipc_begin(f->out, sizeof(f->out), MSG_QUOTE, id);

	msg_quote_put(&w, &q);
	child_send(f->relay, &w);
}

static bool on_quote_wanted(struct family *f, const struct ipc_message *m)
{
	struct binding b;

	if (!msg_binding_get(m->body, &b))
		return false;
	f->quoting = m->id;
	if (child_hears(f->attester))
		pass_on(f, f->attester, m);
	else
		quote_failed(f, m->id);
	return true;
}

static void not_resolved(struct family *f, uint32_t id)
{
	struct resolved none = { 0 };
	struct ipc_writer w = ipc_begin(f->out, sizeof(f->out), MSG_RESOLVED, id);

	resolved_put(&w, &none);
	child_send(f->relay, &w);
}

static bool on_resolve(struct family *f, const struct ipc_message *m)
{
	if (m->id >= f->config->destinations_count || m->body.n)
		return false;
	if (child_hears(f->resolver)) {
		pass_on(f, f->resolver, m);
		return true;
	}
	not_resolved(f, m->id);
	return true;
}

static bool on_listening(struct family *f, const struct ipc_message *m)
{
	if (m->body.n)
		return false;
	if (!f->ready) {
		log_info("node %s: ready", f->config->node);
		notify_state("READY=1");
	}
	f->ready = true;
	return true;
}

static void relay_run_child(int fd, void *arg)
{
	struct family *f = arg;

	relay_main(fd, f->config, f->usage);
}

static bool relay_received(void *arg, const struct ipc_message *m)
{
	return m->type == MSG_QUOTE_WANTED ? on_quote_wanted(arg, m)
	       : m->type == MSG_RESOLVE	   ? on_resolve(arg, m)
	       : m->type == MSG_LISTENING  ? on_listening(arg, m)
					   : false;
}

/* With all that it had open. */
static void relay_died(void *arg)
{
	struct family *f = arg;

	f->usage->open = f->usage->unproven = f->usage->waiting = 0;
}

static void attester_run_child(int fd, void *arg)
{
	const struct family *f = arg;
	char why[WHY_MAX] = "";
	struct attester *a;

	if (attester_open(&f->config->evidence, &a, why))
		fatalx("no evidence source: %s", why);
	attester_main(fd, a);
}

static bool attester_received(void *arg, const struct ipc_message *m)
{
	struct family *f = arg;
	struct msg_quote q;

	if (m->type != MSG_QUOTE || !msg_quote_get(m->body, &q))
		return false;
	pass_on(f, f->relay, m);
	return true;
}

/* What it had in hand nobody will answer now. */
static void attester_died(void *arg)
{
	struct family *f = arg;

	quote_failed(f, f->quoting);
}

static void resolver_run_child(int fd, void *arg)
{
	resolver_main(fd, ((struct family *)arg)->config);
}

static bool resolver_received(void *arg, const struct ipc_message *m)
{
	struct family *f = arg;
	struct resolved r;

	if (m->type != MSG_RESOLVED || m->id >= f->config->destinations_count ||
	    !resolved_get(m->body, &r))
		return false;
	pass_on(f, f->relay, m);
	return true;
}

static void resolver_died(void *arg)
{
	struct family *f = arg;

	for (size_t i = 0; i < f->config->destinations_count; i++)
		not_resolved(f, i);
}

static void metrics_run_child(int fd, void *arg)
{
	usage_main(fd, ((struct family *)arg)->config);
}

static bool metrics_received(void *arg, const struct ipc_message *m)
{
	struct family *f = arg;
	struct ipc_writer w = ipc_begin(f->out, sizeof(f->out), MSG_METRICS_TEXT, m->id);
	struct msg_text t = { .last = true };
	char *page;
	size_t n = 0;

	if (m->type != MSG_METRICS_WANTED || m->body.n)
		return false;
	page = usage_page(f->usage, f->config, &n);
	t.text = bytes_of(page, page ? n : 0);
	msg_text_put(&w, &t);
	child_send(f->metrics, &w);
	free(page);
	return true;
}

static const struct child_ops relay_ops = { "fairlead-stream", relay_run_child, relay_received,
					    NULL, relay_died };
static const struct child_ops attester_ops = { "fairlead-attest", attester_run_child,
					       attester_received, NULL, attester_died };
static const struct child_ops resolver_ops = { "fairlead-names", resolver_run_child,
					       resolver_received, NULL, resolver_died };
static const struct child_ops metrics_ops = { "fairlead-metrics", metrics_run_child,
					      metrics_received, NULL, NULL };

/* The relay first, so that it can say what it has carried; it gets a while for that. */
static void stop(struct family *f)
{
	static const struct timeval patience = { STOP_S, 0 };
	struct ipc_writer w = ipc_begin(f->out, sizeof(f->out), MSG_STOP, 0);

	log_info("stopping");
	f->stopping = true;
	event_base_loopexit(f->base, &patience);
	if (child_send(f->relay, &w))
		event_base_loopbreak(f->base);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct family *f = arg;
	int status;
	pid_t pid;

	(void)what;
	if (sig != SIGCHLD) {
		stop(f);
		return;
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (child_reaped(f->relay, pid, status)) {
			if (f->stopping)
				event_base_loopbreak(f->base);
		} else if (!child_reaped(f->attester, pid, status) &&
			   !child_reaped(f->resolver, pid, status) && f->metrics) {
			child_reaped(f->metrics, pid, status);
		}
	}
}

static int start(struct family *f)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGCHLD };
	int err;

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		f->signals[i] = evsignal_new(f->base, signals[i], on_signal, f);
		if (!f->signals[i] || event_add(f->signals[i], NULL))
			return -ENOMEM;
	}
	f->relay = child_new(f->base, &relay_ops, f);
	f->attester = child_new(f->base, &attester_ops, f);
	f->resolver = child_new(f->base, &resolver_ops, f);
	if (f->config->metrics.port)
		f->metrics = child_new(f->base, &metrics_ops, f);
	if (!f->relay || !f->attester || !f->resolver || !f->metrics != !f->config->metrics.port)
		return -ENOMEM;
	/* The relay last: it asks the others at once. */
	err = child_start(f->resolver);
	if (!err)
		err = child_start(f->attester);
	if (!err && f->metrics)
		err = child_start(f->metrics);
	return err ? err : child_start(f->relay);
}

/* Two descriptors a connection; what may not be raised is used as it is. */
static void raise_files_limit(const struct relay_config *c)
{
	uint64_t want = 2 * (uint64_t)c->limits.connections + FILES_BESIDE;
	uint64_t most = files_limit_raise(want);

	if (most < want)
		log_warnx("may open %llu files: fewer than %llu connections fit",
			  (unsigned long long)most, (unsigned long long)c->limits.connections);
}

int relay_run(const struct relay_config *c)
{
	struct family *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return err;
	f->config = c;
	raise_files_limit(c);
	f->base = event_base_new();
	f->usage = usage_new();
	if (f->base && f->usage)
		err = start(f);
	if (err)
		log_warnx("cannot start: %s", strerror(-err));
	else if (event_base_dispatch(f->base) < 0)
		err = -EIO;
	child_free(f->relay);
	child_free(f->attester);
	child_free(f->resolver);
	child_free(f->metrics);
	usage_free(f->usage);
	for (size_t i = 0; i < sizeof(f->signals) / sizeof(*f->signals); i++)
		if (f->signals[i])
			event_free(f->signals[i]);
	if (f->base)
		event_base_free(f->base);
	free(f);
	return err;
}
