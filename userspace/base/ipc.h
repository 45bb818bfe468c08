/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between our own processes, over SOCK_SEQPACKET: one message a packet,
 * a type, an object's id, then fields.  The receiver trusts nothing: every field
 * is read through a window, and a message of the wrong shape is the sender's
 * death, never the receiver's.
 */
#ifndef IPC_H
#define IPC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

enum {
	/* Fits one evidence message of fairlead/1 (256 KiB) decoded, with its framing. */
	IPC_MAX = 262144,
};

struct ipc_message {
	uint32_t type;
	uint32_t id;
	struct bytes body; /* points into the caller's buffer */
};

/* A message being written.  An overflow is remembered and makes ipc_send() fail with -EMSGSIZE. */
struct ipc_writer {
	uint8_t *buf;
	size_t size, n;
	bool overflow;
};

/* Two ends of a new pair with room for IPC_MAX; both CLOEXEC and non-blocking.  0 or -errno. */
int ipc_pair(int fds[2]);

/* Begins a message in buf[size]; the put functions append to it. */
struct ipc_writer ipc_begin(uint8_t *buf, size_t size, uint32_t type, uint32_t id);
void ipc_put_u8(struct ipc_writer *w, uint8_t v);
void ipc_put_u32(struct ipc_writer *w, uint32_t v);
void ipc_put_u64(struct ipc_writer *w, uint64_t v);
void ipc_put_blob(struct ipc_writer *w, struct bytes b); /* length, then bytes */
void ipc_put_string(struct ipc_writer *w, const char *s);

/* 0, or -errno: -EAGAIN when the other side does not read, -EMSGSIZE, -EPIPE. */
int ipc_send(int fd, const struct ipc_writer *w);

/*
 * The next message into buf[size].  1 and *m, 0 when the other side has closed, or -errno:
 * -EAGAIN when there is none, -EPROTO when it is no message.
 */
int ipc_receive(int fd, uint8_t *buf, size_t size, struct ipc_message *m);

/* The reading side of the put functions; false when the body holds less. */
bool ipc_get_u32(struct bytes *in, uint32_t *out);
bool ipc_get_u64(struct bytes *in, uint64_t *out);
bool ipc_get_blob(struct bytes *in, struct bytes *out);
/* Copies a string into out[size], always ended; false when too long or with a NUL inside. */
bool ipc_get_string(struct bytes *in, char *out, size_t size);

#endif
