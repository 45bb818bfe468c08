/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the client's tests share: a server in a process of its own, which plays fairlead-app/1 as
 * far as the test has it, and ends with 1 as soon as it has heard what it should not.
 */
#ifndef CLIENT_KIT_H
#define CLIENT_KIT_H

#include "channel_kit.h"

#include <dirent.h>
#include <event2/event.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "channel/frame.h"
#include "channel/wire.h"

#define SERVER_SECRET "SECRET" /* what a client has for a server that it believes */

static const char server_hello[] = "{\"type\":\"HELLO\",\"v\":1,\"role\":\"backend\","
				   "\"tee\":[\"snp\"],\"agent\":\"a\",\"boot_id\":\"b\"}";

/* A session with one client, whose TLS is up: whether it has heard too much. */
typedef bool (*server_session)(SSL *ssl, char how, uint16_t port);

static inline void server_say(SSL *ssl, const char *text)
{
	uint8_t frame[FRAME_SMALL_MAX + FRAME_HEADER];
	size_t n = strlen(text);

	frame[0] = frame[1] = 0;
	frame[2] = n >> 8;
	frame[3] = n;
	memcpy(frame + FRAME_HEADER, text, n);
	SSL_write(ssl, frame, n + FRAME_HEADER);
}

/* EVIDENCE whose claims fit, and whose report is none. */
static inline const char *server_evidence(uint16_t port)
{
	static char text[4096], claims[1024];
	struct wire_claims c = { .node = "n", .role = "backend", .endpoints_count = 1 };
	struct wire_message m = { .type = WIRE_EVIDENCE };
	size_t n;

	c.counter = 1;
	c.endpoints[0].proto = IPPROTO_TCP;
	c.endpoints[0].port = port;
	addr_parse("127.0.0.1", &c.endpoints[0].addr);
	n = wire_claims_write(&c, claims, sizeof(claims));
	m.evidence.id = 1;
	m.evidence.tee = TEE_SNP;
	m.evidence.report = bytes_of("report", 6);
	m.evidence.claims = bytes_of(claims, n);
	n = wire_write(&m, text, sizeof(text) - 1);
	text[n] = 0;
	return text;
}

/* Whether what comes to the end holds the secret, or says that we are believed. */
static inline bool server_hears_too_much(SSL *ssl)
{
	static char all[65536];
	size_t total = 0;
	int n;

	while (total < sizeof(all) && (n = SSL_read(ssl, all + total, sizeof(all) - total)) > 0)
		total += n;
	return memmem(all, total, SERVER_SECRET, strlen(SERVER_SECRET)) ||
	       memmem(all, total, "\"ok\"", 4);
}

static inline int server_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
				     const unsigned char *in, unsigned int in_n, void *arg)
{
	(void)ssl;
	(void)arg;
	*out = in + 1;
	*n = in[0];
	return in_n ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static inline _Noreturn void server_run(int fd, const struct identity *id, server_session session,
					char how, uint16_t port)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int peer;

	fcntl(fd, F_SETFL, 0);
	SSL_CTX_use_certificate_file(ctx, id->certificate, SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(ctx, id->key, SSL_FILETYPE_PEM);
	SSL_CTX_set_alpn_select_cb(ctx, server_select_alpn, NULL);
	while ((peer = accept(fd, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(ctx);

		SSL_set_fd(ssl, peer);
		if (SSL_accept(ssl) == 1 && session(ssl, how, port))
			_exit(1);
		SSL_free(ssl);
		close(peer);
	}
	_exit(0);
}

static inline pid_t server_start(const struct identity *id, server_session session, char how,
				 uint16_t port)
{
	struct addr a;
	pid_t pid;
	int fd;

	addr_parse("127.0.0.1", &a);
	fd = sock_listen(&a, port);
	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves it behind */
		server_run(fd, id, session, how, port);
	}
	close(fd);
	return pid;
}

/* One that has not heard too much; it is there for whoever comes until then. */
static inline void server_stop(pid_t server)
{
	int status = 0;

	assert_int_equal(waitpid(server, &status, WNOHANG), 0);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static inline int kit_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
