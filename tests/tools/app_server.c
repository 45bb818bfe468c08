// SPDX-License-Identifier: BSD-2-Clause
/*
 * app_server LISTEN GUEST CERT KEY MODE [TO]
 *
 * A server of fairlead-app/1 that behaves as MODE says, with evidence of the lab's guest in
 * GUEST.  After RESULT it passes bytes to and from TO, an address and port, or without one
 * sends back what it gets.  Prints its address, then a line about what each session came to:
 * every byte of the application's that came before RESULT would be in it.
 *
 *   ok           as docs/protocol.md has it
 *   busy         is busy at first
 *   unavailable  has no evidence
 *   hangs-up     as soon as it is asked
 *   mute         never answers
 *   replay       shows the evidence of its first session ever after
 *   relayed      made over another session's exporter
 *   other-place  says in its claims that it serves another endpoint
 *   eager        speaks before it has proved itself
 *   truncates    ends its stream without close_notify
 *   plain        an ordinary HTTPS server, as far as TLS can tell: another ALPN
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attester/attester.h"
#include "base/addr.h"
#include "channel/frame.h"
#include "channel/sock.h"
#include "channel/tls.h"
#include "channel/wire.h"

enum { ROOM = FRAME_MAX + FRAME_HEADER };

/* What the first session showed, for all later ones. */
struct memory {
	uint32_t n;
	uint8_t evidence[FRAME_MAX];
};

struct server {
	const char *mode;
	struct attester *attester;
	struct addr to;
	uint16_t to_port; /* 0: echo */
	uint8_t spki[DIGEST_BYTES];
	struct memory *memory; /* shared by the sessions' processes */
};

static bool is(const struct server *s, const char *mode)
{
	return !strcmp(s->mode, mode);
}

static void die(const char *what)
{
	fprintf(stderr, "app_server: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(2);
}

static bool read_all(SSL *ssl, uint8_t *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		int got = SSL_read(ssl, p + done, n - done);

		if (got <= 0)
			return false;
		done += got;
	}
	return true;
}

static bool read_frame(SSL *ssl, uint8_t *buf, struct bytes *out)
{
	uint8_t head[FRAME_HEADER];
	struct bytes h = bytes_of(head, sizeof(head));
	uint32_t n;

	if (!read_all(ssl, head, sizeof(head)) || !get_be32(&h, &n) || n > FRAME_SMALL_MAX)
		return false;
	*out = bytes_of(buf, n);
	return read_all(ssl, buf, n);
}

static bool send_frame(SSL *ssl, const void *p, size_t n)
{
	static uint8_t out[ROOM];

	out[0] = n >> 24, out[1] = n >> 16, out[2] = n >> 8, out[3] = n;
	memcpy(out + FRAME_HEADER, p, n);
	return n && SSL_write(ssl, out, n + FRAME_HEADER) == (int)n + FRAME_HEADER;
}

static bool send_message(SSL *ssl, const struct wire_message *m)
{
	static char text[FRAME_MAX];

	return send_frame(ssl, text, wire_write(m, text, sizeof(text)));
}

static bool read_message(SSL *ssl, struct wire_message *m, struct bytes *raw)
{
	static uint8_t buf[FRAME_SMALL_MAX], room[FRAME_SMALL_MAX];
	char why[WHY_MAX] = "it hung up";

	if (read_frame(ssl, buf, raw) && wire_read(*raw, room, sizeof(room), m, why))
		return true;
	printf("no message: %s\n", why);
	return false;
}

static bool send_error(SSL *ssl, uint64_t id, enum wire_error_code code)
{
	struct wire_message m = { .type = WIRE_ERROR, .error = { id, code, "as it was told" } };

	return send_message(ssl, &m);
}

static size_t make_claims(const struct server *s, int fd, char *text, size_t size)
{
	struct wire_claims c = { .node = "app", .role = "backend", .endpoints_count = 1 };

	strcpy(c.agent_version, "app_server");
	strcpy(c.boot_id, "0");
	c.counter = 1;
	c.endpoints[0].proto = IPPROTO_TCP;
	if (!sock_local(fd, &c.endpoints[0].addr, &c.endpoints[0].port))
		die("getsockname");
	if (is(s, "other-place"))
		c.endpoints[0].port ^= 1;
	return wire_claims_write(&c, text, size);
}

