// SPDX-License-Identifier: BSD-2-Clause
/*
 * What somebody who may open the control socket, and means no good, could send.
 *
 * Each attack ends in one of two ways, or it has won: the daemon says one error, or it
 * hangs up.  Prints "ATTACK: error: …" or "ATTACK: hung up after N ms"; exits 1 for an
 * answer that is no error, an error in several pieces, and for no answer at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/control.h"

enum {
	PATIENCE_MS = (CONTROL_IDLE_S + 15) * 1000,
	SLOW_MS = 200, /* between two bytes of the slow writer */
	CROWD = 64,
	DEPTH = 30000,
	REPLY_MAX = 65536,
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int dial(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un))) {
		fprintf(stderr, "hostile_control: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	return fd;
}

static bool put(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void put_frame(int fd, const char *text, size_t n)
{
	uint32_t length = htonl(n);

	put(fd, &length, sizeof(length));
	put(fd, text, n);
}

/* Reads until the end of the stream, or until patience ends: then -1. */
static ssize_t read_out(int fd, uint8_t *to, size_t max)
{
	int64_t end = now_ms() + PATIENCE_MS;
	size_t n = 0;

	while (n < max) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		ssize_t got;

		if (left <= 0 || poll(&p, 1, left) <= 0)
			return -1;
		got = recv(fd, to + n, max - n, 0);
		if (got <= 0) /* a reset, when it hung up over what it had not read */
			break;
		n += got;
	}
	return n;
}

/* One frame with one error in it, and nothing behind. */
static bool is_one_error(const char *attack, const uint8_t *p, size_t n)
{
	json_t *reply = NULL;
	uint32_t length;
	bool good = false;

	if (n < sizeof(length))
		goto out;
	memcpy(&length, p, sizeof(length));
	if (ntohl(length) != n - sizeof(length))
		goto out;
	reply = json_loadb((const char *)p + sizeof(length), n - sizeof(length), 0, NULL);
	good = json_is_false(json_object_get(reply, "ok")) &&
	       json_integer_value(json_object_get(reply, "code")) == 2 &&
	       json_string_length(json_object_get(reply, "error"));
	if (good)
		printf("%s: error: %s\n", attack,
		       json_string_value(json_object_get(reply, "error")));
out:
	if (!good)
		printf("%s: %zu bytes that are not one error\n", attack, n);
	json_decref(reply);
	return good;
}

/* How it ended.  The daemon hangs up on whoever sends no request, after its error if it has one. */
static bool ends_well(const char *attack, int fd, int64_t begun)
{
	static uint8_t reply[REPLY_MAX];
	ssize_t n = read_out(fd, reply, sizeof(reply));

	close(fd);
	if (n < 0) {
		printf("%s: neither an error nor the end in %d ms\n", attack, PATIENCE_MS);
		return false;
	}
	if (n == 0) {
		printf("%s: hung up after %lld ms\n", attack, (long long)(now_ms() - begun));
		return true;
	}
	return is_one_error(attack, reply, n);
}

/* --- texts that are no requests */

static const struct {
	const char *name, *text;
} texts[] = {
	{ "empty-object", "{}" },
	{ "array", "[1, \"status\"]" },
	{ "string", "\"status\"" },
	{ "not-json", "status\n" },
	{ "half-json", "{\"v\": 1, \"cmd\": \"sta" },
	{ "two-values", "{\"v\":1,\"cmd\":\"status\"} {\"v\":1,\"cmd\":\"status\"}" },
	{ "duplicate-key", "{\"v\": 1, \"cmd\": \"status\", \"cmd\": \"reload\"}" },
	{ "unknown-key", "{\"v\": 1, \"cmd\": \"status\", \"force\": true}" },
	{ "no-version", "{\"cmd\": \"status\"}" },
	{ "other-version", "{\"v\": 2, \"cmd\": \"status\"}" },
	{ "version-as-text", "{\"v\": \"1\", \"cmd\": \"status\"}" },
	{ "huge-version", "{\"v\": 99999999999999999999999, \"cmd\": \"status\"}" },
	{ "cmd-as-number", "{\"v\": 1, \"cmd\": 7}" },
	{ "cmd-empty", "{\"v\": 1, \"cmd\": \"\"}" },
	{ "cmd-with-line", "{\"v\": 1, \"cmd\": \"status\\nreload\"}" },
	{ "cmd-with-zero", "{\"v\": 1, \"cmd\": \"status\\u0000\"}" },
	{ "args-as-list", "{\"v\": 1, \"cmd\": \"backend evict\", \"args\": [\"genuine-1\"]}" },
	{ "bad-utf8", "{\"v\": 1, \"cmd\": \"\xff\xfe\"}" },
	/* Requests by their shape: the connection stays, so the end of ours is said, too. */
	{ "unknown-command", "{\"v\": 1, \"cmd\": \"shell\"}" },
	{ "prefix-command", "{\"v\": 1, \"cmd\": \"stat\"}" },
	{ "no-name", "{\"v\": 1, \"cmd\": \"backend evict\"}" },
	{ "name-as-number", "{\"v\": 1, \"cmd\": \"backend evict\", \"args\": {\"name\": 1}}" },
	{ "name-as-list",
	  "{\"v\":1,\"cmd\":\"backend drain\",\"args\":{\"name\":[\"genuine-1\"]}}" },
};

static void send_text(int fd, const char *text)
{
	put_frame(fd, text, strlen(text));
	shutdown(fd, SHUT_WR);
}

/* --- frames and manners that are wrong */

static void send_length(int fd, uint32_t length)
{
	length = htonl(length);
	put(fd, &length, sizeof(length));
	put(fd, "{\"v\": 1, \"cmd\": \"reload\"}", 25);
}

static void send_huge(int fd)
{
	send_length(fd, UINT32_MAX);
}

static void send_oversize(int fd)
{
	send_length(fd, CONTROL_REQUEST_MAX + 1);
}

static void send_zero(int fd)
{
	send_length(fd, 0);
}

static void send_garbage(int fd)
{
	uint8_t noise[4096];
	uint32_t state = 1;

	for (size_t i = 0; i < sizeof(noise); i++) {
		state = state * 1664525 + 1013904223;
		noise[i] = state >> 24;
	}
	noise[0] |= 0x80; /* whatever the rest: a length beyond all limits */
	put(fd, noise, sizeof(noise));
}

static void send_http(int fd)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

	put(fd, text, sizeof(text) - 1);
}

