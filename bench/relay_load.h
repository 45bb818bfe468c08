/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bench/relay asks for over one connection, and bench/relay_upstream answers: an order of
 * five numbers and the bytes that it announces, then the answer's chunks.
 */
#ifndef RELAY_LOAD_H
#define RELAY_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOAD_BLOCK = 65536 };

/* On the wire: five big-endian words. */
struct order {
	uint32_t upload;   /* bytes behind the order */
	uint32_t think_us; /* before the answer */
	uint32_t chunks;
	uint32_t bytes;	 /* of each chunk */
	uint32_t gap_us; /* between two chunks */
};

/* One way to the upstream. */
struct arm {
	const char *name, *address, *port;
	SSL_CTX *ctx; /* NULL: plain, to a fairlead-connect */
};

struct link {
	int fd;
	SSL *ssl;
};

double load_now_us(void);
bool link_open(const struct arm *a, struct link *l);
void link_close(struct link *l);
bool link_read(struct link *l, void *p, size_t n);
bool link_write(struct link *l, const void *p, size_t n);

/*
 * Microseconds from the order's first byte to the answer's last one, or -1.  at, where it is not
 * NULL, gets the time of each chunk's end, counted from there.
 */
double link_ask(struct link *l, const struct order *o, double at[]);

#endif
