// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as what a client says once TLS is up, to the relay itself: nobody is dialled for
 * a client that no evidence was made for, and none of its bytes come back from elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/sock.h"
#include "relay/conn.h"

enum { TURNS = 6 };

static struct relay_config config;
static struct server *server;
static struct usage usage;
static SSL_CTX *clients;
static int parent_fd, dest_fd, made;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void write_identity(const char *in)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f;

	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	must(X509_sign(x, key, EVP_sha256()) > 0);
	snprintf(config.certificate, sizeof(config.certificate), "%s/c", in);
	snprintf(config.key, sizeof(config.key), "%s/k", in);
	must((f = fopen(config.certificate, "w")) && PEM_write_X509(f, x) && !fclose(f));
	must((f = fopen(config.key, "w")) &&
	     PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) && !fclose(f));
	X509_free(x);
	EVP_PKEY_free(key);
}

static void configure(const char *in)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct relay_destination *d = &config.destinations[0];

	strcpy(config.node, "relay-1");
	strcpy(config.boot_id, "boot-1");
	config.evidence.tee = TEE_SNP;
	addr_parse("192.0.2.1", &config.endpoints[0].addr);
	config.endpoints[0].port = 8443;
	config.endpoints_count = config.destinations_count = 1;
	config.limits = (struct relay_limits){ 64,    64,    64,    1,	   1,	  8,	8,
					       60000, 60000, 60000, 60000, 60000, 16384 };
	strcpy(d->name, "a");
	snprintf(d->path, sizeof(d->path), "%s/s", in);
	strcpy(un.sun_path, d->path);
	dest_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(!bind(dest_fd, (struct sockaddr *)&un, sizeof(un)) && !listen(dest_fd, 8));
}

static char dir[] = "/tmp/fairlead-fuzz-XXXXXX";

static void clean_up(void)
{
	unlink(config.destinations[0].path);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t alpn[] = "\x0e"
				      "fairlead-app/1";
	char why[WHY_MAX] = "";
	int fds[2];

	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	log_init("fuzz", LOG_LEVEL_WARN);
	must(mkdtemp(dir) && !ipc_pair(fds));
	write_identity(dir);
	configure(dir);
	must(!relay_open(fds[1], &config, &usage, &server, why));
	parent_fd = fds[0];
	clients = SSL_CTX_new(TLS_client_method());
	must(clients && !SSL_CTX_set_alpn_protos(clients, alpn, sizeof(alpn) - 1));
	unlink(config.certificate);
	unlink(config.key);
	atexit(clean_up);
	return 0;
}

/* The evidence device, which always has some. */
static void answer(void)
{
	static uint8_t in[IPC_MAX], out[4096];
	struct msg_quote q = { .tee = TEE_SNP, .report = bytes_of("report", 6) };
	struct ipc_message m;
	struct ipc_writer w;

	while (ipc_receive(parent_fd, in, sizeof(in), &m) == 1) {
		must(m.type == MSG_QUOTE_WANTED);
		made++;
		w = ipc_begin(out, sizeof(out), MSG_QUOTE, m.id);
		msg_quote_put(&w, &q);
		must(!ipc_send(parent_fd, &w));
	}
}

/* The destination says something, which the client may only hear when it was released. */
static bool dialled(void)
{
	int fd = accept(dest_fd, NULL, NULL);

	if (fd < 0)
		return false;
	must(made);
	must(write(fd, "echo", 4) == 4);
	close(fd);
	return true;
}

static void turn(SSL *ssl)
{
	uint8_t buf[4096];

	event_base_loop(server->base, EVLOOP_NONBLOCK);
	answer();
	while (SSL_read(ssl, buf, sizeof(buf)) > 0)
		;
}

static SSL *connect_to_it(struct source *source)
{
	SSL *ssl = SSL_new(clients);
	int fds[2];

	must(ssl && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	SSL_set_fd(ssl, fds[0]);
	SSL_set_connect_state(ssl);
	source->connections = 1;
	conn_new(server, fds[1], source, "fuzz");
	for (int i = 0; i < TURNS && !SSL_is_init_finished(ssl); i++) {
		SSL_do_handshake(ssl);
		event_base_loop(server->base, EVLOOP_NONBLOCK);
	}
	must(SSL_is_init_finished(ssl));
	return ssl;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = { 0 };
	SSL *ssl = connect_to_it(&source);
	size_t half = size / 2;
	bool reached = false;
	int fd = SSL_get_fd(ssl);

	made = 0;
	turn(ssl);
	/* In two pieces, so that what is cut somewhere has to wait for its rest. */
	if (half && SSL_write(ssl, data, half) == (int)half)
		turn(ssl);
	if (size > half)
		SSL_write(ssl, data + half, size - half);
	for (int i = 0; i < TURNS; i++) {
		turn(ssl);
		reached |= dialled();
	}
	must(!reached || made);
	SSL_free(ssl);
	close(fd);
	for (int i = 0; i < TURNS && !TAILQ_EMPTY(&server->conns); i++)
		event_base_loop(server->base, EVLOOP_NONBLOCK);
	must(TAILQ_EMPTY(&server->conns) && !source.connections && !source.waiting);
	must(!server->count && !server->unproven && !server->waiting_count);
	if (server->busy) { /* it left while it was its turn */
		answer();
		event_base_loop(server->base, EVLOOP_NONBLOCK);
	}
	must(!server->busy);
	while (dialled())
		;
	return 0;
}