static void send_deep(int fd)
{
	char *text = malloc(DEPTH);

	if (!text)
		abort();
	memset(text, '[', DEPTH);
	put_frame(fd, text, DEPTH);
	free(text);
}

static void send_zeros(int fd)
{
	static const char zeros[512];

	put_frame(fd, zeros, sizeof(zeros));
}

/* Promises 100 bytes, sends 50, and says that no more will come. */
static void send_half(int fd)
{
	uint32_t length = htonl(100);
	char half[50];

	memset(half, ' ', sizeof(half));
	put(fd, &length, sizeof(length));
	put(fd, half, sizeof(half));
	shutdown(fd, SHUT_WR);
}

static void send_nothing(int fd)
{
	shutdown(fd, SHUT_WR);
}

/* A byte now and then, so that the connection never is idle: the whole request has a deadline. */
static void send_slowly(int fd)
{
	const struct timespec pause = { 0, SLOW_MS * 1000000 };
	uint32_t length = htonl(1000);
	int64_t end = now_ms() + PATIENCE_MS;

	put(fd, &length, sizeof(length));
	while (now_ms() < end && put(fd, " ", 1))
		nanosleep(&pause, NULL);
}

static void send_silence(int fd)
{
	(void)fd;
}

static const struct {
	const char *name;
	void (*send)(int fd);
} manners[] = {
	{ "length-4-GiB", send_huge }, { "length-too-great", send_oversize },
	{ "length-0", send_zero },     { "garbage", send_garbage },
	{ "http", send_http },	       { "deep", send_deep },
	{ "zeros", send_zeros },       { "half", send_half },
	{ "nothing", send_nothing },   { "slow", send_slowly },
	{ "silent", send_silence },
};

/* More connections at once than there may be: those beyond hear so, none of the others is hurt. */
static bool crowd(const char *path)
{
	static uint8_t reply[REPLY_MAX];
	int fds[CROWD], refused = 0;
	bool good = true;

	for (int i = 0; i < CROWD; i++)
		fds[i] = dial(path);
	for (int i = CONTROL_CLIENTS_MAX; good && i < CROWD; i++) {
		ssize_t n = read_out(fds[i], reply, sizeof(reply));

		good = n > 0 && is_one_error("crowd", reply, n);
		refused += good;
	}
	for (int i = 0; good && i < CONTROL_CLIENTS_MAX; i++) {
		send_text(fds[i], "{\"v\": 1, \"cmd\": \"status\"}");
		good = read_out(fds[i], reply, sizeof(reply)) > 4 &&
		       strstr((const char *)reply + 4, "\"ok\":true");
	}
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	printf("crowd: %d of %d refused, the others %s\n", refused, CROWD,
	       good ? "answered" : "NOT all answered");
	return good && refused == CROWD - CONTROL_CLIENTS_MAX;
}

static bool wanted(const char *attack, const char *only)
{
	return !only || !strcmp(attack, only);
}

static bool one(const char *path, const char *attack, const char *text, void (*send)(int fd))
{
	int64_t begun = now_ms();
	int fd = dial(path);

	if (text)
		send_text(fd, text);
	else
		send(fd);
	return ends_well(attack, fd, begun);
}

int main(int argc, char **argv)
{
	const char *only = argc == 3 ? argv[2] : NULL;
	int tried = 0, lost = 0;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: hostile_control SOCKET [ATTACK]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (wanted(texts[i].name, only) && ++tried)
			lost += !one(argv[1], texts[i].name, texts[i].text, NULL);
	for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++)
		if (wanted(manners[i].name, only) && ++tried)
			lost += !one(argv[1], manners[i].name, NULL, manners[i].send);
	if (wanted("crowd", only) && ++tried)
		lost += !crowd(argv[1]);
	if (!tried)
		fprintf(stderr, "hostile_control: no attack \"%s\"\n", only);
	return lost || !tried;
}
