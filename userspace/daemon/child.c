// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sandbox.h"

enum {
	QUEUE_BYTES_MAX = 32 << 20, /* 1,000 backends' evidence, twice */
	BATCH_MAX = 256,	    /* messages read before the loop gets its turn again */
	BACKOFF_MIN_MS = 50,
	BACKOFF_MAX_MS = 5000,
	CALM_S = 30, /* after so long without a death the back-off begins anew */
};

struct pending {
	TAILQ_ENTRY(pending) next;
	size_t n;
	uint8_t bytes[];
};

struct child {
	struct event_base *base;
	const struct child_ops *ops;
	void *arg;

	pid_t pid;
	int fd;
	struct event *readable, *writable, *respawn;
	TAILQ_HEAD(, pending) queue;
	size_t queued;

	unsigned int backoff_ms, restarts;
	time_t started_s;
	bool wanted;
	uint8_t buf[IPC_MAX];
};

struct child *child_new(struct event_base *base, const struct child_ops *ops, void *arg)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->base = base;
	c->ops = ops;
	c->arg = arg;
	c->fd = -1;
	c->backoff_ms = BACKOFF_MIN_MS;
	TAILQ_INIT(&c->queue);
	return c;
}

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void drop_queue(struct child *c)
{
	struct pending *p;

	while ((p = TAILQ_FIRST(&c->queue))) {
		TAILQ_REMOVE(&c->queue, p, next);
		free(p);
	}
	c->queued = 0;
}

static void free_event(struct event **e)
{
	if (*e)
		event_free(*e);
	*e = NULL;
}

static void disconnect(struct child *c)
{
	free_event(&c->readable);
	free_event(&c->writable);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	drop_queue(c);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	c->wanted = false;
	disconnect(c);
	free_event(&c->respawn);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(c);
}

void child_kill(struct child *c, const char *why)
{
	if (c->pid <= 0)
		return;
	log_warnx("%s[%d]: %s; killed", c->ops->name, c->pid, why);
	disconnect(c);
	kill(c->pid, SIGKILL); /* child_reaped() starts the next one */
}

void child_restart(struct child *c)
{
	if (c->pid <= 0)
		return;
	disconnect(c);
	c->backoff_ms = 0;
	kill(c->pid, SIGKILL);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	struct ipc_message m;
	int n;

	(void)what;
	for (int i = 0; i < BATCH_MAX && c->fd >= 0; i++) {
		n = ipc_receive(fd, c->buf, sizeof(c->buf), &m);
		if (n == -EAGAIN)
			return;
		if (n == 0) { /* it is ending: SIGCHLD tells how */
			disconnect(c);
			return;
		}
		if (n < 0 || !c->ops->received(c->arg, &m)) {
			child_kill(c, "sent a message that makes no sense");
			return;
		}
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	struct pending *p;

	(void)what;
	while ((p = TAILQ_FIRST(&c->queue))) {
		if (send(fd, p->bytes, p->n, MSG_NOSIGNAL) < 0) {
			if (errno == EAGAIN)
				return;
			disconnect(c);
			return;
		}
		TAILQ_REMOVE(&c->queue, p, next);
		c->queued -= p->n;
		free(p);
	}
	event_del(c->writable);
}

static int enqueue(struct child *c, const struct ipc_writer *w)
{
	struct pending *p;

	if (c->queued + w->n > QUEUE_BYTES_MAX) {
		child_kill(c, "does not read what it is sent");
		return -EPIPE;
	}
	p = malloc(sizeof(*p) + w->n);
	if (!p)
		return -ENOMEM;
	p->n = w->n;
	memcpy(p->bytes, w->buf, w->n);
	TAILQ_INSERT_TAIL(&c->queue, p, next);
	c->queued += p->n;
	event_add(c->writable, NULL);
	return 0;
}

int child_send(struct child *c, const struct ipc_writer *w)
{
	int err;

	if (w->overflow)
		return -EMSGSIZE;
	if (c->fd < 0)
		return -EPIPE;
	if (!TAILQ_EMPTY(&c->queue))
		return enqueue(c, w);
	err = ipc_send(c->fd, w);
	return err == -EAGAIN ? enqueue(c, w) : err;
}

/* The signals that libevent handles in the parent must not reach its handlers here. */
static void reset_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGPIPE, SIGUSR1 };
	sigset_t none;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], i == 4 ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run(struct child *c, int fd, pid_t parent)
{
	reset_signals();
	prctl(PR_SET_NAME, c->ops->name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	sandbox_close_others(&fd, 1);
	log_rename(c->ops->name);
	c->ops->run(fd, c->arg);
	_exit(0);
}

static int spawn(struct child *c)
{
	pid_t parent = getpid();
	sigset_t all, old;
	int fds[2], err;

	err = ipc_pair(fds);
	if (err)
		return err;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old); /* no handler of ours runs in the child */
	c->pid = fork();
	if (c->pid == 0)
		run(c, fds[1], parent);
	err = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fds[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(fds[0]);
		return -err;
	}
	c->fd = fds[0];
	c->started_s = now_s();
	c->readable = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(c->base, c->fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (!c->readable || !c->writable || event_add(c->readable, NULL)) {
		child_kill(c, "no memory to listen to it");
		return -ENOMEM;
	}
	log_debug("%s[%d]: started", c->ops->name, c->pid);
	if (c->ops->started)
		c->ops->started(c->arg);
	return 0;
}

static void respawn_in(struct child *c, unsigned int ms)
{
	struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	event_add(c->respawn, &wait);
}

static void on_respawn(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	int err;

	(void)fd;
	(void)what;
	if (!c->wanted || c->pid > 0)
		return;
	err = spawn(c);
	if (err) {
		log_warnx("%s: cannot start: %s", c->ops->name, strerror(-err));
		respawn_in(c, BACKOFF_MAX_MS);
	}
}

int child_start(struct child *c)
{
	c->respawn = evtimer_new(c->base, on_respawn, c);
	if (!c->respawn)
		return -ENOMEM;
	c->wanted = true;
	return spawn(c);
}

static void describe(const struct child *c, int status)
{
	if (WIFSIGNALED(status))
		log_warnx("%s[%d]: ended by signal %d (%s)", c->ops->name, c->pid,
			  WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_warnx("%s[%d]: exited with %d", c->ops->name, c->pid, WEXITSTATUS(status));
}

bool child_reaped(struct child *c, pid_t pid, int status)
{
	bool planned = c->backoff_ms == 0;

	if (c->pid != pid)
		return false;
	if (!planned)
		describe(c, status);
	disconnect(c);
	c->pid = 0;
	c->restarts += !planned;
	if (c->ops->died)
		c->ops->died(c->arg);
	if (!c->wanted)
		return true;
	if (now_s() - c->started_s > CALM_S)
		c->backoff_ms = BACKOFF_MIN_MS;
	respawn_in(c, c->backoff_ms);
	c->backoff_ms = c->backoff_ms ? c->backoff_ms * 2 : BACKOFF_MIN_MS;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
	return true;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

bool child_hears(const struct child *c)
{
	return c->fd >= 0;
}

unsigned int child_restarts(const struct child *c)
{
	return c->restarts;
}
