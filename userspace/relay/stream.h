/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes from one end to the other as they are: each piece is written on when it has been
 * read, what cannot be written yet waits in a window of fixed size, and while that is
 * full nothing more is read.  Whoever has ended is said to have ended, and no more.
 */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An end is announced by edge-triggered events, so it is tried until it would block. */
struct end {
	int fd;
	SSL *ssl;		       /* NULL: plaintext, within this guest */
	short ready;		       /* EV_READ, EV_WRITE: announced, and not known to block */
	short read_needs, write_needs; /* which of them: TLS may have to write to read on */
	unsigned int asides;	       /* messages of TLS's own that have come */
};

struct window {
	uint8_t *buf;
	size_t size, at, n;
	bool ended;	 /* nothing follows what is here, and its source has said so */
	bool cut;	 /* nothing follows, and it has not said so: the connection broke */
	bool told;	 /* the other side has been told of the end */
	uint64_t passed; /* bytes handed on */
};

enum moved {
	MOVED_ALL,    /* until one of the ends would block */
	MOVED_ENOUGH, /* others want their turn */
	MOVED_FAILED, /* the receiving end takes nothing any more */
};

void end_open(struct end *e, int fd, SSL *ssl); /* e stays where it is until end_close() */
/* SSL_free() and close(); what is open is open no more. */
void end_close(struct end *e);
/* Before end_close() of one that has not been told of an end: without TLS, FIN would tell it. */
void end_break(struct end *e);

/* Reads what is there, up to the window's room; false when it would block or has come to its end.
 */
bool window_fill(struct window *w, struct end *from);
/* Writes what it can; false when to has failed. */
bool window_drain(struct window *w, struct end *to);
/* Room for size bytes in all; false without memory. */
bool window_resize(struct window *w, size_t size);

enum moved stream_move(struct window *w, struct end *from, struct end *to);

#endif
