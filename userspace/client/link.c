// SPDX-License-Identifier: BSD-2-Clause
#include "client/link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel/frame.h"
#include "client/tls.h"

enum {
	READ_BYTES = 16384, /* a TLS record */
};

struct link {
	int fd;
	SSL *ssl;
	struct event *readable, *writable;
	struct evbuffer *in, *out;
	const struct link_ops *ops;
	void *arg;
	size_t message_max;
	bool up;
};

static void on_io(evutil_socket_t fd, short what, void *arg);
static int flush(struct link *l);

static void close_all(int fd, SSL *ssl)
{
	if (ssl)
		SSL_free(ssl);
	close(fd);
}

static void free_parts(struct link *l)
{
	if (l->readable)
		event_free(l->readable);
	if (l->writable)
		event_free(l->writable);
	if (l->in)
		evbuffer_free(l->in);
	if (l->out)
		evbuffer_free(l->out);
	free(l);
}

struct link *link_new(struct event_base *base, int fd, SSL *ssl, const struct link_ops *ops,
		      void *arg)
{
	struct link *l = ssl ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		close_all(fd, ssl);
		return NULL;
	}
	*l = (struct link){ .fd = fd, .ssl = ssl, .ops = ops, .arg = arg };
	l->message_max = FRAME_SMALL_MAX;
	l->in = evbuffer_new();
	l->out = evbuffer_new();
	l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_io, l);
	l->writable = event_new(base, fd, EV_WRITE, on_io, l);
	if (!l->in || !l->out || !l->readable || !l->writable || event_add(l->readable, NULL) ||
	    event_add(l->writable, NULL)) {
		link_close(l);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return l;
}

void link_close(struct link *l)
{
	int fd;

	if (!l)
		return;
	/* close_notify, as far as it goes: nobody waits for it. */
	if (l->up) {
		flush(l);
		SSL_shutdown(l->ssl);
	}
	fd = l->fd;
	close_all(fd, l->ssl);
	free_parts(l);
	ERR_clear_error();
}

void link_set(struct link *l, const struct link_ops *ops, void *arg)
{
	l->ops = ops;
	l->arg = arg;
}

SSL *link_ssl(const struct link *l)
{
	return l->ssl;
}

void link_expect_evidence(struct link *l, bool expected)
{
	l->message_max = expected ? FRAME_MAX : FRAME_SMALL_MAX;
}

/* Says how a call into TLS failed.  False: the link has ended. */
static bool failed(struct link *l, int result)
{
	int error = SSL_get_error(l->ssl, result);
	unsigned long err = ERR_peek_error();
	char why[WHY_MAX];
	bool breach;

	if (error == SSL_ERROR_WANT_READ)
		return true;
	if (error == SSL_ERROR_WANT_WRITE) {
		event_add(l->writable, NULL);
		return true;
	}
	breach = client_tls_describe(l->ssl, error, err, why);
	l->ops->over(l->arg, breach, why);
	return false;
}

/* Above 0 when all of it is out; otherwise what SSL_write() answered. */
static int flush(struct link *l)
{
	while (evbuffer_get_length(l->out)) {
		size_t n = evbuffer_get_contiguous_space(l->out);
		int done;

		ERR_clear_error();
		done = SSL_write(l->ssl, evbuffer_pullup(l->out, n), n);
		if (done <= 0)
			return done;
		evbuffer_drain(l->out, done);
	}
	return 1;
}

static bool write_out(struct link *l)
{
	int n = flush(l);

	return n > 0 || failed(l, n);
}

/* The messages that are whole.  False: the link has ended. */
static bool handle(struct link *l)
{
	enum frame f;
	struct bytes raw;

	while ((f = frame_next(l->in, l->message_max, &raw)) == FRAME_READY) {
		if (!l->ops->message(l->arg, raw))
			return false;
		frame_drop(l->in, raw);
	}
	if (f == FRAME_MORE)
		return true;
	l->ops->over(l->arg, true,
		     f == FRAME_EMPTY ? "a message of no length"
				      : "a message longer than may come now");
	return false;
}

static void read_in(struct link *l)
{
	uint8_t buf[READ_BYTES];
	int n;

	for (;;) {
		ERR_clear_error();
		n = SSL_read(l->ssl, buf, sizeof(buf));
		if (n <= 0) {
			failed(l, n);
			return;
		}
		if (evbuffer_add(l->in, buf, n)) {
			l->ops->over(l->arg, false, "no memory for its message");
			return;
		}
		if (!handle(l))
			return;
	}
}

/* False: not through yet, or ended. */
static bool shake_hands(struct link *l)
{
	int n;

	ERR_clear_error();
	n = SSL_connect(l->ssl);
	if (n != 1) {
		failed(l, n);
		return false;
	}
	l->up = true;
	return l->ops->up(l->arg);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	if (!l->up && !shake_hands(l))
		return;
	if (write_out(l))
		read_in(l);
}

int link_send(struct link *l, struct bytes message)
{
	int err = frame_put(l->out, message);

	if (!err)
		event_active(l->writable, EV_WRITE, 0);
	return err;
}

bool link_is_quiet(struct link *l)
{
	uint8_t byte;
	int n;

	if (!l->up || evbuffer_get_length(l->in))
		return false;
	ERR_clear_error();
	n = SSL_peek(l->ssl, &byte, 1);
	n = n > 0 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, n);
	ERR_clear_error();
	return n == SSL_ERROR_WANT_READ;
}

SSL *link_take(struct link *l, int *fd)
{
	SSL *ssl = l->ssl;

	if (flush(l) <= 0 || evbuffer_get_length(l->in))
		return NULL;
	*fd = l->fd;
	free_parts(l);
	return ssl;
}
