// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control socket's listener and its clients: frames in, frames out, limits on both.
 * A client that is slow, silent or talks nonsense costs itself its connection.
 */
#include "daemon/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/control_request.h"
#include "daemon/control_socket.h"

enum {
	LENGTH_BYTES = 4,
	ACCEPT_AGAIN_S = 1, /* after accept() failed for want of descriptors */
	REAL_DIGITS = 12,   /* 59.995, not 59.994999999999997 */
};

struct client {
	LIST_ENTRY(client) next;
	struct control *control;
	struct bufferevent *bev;
	struct event *deadline;
	struct ucred who;
	bool replying; /* a reply is not yet taken: nothing is read before that */
	bool last;     /* that reply is the last */
};

struct control {
	struct event_base *base;
	struct control_path path;
	struct evconnlistener *listener;
	struct event *accept_again;
	control_handler *handler;
	void *arg;
	LIST_HEAD(clients, client) clients;
	int count;
};

static void client_free(struct client *c)
{
	LIST_REMOVE(c, next);
	c->control->count--;
	if (c->deadline)
		event_free(c->deadline);
	if (c->bev)
		bufferevent_free(c->bev); /* closes the descriptor */
	free(c);
}

/* From now on the client has this long to send a whole request, or to take a whole reply. */
static void restart_deadline(struct client *c)
{
	const struct timeval limit = { .tv_sec = CONTROL_IDLE_S };

	event_add(c->deadline, &limit);
}

static void free_text(const void *data, size_t n, void *text)
{
	(void)data;
	(void)n;
	free(text);
}

/* Frames reply into out.  False without memory, and then out is of no use any more. */
static bool frame(struct evbuffer *out, const json_t *reply)
{
	char *text =
		reply ? json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
	size_t n = text ? strlen(text) : 0;
	uint32_t length = htonl(n);

	if (n > CONTROL_REPLY_MAX) {
		json_t *refusal = control_refusal(2, "the answer is too long: ask for one by name");
		bool framed = frame(out, refusal);

		free(text);
		json_decref(refusal);
		return framed;
	}
	if (!text || evbuffer_add(out, &length, sizeof(length)))
		goto failed;
	if (evbuffer_add_reference(out, text, n, free_text, text))
		goto failed;
	return true;
failed:
	free(text);
	return false;
}

/* Takes reply over.  False when the client is no more. */
static bool send_reply(struct client *c, json_t *reply, bool last)
{
	bool framed = frame(bufferevent_get_output(c->bev), reply);

	json_decref(reply);
	if (!framed) {
		log_warnx("control: pid %d: no memory for a reply", c->who.pid);
		client_free(c);
		return false;
	}
	c->replying = true;
	c->last = last;
	restart_deadline(c);
	return true;
}

static bool answer(struct client *c, struct bytes request)
{
	struct control_answer a;
	bool ok;

	control_request(request, c->control->handler, c->control->arg, &a);
	ok = json_is_true(json_object_get(a.reply, "ok"));
	if (a.changes)
		log_info("control: uid %u, pid %d: %s: %s", c->who.uid, c->who.pid, a.about,
			 ok ? "done" : "refused");
	return send_reply(c, a.reply, a.malformed);
}

/* One request if it is whole.  True: there may be another. */
static bool read_one(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	uint32_t length;
	bool alive;

	if (evbuffer_copyout(in, &length, sizeof(length)) < (ssize_t)sizeof(length))
		return false;
	length = ntohl(length);
	if (length == 0 || length > CONTROL_REQUEST_MAX) {
		char error[WHY_MAX];

		snprintf(error, sizeof(error), "want a request of 1..%d bytes, got %u",
			 CONTROL_REQUEST_MAX, length);
		send_reply(c, control_refusal(2, error), true);
		return false;
	}
	if (evbuffer_get_length(in) < LENGTH_BYTES + length)
		return false;
	evbuffer_drain(in, LENGTH_BYTES);
	alive = answer(c, bytes_of(evbuffer_pullup(in, length), length));
	if (alive)
		evbuffer_drain(in, length);
	return alive && !c->replying;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (c->replying)
		return; /* on_written() comes back to what waits in the buffer */
	while (read_one(c))
		;
	(void)bev;
}