static void peer_spki(SSL *ssl, uint8_t out[DIGEST_BYTES])
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	uint8_t *der = NULL;
	int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : 0;

	sha384(bytes_of(der ? der : (uint8_t *)"", n), out);
	OPENSSL_free(der);
	X509_free(cert);
}

static bool quote(const struct server *s, SSL *ssl, struct bytes request, struct bytes claims,
		  struct quote *q)
{
	struct binding b = { .role = "backend", .tee = TEE_SNP };
	uint8_t report_data[REPORT_DATA_BYTES];
	char why[WHY_MAX];

	memcpy(b.spki_attester, s->spki, DIGEST_BYTES);
	peer_spki(ssl, b.spki_peer);
	sha384(request, b.request);
	sha384(claims, b.claims);
	if (!tls_export(ssl, b.request, b.exporter))
		return false;
	if (is(s, "relayed"))
		b.exporter[0] ^= 1;
	return binding_report_data(&b, report_data) &&
	       !attester_quote(s->attester, report_data, q, why);
}

static bool send_evidence(const struct server *s, SSL *ssl, const struct wire_attest *a,
			  struct bytes request)
{
	static char claims[WIRE_CLAIMS_MAX], text[FRAME_MAX];
	struct wire_message m = { .type = WIRE_EVIDENCE };
	static struct quote q;
	size_t n;

	if (is(s, "replay") && s->memory->n)
		return send_frame(ssl, s->memory->evidence, s->memory->n);
	n = make_claims(s, SSL_get_fd(ssl), claims, sizeof(claims));
	if (!quote(s, ssl, request, bytes_of(claims, n), &q))
		return send_error(ssl, a->id, WIRE_ERROR_UNAVAILABLE);
	m.evidence.id = a->id;
	m.evidence.tee = q.tee;
	m.evidence.report = q.report;
	m.evidence.certs_count = q.certs_count;
	memcpy(m.evidence.certs, q.certs, sizeof(q.certs));
	m.evidence.claims = bytes_of(claims, n);
	n = wire_write(&m, text, sizeof(text));
	memcpy(s->memory->evidence, text, n);
	s->memory->n = n;
	return send_frame(ssl, text, n);
}

/* ATTEST and its answer; false when that was all. */
static bool answer(const struct server *s, SSL *ssl)
{
	struct wire_message m;
	struct bytes raw;
	bool told_busy = false;

	while (read_message(ssl, &m, &raw)) {
		if (m.type != WIRE_ATTEST)
			return printf("%s instead of ATTEST\n", wire_type_str(m.type)) < 0;
		printf("asked by %s for \"%s\"\n", m.attest.role, m.attest.service);
		if (is(s, "hangs-up"))
			return false;
		if (is(s, "mute"))
			pause();
		if (is(s, "busy") && !told_busy) {
			told_busy = true;
			if (!send_error(ssl, m.attest.id, WIRE_ERROR_BUSY))
				return false;
			continue;
		}
		if (is(s, "unavailable"))
			return send_error(ssl, m.attest.id, WIRE_ERROR_UNAVAILABLE) && false;
		if (is(s, "eager") && !send_frame(ssl, "HTTP/1.1 200 OK\r\n\r\n", 19))
			return false;
		return send_evidence(s, ssl, &m.attest, raw);
	}
	return false;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done <= 0)
			return false;
		p += done;
		n -= done;
	}
	return true;
}

static void echo(const struct server *s, SSL *ssl)
{
	uint8_t buf[16384];
	int n;

	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		if (SSL_write(ssl, buf, n) != n)
			return;
	if (!is(s, "truncates"))
		SSL_shutdown(ssl);
}

