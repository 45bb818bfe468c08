// SPDX-License-Identifier: BSD-2-Clause
/*
 * Both ends of the lab's conversations: a server that says its name and digests what
 * it is sent, and a client that checks every byte and says how a conversation ended.
 *
 * Over TCP a client's first line is what it wants: "who", "put N" and N bytes, "get N",
 * or "echo".  The server answers with its name, and to put and get with the SHA-256 of
 * the bytes as it saw them.  Over UDP every datagram comes back with the name before it.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"

enum {
	LINE_BYTES = 128,
	BLOCK_BYTES = 16384,
	DATAGRAM_MAX = 4096,
	BACKLOG = 512,
	WAIT_MS = 5000, /* for an answer, unless -w says otherwise: TCP asks thrice until then */
	BEAT_US = 10000,
};

/* The client's exit status. */
enum ending {
	END_GOOD = 0,
	END_WRONG = 1, /* bytes came that should not have */
	END_USAGE = 2,
	END_REFUSED = 3, /* a reset, or an ICMP error: the client knows at once */
	END_SILENT = 4,	 /* nothing came in time */
};

struct client {
	struct addr addr;
	uint16_t port;
	bool udp;
	uint64_t count; /* conversations, bytes, datagrams or seconds */
	int wait_ms;
	uint16_t from; /* own port; 0: any */
};

static double ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Bytes that differ from block to block, so that none can be lost or swapped unseen. */
static void fill(uint8_t *p, size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++) {
		*state = *state * 6364136223846793005ull + 1442695040888963407ull;
		p[i] = *state >> 56;
	}
}

static bool send_all(int s, const void *p, size_t n)
{
	while (n) {
		ssize_t sent = send(s, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		p = (const uint8_t *)p + sent;
		n -= sent;
	}
	return true;
}

/* One line without its end; false when the peer ends before. */
static bool read_line(int s, char line[LINE_BYTES])
{
	for (size_t i = 0; i < LINE_BYTES; i++) {
		if (recv(s, line + i, 1, 0) != 1)
			return false;
		if (line[i] == '\n') {
			line[i] = 0;
			return true;
		}
	}
	return false;
}

static void digest_text(EVP_MD_CTX *m, char text[2 * EVP_MAX_MD_SIZE + 1])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	EVP_DigestFinal_ex(m, digest, &n);
	for (unsigned int i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
}

/* Sends n bytes of ours, or takes n bytes of theirs, and digests them. */
static bool carry(int s, uint64_t n, bool out, char text[2 * EVP_MAX_MD_SIZE + 1])
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	uint64_t state = n ^ ((uint64_t)getpid() << 32);
	uint8_t block[BLOCK_BYTES];
	bool ok = m && EVP_DigestInit_ex(m, EVP_sha256(), NULL) == 1;

	while (ok && n) {
		size_t want = n < sizeof(block) ? n : sizeof(block);
		ssize_t got = want;

		if (out) {
			fill(block, want, &state);
			ok = send_all(s, block, want);
		} else {
			got = recv(s, block, want, 0);
			ok = got > 0;
		}
		if (!ok)
			break;
		EVP_DigestUpdate(m, block, got);
		n -= got;
	}
	if (ok)
		digest_text(m, text);
	EVP_MD_CTX_free(m);
	return ok;
}

static void echo(int s)
{
	char block[BLOCK_BYTES];
	ssize_t n;

	while ((n = recv(s, block, sizeof(block), 0)) > 0)
		if (!send_all(s, block, n))
			return;
}

static void converse(int s, const char *name)
{
	char line[LINE_BYTES], text[2 * EVP_MAX_MD_SIZE + 1], answer[2 * LINE_BYTES + sizeof(text)];
	unsigned long long n = 0;

	if (!read_line(s, line))
		return;
	snprintf(answer, sizeof(answer), "%s\n", name);
	if (sscanf(line, "put %llu", &n) == 1 || sscanf(line, "get %llu", &n) == 1) {
		if (!carry(s, n, line[0] == 'g', text))
			return;
		snprintf(answer, sizeof(answer), "%s %s\n", name, text);
	}
	if (send_all(s, answer, strlen(answer)) && !strcmp(line, "echo"))
		echo(s);
}

static int listen_on(const struct addr *addr, uint16_t port, int type)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(addr, port, &ss);
	int s = socket(ss.ss_family, type | SOCK_CLOEXEC, 0), one = 1;

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(s, (struct sockaddr *)&ss, n) || (type == SOCK_STREAM && listen(s, BACKLOG))) {
		perror("traffic_talk: listen");
		return -1;
	}
	return s;
}

