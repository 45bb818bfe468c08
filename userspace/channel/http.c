// SPDX-License-Identifier: BSD-2-Clause
#include "channel/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/sock.h"

enum {
	CONNECTIONS_MAX = 16,
	HEADERS_MAX = 8192,
	IDLE_S = 5,	     /* between two reads or writes */
	LIFE_MS = 15000,     /* of a connection, however it goes about it */
	ANSWER_MS = 5000,    /* for our parent */
	PAGE_MAX = 64 << 20, /* 10,000 backends take about 10 MiB */
};

/* A connection, from accept() on: libevent tells of its end only by freeing this. */
struct client {
	LIST_ENTRY(client) all;
	struct http *http;
	struct bufferevent *socket;
	struct event *life;
};

struct scrape {
	LIST_ENTRY(scrape) all;
	struct http *http;
	uint32_t id;
	struct evhttp_request *request;
	struct evbuffer *page;
	struct event *timer;
};

struct http {
	const struct channel_host *host;
	struct evhttp *evhttp;
	struct evconnlistener *listener;
	LIST_HEAD(, client) clients;
	unsigned int clients_count;
	LIST_HEAD(, scrape) scrapes;
	uint32_t scrape_id;
};

static void on_life(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	shutdown(bufferevent_getfd(c->socket), SHUT_RDWR); /* evhttp sees its end and frees it */
}

static void client_free(void *arg)
{
	struct client *c = arg;
	struct http *h = c->http;

	if (h) {
		LIST_REMOVE(c, all);
		event_free(c->life);
		if (h->clients_count-- == CONNECTIONS_MAX && h->listener)
			evconnlistener_enable(h->listener);
	}
	free(c);
}

/* evhttp has no limit of its own: a filter around each socket tells when it goes. */
static struct bufferevent *client_new(struct event_base *base, void *arg)
{
	struct timeval life = timeval_of_us(LIFE_MS * 1000ULL);
	struct client *c = calloc(1, sizeof(*c));
	struct bufferevent *filter = NULL;
	struct http *h = arg;

	if (!c)
		return NULL;
	c->http = h;
	c->life = evtimer_new(base, on_life, c);
	c->socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (c->life && c->socket)
		filter = bufferevent_filter_new(c->socket, NULL, NULL, BEV_OPT_CLOSE_ON_FREE,
						client_free, c);
	if (!filter) {
		if (c->life)
			event_free(c->life);
		if (c->socket)
			bufferevent_free(c->socket);
		free(c);
		return NULL;
	}
	LIST_INSERT_HEAD(&h->clients, c, all);
	event_add(c->life, &life);
	/* The others wait in the backlog of the socket. */
	if (++h->clients_count == CONNECTIONS_MAX)
		evconnlistener_disable(h->listener);
	return filter;
}

static void scrape_free(struct scrape *s)
{
	LIST_REMOVE(s, all);
	event_free(s->timer);
	evbuffer_free(s->page);
	free(s);
}

/* The last use of s: sends what there is and forgets it. */
static void reply(struct scrape *s, int code, const char *reason)
{
	struct evhttp_request *request = s->request;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
	if (code == HTTP_OK)
		evhttp_add_header(headers, "Content-Type", "text/plain; version=0.0.4");
	evhttp_add_header(headers, "Connection", "close");
	evhttp_send_reply(request, code, reason, code == HTTP_OK ? s->page : NULL);
	scrape_free(s);
}

static void on_answer_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_warnx("our parent has written no metrics page within 5 s");
	reply(arg, HTTP_SERVUNAVAIL, "Service Unavailable");
}

static void on_gone(struct evhttp_connection *connection, void *arg)
{
	(void)connection;
	scrape_free(arg);
}

