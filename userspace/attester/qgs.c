// SPDX-License-Identifier: BSD-2-Clause
#include "attester/qgs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

enum {
	MAJOR_VERSION = 1,
	MINOR_VERSION = 0, /* every service takes it; 1 came with DCAP 1.14 */
	GET_QUOTE_REQ = 0,
	GET_QUOTE_RESP = 1,
	HEADER_SIZE = 16,
	LENGTH_SIZE = 4,
	ERROR_OUT_OF_MEMORY = 0x12002,
};

static uint8_t *put_number(uint8_t *p, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + n;
}

void qgs_request(const uint8_t report[TDREPORT_SIZE], uint8_t out[QGS_REQUEST_SIZE])
{
	const uint32_t size = QGS_REQUEST_SIZE - LENGTH_SIZE;
	uint8_t *p = out;

	for (int i = 0; i < LENGTH_SIZE; i++)
		*p++ = (uint8_t)(size >> 8 * (LENGTH_SIZE - 1 - i));
	p = put_number(p, MAJOR_VERSION, 2);
	p = put_number(p, MINOR_VERSION, 2);
	p = put_number(p, GET_QUOTE_REQ, 4);
	p = put_number(p, size, 4);
	p = put_number(p, 0, 4); /* error code, of answers */
	p = put_number(p, TDREPORT_SIZE, 4);
	p = put_number(p, 0, 4); /* no list of keys: the service's own */
	memcpy(p, report, TDREPORT_SIZE);
}

struct header {
	uint16_t major, minor;
	uint32_t type, size, error;
};

static bool get_header(struct bytes *in, struct header *h)
{
	return get_le16(in, &h->major) && get_le16(in, &h->minor) && get_le32(in, &h->type) &&
	       get_le32(in, &h->size) && get_le32(in, &h->error);
}

/* Sizes of key and quote, then both, and nothing behind them. */
static bool get_quote(struct bytes in, struct bytes *quote)
{
	uint32_t key_size, quote_size;
	struct bytes key;

	return get_le32(&in, &key_size) && get_le32(&in, &quote_size) && get(&in, key_size, &key) &&
	       get(&in, quote_size, quote) && !in.n && quote_size;
}

int qgs_response(struct bytes in, struct bytes *quote, char why[WHY_MAX])
{
	struct header h = { 0 };
	size_t n = in.n;

	if (!get_header(&in, &h) || h.major != MAJOR_VERSION || h.type != GET_QUOTE_RESP ||
	    h.size != n) {
		snprintf(why, WHY_MAX,
			 "%zu bytes of answer, version %u, type %u, size %u: want a quote's "
			 "answer of version %d",
			 n, h.major, h.type, h.size, MAJOR_VERSION);
		return -EPROTO;
	}
	if (h.error) {
		snprintf(why, WHY_MAX, "the quote generation service answers error 0x%x", h.error);
		return h.error == ERROR_OUT_OF_MEMORY ? -EBUSY : -EIO;
	}
	if (!get_quote(in, quote)) {
		snprintf(why, WHY_MAX, "%zu bytes of answer do not hold the quote they speak of",
			 n);
		return -EPROTO;
	}
	return 0;
}

static int wait_for(int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = until - source_clock_real.now_ms();
	int n;

	n = poll(&p, 1, left > 0 ? left : 0);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int send_all(int fd, struct bytes in, int64_t until)
{
	int err = 0;

	while (!err && in.n) {
		ssize_t n = send(fd, in.p, in.n, MSG_NOSIGNAL);

		if (n > 0)
			in = bytes_of(in.p + n, in.n - n);
		else if (errno == EAGAIN || errno == EINTR)
			err = wait_for(fd, POLLOUT, until);
		else
			err = -errno;
	}
	return err;
}

/* -ENODATA when the other side closes before all n bytes. */
static int receive_all(int fd, uint8_t *p, size_t n, int64_t until)
{
	int err = 0;

	while (!err && n) {
		ssize_t got = recv(fd, p, n, 0);

		if (got > 0) {
			p += got;
			n -= got;
		} else if (!got) {
			err = -ENODATA;
		} else if (errno == EAGAIN || errno == EINTR) {
			err = wait_for(fd, POLLIN, until);
		} else {
			err = -errno;
		}
	}
	return err;
}

static int failed(int err, const char *what, char why[WHY_MAX])
{
	const char *reason = strerror(-err);

	if (err == -ENODATA)
		reason = "the service closed before its answer was whole";
	else if (err == -ETIMEDOUT)
		reason = "the service takes too long";
	snprintf(why, WHY_MAX, "%s: %s", what, reason);
	return err;
}

int qgs_exchange(int fd, const uint8_t report[TDREPORT_SIZE], int64_t patience_ms,
		 struct quote *out, char why[WHY_MAX])
{
	int64_t until = source_clock_real.now_ms() + patience_ms;
	uint8_t request[QGS_REQUEST_SIZE], length[LENGTH_SIZE];
	struct bytes in = bytes_of(length, LENGTH_SIZE);
	uint32_t n = 0;
	int err;

	qgs_request(report, request);
	err = send_all(fd, bytes_of(request, sizeof(request)), until);
	if (err)
		return failed(err, "cannot ask for a quote", why);
	err = receive_all(fd, length, sizeof(length), until);
	if (err)
		return failed(err, "no length of an answer", why);
	if (!get_be32(&in, &n) || n < HEADER_SIZE || n > sizeof(out->buf)) {
		snprintf(why, WHY_MAX, "an answer of %u bytes: want %d to %zu", n, HEADER_SIZE,
			 sizeof(out->buf));
		return -EPROTO;
	}
	err = receive_all(fd, out->buf, n, until);
	if (err)
		return failed(err, "half an answer", why);
	return qgs_response(bytes_of(out->buf, n), &out->report, why);
}

static int finish_connect(int fd)
{
	int err, said = 0;
	socklen_t n = sizeof(said);

	err = wait_for(fd, POLLOUT, source_clock_real.now_ms() + QGS_PATIENCE_MS);
	if (err)
		return err;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &said, &n) ? -errno : -said;
}

int qgs_connect(unsigned int port, char why[WHY_MAX])
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK,
				 .svm_port = port,
				 .svm_cid = VMADDR_CID_HOST };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : 0;

	if (!err && connect(fd, (const struct sockaddr *)&a, sizeof(a)))
		err = errno == EINPROGRESS ? finish_connect(fd) : -errno;
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(why, WHY_MAX, "vsock port %u of the host: %s: want a quote generation service",
		 port, strerror(-err));
	return err;
}
