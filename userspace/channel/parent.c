// SPDX-License-Identifier: BSD-2-Clause
#include "channel/parent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"

enum {
	BATCH_MAX = 64, /* messages read before others get their turn */
	/*
	 * While we are paused a peer adds at most two small messages, an attest one answer:
	 * enough for some ten thousand peers, and one piece of evidence.
	 */
	WAITING_MAX = 16 << 20,
};

struct waiting {
	STAILQ_ENTRY(waiting) next;
	size_t n;
	uint8_t bytes[];
};

struct parent {
	struct event_base *base;
	int fd;
	const struct parent_ops *ops;
	void *arg;
	struct event *readable, *writable;
	STAILQ_HEAD(, waiting) waiting;
	size_t waiting_bytes;
	bool failed;
	uint8_t in[IPC_MAX], out[IPC_MAX];
};

static void fail(struct parent *p, const char *what, int err)
{
	log_warnx("%s%s%s; ending", what, err ? ": " : "", err ? strerror(-err) : "");
	p->failed = true;
	event_base_loopbreak(p->base);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;
	struct ipc_message m;
	int n;

	(void)what;
	for (int i = 0; i < BATCH_MAX && !p->failed; i++) {
		n = ipc_receive(fd, p->in, sizeof(p->in), &m);
		if (n == -EAGAIN)
			return;
		if (n == 0 || n == -ECONNRESET) {
			event_base_loopbreak(p->base);
			return;
		}
		if (n < 0)
			fail(p, "reading from our parent", n);
		else if (!p->ops->received(p->arg, &m))
			fail(p, "our parent sent a message that makes no sense", 0);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;
	struct waiting *w;

	(void)what;
	while ((w = STAILQ_FIRST(&p->waiting))) {
		struct ipc_writer m = { .buf = w->bytes, .size = w->n, .n = w->n };
		int err = ipc_send(fd, &m);

		if (err == -EAGAIN || err == -ENOBUFS)
			return;
		if (err) {
			event_base_loopbreak(p->base);
			return;
		}
		STAILQ_REMOVE_HEAD(&p->waiting, next);
		p->waiting_bytes -= w->n;
		free(w);
	}
	event_del(p->writable);
	p->ops->paused(p->arg, false);
}

struct parent *parent_new(struct event_base *base, int fd, const struct parent_ops *ops, void *arg)
{
	struct parent *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->base = base;
	p->fd = fd;
	p->ops = ops;
	p->arg = arg;
	STAILQ_INIT(&p->waiting);
	p->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, p);
	if (!p->readable || !p->writable || event_add(p->readable, NULL)) {
		parent_free(p);
		return NULL;
	}
	return p;
}

void parent_free(struct parent *p)
{
	struct waiting *w;

	if (!p)
		return;
	while ((w = STAILQ_FIRST(&p->waiting))) {
		STAILQ_REMOVE_HEAD(&p->waiting, next);
		free(w);
	}
	if (p->readable)
		event_free(p->readable);
	if (p->writable)
		event_free(p->writable);
	close(p->fd);
	free(p);
}

bool parent_is_paused(const struct parent *p)
{
	return !STAILQ_EMPTY(&p->waiting);
}

bool parent_has_failed(const struct parent *p)
{
	return p->failed;
}

struct ipc_writer parent_begin(struct parent *p, uint32_t type, uint32_t id)
{
	return ipc_begin(p->out, sizeof(p->out), type, id);
}

static int wait_with(struct parent *p, const struct ipc_writer *m)
{
	bool first = STAILQ_EMPTY(&p->waiting);
	struct waiting *w;

	w = p->waiting_bytes + m->n <= WAITING_MAX ? malloc(sizeof(*w) + m->n) : NULL;
	if (!w) {
		fail(p, "our parent does not read what it is sent", 0);
		return -ENOBUFS;
	}
	w->n = m->n;
	memcpy(w->bytes, m->buf, m->n);
	STAILQ_INSERT_TAIL(&p->waiting, w, next);
	p->waiting_bytes += w->n;
	if (first) {
		event_add(p->writable, NULL);
		p->ops->paused(p->arg, true);
	}
	return 0;
}

int parent_send(struct parent *p, const struct ipc_writer *w)
{
	int err;

	if (w->overflow)
		return -EMSGSIZE;
	if (!STAILQ_EMPTY(&p->waiting))
		return wait_with(p, w);
	err = ipc_send(p->fd, w);
	if (err == -EAGAIN || err == -ENOBUFS)
		return wait_with(p, w);
	if (err && err != -EMSGSIZE)
		event_base_loopbreak(p->base);
	return err;
}