static struct scrape *scrape_new(struct http *h, struct evhttp_request *request)
{
	struct timeval limit = timeval_of_us(ANSWER_MS * 1000ULL);
	struct scrape *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->http = h;
	s->request = request;
	s->id = ++h->scrape_id;
	s->page = evbuffer_new();
	s->timer = evtimer_new(h->host->base, on_answer_timeout, s);
	if (!s->page || !s->timer || event_add(s->timer, &limit)) {
		if (s->page)
			evbuffer_free(s->page);
		if (s->timer)
			event_free(s->timer);
		free(s);
		return NULL;
	}
	LIST_INSERT_HEAD(&h->scrapes, s, all);
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_gone, s);
	return s;
}

static void refuse(struct evhttp_request *request, int code, const char *reason)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
	evhttp_send_reply(request, code, reason, NULL);
}

static void on_metrics(struct evhttp_request *request, void *arg)
{
	struct http *h = arg;
	struct ipc_writer w;
	struct scrape *s;

	if (parent_is_paused(h->host->parent)) {
		refuse(request, HTTP_SERVUNAVAIL, "Service Unavailable");
		return;
	}
	s = scrape_new(h, request);
	if (!s) {
		refuse(request, HTTP_INTERNAL, "Internal Server Error");
		return;
	}
	w = parent_begin(h->host->parent, MSG_METRICS_WANTED, s->id);
	parent_send(h->host->parent, &w);
}

static void on_other(struct evhttp_request *request, void *arg)
{
	(void)arg;
	refuse(request, HTTP_NOTFOUND, "Not Found");
}

bool http_receive(struct http *h, const struct ipc_message *m)
{
	struct msg_text t;
	struct scrape *s;

	if (m->type != MSG_METRICS_TEXT || !msg_text_get(m->body, &t))
		return false;
	LIST_FOREACH(s, &h->scrapes, all)
	if (s->id == m->id)
		break;
	if (!s)
		return true; /* who asked has left */
	if (evbuffer_get_length(s->page) + t.text.n > PAGE_MAX ||
	    evbuffer_add(s->page, t.text.p, t.text.n)) {
		log_warnx("the metrics page is longer than %d bytes", PAGE_MAX);
		reply(s, HTTP_INTERNAL, "Internal Server Error");
	} else if (t.last) {
		reply(s, HTTP_OK, "OK");
	}
	return true;
}

struct http *http_new(const struct channel_host *host, int fd)
{
	struct http *h = calloc(1, sizeof(*h));
	struct evhttp_bound_socket *bound = NULL;

	if (h)
		h->evhttp = evhttp_new(host->base);
	if (h && h->evhttp)
		bound = evhttp_accept_socket_with_handle(h->evhttp, fd);
	if (!bound) {
		close(fd);
		http_free(h);
		return NULL;
	}
	h->host = host;
	h->listener = evhttp_bound_socket_get_listener(bound);
	evhttp_set_allowed_methods(h->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(h->evhttp, HEADERS_MAX);
	evhttp_set_max_body_size(h->evhttp, 0);
	evhttp_set_timeout(h->evhttp, IDLE_S);
	evhttp_set_bevcb(h->evhttp, client_new, h);
	evhttp_set_gencb(h->evhttp, on_other, h);
	if (evhttp_set_cb(h->evhttp, "/metrics", on_metrics, h)) {
		http_free(h);
		return NULL;
	}
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	h->listener = NULL;
	while (!LIST_EMPTY(&h->scrapes)) {
		struct scrape *s = LIST_FIRST(&h->scrapes);

		evhttp_connection_set_closecb(evhttp_request_get_connection(s->request), NULL,
					      NULL);
		scrape_free(s);
	}
	if (h->evhttp)
		evhttp_free(h->evhttp);
	/* libevent frees what is left of them later than we go. */
	while (!LIST_EMPTY(&h->clients)) {
		struct client *c = LIST_FIRST(&h->clients);

		LIST_REMOVE(c, all);
		event_free(c->life);
		c->http = NULL;
	}
	free(h);
}
