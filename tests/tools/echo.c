// SPDX-License-Identifier: BSD-2-Clause
/*
 * echo [-c] LISTEN [CERT KEY]
 *
 * Sends back what it gets, by TLS when it has a certificate; with -c nothing but how many
 * bytes there were, once their end has been said.  LISTEN is ADDRESS:PORT or unix:PATH.  One
 * line about each connection: bytes, and how they ended.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"

struct conn {
	int fd;
	SSL *ssl; /* NULL: plaintext */
};

static int take(struct conn *c, char *buf, int n)
{
	return c->ssl ? SSL_read(c->ssl, buf, n) : (int)read(c->fd, buf, n);
}

static bool give(struct conn *c, const char *buf, int n)
{
	for (int done = 0, w; done < n; done += w) {
		w = c->ssl ? SSL_write(c->ssl, buf + done, n - done)
			   : (int)write(c->fd, buf + done, n - done);
		if (w <= 0)
			return false;
	}
	return true;
}

static _Noreturn void serve(struct conn c, bool count)
{
	static char buf[65536];
	unsigned long long total = 0;
	bool said;
	int n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (c.ssl && SSL_accept(c.ssl) != 1) {
		printf("no handshake\n");
		exit(0);
	}
	while ((n = take(&c, buf, sizeof(buf))) > 0) {
		total += n;
		if (!count && !give(&c, buf, n))
			break;
	}
	said = c.ssl ? SSL_get_error(c.ssl, n) == SSL_ERROR_ZERO_RETURN : n == 0;
	printf("%llu bytes, %s\n", total, said ? "ended" : "cut");
	fflush(stdout);
	if (said && count) {
		n = snprintf(buf, sizeof(buf), "%llu\n", total);
		give(&c, buf, n);
	}
	if (said && c.ssl)
		SSL_shutdown(c.ssl);
	else if (said)
		shutdown(c.fd, SHUT_WR);
	exit(0);
}

static int listen_on(const char *where)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_storage ss;
	socklen_t n = sizeof(un);
	const int on = 1;
	struct addr a;
	uint16_t port;
	int fd;

	if (!strncmp(where, "unix:", 5)) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", where + 5);
		memcpy(&ss, &un, sizeof(un));
	} else if (endpoint_parse(where, &a, &port)) {
		n = addr_to_sockaddr(&a, port, &ss);
	} else {
		return -1;
	}
	fd = socket(ss.ss_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&ss, n) || listen(fd, 128) ? -1 : fd;
}

static SSL_CTX *load(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		exit(2);
	return ctx;
}

int main(int argc, char **argv)
{
	bool count = argc > 1 && !strcmp(argv[1], "-c");
	char **rest = argv + 1 + count;
	int left = argc - 1 - count, fd;
	SSL_CTX *ctx = left == 3 ? load(rest[1], rest[2]) : NULL;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = left == 1 || left == 3 ? listen_on(rest[0]) : -1;
	if (fd < 0) {
		fprintf(stderr, "echo: %s\n", left ? strerror(errno) : "want where to listen");
		return 2;
	}
	printf("listening\n");
	for (;;) {
		struct conn c = { accept(fd, NULL, NULL), ctx ? SSL_new(ctx) : NULL };

		if (c.fd < 0)
			return 2;
		if (c.ssl)
			SSL_set_fd(c.ssl, c.fd);
		if (fork() == 0)
			serve(c, count);
		close(c.fd);
		SSL_free(c.ssl);
	}
}
