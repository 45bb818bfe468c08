// SPDX-License-Identifier: BSD-2-Clause
#include "relay_load.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_S = 30 };

double load_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int dial(const struct arm *a)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct timeval wait = { .tv_sec = WAIT_S };
	struct addrinfo *found;
	int s;

	if (getaddrinfo(a->address, a->port, &hints, &found))
		return -1;
	s = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s >= 0) {
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		if (connect(s, found->ai_addr, found->ai_addrlen)) {
			close(s);
			s = -1;
		}
	}
	freeaddrinfo(found);
	return s;
}

bool link_open(const struct arm *a, struct link *l)
{
	*l = (struct link){ .fd = dial(a) };
	if (l->fd < 0)
		return false;
	if (!a->ctx)
		return true;
	l->ssl = SSL_new(a->ctx);
	if (l->ssl && SSL_set_fd(l->ssl, l->fd) == 1 && SSL_connect(l->ssl) == 1)
		return true;
	link_close(l);
	return false;
}

void link_close(struct link *l)
{
	SSL_free(l->ssl);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct link){ .fd = -1 };
}

bool link_read(struct link *l, void *p, size_t n)
{
	while (n) {
		ssize_t got = l->ssl ? SSL_read(l->ssl, p, n) : recv(l->fd, p, n, 0);

		if (got <= 0)
			return false;
		p = (uint8_t *)p + got;
		n -= got;
	}
	return true;
}

bool link_write(struct link *l, const void *p, size_t n)
{
	while (n) {
		ssize_t sent = l->ssl ? SSL_write(l->ssl, p, n) : send(l->fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		p = (const uint8_t *)p + sent;
		n -= sent;
	}
	return true;
}

/* The order and the first of its bytes leave in one write, as a request's head and body do. */
static bool send_order(struct link *l, const struct order *o)
{
	uint8_t block[LOAD_BLOCK] = { 0 };
	uint32_t words[] = { htonl(o->upload), htonl(o->think_us), htonl(o->chunks),
			     htonl(o->bytes), htonl(o->gap_us) };
	size_t left = sizeof(words) + o->upload, n = left < LOAD_BLOCK ? left : LOAD_BLOCK;

	memcpy(block, words, sizeof(words));
	if (!link_write(l, block, n))
		return false;
	for (left -= n; left; left -= n) {
		n = left < LOAD_BLOCK ? left : LOAD_BLOCK;
		if (!link_write(l, block, n))
			return false;
	}
	return true;
}

double link_ask(struct link *l, const struct order *o, double at[])
{
	uint8_t block[LOAD_BLOCK];
	double begin = load_now_us();

	if (!send_order(l, o))
		return -1;
	for (uint32_t i = 0; i < o->chunks; i++) {
		for (uint32_t left = o->bytes, n; left; left -= n) {
			n = left < LOAD_BLOCK ? left : LOAD_BLOCK;
			if (!link_read(l, block, n))
				return -1;
		}
		if (at)
			at[i] = load_now_us() - begin;
	}
	return load_now_us() - begin;
}
