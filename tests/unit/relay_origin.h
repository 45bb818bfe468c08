/* SPDX-License-Identifier: BSD-2-Clause */
/* Destinations for the relay's tests: processes that send back what they get. */
#ifndef RELAY_ORIGIN_H
#define RELAY_ORIGIN_H

#include "channel_kit.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#include "rekey.h"

#define ORIGIN_CUT   "cut me"	/* a destination sends that back and breaks off */
#define ORIGIN_REKEY "rekey us" /* and that, and is done with it when it is hung up on */

/* A destination: a process that echoes every connection to it, by TLS or not. */
struct origin {
	pid_t pid;
	uint16_t port;
	/* Shared with it: connections whose end was said to be one, and those that broke. */
	_Atomic unsigned int *ended, *broke;
};

static inline void origin_echo(const struct origin *o, int fd, SSL_CTX *ctx)
{
	static char buf[16384];
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	int n;

	if (ssl) {
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) != 1)
			_exit(0);
	}
	while ((n = ssl ? SSL_read(ssl, buf, sizeof(buf)) : read(fd, buf, sizeof(buf))) > 0) {
		bool cut = !memcmp(buf, ORIGIN_CUT, n < 5 ? n : 5);

		for (int done = 0, w; done < n; done += w) {
			w = ssl ? SSL_write(ssl, buf + done, n - done)
				: write(fd, buf + done, n - done);
			if (w <= 0)
				_exit(0);
		}
		if (cut)
			_exit(0);
		if (ssl && !memcmp(buf, ORIGIN_REKEY, n < 8 ? n : 8))
			rekey(ssl, 100000);
	}
	if (ssl ? SSL_get_error(ssl, n) != SSL_ERROR_ZERO_RETURN : n < 0) {
		++*o->broke;
		_exit(0); /* cut, so it is cut */
	}
	++*o->ended;
	if (ssl)
		SSL_shutdown(ssl);
	else
		shutdown(fd, SHUT_WR);
	_exit(0);
}

static inline void origin_start(struct origin *o, const struct identity *id, int version)
{
	SSL_CTX *ctx = NULL;
	struct addr a;
	int fd;

	o->ended = mmap(NULL, 2 * sizeof(*o->ended), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(o->ended != MAP_FAILED);
	o->broke = o->ended + 1;
	addr_parse("127.0.0.1", &a);
	o->port = kit_port();
	fd = sock_listen(&a, o->port);
	assert_true(fd >= 0);
	fcntl(fd, F_SETFL, 0);
	o->pid = fork();
	assert_true(o->pid >= 0);
	if (o->pid > 0) {
		close(fd);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	if (id) {
		ctx = SSL_CTX_new(TLS_server_method());
		SSL_CTX_set_max_proto_version(ctx, version);
		SSL_CTX_use_certificate_chain_file(ctx, id->certificate);
		SSL_CTX_use_PrivateKey_file(ctx, id->key, SSL_FILETYPE_PEM);
	}
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c >= 0 && fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			origin_echo(o, c, ctx);
		}
		close(c);
	}
}

static inline void origin_stop(struct origin *o)
{
	kill(o->pid, SIGKILL);
	waitpid(o->pid, NULL, 0);
	munmap(o->ended, 2 * sizeof(*o->ended));
}

#endif
