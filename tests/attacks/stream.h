/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A blocking connection, plain or TLS, as the programs of tests/attacks and the
 * relay's bench have it: buffered reads, whole writes, and a limit on every wait.
 */
#ifndef STREAM_H
#define STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STREAM_BUFFER = 32768 };

struct stream {
	int fd;	  /* -1: none */
	SSL *ssl; /* NULL: plain */
	size_t begin, end;
	uint8_t buf[STREAM_BUFFER];
};

/* An address as it is written, and a port: listens or dials; a descriptor, or -1 and errno. */
int stream_listen(const char *address, const char *port);
int stream_dial(const char *address, const char *port, int wait_ms);
/* For ever: each connection is served in a process of its own, which ends with it. */
_Noreturn void stream_serve(int listener, void (*serve)(int fd, void *arg), void *arg);
void stream_wait(int fd, int wait_ms); /* how long a read or write may take from now on */

/* Takes fd over; ctx NULL: plain.  False when TLS does not come about. */
bool stream_accept(struct stream *s, int fd, SSL_CTX *ctx);
bool stream_connect(struct stream *s, int fd, SSL_CTX *ctx, const char *name);
void stream_close(struct stream *s);

/* Like read(2): 0 at the end, -1 on failure. */
ssize_t stream_read(struct stream *s, void *p, size_t n);
bool stream_exact(struct stream *s, void *p, size_t n);
/* One line with its line feed, NUL-terminated; its length, or 0. */
size_t stream_line(struct stream *s, char *line, size_t size);
bool stream_write(struct stream *s, const void *p, size_t n);

/* TLS 1.3 and no tickets; NULL with OpenSSL's reason on stderr. */
SSL_CTX *stream_server(const char *certificate, const char *key, const char *alpn);
SSL_CTX *stream_client(const char *ca); /* NULL: believes anybody */

#endif
