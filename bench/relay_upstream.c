// SPDX-License-Identifier: BSD-2-Clause
/*
 * relay_upstream CERTIFICATE KEY ADDRESS PORT
 *
 * What the relay's bench measures the way to: TLS 1.3, orders as in relay_load.h, a thread for
 * each connection.
 */
#include "relay_load.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TIMER_SLACK_NS = 1000, /* the gaps between chunks are to be alike */
	BACKLOG = 256,
};

static SSL_CTX *ctx;

static bool take_order(struct link *l, struct order *o)
{
	uint8_t block[LOAD_BLOCK];
	uint32_t words[5];

	if (!link_read(l, words, sizeof(words)))
		return false;
	*o = (struct order){ ntohl(words[0]), ntohl(words[1]), ntohl(words[2]), ntohl(words[3]),
			     ntohl(words[4]) };
	for (uint32_t left = o->upload, n; left; left -= n) {
		n = left < LOAD_BLOCK ? left : LOAD_BLOCK;
		if (!link_read(l, block, n))
			return false;
	}
	return true;
}

static bool answer(struct link *l, const struct order *o)
{
	static const uint8_t block[LOAD_BLOCK];

	if (o->think_us)
		usleep(o->think_us);
	for (uint32_t i = 0; i < o->chunks; i++) {
		if (i && o->gap_us)
			usleep(o->gap_us);
		for (uint32_t left = o->bytes, n; left; left -= n) {
			n = left < LOAD_BLOCK ? left : LOAD_BLOCK;
			if (!link_write(l, block, n))
				return false;
		}
	}
	return true;
}

static void *serve(void *arg)
{
	struct link l = { .fd = (int)(intptr_t)arg, .ssl = SSL_new(ctx) };
	struct order o;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	setsockopt(l.fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (l.ssl && SSL_set_fd(l.ssl, l.fd) == 1 && SSL_accept(l.ssl) == 1)
		while (take_order(&l, &o) && answer(&l, &o))
			;
	SSL_free(l.ssl);
	close(l.fd);
	return NULL;
}

static int listen_on(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *a;
	int s;

	if (getaddrinfo(address, port, &hints, &a))
		return -1;
	s = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s >= 0) {
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
		if (bind(s, a->ai_addr, a->ai_addrlen) || listen(s, BACKLOG)) {
			close(s);
			s = -1;
		}
	}
	freeaddrinfo(a);
	return s;
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 5) {
		fputs("relay_upstream CERTIFICATE KEY ADDRESS PORT\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		return 1;
	}
	SSL_CTX_set_num_tickets(ctx, 0);
	listener = listen_on(argv[3], argv[4]);
	if (listener < 0) {
		perror("relay_upstream: listen");
		return 1;
	}
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (fd < 0)
			continue;
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			close(fd);
		else
			pthread_detach(thread);
	}
}
