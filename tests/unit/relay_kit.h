/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the relay's tests share: the relay's process, whose parent the test plays, a client
 * that does as it is told, and destinations that send back what they get.
 */
#ifndef RELAY_KIT_H
#define RELAY_KIT_H

#include "channel_kit.h"

#include <sys/prctl.h>

#include "channel/tls.h"
#include "channel/wire.h"
#include "relay/conn.h"
#include "relay_origin.h"

#define RELAY_REPORT "a report, as the evidence device would give"

/* The configuration of a relay at 127.0.0.1, without destinations. */
static inline struct relay_config *relay_kit_config(const struct identity *id)
{
	struct relay_config *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	strcpy(c->node, "relay-1");
	strcpy(c->boot_id, "boot-1");
	snprintf(c->certificate, sizeof(c->certificate), "%s", id->certificate);
	snprintf(c->key, sizeof(c->key), "%s", id->key);
	addr_parse("127.0.0.1", &c->listen[0].addr);
	c->listen[0].port = kit_port();
	c->endpoints[0] = c->listen[0];
	c->listen_count = c->endpoints_count = 1;
	c->evidence.tee = TEE_SNP;
	c->limits = (struct relay_limits){ .connections = 64,
					   .per_source = 64,
					   .unproven = 32,
					   .rate = 10000,
					   .rate_per_source = 10000,
					   .evidence = 8,
					   .evidence_per_source = 64,
					   .handshake_ms = 10000,
					   .hello_ms = 10000,
					   .result_ms = 20000,
					   .connect_ms = 10000,
					   .idle_ms = 60000,
					   .window = 65536 };
	memset(c->digest, 0xd1, sizeof(c->digest));
	return c;
}

static inline struct relay_destination *relay_kit_add(struct relay_config *c, const char *name,
						      uint16_t port)
{
	struct relay_destination *d = &c->destinations[c->destinations_count++];

	strcpy(d->name, name);
	strcpy(d->host, "127.0.0.1");
	d->is_literal = true;
	addr_parse(d->host, &d->addr);
	d->port = port;
	return d;
}

static inline void relay_kit_digest(const char *certificate, const EVP_MD *md, uint8_t *out)
{
	FILE *f = fopen(certificate, "r");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	uint8_t *der = NULL;
	int n;

	assert_non_null(x);
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	assert_int_equal(EVP_Digest(der, n, out, NULL, md, NULL), 1);
	OPENSSL_free(der);
	X509_free(x);
	fclose(f);
}

static inline void relay_kit_pin(struct relay_destination *d, const struct identity *id)
{
	d->tls = true;
	relay_kit_digest(id->certificate, EVP_sha256(), d->pins[d->pins_count++]);
}

