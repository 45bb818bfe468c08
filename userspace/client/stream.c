// SPDX-License-Identifier: BSD-2-Clause
#include "client/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel/sock.h"
#include "client/client.h"

/* Bytes on their way in one direction: p[from..to). */
struct flow {
	uint8_t p[STREAM_BUFFER];
	size_t from, to;
	bool source_ended, ended; /* no more will come; and that has been passed on */
};

enum outcome_of_move {
	MOVE_IDLE,   /* nothing can be done now */
	MOVE_SOME,   /* something was */
	MOVE_FAILED, /* the stream is over */
};

struct stream {
	struct stream_ends ends;
	stream_done done;
	void *arg;
	struct event *local_in, *local_out, *tls_in, *tls_out, *limit;
	struct flow up, down;	     /* towards TLS; from it */
	bool local_has, tls_has;     /* something to read, perhaps */
	bool local_waits, tls_waits; /* for room to write */
	const char *why;
	char text[WHY_MAX];
};

static enum outcome_of_move broken(struct stream *s, const char *why)
{
	s->why = why;
	return MOVE_FAILED;
}

/* Answers of TLS that are no bytes. */
static enum outcome_of_move tls_says(struct stream *s, int result)
{
	int error = SSL_get_error(s->ends.ssl, result);

	if (error == SSL_ERROR_WANT_READ)
		return MOVE_IDLE;
	if (error == SSL_ERROR_WANT_WRITE) {
		s->tls_waits = true;
		return MOVE_IDLE;
	}
	client_tls_describe(s->ends.ssl, error, ERR_peek_error(), s->text);
	return broken(s, s->text);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static enum outcome_of_move local_says(struct stream *s)
{
	if (would_block())
		return MOVE_IDLE;
	snprintf(s->text, sizeof(s->text), "the local side: %s", strerror(errno));
	return broken(s, s->text);
}

static enum outcome_of_move read_local(struct stream *s)
{
	struct flow *f = &s->up;
	ssize_t n;

	if (!s->local_has || f->source_ended || f->from < f->to)
		return MOVE_IDLE;
	n = read(s->ends.in, f->p, sizeof(f->p));
	/* Less than was asked for is all there is; what comes later is announced. */
	s->local_has = n == sizeof(f->p);
	if (n < 0)
		return local_says(s);
	f->from = 0;
	f->to = n;
	f->source_ended = n == 0;
	return MOVE_SOME;
}

static enum outcome_of_move write_tls(struct stream *s)
{
	struct flow *f = &s->up;
	int n;

	if (f->ended || (f->from == f->to && !f->source_ended))
		return MOVE_IDLE;
	ERR_clear_error();
	if (f->from == f->to) { /* close_notify: one way, the other stays open */
		n = SSL_shutdown(s->ends.ssl);
		if (n < 0)
			return tls_says(s, n);
		f->ended = true;
		return MOVE_SOME;
	}
	n = SSL_write(s->ends.ssl, f->p + f->from, f->to - f->from);
	if (n <= 0)
		return tls_says(s, n);
	f->from += n;
	return MOVE_SOME;
}

static enum outcome_of_move read_tls(struct stream *s)
{
	struct flow *f = &s->down;
	int n;

	if (!s->tls_has || f->source_ended || f->to == sizeof(f->p))
		return MOVE_IDLE;
	ERR_clear_error();
	n = SSL_read(s->ends.ssl, f->p + f->to, sizeof(f->p) - f->to);
	s->tls_has = n > 0; /* TLS keeps bytes of its own, so it is asked to the end */
	if (n <= 0 && SSL_get_error(s->ends.ssl, n) == SSL_ERROR_ZERO_RETURN)
		f->source_ended = true;
	else if (n <= 0)
		return tls_says(s, n);
	else
		f->to += n;
	return MOVE_SOME;
}

static void end_local(struct stream *s)
{
	if (shutdown(s->ends.out, SHUT_WR) && errno == ENOTSOCK && s->ends.out != s->ends.in) {
		close(s->ends.out);
		s->ends.out = -1;
	}
}

static enum outcome_of_move write_local(struct stream *s)
{
	struct flow *f = &s->down;
	ssize_t n;

