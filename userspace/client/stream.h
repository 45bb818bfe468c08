/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes both ways between a local pair of descriptors and a released TLS session: verbatim, at
 * once, with one buffer each way, so that who does not read is not read for.  Either direction
 * may end before the other.
 */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include <event2/event.h>
#include <openssl/types.h>
#include <stdint.h>

enum {
	STREAM_BUFFER = 32768, /* each way: two records of TLS */
};

/* What passes between. */
struct stream_ends {
	int in, out; /* the local side; one descriptor twice, or two */
	int tls_fd;
	SSL *ssl;
	uint64_t until_ms; /* of client_now_ms(): then it ends, whoever still speaks */
};

/* What done() is told then. */
#define STREAM_OVER "its evidence is over"

struct stream;

/* The last call; why is NULL when both directions came to their end. */
typedef void (*stream_done)(void *arg, const char *why);

/* Takes over all descriptors and ssl, also without memory: then NULL. */
struct stream *stream_start(struct event_base *base, const struct stream_ends *ends,
			    stream_done done, void *arg);
/* At once; done() is not called.  Takes NULL. */
void stream_close(struct stream *s);

#endif