static inline void relay_kit_ca(struct relay_destination *d, struct kit *k, const char *name)
{
	uint8_t text[8192];
	FILE *f;
	size_t n;

	d->tls = true;
	snprintf(d->ca, sizeof(d->ca), "%s/ca.pem", k->dir);
	strcpy(d->server_name, name);
	f = fopen(d->ca, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_int_equal(EVP_Digest(text, n, d->ca_sha256, NULL, EVP_sha256(), NULL), 1);
}

/* What all relays of the test have counted. */
static struct usage *relay_kit_usage;

static inline void relay_kit_start(struct kit *k, struct proc *p, const struct relay_config *c,
				   bool confined)
{
	int fds[2];

	snprintf(p->log, sizeof(p->log), "%s/relay.log", k->dir);
	p->mark = 0;
	unlink(p->log); /* an earlier relay's */
	close(open(p->log, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(ipc_pair(fds), 0);
	if (!relay_kit_usage)
		relay_kit_usage = usage_new();
	assert_non_null(relay_kit_usage);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		int log = open(p->log, O_WRONLY | O_APPEND | O_CLOEXEC);
		char why_not[WHY_MAX];
		struct server *s;
		int status;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(log, 2);
		log_init("relay", LOG_LEVEL_DEBUG);
		signal(SIGPIPE, SIG_IGN);
		for (int fd = 3; fd < 256; fd++)
			if (fd != fds[1])
				close(fd);
		if (confined)
			relay_main(fds[1], c, relay_kit_usage);
		if (relay_open(fds[1], c, relay_kit_usage, &s, why_not))
			fatalx("%s", why_not);
		status = relay_serve(s);
		relay_close(s);
		exit(status);
	}
	close(fds[1]);
	p->fd = fds[0];
}

/* A client; blocking, unless it exchanges. */
struct guest {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	uint16_t port;
	struct addr from;	      /* 0: whatever the kernel says */
	uint8_t digest[DIGEST_BYTES]; /* of its latest ATTEST */
	uint8_t in[KIT_MESSAGE_MAX], decoded[KIT_MESSAGE_MAX];
	struct bytes raw; /* the latest message */
	struct wire_message m;
	char why[WHY_MAX];
};

static inline bool guest_connects(struct guest *g)
{
	struct timeval patience = { KIT_WAIT_MS / 1000, 0 };
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t n;

	addr_parse("127.0.0.1", &a);
	g->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(g->fd >= 0);
	setsockopt(g->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (g->from.w[3]) {
		n = addr_to_sockaddr(&g->from, 0, &ss);
		assert_int_equal(bind(g->fd, (struct sockaddr *)&ss, n), 0);
	}
	n = addr_to_sockaddr(&a, g->port, &ss);
	for (int i = 0; connect(g->fd, (struct sockaddr *)&ss, n); i++) {
		struct timespec nap = { 0, 20000000 };

		assert_true(i < KIT_WAIT_MS / 20); /* it has yet to listen */
		nanosleep(&nap, NULL);
	}
	return true;
}

/* TLS 1.3 with that protocol's name, as id or nobody; false when the handshake fails. */
static inline bool guest_shakes(struct guest *g, const struct identity *id, const char *alpn)
{
	uint8_t list[32];
	uint8_t byte;

	g->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(g->ctx);
	if (id) {
		SSL_CTX_use_certificate_chain_file(g->ctx, id->certificate);
		SSL_CTX_use_PrivateKey_file(g->ctx, id->key, SSL_FILETYPE_PEM);
	}
	list[0] = strlen(alpn);
	memcpy(list + 1, alpn, list[0]);
	g->ssl = SSL_new(g->ctx);
	if (list[0])
		SSL_set_alpn_protos(g->ssl, list, list[0] + 1);
	SSL_set_fd(g->ssl, g->fd);
	/* What the server makes of our certificate comes after our handshake. */
	return SSL_connect(g->ssl) == 1 && SSL_peek(g->ssl, &byte, 1) == 1;
}

static inline void guest_leave(struct guest *g)
{
	SSL_free(g->ssl);
	SSL_CTX_free(g->ctx);
	if (g->fd >= 0)
		close(g->fd);
	g->ssl = NULL;
	g->ctx = NULL;
	g->fd = -1;
}

static inline struct guest *guest_new(const struct relay_config *c)
{
	struct guest *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->port = c->listen[0].port;
	g->fd = -1;
	return g;
}

static inline void guest_free(struct guest *g)
{
	guest_leave(g);
	free(g);
}

static inline bool guest_writes(struct guest *g, const void *p, size_t n)
{
	return SSL_write(g->ssl, p, n) == (int)n;
}

static inline bool guest_reads(struct guest *g, void *p, size_t n)
{
	for (size_t got = 0; got < n;) {
		int r = SSL_read(g->ssl, (uint8_t *)p + got, n - got);

		if (r <= 0)
			return false;
		got += r;
	}
	return true;
}

static inline bool guest_says_text(struct guest *g, const char *text, size_t n)
{
	uint8_t header[4] = { n >> 24, n >> 16, n >> 8, n };

	return guest_writes(g, header, 4) && guest_writes(g, text, n);
}

static inline bool guest_says(struct guest *g, const struct wire_message *m)
{
	char text[8192];
	size_t n = wire_write(m, text, sizeof(text));

	assert_true(n > 0);
	if (m->type == WIRE_ATTEST)
		assert_true(sha384(bytes_of(text, n), g->digest));
	return guest_says_text(g, text, n);
}

/* The next message; false at the end. */
static inline bool guest_hears(struct guest *g)
{
	uint32_t n;
	struct bytes h = bytes_of(g->in, 4);

	if (!guest_reads(g, g->in, 4) || !get_be32(&h, &n))
		return false;
	assert_true(n > 0 && n <= sizeof(g->in));
	if (!guest_reads(g, g->in, n))
		return false;
	g->raw = bytes_of(g->in, n);
	if (!wire_read(g->raw, g->decoded, sizeof(g->decoded), &g->m, g->why))
		fail_msg("%s", g->why);
	return true;
}

static inline void guest_wants(struct guest *g, enum wire_type type)
{
	if (!guest_hears(g))
		fail_msg("no %s came", wire_type_str(type));
	if (g->m.type != type)
		fail_msg("want %s, got %.*s", wire_type_str(type), (int)g->raw.n, g->raw.p);
}

static inline struct wire_message hello_of(const char *role)
{
	struct wire_message m = { .type = WIRE_HELLO, .hello = { .tees = 1u << TEE_NONE } };

	strcpy(m.hello.role, role);
	strcpy(m.hello.agent, "test/1");
	strcpy(m.hello.boot_id, "boot-2");
	return m;
}

static inline struct wire_message attest_of(const struct guest *g, uint64_t id, const char *service)
{
	struct wire_message m = { .type = WIRE_ATTEST, .attest = { .id = id } };

	strcpy(m.attest.role, "client");
	strcpy(m.attest.purpose, "client");
	strcpy(m.attest.service, service);
	memset(m.attest.nonce, 7, sizeof(m.attest.nonce));
	m.attest.endpoint = (struct wire_endpoint){ .proto = IPPROTO_TCP, .port = g->port };
	addr_parse("127.0.0.1", &m.attest.endpoint.addr);
	return m;
}

static inline struct wire_message result_of(uint64_t id, bool ok)
{
	struct wire_message m = { .type = WIRE_RESULT,
				  .result = { .id = id, .ok = ok, .expires_in_ms = 60000 } };

	strcpy(m.result.code, ok ? "accepted" : "measurement");
	return m;
}

/* Up to HELLO both ways. */
static inline void guest_comes(struct guest *g, const struct identity *id)
{
	struct wire_message hello = hello_of("client");

	assert_true(guest_connects(g));
	assert_true(guest_shakes(g, id, "fairlead-app/1"));
	guest_wants(g, WIRE_HELLO);
	assert_string_equal(g->m.hello.role, "backend");
	assert_true(guest_says(g, &hello));
}

static inline bool guest_asks(struct guest *g, uint64_t id, const char *service)
{
	struct wire_message m = attest_of(g, id, service);

	return guest_says(g, &m);
}

/* What the parent answers to the relay's latest question. */
static inline void parent_answers(struct proc *p, uint32_t failed, const char *report)
{
	struct msg_quote q = { .failed = failed, .tee = failed ? 0 : TEE_SNP };
	uint8_t buf[1024];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_QUOTE, p->m.id);

	strcpy(q.why, failed ? "the host throttles" : "");
	if (!failed)
		q.report = bytes_of(report, strlen(report));
	msg_quote_put(&w, &q);
	proc_send(p, &w);
}

/* From nothing to the point where the application's bytes may flow. */
static inline void guest_is_released(struct guest *g, struct proc *p, const char *service)
{
	struct wire_message ok = result_of(1, true);

	guest_comes(g, NULL);
	assert_true(guest_asks(g, 1, service));
	proc_wants(p, MSG_QUOTE_WANTED, -1);
	parent_answers(p, 0, RELAY_REPORT);
	guest_wants(g, WIRE_EVIDENCE);
	assert_true(guest_says(g, &ok));
}

/* Sends n bytes and takes n back at once, both through the relay; then they are compared. */
static inline void guest_exchanges(struct guest *g, size_t n, unsigned int seed)
{
	uint8_t *out = malloc(n), *in = malloc(n);
	size_t sent = 0, got = 0, now;
	uint64_t until = now_us() + 60000000;

	assert_true(out && in);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		out[i] = seed >> 16;
	}
	SSL_set_mode(g->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	fcntl(g->fd, F_SETFL, O_NONBLOCK);
	while (got < n) {
		struct pollfd f = { .fd = g->fd, .events = POLLIN | (sent < n ? POLLOUT : 0) };
		bool moved = false;

		if (sent < n && SSL_write_ex(g->ssl, out + sent, n - sent, &now) == 1) {
			sent += now;
			moved = true;
		}
		if (SSL_read_ex(g->ssl, in + got, n - got, &now) == 1) {
			got += now;
			moved = true;
		} else if (SSL_get_error(g->ssl, 0) == SSL_ERROR_ZERO_RETURN) {
			break;
		}
		if (!moved)
			poll(&f, 1, 1000);
		assert_true(now_us() < until);
	}
	fcntl(g->fd, F_SETFL, 0);
	assert_int_equal(got, n);
	assert_memory_equal(in, out, n);
	free(in);
	free(out);
}

/* Nothing more comes, and it was said so (or, with cut, not). */
static inline void guest_sees_end(struct guest *g, bool cut)
{
	char byte;
	int r = SSL_read(g->ssl, &byte, 1), err = SSL_get_error(g->ssl, r);

	assert_true(r <= 0);
	assert_int_equal(err == SSL_ERROR_ZERO_RETURN, !cut);
	assert_int_not_equal(err, SSL_ERROR_WANT_READ); /* our own patience ran out */
}

#endif
