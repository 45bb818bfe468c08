// SPDX-License-Identifier: BSD-2-Clause
/*
 * The attester's process: binding in, evidence out, one at a time.  It is never told
 * REPORT_DATA, only what goes into it, so nobody can have this guest sign at will.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attester/source.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/sandbox.h"

enum {
	QUEUE_MAX = 64,	  /* a guest has a handful of routers; more at once is a mistake */
	STALE_MS = 60000, /* no exchange waits longer: its evidence would go to nobody */
	BUSY_TRIES = 3,	  /* while the host throttles, before the peer is told to come back */
	SEND_PATIENCE_MS = 10000,
};

struct request {
	uint32_t id;
	int64_t since_ms;
	struct binding binding;
};

struct server {
	int fd;
	struct attester *attester;
	const struct source_clock *clock;
	struct request queue[QUEUE_MAX];
	size_t first, count;
	struct quote quote;
	uint8_t in[IPC_MAX], out[IPC_MAX];
};

static int send_patiently(const struct server *s, const struct ipc_writer *w)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int err;

	err = ipc_send(s->fd, w);
	if (err == -EAGAIN && poll(&p, 1, SEND_PATIENCE_MS) > 0)
		err = ipc_send(s->fd, w);
	return err;
}

static int answer(struct server *s, uint32_t id, const struct msg_quote *m)
{
	struct ipc_writer w = ipc_begin(s->out, sizeof(s->out), MSG_QUOTE, id);

	msg_quote_put(&w, m);
	return send_patiently(s, &w);
}

__attribute__((format(printf, 4, 5))) static int refuse(struct server *s, uint32_t id, int err,
							const char *fmt, ...)
{
	struct msg_quote m = { .failed = -err };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.why, sizeof(m.why), fmt, ap);
	va_end(ap);
	log_warnx("no evidence: %s", m.why);
	return answer(s, id, &m);
}

/* As attester_quote(), with a few more tries while the host throttles; sources keep calls apart. */
static int quote(struct server *s, const struct request *r, char why[WHY_MAX])
{
	uint8_t report_data[REPORT_DATA_BYTES];
	int err = -EBUSY;

	if (r->binding.tee != attester_tee(s->attester)) {
		snprintf(why, WHY_MAX, "asked for evidence of %s: this guest is %s",
			 tee_str(r->binding.tee), tee_str(attester_tee(s->attester)));
		return -EPROTONOSUPPORT;
	}
	if (!binding_report_data(&r->binding, report_data)) {
		snprintf(why, WHY_MAX, "no memory for a digest");
		return -ENOMEM;
	}
	for (int i = 0; err == -EBUSY && i < BUSY_TRIES; i++)
		err = attester_quote(s->attester, report_data, &s->quote, why);
	return err;
}

static int serve_one(struct server *s, const struct request *r)
{
	struct msg_quote m = { 0 };
	char why[WHY_MAX] = "";
	int err;

	if (s->clock->now_ms() - r->since_ms > STALE_MS)
		return refuse(s, r->id, -ETIMEDOUT, "waited more than %d s for its turn",
			      STALE_MS / 1000);
	err = quote(s, r, why);
	if (err)
		return refuse(s, r->id, err, "%s", why);
	m.tee = s->quote.tee;
	m.report = s->quote.report;
	m.certs_count = s->quote.certs_count;
	memcpy(m.certs, s->quote.certs, sizeof(m.certs));
	return answer(s, r->id, &m);
}

static int enqueue(struct server *s, const struct ipc_message *m)
{
	struct request *r = &s->queue[(s->first + s->count) % QUEUE_MAX];
	struct binding binding;

	if (m->type != MSG_QUOTE_WANTED || !msg_binding_get(m->body, &binding))
		return -EPROTO;
	if (s->count == QUEUE_MAX)
		return refuse(s, m->id, -EBUSY, "%d requests wait already", QUEUE_MAX);
	*r = (struct request){ m->id, s->clock->now_ms(), binding };
	s->count++;
	return 0;
}

/* Takes in all that has come.  1, 0 when the other side has closed, or -errno. */
static int take_in(struct server *s)
{
	struct ipc_message m;
	int n, err;

	for (;;) {
		n = ipc_receive(s->fd, s->in, sizeof(s->in), &m);
		if (n == -EAGAIN)
			return 1;
		if (n <= 0)
			return n;
		err = enqueue(s, &m);
		if (err)
			return err;
	}
}

static int serve(struct server *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct request r;
	int n;

	for (;;) {
		n = take_in(s);
		if (n <= 0)
			return n;
		if (!s->count) {
			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return -errno;
			continue;
		}
		r = s->queue[s->first];
		s->first = (s->first + 1) % QUEUE_MAX;
		s->count--;
		n = serve_one(s, &r);
		if (n)
			return n;
	}
}

int attester_serve(int fd, struct attester *a, const struct source_clock *clock)
{
	struct server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->fd = fd;
	s->attester = a;
	s->clock = clock;
	err = serve(s);
	free(s);
	return err == -EPIPE ? 0 : err; /* closed while we were answering */
}

void attester_main(int fd, struct attester *a)
{
	static const struct binding nothing;
	uint8_t digest[REPORT_DATA_BYTES];
	int err;

	/* OpenSSL reads its configuration at the first use: let that be now. */
	binding_report_data(&nothing, digest);
	/* Its user stays: the device and configfs are root's. */
	err = sandbox_drop_capabilities();
	if (!err)
		err = sandbox_enter(attester_sandbox(a));
	if (err) {
		log_warnx("cannot enter the sandbox: %s", strerror(-err));
		_exit(2);
	}
	err = attester_serve(fd, a, &source_clock_real);
	if (err)
		log_warnx("the parent sends nonsense or does not read: %s", strerror(-err));
	attester_close(a);
	_exit(err ? 2 : 0);
}