/* The whole reply is with the kernel. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (!c->replying)
		return;
	if (c->last) {
		client_free(c);
		return;
	}
	c->replying = false;
	restart_deadline(c);
	on_read(bev, c);
}

/* One that shuts down its side after the question still gets the answer. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	if (what & BEV_EVENT_EOF && c->replying) {
		c->last = true;
		bufferevent_disable(bev, EV_READ);
		return;
	}
	client_free(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (c->replying)
		log_info("control: pid %d: did not take its answer", c->who.pid);
	client_free(c);
}

static void refuse(evutil_socket_t fd)
{
	json_t *reply = control_refusal(2, "too many clients at once; try again");
	struct evbuffer *out = evbuffer_new();

	/* A socket without any data in it takes so little whole. */
	if (out && frame(out, reply))
		evbuffer_write(out, fd);
	if (out)
		evbuffer_free(out);
	json_decref(reply);
	evutil_closesocket(fd);
}

static bool client_start(struct client *c, evutil_socket_t fd)
{
	socklen_t n = sizeof(c->who);

	c->bev = bufferevent_socket_new(c->control->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		evutil_closesocket(fd);
		return false;
	}
	c->deadline = evtimer_new(c->control->base, on_deadline, c);
	if (!c->deadline || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->who, &n))
		return false;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, LENGTH_BYTES + CONTROL_REQUEST_MAX);
	restart_deadline(c);
	return bufferevent_enable(c->bev, EV_READ | EV_WRITE) == 0;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int n,
		      void *arg)
{
	struct control *control = arg;
	struct client *c;

	(void)l;
	(void)from;
	(void)n;
	if (control->count >= CONTROL_CLIENTS_MAX) {
		refuse(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		evutil_closesocket(fd);
		return;
	}
	c->control = control;
	LIST_INSERT_HEAD(&control->clients, c, next);
	control->count++;
	if (!client_start(c, fd)) {
		log_warnx("control: no memory for a client");
		client_free(c);
	}
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(c->listener);
}

/* Without a pause a listener that nobody can be accepted from would keep the loop busy. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	const struct timeval pause = { .tv_sec = ACCEPT_AGAIN_S };
	struct control *c = arg;

	log_warn("control: accept");
	evconnlistener_disable(l);
	event_add(c->accept_again, &pause);
}

struct control *control_open(struct event_base *base, const char *path, const char *group,
			     control_handler *handler, void *arg, char why[WHY_MAX])
{
	struct control *c = calloc(1, sizeof(*c));
	int fd;

	snprintf(why, WHY_MAX, "control socket: out of memory");
	if (!c)
		return NULL;
	c->base = base;
	c->handler = handler;
	c->arg = arg;
	LIST_INIT(&c->clients);
	fd = control_listen(path, group, &c->path, why);
	if (fd < 0)
		goto failed;
	c->accept_again = evtimer_new(base, on_accept_again, c);
	c->listener = evconnlistener_new(base, on_accept, c,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!c->listener) {
		close(fd);
		goto failed;
	}
	if (!c->accept_again)
		goto failed;
	evconnlistener_set_error_cb(c->listener, on_accept_error);
	why[0] = 0;
	return c;
failed:
	control_close(c);
	return NULL;
}

void control_close(struct control *c)
{
	struct client *next;

	if (!c)
		return;
	for (struct client *i = LIST_FIRST(&c->clients); i; i = next) {
		next = LIST_NEXT(i, next);
		client_free(i);
	}
	if (c->listener)
		evconnlistener_free(c->listener);
	if (c->accept_again)
		event_free(c->accept_again);
	control_unlink(&c->path);
	free(c);
}
