// SPDX-License-Identifier: BSD-2-Clause
/*
 * The asking end of the control socket, blocking.  What comes back is believed no
 * further than its frame and its shape.
 */
#include "daemon/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PATIENCE_S = 30, /* a reload with thousands of backends takes seconds */
};

/* A descriptor, or -1 and why[]. */
static int dial(const char *path, char why[WHY_MAX])
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, err = 0;

	if (strlen(path) >= sizeof(un.sun_path)) {
		snprintf(why, WHY_MAX, "%.100s…: a socket's path has at most %zu characters", path,
			 sizeof(un.sun_path) - 1);
		return -1;
	}
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(fd, (const struct sockaddr *)&un, sizeof(un)))
		err = errno;
	if (!err)
		return fd;
	snprintf(why, WHY_MAX, "no daemon at %s: %s; %s", path, strerror(err),
		 err == EACCES ? "be root, or of the group that control.group names"
			       : "start fairleadd or give --socket");
	if (fd >= 0)
		close(fd);
	return -1;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= done;
	}
	return 0;
}

static int read_all(int fd, char *p, size_t n)
{
	while (n) {
		ssize_t got = recv(fd, p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EPIPE;
		p += got;
		n -= got;
	}
	return 0;
}

/* Takes args over; the text to be freed, NULL without memory. */
static char *request_text(const char *cmd, json_t *args)
{
	json_t *o = json_pack("{s:i, s:s, s:o}", "v", CONTROL_VERSION, "cmd", cmd, "args",
			      args ? args : json_object());
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

static int send_request(int fd, const char *text)
{
	uint32_t length = htonl(strlen(text));
	int err = write_all(fd, (const char *)&length, sizeof(length));

	return err ? err : write_all(fd, text, strlen(text));
}

/* A frame's text in *out, to be freed; 0 or -errno. */
static int receive(int fd, char **out, size_t *n)
{
	uint32_t length;
	int err = read_all(fd, (char *)&length, sizeof(length));

	if (err)
		return err;
	*n = ntohl(length);
	if (*n == 0 || *n > CONTROL_REPLY_MAX)
		return -EBADMSG;
	*out = malloc(*n);
	if (!*out)
		return -ENOMEM;
	err = read_all(fd, *out, *n);
	if (err) {
		free(*out);
		*out = NULL;
	}
	return err;
}

static int understand(json_t *reply, json_t **result, char why[WHY_MAX])
{
	const char *error = json_string_value(json_object_get(reply, "error"));
	json_t *value = json_object_get(reply, "result");

	if (json_is_true(json_object_get(reply, "ok")) && value) {
		*result = json_incref(value);
		return 0;
	}
	snprintf(why, WHY_MAX, "%s", error ? error : "the daemon's answer makes no sense");
	return error && json_integer_value(json_object_get(reply, "code")) == 1 ? 1 : 2;
}

static const char *failure_str(int err)
{
	switch (err) {
	case -EPIPE:
	case -ECONNRESET:
		return "it hung up";
	case -EAGAIN:
		return "it does not answer";
	case -EBADMSG:
		return "it does not speak this protocol";
	}
	return strerror(-err);
}

/* Asks on an open connection: 0, or 1 or 2 with why[]. */
static int ask(int fd, const char *path, const char *text, json_t **result, char why[WHY_MAX])
{
	char *answer = NULL;
	json_t *reply;
	size_t n = 0;
	int err, status;

	err = send_request(fd, text);
	if (!err || err == -EPIPE || err == -ECONNRESET) /* it may have said why before */
		err = receive(fd, &answer, &n);
	if (err) {
		snprintf(why, WHY_MAX, "the daemon at %s: %s", path, failure_str(err));
		return 2;
	}
	reply = json_loadb(answer, n, JSON_REJECT_DUPLICATES, NULL);
	status = understand(reply, result, why);
	json_decref(reply);
	free(answer);
	return status;
}

int control_call(const char *path, const char *cmd, json_t *args, json_t **result,
		 char why[WHY_MAX])
{
	char *text = request_text(cmd, args);
	int fd, status = 2;

	*result = NULL;
	if (!text || strlen(text) > CONTROL_REQUEST_MAX) {
		snprintf(why, WHY_MAX, text ? "the question is too long" : "out of memory");
		goto out;
	}
	fd = dial(path, why);
	if (fd < 0)
		goto out;
	status = ask(fd, path, text, result, why);
	close(fd);
out:
	free(text);
	return status;
}
