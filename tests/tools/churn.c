// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many TCP connections at once, each kept busy until SIGTERM, for tests that change the
 * world under them.  Each asks a server of traffic_talk for its name and has it echo
 * short messages from then on; who breaks is counted under the name that it had.
 *
 *	churn ADDRESS PORT CONNECTIONS
 *
 * Prints "open N" when all are open.  At the end {"open": N, "messages": N, "servers":
 * {"NAME": {"open": N, "broken": N, "silent": N}}}: broken by a reset or an end, silent
 * when the last message has not come back in time.
 */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"

enum {
	CONNECTIONS_MAX = 10000,
	SERVERS_MAX = 16,
	NAME_BYTES = 64,
	EVENTS = 256,
	OPENING_MAX = 64,    /* at once: the servers' queues are not what is tested */
	OPEN_MS = 40000,     /* for all of them */
	PAUSE_MS = 300,	     /* between two messages of one connection */
	PATIENCE_MS = 20000, /* for the last ones: a few of TCP's own retransmissions */
};

enum state {
	NOT_YET,
	OPENING,
	NAMING, /* asked for the name */
	IDLE,
	WAITING, /* for its message to come back */
	BROKEN,
};

struct conn {
	int fd, server; /* -1: none yet */
	enum state state;
	char name[NAME_BYTES];
	size_t got;
	uint32_t sent; /* what was sent last, which is what must come back */
	double due_ms;
	int error;
};

struct world {
	struct sockaddr_storage to;
	socklen_t to_n;
	int epoll;
	struct conn *conns;
	size_t count, begun, opening, open;
	uint64_t messages;
	char servers[SERVERS_MAX][NAME_BYTES];
	size_t servers_count;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static double ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void broke(struct conn *c, int error)
{
	close(c->fd); /* leaves epoll, too */
	c->fd = -1;
	c->state = BROKEN;
	c->error = error;
}

static int server_of(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->servers_count; i++)
		if (!strcmp(w->servers[i], name))
			return (int)i;
	if (w->servers_count == SERVERS_MAX) {
		errno = E2BIG;
		die("servers");
	}
	strcpy(w->servers[w->servers_count], name); /* of the same size */
	return (int)w->servers_count++;
}

static void begin(struct world *w, struct conn *c)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
	int one = 1;

	c->fd = socket(w->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&w->to, w->to_n) && errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll");
	c->state = OPENING;
	w->opening++;
}

static void begin_more(struct world *w)
{
	while (w->begun < w->count && w->opening < OPENING_MAX)
		begin(w, &w->conns[w->begun++]);
}

static void connected(struct world *w, struct conn *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	socklen_t n = sizeof(c->error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->error, &n) || c->error) {
		errno = c->error;
		die("connect");
	}
	if (send(c->fd, "echo\n", 5, MSG_NOSIGNAL) != 5 ||
	    epoll_ctl(w->epoll, EPOLL_CTL_MOD, c->fd, &e))
		die("first words");
	c->state = NAMING;
}

static void rest(struct conn *c)
{
	c->state = IDLE;
	c->got = 0;
	c->due_ms = ms_now() + PAUSE_MS;
}

static void read_name(struct world *w, struct conn *c)
{
	ssize_t n = recv(c->fd, c->name + c->got, sizeof(c->name) - 1 - c->got, 0);

	if (n <= 0)
		die("a server's name");
	c->got += (size_t)n;
	if (c->name[c->got - 1] != '\n')
		return;
	c->name[c->got - 1] = 0;
	c->server = server_of(w, c->name);
	w->opening--;
	w->open++;
	rest(c);
}

static void speak(struct conn *c)
{
	c->sent++;
	c->state = WAITING;
	if (send(c->fd, &c->sent, sizeof(c->sent), MSG_NOSIGNAL) != sizeof(c->sent))
		broke(c, errno);
}

