// SPDX-License-Identifier: BSD-2-Clause
#include "channel/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/acceptor.h"
#include "channel/http_request.h"
#include "channel/sock.h"

enum {
	CONNECTIONS_MAX = 16,
	REQUEST_MS = 5000,   /* for the whole request */
	ANSWER_MS = 5000,    /* for our parent */
	WRITE_MS = 10000,    /* for the page to leave */
	LINGER_MS = 1000,    /* for the other side to hang up first */
	PAGE_MAX = 64 << 20, /* 10,000 backends take about 10 MiB */
};

enum stage {
	READING,
	WAITING, /* for our parent */
	WRITING,
	LINGERING,
};

struct client {
	LIST_ENTRY(client) all;
	struct http *http;
	struct bufferevent *bev;
	struct event *timer;
	enum stage stage;
	bool head;	 /* the page's length, but not the page */
	uint32_t scrape; /* what our parent knows it by; 0: not asked */
	struct evbuffer *page;
};

struct http {
	struct event_base *base;
	struct parent *parent;
	struct acceptor *acceptor;
	LIST_HEAD(, client) clients;
	unsigned int count;
	uint32_t scrape;
};

static void client_free(struct client *c)
{
	struct http *h = c->http;

	LIST_REMOVE(c, all);
	event_free(c->timer);
	evbuffer_free(c->page);
	bufferevent_free(c->bev);
	free(c);
	if (h->count-- == CONNECTIONS_MAX)
		acceptor_set(h->acceptor, true);
}

static void enter(struct client *c, enum stage stage, unsigned int limit_ms)
{
	struct timeval limit = timeval_of_us(limit_ms * 1000ULL);

	c->stage = stage;
	event_add(c->timer, &limit);
}

/* Sends what there is and closes after it. */
static void reply(struct client *c, const char *status, struct evbuffer *page)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_add_printf(out,
			    "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
			    status, page ? evbuffer_get_length(page) : 0);
	if (page && !c->head)
		evbuffer_add_buffer(out, page);
	enter(c, WRITING, WRITE_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (c->stage != WAITING) {
		client_free(c);
		return;
	}
	log_warnx("our parent has written no metrics page within 5 s");
	reply(c, "503 Service Unavailable", NULL);
}

static void ask_parent(struct client *c)
{
	struct http *h = c->http;
	struct ipc_writer w;

	if (parent_is_paused(h->parent)) {
		reply(c, "503 Service Unavailable", NULL);
		return;
	}
	if (!++h->scrape)
		h->scrape = 1;
	c->scrape = h->scrape;
	enter(c, WAITING, ANSWER_MS);
	w = parent_begin(h->parent, MSG_METRICS_WANTED, c->scrape);
	parent_send(h->parent, &w);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);
	struct client *c = arg;
	enum http_request r;

	if (c->stage == READING) {
		r = http_request_read(bytes_of(evbuffer_pullup(in, -1), n));
		switch (r) {
		case HTTP_REQUEST_MORE:
			return;
		case HTTP_REQUEST_PAGE:
		case HTTP_REQUEST_HEAD:
			c->head = r == HTTP_REQUEST_HEAD;
			ask_parent(c);
			break;
		case HTTP_REQUEST_NOT_FOUND:
			reply(c, "404 Not Found", NULL);
			break;
		case HTTP_REQUEST_METHOD:
			reply(c, "405 Method Not Allowed\r\nAllow: GET, HEAD", NULL);
			break;
		case HTTP_REQUEST_BAD:
			reply(c, "400 Bad Request", NULL);
			break;
		}
	}
	evbuffer_drain(in, evbuffer_get_length(in)); /* a body, another request: not read */
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (c->stage != WRITING)
		return;
	/* Closing on unread bytes would reset the connection and take the page with it. */
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	enter(c, LINGERING, LINGER_MS);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	client_free(arg);
}

static struct client *client_new(struct http *h, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->http = h;
	c->page = evbuffer_new();
	c->timer = evtimer_new(h->base, on_timer, c);
	if (c->page && c->timer)
		c->bev = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev)
		return c;
	if (c->page)
		evbuffer_free(c->page);
	if (c->timer)
		event_free(c->timer);
	free(c);
	return NULL;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n,
		      void *arg)
{
	struct http *h = arg;
	struct client *c = client_new(h, fd);

	(void)l;
	(void)sa;
	(void)n;
	if (!c) {
		close(fd);
		return;
	}
	LIST_INSERT_HEAD(&h->clients, c, all);
	if (++h->count == CONNECTIONS_MAX)
		acceptor_set(h->acceptor, false); /* the others wait in the socket's backlog */
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_REQUEST_MAX);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	enter(c, READING, REQUEST_MS);
}

bool http_receive(struct http *h, const struct ipc_message *m)
{
	struct msg_text t;
	struct client *c;

	if (m->type != MSG_METRICS_TEXT || !msg_text_get(m->body, &t))
		return false;
	for (c = LIST_FIRST(&h->clients); c; c = LIST_NEXT(c, all))
		if (c->stage == WAITING && c->scrape == m->id)
			break;
	if (!c)
		return true; /* who asked has left */
	if (evbuffer_get_length(c->page) + t.text.n > PAGE_MAX ||
	    evbuffer_add(c->page, t.text.p, t.text.n)) {
		log_warnx("the metrics page is longer than %d bytes", PAGE_MAX);
		reply(c, "500 Internal Server Error", NULL);
	} else if (t.last) {
		reply(c, "200 OK", c->page);
	}
	return true;
}

struct http *http_new(struct event_base *base, struct parent *parent, int fd)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h) {
		close(fd);
		return NULL;
	}
	h->base = base;
	h->parent = parent;
	h->acceptor = acceptor_new(base, fd, "metrics", on_accept, h);
	if (!h->acceptor) {
		free(h);
		return NULL;
	}
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (!LIST_EMPTY(&h->clients))
		client_free(LIST_FIRST(&h->clients));
	acceptor_free(h->acceptor);
	free(h);
}