/* Either direction ends by itself. */
static void pass(SSL *ssl, int to)
{
	struct pollfd p[2] = { { SSL_get_fd(ssl), POLLIN, 0 }, { to, POLLIN, 0 } };
	uint8_t buf[16384];
	ssize_t n;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0)
			return;
		if (p[0].fd >= 0 && p[0].revents) {
			do {
				n = SSL_read(ssl, buf, sizeof(buf));
				if (n > 0 && !write_all(to, buf, n))
					return;
			} while (n > 0 && SSL_pending(ssl));
			if (n <= 0) {
				shutdown(to, SHUT_WR);
				p[0].fd = -1;
			}
		}
		if (p[1].fd >= 0 && p[1].revents) {
			n = read(to, buf, sizeof(buf));
			if (n > 0 && SSL_write(ssl, buf, n) != n)
				return;
			if (n <= 0) {
				SSL_shutdown(ssl);
				p[1].fd = -1;
			}
		}
	}
}

static void serve(const struct server *s, SSL *ssl)
{
	struct wire_message m, hello = { .type = WIRE_HELLO };
	struct bytes raw;
	int to;

	strcpy(hello.hello.role, "backend");
	hello.hello.tees = 1u << TEE_SNP;
	strcpy(hello.hello.agent, "app_server");
	strcpy(hello.hello.boot_id, "0");
	if (!send_message(ssl, &hello) || !read_message(ssl, &m, &raw) || !answer(s, ssl))
		return;
	if (!read_message(ssl, &m, &raw))
		return;
	if (m.type != WIRE_RESULT || !m.result.ok) {
		printf("%s %s\n", wire_type_str(m.type),
		       m.type == WIRE_RESULT ? m.result.code : m.error.detail);
		return;
	}
	printf("released for %llu ms\n", (unsigned long long)m.result.expires_in_ms);
	if (!s->to_port) {
		echo(s, ssl);
		return;
	}
	to = sock_connect(&s->to, s->to_port);
	if (to < 0)
		die("the other side");
	poll(&(struct pollfd){ to, POLLOUT, 0 }, 1, 5000);
	fcntl(to, F_SETFL, 0);
	setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	pass(ssl, to);
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
		       const unsigned char *in, unsigned int in_n, void *arg)
{
	static const unsigned char ours[] = "\x0e"
					    "fairlead-app/1";
	static const unsigned char plain[] = "\x08http/1.1";
	const struct server *s = arg;
	unsigned char *chosen;

	(void)ssl;
	if (is(s, "plain")) {
		*out = plain + 1;
		*n = 8;
		return SSL_TLSEXT_ERR_NOACK;
	}
	if (SSL_select_next_proto(&chosen, n, ours, sizeof(ours) - 1, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int anybody(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static SSL_CTX *open_tls(struct server *s, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	uint8_t *der = NULL;
	int n;

	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("certificate or key");
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, anybody);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, s);
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(SSL_CTX_get0_certificate(ctx)), &der);
	sha384(bytes_of(der, n), s->spki);
	OPENSSL_free(der);
	return ctx;
}

static void session(const struct server *s, SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);

	SSL_set_fd(ssl, fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (SSL_accept(ssl) == 1)
		serve(s, ssl);
	else
		printf("no handshake\n");
	SSL_free(ssl);
}

int main(int argc, char **argv)
{
	struct attester_config config = { .source = ATTESTER_SOFT, .tee = TEE_SNP };
	struct server s = { 0 };
	char why[WHY_MAX], text[ENDPOINT_TEXT_MAX];
	struct addr addr;
	uint16_t port;
	SSL_CTX *ctx;
	int fd, peer;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	if (argc < 6 || !endpoint_parse(argv[1], &addr, &port) ||
	    (argc > 6 && !endpoint_parse(argv[6], &s.to, &s.to_port)))
		die("usage: LISTEN GUEST CERT KEY MODE [TO]");
	s.mode = argv[5];
	snprintf(config.directory, sizeof(config.directory), "%s", argv[2]);
	if (attester_open(&config, &s.attester, why))
		die(why);
	ctx = open_tls(&s, argv[3], argv[4]);
	s.memory = mmap(NULL, sizeof(*s.memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	fd = sock_listen(&addr, port);
	if (fd < 0)
		die("listen");
	fcntl(fd, F_SETFL, 0);
	printf("%s\n", endpoint_text(&addr, port, text));
	while ((peer = accept(fd, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			close(fd);
			session(&s, ctx, peer);
			_exit(0);
		}
		close(peer);
	}
	return 1;
}
