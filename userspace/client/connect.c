// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead-connect: TCP connections, or stdin and stdout, to a service that has proved what it
 * runs before the first byte leaves.  The exit status: 0, 1 refused, 2 usage or system error,
 * 3 could not tell.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "channel/sock.h"
#include "channel/tls.h"
#include "client/client.h"
#include "client/keys.h"
#include "client/opening.h"
#include "client/pool.h"
#include "client/stream.h"

enum {
	FILES_MAX = 65536,
	APPRAISAL_MS = 10000, /* as long as fairleadd waits */
};
static const uint64_t HEADROOM_BYTES = 4ULL << 30; /* 30,000 streams take 3 GiB */

/* Stdin and stdout, as one stream. */
struct stdio {
	struct client *client;
	struct opening *opening;
	struct stream *stream;
	enum verdict status;
};

/*
 * Pipes and sockets may make us wait, and are told not to; a terminal is somebody else's too,
 * and a file never does.  A pipe is opened anew, so that others who hold it are not told as well.
 */
static void make_nonblocking(int fd)
{
	char path[32];
	struct stat st;
	int own = -1;

	if (fstat(fd, &st) || (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (S_ISFIFO(st.st_mode))
		own = open(path, (fd ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	if (own < 0 || dup2(own, fd) < 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (own >= 0)
		close(own);
}

static void end_stdio(struct stdio *s, enum verdict status)
{
	s->status = status;
	event_base_loopbreak(s->client->base);
}

static void on_stream_done(void *arg, const char *why)
{
	struct stdio *s = arg;

	s->stream = NULL;
	if (why)
		log_warnx("ended: %s", why);
	end_stdio(s, why ? VERDICT_REFUSED : VERDICT_ACCEPTED);
}

static void on_ready(void *arg, const struct ready *r)
{
	struct stdio *s = arg;
	struct ready ready = *r;
	struct stream_ends ends = { STDIN_FILENO, STDOUT_FILENO, .until_ms = r->attested.until_ms };

	s->opening = NULL;
	ends.ssl = ready_release(&ready, &ends.tls_fd);
	if (ends.ssl)
		s->stream = stream_start(s->client->base, &ends, on_stream_done, s);
	if (s->stream)
		return;
	log_warnx("No verified TEE endpoints available: %s: release: it hung up",
		  r->endpoint->name);
	end_stdio(s, VERDICT_REFUSED);
}

static void on_failed(void *arg, enum verdict status, const char *text)
{
	struct stdio *s = arg;

	s->opening = NULL;
	log_warnx("%s", text);
	end_stdio(s, status);
}

static const struct opening_ops opening_ops = { on_ready, on_failed };

static enum verdict run_stdio(struct client *c)
{
	struct stdio s = { .client = c, .status = VERDICT_ERROR };

	s.opening = opening_start(c, &opening_ops, &s);
	if (s.opening)
		event_base_dispatch(c->base);
	opening_cancel(s.opening);
	stream_close(s.stream);
	return s.status;
}

static int open_listener(const struct options *o)
{
	char text[ENDPOINT_TEXT_MAX];
	int fd = sock_listen(&o->listen_addr, o->listen_port);
	struct addr addr;
	uint16_t port;

	if (fd < 0 || !sock_local(fd, &addr, &port)) {
		log_warnx("listening on %s: %s",
			  endpoint_text(&o->listen_addr, o->listen_port, text), strerror(-fd));
		return -1;
	}
	printf("%s\n", endpoint_text(&addr, port, text));
	fflush(stdout);
	return fd;
}

static enum verdict run_listener(struct client *c, int fd)
{
	struct pool *p = pool_new(c, fd);

	if (!p) {
		log_warnx("no memory");
		return VERDICT_ERROR;
	}
	event_base_dispatch(c->base);
	pool_free(p);
	return VERDICT_ACCEPTED;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	event_base_loopbreak(arg);
}

/* poll(2) takes what epoll does not: stdin may be a file. */
static struct event_base *new_base(bool listens)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	if (!listens)
		event_config_avoid_method(config, "epoll");
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/* Random: which boot this is, and whether at all, is none of a service's business. */
static bool make_boot_id(char out[WIRE_BOOT_ID_MAX])
{
	uint64_t random[2];

	if (!tls_random(random, sizeof(random)))
		return false;
	snprintf(out, WIRE_BOOT_ID_MAX, "%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
	return true;
}

static bool open_save(struct client *c)
{
	const char *path = c->options->save;

	c->save_fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	if (path && c->save_fd < 0)
		log_warn("%s", path);
	return !path || c->save_fd >= 0;
}

static bool open_tls(struct client *c)
{
	bool beside = c->agents_count;
	char why[WHY_MAX];

	if (client_tls_open(beside ? CLIENT_TLS_SERVICE : CLIENT_TLS_INLINE, c->options, &c->tls,
			    why) ||
	    (beside && client_tls_open(CLIENT_TLS_AGENT, c->options, &c->agent_tls, why))) {
		log_warnx("%s", why);
		return false;
	}
	c->keys = beside ? keyring_new(c) : NULL;
	return !beside || c->keys;
}

static bool resolve(struct client *c)
{
	const struct options *o = c->options;
	char why[WHY_MAX];

	c->endpoints_count = endpoints_resolve(o->endpoints, o->endpoints_count, c->endpoints, why);
	if (c->endpoints_count && o->agents_count)
		c->agents_count = endpoints_resolve(o->agents, o->agents_count, c->agents, why);
	if (c->endpoints_count && !c->agents_count == !o->agents_count)
		return true;
	log_warnx("%s", why);
	return false;
}

static bool read_files(struct client *c)
{
	if (!inputs_read("fairlead-connect", &c->options->files, &c->inputs))
		return false;
	if (c->options->class != CLASS_CLASSIFIED || inputs_pin_chips(&c->inputs))
		return true;
	log_warnx("--class classified wants a policy that pins chips, classified: {chip-pin: "
		  "required}; \"%s\" does not",
		  policy_name(c->inputs.policy));
	return false;
}

static bool confine(void)
{
	int err = sandbox_limit(HEADROOM_BYTES);

	if (!err)
		err = sandbox_drop("nobody");
	if (!err)
		err = sandbox_enter(SANDBOX_NETWORK);
	if (err)
		log_warnx("giving up privileges: %s", strerror(-err));
	return !err;
}

/* Everything that takes a file, a name or a new process is done before confine(). */
static bool prepare(struct client *c)
{
	int err;

	if (!read_files(c))
		return false;
	/* Before there are keys that children of ours could find in their memory. */
	c->base = new_base(c->options->listens);
	err = c->base ? appraiser_new(c->base, c->inputs.policy, APPRAISAL_MS, &c->appraiser)
		      : -ENOMEM;
	if (err)
		log_warnx("the verifier cannot be started: %s", strerror(-err));
	return !err && resolve(c) && open_save(c) && open_tls(c) && make_boot_id(c->boot_id);
}

static enum verdict run(struct client *c)
{
	struct event *term, *intr;
	enum verdict status = VERDICT_ERROR;
	int fd = -1;

	if (!prepare(c))
		return status;
	if (c->options->listens)
		fd = open_listener(c->options);
	for (int i = 0; !c->options->listens && i < 2; i++)
		make_nonblocking(i);
	term = evsignal_new(c->base, SIGTERM, on_signal, c->base);
	intr = evsignal_new(c->base, SIGINT, on_signal, c->base);
	if (term && intr && !event_add(term, NULL) && !event_add(intr, NULL) &&
	    (fd >= 0 || !c->options->listens) && confine())
		status = fd >= 0 ? run_listener(c, fd) : run_stdio(c);
	if (term)
		event_free(term);
	if (intr)
		event_free(intr);
	return status;
}

static void tidy(struct client *c)
{
	keyring_free(c->keys);
	appraiser_free(c->appraiser);
	client_tls_close(c->tls);
	client_tls_close(c->agent_tls);
	inputs_free(&c->inputs);
	if (c->base)
		event_base_free(c->base);
	if (c->save_fd >= 0)
		close(c->save_fd);
	free(c);
}

static enum log_level level_of(int verbose)
{
	return verbose == 0 ? LOG_LEVEL_WARN : verbose == 1 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

int main(int argc, char **argv)
{
	struct client *c = calloc(1, sizeof(*c));
	enum verdict status;
	struct options o;

	log_init("fairlead-connect", LOG_LEVEL_WARN);
	switch (options_read(&o, argc, argv, stdout, stderr)) {
	case OPTIONS_HELPED:
		free(c);
		return VERDICT_ACCEPTED;
	case OPTIONS_WRONG:
		free(c);
		return VERDICT_ERROR;
	case OPTIONS_GO_ON:
		break;
	}
	if (!c)
		fatalx("no memory");
	log_init("fairlead-connect", level_of(o.verbose));
	signal(SIGPIPE, SIG_IGN);
	files_limit_raise(FILES_MAX);
	c->options = &o;
	c->save_fd = -1;
	status = run(c);
	tidy(c);
	return status;
}
