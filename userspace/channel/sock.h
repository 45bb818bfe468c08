/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP sockets and the time: what the channel asks of the kernel. */
#ifndef SOCK_H
#define SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "base/addr.h"

static inline uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline struct timeval timeval_of_us(uint64_t us)
{
	return (struct timeval){ us / 1000000, us % 1000000 };
}

bool sock_addr_of(const struct sockaddr *sa, struct addr *addr, uint16_t *port);
bool sock_local(int fd, struct addr *addr, uint16_t *port);

/* A non-blocking socket on its way to (or at) the other side, or -errno. */
int sock_connect(const struct addr *addr, uint16_t port);
/* How that ended: 0 or -errno. */
int sock_connected(int fd);
/* The kernel's measure of the connection's own round trip, or 0 when it has none. */
uint64_t sock_connect_us(int fd);
/* Closes at once, leaving nothing behind at either end. */
void sock_abort(int fd);

/* A non-blocking listening socket, or -errno. */
int sock_listen(const struct addr *addr, uint16_t port);
/* For connections that stay: small writes at once, a dead path noticed. */
void sock_tune(int fd);

#endif