	if (f->ended || (f->from == f->to && !f->source_ended))
		return MOVE_IDLE;
	if (f->from == f->to) {
		end_local(s);
		f->ended = true;
		return MOVE_SOME;
	}
	n = write(s->ends.out, f->p + f->from, f->to - f->from);
	if (n < 0) {
		s->local_waits = would_block();
		return local_says(s);
	}
	f->from += n;
	if (f->from == f->to)
		f->from = f->to = 0;
	return MOVE_SOME;
}

static void set_event(struct event *e, bool on)
{
	if (!e)
		return;
	if (on)
		event_add(e, NULL);
	else
		event_del(e);
}

/* Reading stops where there is no room, and so does who sends. */
static void set_events(struct stream *s)
{
	set_event(s->local_in, !s->up.source_ended && s->up.from == s->up.to);
	set_event(s->local_out, s->local_waits);
	set_event(s->tls_in, !s->down.source_ended && s->down.to < sizeof(s->down.p));
	set_event(s->tls_out, s->tls_waits);
}

static void finish(struct stream *s, const char *why)
{
	stream_done done = s->done;
	char text[WHY_MAX] = "";
	void *arg = s->arg;

	if (why) {
		snprintf(text, sizeof(text), "%s", why);
		if (s->down.from < s->down.to)
			write_local(s); /* as much as goes */
		/* Who reads the local side has to see that this was no end of the bytes. */
		if (s->ends.in == s->ends.out && s->ends.in >= 0) {
			sock_abort(s->ends.in);
			s->ends.in = s->ends.out = -1;
		}
	}
	stream_close(s);
	done(arg, why ? text : NULL);
}

static bool is_over(const struct stream *s)
{
	return s->up.ended && s->down.ended;
}

/*
 * Round and round until nobody can go on.  What has come from one side is passed to the other
 * before more is read, so that no byte waits for another.
 */
static void pump(struct stream *s)
{
	static enum outcome_of_move (*const moves[])(struct stream *) = { write_tls, read_local,
									  write_tls, write_local,
									  read_tls,  write_local };
	bool moved = true;

	s->local_waits = s->tls_waits = false;
	if (client_now_ms() >= s->ends.until_ms) {
		finish(s, STREAM_OVER);
		return;
	}
	for (int turns = 0; moved && turns < 16; turns++) {
		moved = false;
		for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
			enum outcome_of_move m = moves[i](s);

			if (m == MOVE_FAILED) {
				finish(s, s->why);
				return;
			}
			moved |= m == MOVE_SOME;
		}
	}
	if (is_over(s)) {
		finish(s, NULL);
		return;
	}
	set_events(s);
	if (moved) /* others have their turn first */
		event_active(s->tls_in, EV_READ, 0);
}

static void on_local_in(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	s->local_has = true;
	pump(s);
}

static void on_tls_in(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	s->tls_has = true;
	pump(s);
}

static void on_room(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	s->tls_has = true; /* TLS may have wanted to write before it could read on */
	pump(s);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, STREAM_OVER);
}

static void keep_alive(int fd)
{
	static const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)); /* pipes have none */
}

static bool make_events(struct event_base *base, struct stream *s)
{
	uint64_t now = client_now_ms();
	struct timeval left =
		timeval_of_us((s->ends.until_ms > now ? s->ends.until_ms - now : 0) * 1000);

	s->local_in = event_new(base, s->ends.in, EV_READ | EV_PERSIST, on_local_in, s);
	s->local_out = event_new(base, s->ends.out, EV_WRITE, on_room, s);
	s->tls_in = event_new(base, s->ends.tls_fd, EV_READ | EV_PERSIST, on_tls_in, s);
	s->tls_out = event_new(base, s->ends.tls_fd, EV_WRITE, on_room, s);
	s->limit = evtimer_new(base, on_limit, s);
	return s->local_in && s->local_out && s->tls_in && s->tls_out && s->limit &&
	       !event_add(s->limit, &left) && !event_add(s->local_in, NULL) &&
	       !event_add(s->tls_in, NULL);
}

static void close_ends(const struct stream_ends *e)
{
	SSL_free(e->ssl);
	close(e->tls_fd);
	if (e->in >= 0)
		close(e->in);
	if (e->out >= 0 && e->out != e->in)
		close(e->out);
}

struct stream *stream_start(struct event_base *base, const struct stream_ends *ends,
			    stream_done done, void *arg)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s) {
		close_ends(ends);
		return NULL;
	}
	s->ends = *ends;
	s->done = done;
	s->arg = arg;
	keep_alive(ends->in);
	keep_alive(ends->tls_fd);
	if (!make_events(base, s)) {
		stream_close(s);
		return NULL;
	}
	/* What came before we listened is not announced. */
	event_active(s->tls_in, EV_READ, 0);
	return s;
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	free_event(s->local_in);
	free_event(s->local_out);
	free_event(s->tls_in);
	free_event(s->tls_out);
	free_event(s->limit);
	close_ends(&s->ends);
	ERR_clear_error();
	free(s);
}
