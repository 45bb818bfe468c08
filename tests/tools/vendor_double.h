/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in for AMD's KDS and Intel's PCS on loopback, as kind or as unkind as a test wants it.
 *
 * It serves a directory: the target "/vcek/v1/Milan/crl" is the file "vcek_v1_Milan_crl" (what is
 * no letter, digit, dot or minus sign is "_").  Beside it:
 *
 *	NAME.header	header lines to be sent with it
 *	NAME.how	"WORD [COUNT]": what is done instead, the next COUNT times or always:
 *		429 404 500 301 …	that status; with NAME.header
 *		slow		a byte every 100 ms
 *		silent		accepts, reads and says nothing
 *		huge		without end
 *		truncated	half of the body that it announced
 *		hangup		closes without a word
 *		garbage		bytes that are no HTTP
 *	log		a line "MILLISECONDS TARGET" for every request
 */
#ifndef VENDOR_DOUBLE_H
#define VENDOR_DOUBLE_H

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	DOUBLE_TEXT_MAX = 16384,
	DOUBLE_BODY_MAX = 1 << 20,
	DOUBLE_SLOW_US = 100000,
};

struct double_file {
	char *p;
	size_t n;
	bool there;
};

static inline char *double_path(const char *dir, const char *name, const char *end)
{
	char *path;

	if (asprintf(&path, "%s/%s%s", dir, name, end) < 0)
		abort();
	return path;
}

static inline struct double_file double_read(const char *dir, const char *name, const char *end)
{
	struct double_file f = { .p = calloc(1, DOUBLE_BODY_MAX + 1) };
	char *path = double_path(dir, name, end);
	FILE *in = fopen(path, "re");

	free(path);
	if (!in)
		return f;
	f.n = fread(f.p, 1, DOUBLE_BODY_MAX, in);
	f.there = true;
	fclose(in);
	return f;
}

static inline void double_write(const char *dir, const char *name, const void *p, size_t n)
{
	char *path = double_path(dir, name, "");
	FILE *f = fopen(path, "we");

	free(path);
	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		abort();
}

static inline void double_name(const char *target, char *out, size_t size)
{
	size_t n = 0;

	for (target += *target == '/'; *target && n + 1 < size; target++)
		out[n++] = isalnum((unsigned char)*target) || strchr(".-", *target) ? *target : '_';
	out[n] = 0;
}

/* The word for this request; a count goes down with it. */
static inline void double_how(const char *dir, const char *name, char word[32])
{
	struct double_file f = double_read(dir, name, ".how");
	char path[2048], line[64];
	int count = -1;

	word[0] = 0;
	if (f.there && sscanf(f.p, "%31s %d", word, &count) >= 1 && count >= 0) {
		snprintf(path, sizeof(path), "%s.how", name);
		snprintf(line, sizeof(line), "%s %d", word, count - 1);
		if (count > 0)
			double_write(dir, path, line, strlen(line));
		else
			word[0] = 0;
	}
	free(f.p);
}

static inline void double_log(const char *dir, const char *target)
{
	char *path = double_path(dir, "log", "");
	FILE *f = fopen(path, "ae");
	struct timespec t;

	free(path);
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (!f)
		return;
	fprintf(f, "%lld %s\n", (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000, target);
	fclose(f);
}

static inline bool double_send(int fd, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t sent = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
	}
	return true;
}

static inline void double_head(int fd, const char *status, long length, const char *more)
{
	char head[DOUBLE_TEXT_MAX], date[64];
	time_t now = time(NULL);
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	snprintf(head, sizeof(head), "HTTP/1.1 %s x\r\n%s%s\r\n%sConnection: close\r\n", status,
		 strstr(more, "Date:") ? "" : "Date: ", strstr(more, "Date:") ? "X: x" : date,
		 more);
	if (length >= 0)
		snprintf(head + strlen(head), sizeof(head) - strlen(head),
			 "Content-Length: %ld\r\n", length);
	strcat(head, "\r\n");
	double_send(fd, head, strlen(head));
}

static inline void double_slowly(int fd, const char *p, size_t n)
{
	for (size_t i = 0; i < n && double_send(fd, p + i, 1); i++)
		usleep(DOUBLE_SLOW_US);
}

static inline void double_body(int fd, const char *how, const struct double_file *body,
			       const char *more)
{
	if (!strcmp(how, "huge")) {
		double_head(fd, "200", -1, more);
		while (double_send(fd, body->p, DOUBLE_BODY_MAX))
			;
	} else if (!strcmp(how, "truncated")) {
		double_head(fd, "200", body->n, more);
		double_send(fd, body->p, body->n / 2);
	} else if (!strcmp(how, "slow")) {
		double_head(fd, "200", body->n, more);
		double_slowly(fd, body->p, body->n);
	} else {
		double_head(fd, isdigit((unsigned char)how[0]) ? how : "200", body->n, more);
		double_send(fd, body->p, body->n);
	}
}

static inline void double_answer(int fd, const char *dir)
{
	char request[DOUBLE_TEXT_MAX] = "", target[2048], name[1024], how[32];
	struct double_file body, more;
	size_t n = 0;
	ssize_t got;

	while (!strstr(request, "\r\n\r\n") && n < sizeof(request) - 1 &&
	       (got = recv(fd, request + n, sizeof(request) - 1 - n, 0)) > 0)
		n += got;
	if (sscanf(request, "GET %2047s", target) != 1)
		return;
	double_log(dir, target);
	double_name(target, name, sizeof(name));
	double_how(dir, name, how);
	body = double_read(dir, name, "");
	more = double_read(dir, name, ".header");
	if (!strcmp(how, "silent"))
		pause();
	else if (!strcmp(how, "garbage"))
		double_send(fd, "\x16\x03\x01garbage\n\n", 11);
	else if (!strcmp(how, "hangup"))
		;
	else if (!body.there && !how[0])
		double_head(fd, "404", 0, "");
	else
		double_body(fd, how, &body, more.p);
	free(body.p);
	free(more.p);
}

static inline _Noreturn void double_serve(int listener, const char *dir)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			double_answer(fd, dir);
			shutdown(fd, SHUT_WR);
			while (recv(fd, (char[512]){ 0 }, 512, 0) > 0)
				;
			_exit(0);
		}
		close(fd);
	}
}

/* A listener on 127.0.0.1 (port 0: any), and its port. */
static inline int double_listen(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	socklen_t n = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, n) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&a, &n)) {
		perror("vendor double: listening");
		exit(2);
	}
	*port = ntohs(a.sin_port);
	return fd;
}

/* In a process that ends with its parent. */
static inline pid_t double_start(const char *dir, uint16_t *port)
{
	int fd = double_listen(port);
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		double_serve(fd, dir);
	}
	close(fd);
	return pid;
}

#endif
