// SPDX-License-Identifier: BSD-2-Clause
#include "relay/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TURNS_MAX = 16,	 /* pieces, of at most one TLS record each, before others get theirs */
	ASIDES_MAX = 64, /* a handshake, tickets, and more new keys than anybody has use for */
};

/* Handshake messages may come at any time, cost work, and move nothing. */
static void count_aside(int sent, int version, int type, const void *buf, size_t n, SSL *ssl,
			void *end)
{
	(void)version, (void)buf, (void)n, (void)ssl;
	((struct end *)end)->asides += !sent && type == SSL3_RT_HANDSHAKE;
}

void end_open(struct end *e, int fd, SSL *ssl)
{
	*e = (struct end){ fd, ssl, EV_READ | EV_WRITE, EV_READ, EV_WRITE, 0 };
	if (!ssl)
		return;
	SSL_set_msg_callback(ssl, count_aside);
	SSL_set_msg_callback_arg(ssl, e);
}

void end_break(struct end *e)
{
	static const struct linger at_once = { 1, 0 };

	if (!e->ssl && e->fd >= 0)
		setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void end_close(struct end *e)
{
	SSL_free(e->ssl);
	if (e->fd >= 0)
		close(e->fd);
	end_open(e, -1, NULL);
}

/* What a call that moved nothing waits for; false: for nothing, it is over. */
static bool waits(struct end *e, short *needs, int result)
{
	int err = e->ssl	      ? SSL_get_error(e->ssl, result)
		  : errno != EAGAIN   ? SSL_ERROR_SYSCALL
		  : *needs == EV_READ ? SSL_ERROR_WANT_READ
				      : SSL_ERROR_WANT_WRITE;

	if (err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE)
		return false;
	*needs = err == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE;
	e->ready &= ~*needs;
	return true;
}

static bool can_fill(const struct window *w, const struct end *from)
{
	return !w->ended && !w->cut && w->n < w->size && from->ready & from->read_needs;
}

static bool can_drain(const struct window *w, const struct end *to)
{
	return w->n && to->ready & to->write_needs;
}

/*
 * The library comes back when it has only worked (it has no SSL_MODE_AUTO_RETRY): who sends new
 * keys without end would keep it, and everybody, for ever.
 */
static int read_tls(struct end *from, uint8_t *p, size_t size, size_t *got)
{
	unsigned int before;
	int r;

	do {
		before = from->asides;
		ERR_clear_error();
		r = SSL_read_ex(from->ssl, p, size, got);
	} while (r != 1 && from->asides != before && from->asides <= ASIDES_MAX &&
		 SSL_get_error(from->ssl, r) == SSL_ERROR_WANT_READ);
	return r;
}

bool window_fill(struct window *w, struct end *from)
{
	size_t tail, got = 0;
	int r;

	if (!can_fill(w, from))
		return false;
	if (w->at + w->n == w->size || !w->n) {
		memmove(w->buf, w->buf + w->at, w->n);
		w->at = 0;
	}
	tail = w->at + w->n;
	if (from->ssl) {
		r = read_tls(from, w->buf + tail, w->size - tail, &got);
	} else {
		ssize_t n = recv(from->fd, w->buf + tail, w->size - tail, 0);

		r = n > 0;
		got = r ? n : 0;
		w->ended = n == 0;
	}
	if (r == 1)
		from->read_needs = EV_READ;
	else if (from->ssl && SSL_get_error(from->ssl, r) == SSL_ERROR_ZERO_RETURN)
		w->ended = true;
	else if (!w->ended && !waits(from, &from->read_needs, r))
		w->cut = true;
	if (from->asides > ASIDES_MAX)
		w->cut = true;
	w->n += got;
	return got;
}

bool window_drain(struct window *w, struct end *to)
{
	while (can_drain(w, to)) {
		size_t gone = 0;
		int r;

		ERR_clear_error();
		if (to->ssl) {
			r = SSL_write_ex(to->ssl, w->buf + w->at, w->n, &gone);
		} else {
			ssize_t n = send(to->fd, w->buf + w->at, w->n, MSG_NOSIGNAL);

			r = n > 0;
			gone = r ? n : 0;
		}
		if (r != 1)
			return waits(to, &to->write_needs, r);
		to->write_needs = EV_WRITE;
		w->at += gone;
		w->n -= gone;
		w->passed += gone;
	}
	return true;
}

bool window_resize(struct window *w, size_t size)
{
	uint8_t *buf = w->n <= size ? malloc(size) : NULL;

	if (!buf)
		return false;
	if (w->n)
		memcpy(buf, w->buf + w->at, w->n);
	free(w->buf);
	w->buf = buf;
	w->size = size;
	w->at = 0;
	return true;
}

/* close_notify, or FIN where there is no TLS: the other direction goes on. */
static bool tell_end(struct window *w, struct end *to)
{
	int r;

	if (!(to->ready & to->write_needs))
		return true;
	ERR_clear_error();
	r = to->ssl ? SSL_shutdown(to->ssl) : shutdown(to->fd, SHUT_WR);
	if (r < 0 && (!to->ssl || !waits(to, &to->write_needs, r)))
		return false;
	w->told = r >= 0;
	return true;
}

enum moved stream_move(struct window *w, struct end *from, struct end *to)
{
	for (int i = 0; can_fill(w, from) || can_drain(w, to); i++) {
		if (i == TURNS_MAX)
			return MOVED_ENOUGH;
		window_fill(w, from);
		if (!window_drain(w, to))
			return MOVED_FAILED;
	}
	if (w->ended && !w->n && !w->told && !tell_end(w, to))
		return MOVED_FAILED;
	return MOVED_ALL;
}
