// SPDX-License-Identifier: BSD-2-Clause
#include "channel/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKLOG = 128,
	SEND_BYTES = 262144,   /* one EVIDENCE; more would only pile up for who does not read */
	UNANSWERED_MS = 30000, /* after so long without an ACK the path is dead */
};

bool sock_addr_of(const struct sockaddr *sa, struct addr *addr, uint16_t *port)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;

	switch (sa->sa_family) {
	case AF_INET:
		*addr = (struct addr){ .w = { 0, 0, htonl(0xffff), v4->sin_addr.s_addr } };
		*port = ntohs(v4->sin_port);
		return true;
	case AF_INET6:
		memcpy(addr->w, &v6->sin6_addr, sizeof(addr->w));
		*port = ntohs(v6->sin6_port);
		return true;
	}
	return false;
}

bool sock_local(int fd, struct addr *addr, uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
	       sock_addr_of((struct sockaddr *)&ss, addr, port);
}

int sock_connect(const struct addr *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(addr, port, &ss);
	int err, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&ss, n) && errno != EINPROGRESS) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* On one host a connect to a free port of the ephemeral range can end up at itself. */
static bool is_itself(int fd)
{
	struct sockaddr_storage ss;
	struct addr local, peer;
	uint16_t local_port, peer_port;
	socklen_t n = sizeof(ss);

	return sock_local(fd, &local, &local_port) &&
	       getpeername(fd, (struct sockaddr *)&ss, &n) == 0 &&
	       sock_addr_of((struct sockaddr *)&ss, &peer, &peer_port) && local_port == peer_port &&
	       addr_equal(&local, &peer);
}

int sock_connected(int fd)
{
	socklen_t n = sizeof(int);
	int err;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n))
		return -errno;
	if (!err && is_itself(fd))
		return -ECONNREFUSED;
	return -err;
}

uint64_t sock_connect_us(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) || info.tcpi_total_retrans)
		return 0;
	return info.tcpi_rtt;
}

void sock_abort(int fd)
{
	static const struct linger at_once = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

int sock_listen(const struct addr *addr, uint16_t port)
{
	static const int on = 1;
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(addr, port, &ss);
	int err, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&ss, n) || listen(fd, BACKLOG)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

void sock_tune(int fd)
{
	static const int on = 1, unanswered = UNANSWERED_MS, bytes = SEND_BYTES;

	/* None is needed to be right: what they fail at, heartbeats find out later. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered, sizeof(unanswered));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}
