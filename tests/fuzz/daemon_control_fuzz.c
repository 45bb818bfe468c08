// SPDX-License-Identifier: BSD-2-Clause
/* Anything a client may send, through the socket: frames, and the requests in them. */
#include "daemon/control.c"

/* Refuses with what it was sent, which need not be fit for JSON or a terminal. */
static json_t *handler(void *arg, const char *cmd, json_t *args, char error[WHY_MAX], int *code)
{
	const char *name = json_string_value(json_object_get(args, "name"));

	(void)arg;
	if (!strcmp(cmd, "status"))
		return json_incref(args);
	*code = json_integer_value(json_object_get(args, "code"));
	snprintf(error, WHY_MAX, "no backend \"%.200s\"", name ? name : "");
	return NULL;
}

static void serve(struct event_base *base, int fd, int ours)
{
	struct control control = { .base = base, .handler = handler };
	struct client *c = calloc(1, sizeof(*c));
	char sink[4096];

	LIST_INIT(&control.clients);
	LIST_INSERT_HEAD(&control.clients, c, next);
	c->control = &control;
	control.count = 1;
	if (!client_start(c, fd))
		abort();
	for (int i = 0; i < 1000 && control.count; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (recv(ours, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
	if (control.count)
		abort(); /* the end of file must have ended it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	int fds[2];

	if (!base) {
		log_init("fuzz", LOG_LEVEL_WARN);
		base = event_base_new();
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return 0;
	if (size <= 1 << 16 && send(fds[1], data, size, MSG_NOSIGNAL) == (ssize_t)size) {
		shutdown(fds[1], SHUT_WR);
		serve(base, fds[0], fds[1]);
	} else {
		close(fds[0]);
	}
	close(fds[1]);
	return 0;
}
