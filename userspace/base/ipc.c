// SPDX-License-Identifier: BSD-2-Clause
#include "base/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEADER = 8,	       /* type and id */
	SOCKET_BYTES = 425984, /* of a buffer: the kernel's own overhead comes on top of IPC_MAX */
};

int ipc_pair(int fds[2])
{
	int size = SOCKET_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		return -errno;
	/* FORCE needs CAP_NET_ADMIN; without it the default limit still gives 416 KiB. */
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

static void put(struct ipc_writer *w, const void *p, size_t n)
{
	if (w->overflow || w->size - w->n < n) {
		w->overflow = true;
		return;
	}
	if (n)
		memcpy(w->buf + w->n, p, n);
	w->n += n;
}

struct ipc_writer ipc_begin(uint8_t *buf, size_t size, uint32_t type, uint32_t id)
{
	struct ipc_writer w = { .buf = buf, .size = size };

	ipc_put_u32(&w, type);
	ipc_put_u32(&w, id);
	return w;
}

void ipc_put_u8(struct ipc_writer *w, uint8_t v)
{
	put(w, &v, sizeof(v));
}

/* Host order of both ends is the same machine's. */
void ipc_put_u32(struct ipc_writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

void ipc_put_u64(struct ipc_writer *w, uint64_t v)
{
	put(w, &v, sizeof(v));
}

void ipc_put_blob(struct ipc_writer *w, struct bytes b)
{
	if (b.n > IPC_MAX) {
		w->overflow = true;
		return;
	}
	ipc_put_u32(w, b.n);
	put(w, b.p, b.n);
}

void ipc_put_string(struct ipc_writer *w, const char *s)
{
	ipc_put_blob(w, bytes_of(s, strlen(s)));
}

int ipc_send(int fd, const struct ipc_writer *w)
{
	ssize_t n;

	if (w->overflow || w->n > IPC_MAX)
		return -EMSGSIZE;
	do
		n = send(fd, w->buf, w->n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int ipc_receive(int fd, uint8_t *buf, size_t size, struct ipc_message *m)
{
	struct iovec iov = { buf, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct bytes in;
	ssize_t n;

	do
		n = recvmsg(fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	in = bytes_of(buf, n);
	if (msg.msg_flags & MSG_TRUNC || !ipc_get_u32(&in, &m->type) || !ipc_get_u32(&in, &m->id))
		return -EPROTO;
	_Static_assert(HEADER == sizeof(m->type) + sizeof(m->id), "what was just read");
	m->body = in;
	return 1;
}

static bool get_copy(struct bytes *in, void *out, size_t n)
{
	struct bytes b;

	if (!get(in, n, &b))
		return false;
	memcpy(out, b.p, n);
	return true;
}

bool ipc_get_u32(struct bytes *in, uint32_t *out)
{
	return get_copy(in, out, sizeof(*out));
}

bool ipc_get_u64(struct bytes *in, uint64_t *out)
{
	return get_copy(in, out, sizeof(*out));
}

bool ipc_get_blob(struct bytes *in, struct bytes *out)
{
	struct bytes rest = *in;
	uint32_t n;

	if (!ipc_get_u32(&rest, &n) || !get(&rest, n, out))
		return false;
	*in = rest;
	return true;
}

bool ipc_get_string(struct bytes *in, char *out, size_t size)
{
	struct bytes rest = *in, b;

	if (!ipc_get_blob(&rest, &b) || b.n >= size || (b.n && memchr(b.p, 0, b.n)))
		return false;
	if (b.n)
		memcpy(out, b.p, b.n);
	out[b.n] = 0;
	*in = rest;
	return true;
}