/* Short enough to come whole; a byte that is another's, or one too many, is as bad as none. */
static void hear(struct world *w, struct conn *c)
{
	uint32_t back = 0;
	ssize_t n = recv(c->fd, &back, sizeof(back), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		broke(c, n ? errno : 0);
	} else if (c->state != WAITING || n != sizeof(back) || back != c->sent) {
		broke(c, EBADMSG);
	} else {
		w->messages++;
		rest(c);
	}
}

static void handle(struct world *w, struct conn *c)
{
	switch (c->state) {
	case OPENING:
		connected(w, c);
		break;
	case NAMING:
		read_name(w, c);
		break;
	case IDLE:
	case WAITING:
		hear(w, c);
		break;
	case NOT_YET:
	case BROKEN:
		break;
	}
}

static void turn(struct world *w)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(w->epoll, events, EVENTS, 10);

	for (int i = 0; i < n; i++)
		handle(w, events[i].data.ptr);
}

static void open_all(struct world *w)
{
	double end = ms_now() + OPEN_MS;

	while (w->open < w->count && !stopped) {
		begin_more(w);
		turn(w);
		if (ms_now() > end) {
			errno = ETIMEDOUT;
			die("opening");
		}
	}
	printf("open %zu\n", w->open);
	fflush(stdout);
}

static void converse(struct world *w)
{
	while (!stopped) {
		double now = ms_now();

		for (size_t i = 0; i < w->count; i++)
			if (w->conns[i].state == IDLE && w->conns[i].due_ms <= now)
				speak(&w->conns[i]);
		turn(w);
	}
}

static bool any_waits(const struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->conns[i].state == WAITING)
			return true;
	return false;
}

/* One message more of each, so that each is seen to live now and not a while ago. */
static void ask_all_again(struct world *w)
{
	double end = ms_now() + PATIENCE_MS;

	while (any_waits(w) && ms_now() < end)
		turn(w);
	for (size_t i = 0; i < w->count; i++)
		if (w->conns[i].state == IDLE)
			speak(&w->conns[i]);
	while (any_waits(w) && ms_now() < end)
		turn(w);
}

static void report(const struct world *w)
{
	json_t *servers = json_object();

	for (size_t s = 0; s < w->servers_count; s++) {
		json_int_t open = 0, broken = 0, silent = 0;

		for (size_t i = 0; i < w->count; i++) {
			if (w->conns[i].server != (int)s)
				continue;
			open++;
			broken += w->conns[i].state == BROKEN;
			silent += w->conns[i].state == WAITING;
		}
		json_object_set_new(servers, w->servers[s],
				    json_pack("{s:I s:I s:I}", "open", open, "broken", broken,
					      "silent", silent));
	}
	servers = json_pack("{s:I s:I s:o}", "open", (json_int_t)w->open, "messages",
			    (json_int_t)w->messages, "servers", servers);
	json_dumpf(servers, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(servers);
}

int main(int argc, char **argv)
{
	struct sigaction on = { .sa_handler = on_signal };
	struct world w = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct addr to;
	int port;

	if (argc != 4 || !addr_parse(argv[1], &to) || (port = atoi(argv[2])) < 1 || port > 65535 ||
	    atoi(argv[3]) < 1 || atoi(argv[3]) > CONNECTIONS_MAX) {
		fputs("usage: churn ADDRESS PORT CONNECTIONS\n", stderr);
		return 2;
	}
	w.to_n = addr_to_sockaddr(&to, (uint16_t)port, &w.to);
	w.count = (size_t)atoi(argv[3]);
	w.conns = calloc(w.count, sizeof(*w.conns));
	if (!w.conns || w.epoll < 0)
		die("start");
	for (size_t i = 0; i < w.count; i++)
		w.conns[i].fd = w.conns[i].server = -1;
	sigaction(SIGTERM, &on, NULL);
	sigaction(SIGINT, &on, NULL);
	open_all(&w);
	converse(&w);
	ask_all_again(&w);
	report(&w);
	free(w.conns);
	return 0;
}
