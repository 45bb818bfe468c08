// SPDX-License-Identifier: BSD-2-Clause
#include "attacks/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct addrinfo *resolve(const char *address, const char *port, int flags)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | flags,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;

	errno = EINVAL;
	return getaddrinfo(address, port, &hints, &found) ? NULL : found;
}

int stream_listen(const char *address, const char *port)
{
	struct addrinfo *a = resolve(address, port, AI_PASSIVE);
	int s = a ? socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (s >= 0) {
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
		if (bind(s, a->ai_addr, a->ai_addrlen) || listen(s, 512)) {
			close(s);
			s = -1;
		}
	}
	if (a)
		freeaddrinfo(a);
	return s;
}

_Noreturn void stream_serve(int listener, void (*serve)(int fd, void *arg), void *arg)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (!fork()) {
			close(listener);
			serve(fd, arg);
			_exit(0);
		}
		close(fd);
	}
}

void stream_wait(int fd, int wait_ms)
{
	struct timeval t = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

int stream_dial(const char *address, const char *port, int wait_ms)
{
	struct addrinfo *a = resolve(address, port, 0);
	int s = a ? socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (s >= 0) {
		stream_wait(s, wait_ms);
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		if (connect(s, a->ai_addr, a->ai_addrlen)) {
			close(s);
			s = -1;
		}
	}
	if (a)
		freeaddrinfo(a);
	return s;
}

static bool begin(struct stream *s, int fd, SSL_CTX *ctx)
{
	*s = (struct stream){ .fd = fd };
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (!ctx)
		return true;
	s->ssl = SSL_new(ctx);
	return s->ssl && SSL_set_fd(s->ssl, fd) == 1;
}

bool stream_accept(struct stream *s, int fd, SSL_CTX *ctx)
{
	if (begin(s, fd, ctx) && (!ctx || SSL_accept(s->ssl) == 1))
		return true;
	stream_close(s);
	return false;
}

bool stream_connect(struct stream *s, int fd, SSL_CTX *ctx, const char *name)
{
	bool ok = begin(s, fd, ctx);

	if (ok && ctx && name)
		ok = SSL_set_tlsext_host_name(s->ssl, name) == 1 &&
		     SSL_set1_host(s->ssl, name) == 1;
	if (ok && (!ctx || SSL_connect(s->ssl) == 1))
		return true;
	stream_close(s);
	return false;
}

void stream_close(struct stream *s)
{
	if (s->ssl) {
		SSL_shutdown(s->ssl);
		SSL_free(s->ssl);
	}
	if (s->fd >= 0)
		close(s->fd);
	s->ssl = NULL;
	s->fd = -1;
}

static ssize_t read_some(struct stream *s, void *p, size_t n)
{
	ssize_t got;

	if (!s->ssl) {
		do
			got = recv(s->fd, p, n, 0);
		while (got < 0 && errno == EINTR);
		return got;
	}
	got = SSL_read(s->ssl, p, n);
	if (got > 0)
		return got;
	return SSL_get_error(s->ssl, got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t stream_read(struct stream *s, void *p, size_t n)
{
	if (s->begin == s->end) {
		ssize_t got;

		if (n >= sizeof(s->buf))
			return read_some(s, p, n);
		got = read_some(s, s->buf, sizeof(s->buf));
		if (got <= 0)
			return got;
		s->begin = 0;
		s->end = got;
	}
	if (n > s->end - s->begin)
		n = s->end - s->begin;
	memcpy(p, s->buf + s->begin, n);
	s->begin += n;
	return n;
}

bool stream_exact(struct stream *s, void *p, size_t n)
{
	while (n) {
		ssize_t got = stream_read(s, p, n);

		if (got <= 0)
			return false;
		p = (uint8_t *)p + got;
		n -= got;
	}
	return true;
}

size_t stream_line(struct stream *s, char *line, size_t size)
{
	for (size_t n = 0; n + 1 < size;) {
		if (!stream_exact(s, line + n, 1))
			return 0;
		if (line[n++] == '\n') {
			line[n] = 0;
			return n;
		}
	}
	return 0;
}

bool stream_write(struct stream *s, const void *p, size_t n)
{
	while (n) {
		ssize_t sent;

		if (s->ssl)
			sent = SSL_write(s->ssl, p, n);
		else
			sent = send(s->fd, p, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		p = (const uint8_t *)p + sent;
		n -= sent;
	}
	return true;
}

/* arg: the one protocol that we speak, as ALPN has it on the wire. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	const unsigned char *ours = arg;

	(void)ssl;
	if (SSL_select_next_proto((unsigned char **)out, out_len, ours, ours[0] + 1u, in, in_len) ==
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1) {
		ERR_print_errors_fp(stderr);
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_num_tickets(ctx, 0);
	return ctx;
}

SSL_CTX *stream_server(const char *certificate, const char *key, const char *alpn)
{
	static unsigned char protocol[256];
	SSL_CTX *ctx = context(TLS_server_method());

	if (!ctx)
		return NULL;
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (alpn && strlen(alpn) < sizeof(protocol)) {
		protocol[0] = strlen(alpn);
		memcpy(protocol + 1, alpn, protocol[0]);
		SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, protocol);
	}
	return ctx;
}

SSL_CTX *stream_client(const char *ca)
{
	SSL_CTX *ctx = context(TLS_client_method());

	if (ctx && ca) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1) {
			ERR_print_errors_fp(stderr);
			SSL_CTX_free(ctx);
			return NULL;
		}
	}
	return ctx;
}