static _Noreturn void serve_tcp(int listener, const char *name)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int s = accept(listener, NULL, NULL);

		if (s < 0)
			continue;
		if (fork() == 0) {
			close(listener);
			converse(s, name);
			_exit(0);
		}
		close(s);
	}
}

static _Noreturn void serve_udp(int s, const char *name)
{
	char out[LINE_BYTES + DATAGRAM_MAX];
	int head = snprintf(out, LINE_BYTES, "%s\n", name);

	for (;;) {
		struct sockaddr_storage from;
		socklen_t from_n = sizeof(from);
		ssize_t n =
			recvfrom(s, out + head, DATAGRAM_MAX, 0, (struct sockaddr *)&from, &from_n);

		if (n >= 0)
			sendto(s, out, head + n, 0, (struct sockaddr *)&from, from_n);
	}
}

static enum ending ending_of(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case EACCES:
	case EPERM:
	case EHOSTUNREACH: /* ICMP administratively prohibited */
	case ENETUNREACH:
		return END_REFUSED;
	default:
		return END_SILENT;
	}
}

static void set_wait(int s, int ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static bool bind_own(int s, const struct client *c)
{
	struct addr any = { 0 };
	struct sockaddr_storage ss;
	socklen_t n;
	int one = 1;

	if (!c->from)
		return true;
	if (addr_is_ipv4(&c->addr))
		addr_parse("0.0.0.0", &any);
	n = addr_to_sockaddr(&any, c->from, &ss);
	return setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	       bind(s, (struct sockaddr *)&ss, n) == 0;
}

/* A socket, or -1 with errno. */
static int reach(const struct client *c)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(&c->addr, c->port, &ss);
	int s = socket(ss.ss_family, (c->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), err;

	if (s < 0)
		return -1;
	set_wait(s, c->wait_ms);
	if (bind_own(s, c) && connect(s, (struct sockaddr *)&ss, n) == 0)
		return s;
	err = errno;
	close(s);
	errno = err;
	return -1;
}

static enum ending say_ending(int err, double since)
{
	enum ending e = ending_of(err);

	printf("%s after %.2f ms: %s\n", e == END_REFUSED ? "refused" : "silent", ms_now() - since,
	       strerror(err));
	return e;
}

/* One conversation of one line each way: prints the server's name. */
static enum ending ask_once(const struct client *c)
{
	char line[DATAGRAM_MAX] = "";
	double begin = ms_now();
	int s = reach(c);
	ssize_t n = -1;

	if (s < 0)
		return say_ending(errno, begin);
	if (send(s, "who\n", 4, MSG_NOSIGNAL) == 4)
		n = recv(s, line, sizeof(line) - 1, 0);
	if (n <= 0) {
		enum ending e = say_ending(n == 0 ? ECONNRESET : errno, begin);

		close(s);
		return e;
	}
	close(s);
	line[strcspn(line, "\n")] = 0;
	puts(line);
	return END_GOOD;
}

static enum ending ask(const struct client *c)
{
	enum ending last = END_GOOD;

	for (uint64_t i = 0; i < (c->count ? c->count : 1); i++) {
		enum ending e = ask_once(c);

		if (e != END_GOOD)
			last = e;
	}
	return last;
}

/* put or get: prints the server's name and both ends' digests. */
static enum ending transfer(const struct client *c, bool out)
{
	char line[LINE_BYTES], ours[2 * EVP_MAX_MD_SIZE + 1] = "", name[LINE_BYTES] = "";
	char theirs[2 * EVP_MAX_MD_SIZE + 1] = "";
	double begin = ms_now();
	int s = reach(c), n;
	bool ok;

	if (s < 0)
		return say_ending(errno, begin);
	n = snprintf(line, sizeof(line), "%s %llu\n", out ? "put" : "get",
		     (unsigned long long)c->count);
	errno = 0;
	ok = send_all(s, line, n) && carry(s, c->count, out, ours) && read_line(s, line) &&
	     sscanf(line, "%100s %128s", name, theirs) == 2;
	if (!ok) {
		enum ending e = say_ending(errno, begin);

		close(s);
		return e;
	}
	close(s);
	printf("%s %s %s\n", name, ours, theirs);
	return strcmp(ours, theirs) ? END_WRONG : END_GOOD;
}

/* Whether what came is a name's line and then exactly what was sent. */
static bool is_echo(const uint8_t *in, ssize_t n, const uint8_t *sent, size_t sent_n)
{
	const uint8_t *end = n > 0 ? memchr(in, '\n', n) : NULL;

	return end && (size_t)(in + n - end - 1) == sent_n && !memcmp(end + 1, sent, sent_n);
}

/* count datagrams of growing size, each of which must come back as it was. */
static enum ending datagrams(const struct client *c)
{
	uint8_t out[DATAGRAM_MAX], in[LINE_BYTES + DATAGRAM_MAX];
	double begin = ms_now();
	uint64_t state = getpid();
	int s = reach(c);

	if (s < 0)
		return say_ending(errno, begin);
	for (uint64_t i = 0; i < c->count; i++) {
		size_t size = 1 + i % 1400; /* below the client's MTU, name included */
		ssize_t n = -1;

		fill(out, size, &state);
		if (send(s, out, size, 0) == (ssize_t)size)
			n = recv(s, in, sizeof(in), 0);
		if (n < 0)
			return say_ending(errno, begin);
		if (!is_echo(in, n, out, size)) {
			printf("datagram %llu of %zu bytes came back altered\n",
			       (unsigned long long)i, size);
			return END_WRONG;
		}
	}
	close(s);
	printf("%llu datagrams\n", (unsigned long long)c->count);
	return END_GOOD;
}

/* Says something a hundred times a second for count seconds, and hears it back each time. */
static enum ending hold(const struct client *c)
{
	char line[LINE_BYTES];
	double begin = ms_now();
	unsigned long long beats = 0;
	int s = reach(c);

	if (s < 0)
		return say_ending(errno, begin);
	if (!send_all(s, "echo\n", 5) || !read_line(s, line))
		return say_ending(errno, begin);
	printf("%s\n", line);
	fflush(stdout);
	while (ms_now() - begin < c->count * 1e3) {
		char beat = beats, back;

		errno = ECONNRESET; /* what an end of file means here */
		if (send(s, &beat, 1, MSG_NOSIGNAL) != 1 || recv(s, &back, 1, 0) != 1)
			return say_ending(errno, begin);
		if (back != beat)
			return END_WRONG;
		beats++;
		usleep(BEAT_US);
	}
	close(s);
	printf("%llu beats\n", beats);
	return END_GOOD;
}

static const char usage[] =
	"usage: traffic_talk [-u] serve NAME ADDRESS PORT…\n"
	"       traffic_talk [-u] [-w MS] ask ADDRESS PORT [TIMES]\n"
	"       traffic_talk [-w MS] put|get ADDRESS PORT BYTES\n"
	"       traffic_talk [-w MS] datagrams ADDRESS PORT COUNT\n"
	"       traffic_talk [-w MS] hold ADDRESS PORT SECONDS\n"
	"-p PORT: from this port.  Exit status: 0 good, 1 altered, 3 refused, 4 silent.\n";

static bool read_address(char **words, struct client *c)
{
	c->port = atoi(words[1]);
	return addr_parse(words[0], &c->addr) && c->port;
}

/* NAME ADDRESS PORT…: a process for each port. */
static int serve(char **words, int count, struct client *c)
{
	for (int i = 2; i < count; i++) {
		int s;

		c->port = atoi(words[i]);
		if (!addr_parse(words[1], &c->addr) || !c->port)
			return END_USAGE;
		s = listen_on(&c->addr, c->port, c->udp ? SOCK_DGRAM : SOCK_STREAM);
		if (s < 0)
			return END_WRONG;
		if (i < count - 1 && fork())
			continue;
		if (c->udp)
			serve_udp(s, words[0]);
		serve_tcp(s, words[0]);
	}
	return END_USAGE;
}

static int talk(const char *what, struct client *c)
{
	if (!strcmp(what, "ask"))
		return ask(c);
	if (!strcmp(what, "put") || !strcmp(what, "get"))
		return transfer(c, what[0] == 'p');
	if (!strcmp(what, "hold"))
		return hold(c);
	c->udp = true;
	if (!strcmp(what, "datagrams"))
		return datagrams(c);
	return END_USAGE;
}

int main(int argc, char **argv)
{
	struct client c = { .wait_ms = WAIT_MS };
	int o, words, result = END_USAGE;

	while ((o = getopt(argc, argv, "+uw:p:")) != -1) {
		if (o == 'u')
			c.udp = true;
		else if (o == 'w')
			c.wait_ms = atoi(optarg);
		else if (o == 'p')
			c.from = atoi(optarg);
	}
	words = argc - optind;
	argv += optind;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (words >= 4 && !strcmp(argv[0], "serve")) {
		result = serve(argv + 1, words - 1, &c);
	} else if ((words == 3 || words == 4) && read_address(argv + 1, &c)) {
		c.count = words == 4 ? strtoull(argv[3], NULL, 10) : 0;
		result = talk(argv[0], &c);
	}
	if (result == END_USAGE)
		fputs(usage, stderr);
	return result;
}
