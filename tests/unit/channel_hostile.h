/* SPDX-License-Identifier: BSD-2-Clause */
/* A TLS peer that says what it is told to say, at either end, with blocking calls and time limits.
 */
#ifndef CHANNEL_HOSTILE_H
#define CHANNEL_HOSTILE_H

#include "channel_kit.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { HOSTILE_WAIT_S = 12 };

struct hostile {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	char text[KIT_MESSAGE_MAX];
	size_t n;
	unsigned int tickets; /* NewSessionTickets that came */
	SSL_SESSION *session; /* the latest one */
};

/* How it differs from who behaves. */
struct manners {
	const struct identity *id; /* NULL: shows no certificate */
	bool no_alpn, other_alpn, tls12, tickets;
	SSL_SESSION *resume;
	const char *early; /* sent as early data */
};

static inline int hostile_keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct hostile *h = SSL_get_app_data(ssl);

	h->tickets++;
	SSL_SESSION_free(h->session);
	h->session = session;
	return 1;
}

static inline int hostile_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
				      const unsigned char *in, unsigned int in_n, void *arg)
{
	(void)ssl;
	(void)arg;
	*out = in + 1;
	*n = in[0];
	return in_n ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static inline int hostile_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static inline void hostile_context(struct hostile *h, const struct manners *m, bool server)
{
	int top = m->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;

	h->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	assert_non_null(h->ctx);
	SSL_CTX_set_max_proto_version(h->ctx, top);
	SSL_CTX_set_verify(h->ctx, SSL_VERIFY_PEER, hostile_any);
	if (m->id) {
		assert_int_equal(
			SSL_CTX_use_certificate_file(h->ctx, m->id->certificate, SSL_FILETYPE_PEM),
			1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(h->ctx, m->id->key, SSL_FILETYPE_PEM),
				 1);
	}
	SSL_CTX_set_session_cache_mode(h->ctx, SSL_SESS_CACHE_BOTH);
	SSL_CTX_set_session_id_context(h->ctx, (const unsigned char *)"h", 1);
	if (server) {
		SSL_CTX_set_num_tickets(h->ctx, m->tickets ? 2 : 0);
		if (!m->no_alpn)
			SSL_CTX_set_alpn_select_cb(h->ctx, hostile_select_alpn, NULL);
		return;
	}
	SSL_CTX_sess_set_new_cb(h->ctx, hostile_keep_session);
	if (!m->no_alpn)
		assert_int_equal(SSL_CTX_set_alpn_protos(
					 h->ctx,
					 (const unsigned char *)(m->other_alpn ? "\x08http/1.1"
									       : "\x0a"
										 "fairlead/1"),
					 m->other_alpn ? 9 : 11),
				 0);
}

static inline void hostile_free(struct hostile *h)
{
	if (!h)
		return;
	SSL_free(h->ssl);
	SSL_SESSION_free(h->session);
	SSL_CTX_free(h->ctx);
	if (h->fd >= 0)
		close(h->fd);
	ERR_clear_error();
	free(h);
}

static inline struct hostile *hostile_new(int fd)
{
	struct timeval limit = { HOSTILE_WAIT_S, 0 };
	struct hostile *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	assert_true(fd >= 0);
	h->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return h;
}

static inline int hostile_tcp(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static const int little = 65536; /* so that what is left unread is soon too much */

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Dials an agent; ssl is NULL when our side already saw the handshake fail. */
static inline struct hostile *hostile_dial(uint16_t port, const struct manners *m)
{
	struct hostile *h = hostile_new(hostile_tcp(port));
	size_t written;

	hostile_context(h, m, false);
	h->ssl = SSL_new(h->ctx);
	SSL_set_app_data(h->ssl, h);
	SSL_set_fd(h->ssl, h->fd);
	if (m->resume)
		assert_int_equal(SSL_set_session(h->ssl, m->resume), 1);
	if (m->early)
		SSL_write_early_data(h->ssl, m->early, strlen(m->early), &written);
	if (SSL_connect(h->ssl) != 1) {
		SSL_free(h->ssl);
		h->ssl = NULL;
	}
	return h;
}

/* The next connection, as a server; ssl is NULL when the handshake failed. */
static inline struct hostile *hostile_answer(int listening, const struct manners *m)
{
	struct pollfd p = { .fd = listening, .events = POLLIN };
	struct hostile *h;

	assert_int_equal(poll(&p, 1, KIT_WAIT_MS), 1);
	h = hostile_new(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
	hostile_context(h, m, true);
	h->ssl = SSL_new(h->ctx);
	SSL_set_app_data(h->ssl, h);
	SSL_set_fd(h->ssl, h->fd);
	if (SSL_accept(h->ssl) != 1) {
		SSL_free(h->ssl);
		h->ssl = NULL;
	}
	return h;
}

/* The next that is no latency probe. */
static inline struct hostile *hostile_accept(int listening, const struct manners *m)
{
	struct hostile *h = hostile_answer(listening, m);

	for (int tries = 0; !h->ssl && tries < 20; tries++) {
		hostile_free(h);
		h = hostile_answer(listening, m);
	}
	return h;
}

static inline bool hostile_write(struct hostile *h, const void *p, size_t n)
{
	return SSL_write(h->ssl, p, n) == (int)n;
}

static inline bool hostile_say_bytes(struct hostile *h, const void *p, size_t n)
{
	uint8_t *out = malloc(n + 4);
	bool ok;

	out[0] = n >> 24;
	out[1] = n >> 16;
	out[2] = n >> 8;
	out[3] = n;
	memcpy(out + 4, p, n);
	ok = hostile_write(h, out, n + 4);
	free(out);
	return ok;
}

static inline bool hostile_say(struct hostile *h, const char *text)
{
	return hostile_say_bytes(h, text, strlen(text));
}

static inline bool hostile_read(struct hostile *h, void *out, size_t n)
{
	for (size_t at = 0; at < n;) {
		int got = SSL_read(h->ssl, (char *)out + at, n - at);

		if (got <= 0)
			return false;
		at += got;
	}
	return true;
}

/* The next message into h->text, or false when there is no more. */
static inline bool hostile_hears(struct hostile *h)
{
	uint8_t l[4];

	if (!h->ssl || !hostile_read(h, l, 4))
		return false;
	h->n = (size_t)l[0] << 24 | l[1] << 16 | l[2] << 8 | l[3];
	assert_true(h->n < sizeof(h->text));
	if (!hostile_read(h, h->text, h->n))
		return false;
	h->text[h->n] = 0;
	return true;
}

/* Whether the next message of this type comes; h->text is it. */
static inline bool hostile_hears_type(struct hostile *h, const char *type)
{
	char begin[64];

	snprintf(begin, sizeof(begin), "{\"type\":\"%s\"", type);
	while (hostile_hears(h))
		if (!strncmp(h->text, begin, strlen(begin)))
			return true;
	return false;
}

/* Whether the other side hangs up, whatever it says before. */
static inline bool hostile_sees_end(struct hostile *h)
{
	if (!h->ssl)
		return true;
	errno = 0;
	while (hostile_hears(h))
		;
	return errno != EAGAIN && errno != EWOULDBLOCK;
}

#define HELLO_OF(role)                                                                         \
	"{\"type\":\"HELLO\",\"v\":1,\"role\":\"" role "\",\"tee\":[\"snp\"],\"agent\":\"x\"," \
	"\"boot_id\":\"x\"}"

static inline bool hostile_greets(struct hostile *h, const char *hello)
{
	return h && h->ssl && hostile_say(h, hello) && hostile_hears_type(h, "HELLO");
}

#endif
