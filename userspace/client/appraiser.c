// SPDX-License-Identifier: BSD-2-Clause
#include "client/appraiser.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ipc.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "channel/sock.h"
#include "verifier/process.h"
#include "verifier/reason.h"

enum {
	CHILDREN = 4,
};

struct appraisal {
	TAILQ_ENTRY(appraisal) next;
	struct appraiser *appraiser;
	appraised done; /* NULL: nobody cares any more */
	void *arg;
	uint32_t id;
	struct ipc_writer message;
	uint8_t bytes[];
};

struct appraiser {
	int fds[CHILDREN];
	int current; /* the child that is asked; CHILDREN: none is left */
	struct event *readable, *kick, *limit;
	struct timeval limit_of_each;
	struct event_base *base;
	TAILQ_HEAD(, appraisal) queue; /* the first is being judged, if asked */
	bool asked;
	uint32_t id;
	uint8_t answer[IPC_MAX];
};

static void ask_next(struct appraiser *a);

/* In a container root has often lost what it takes to leave the network. */
static bool can_isolate(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &head, caps) == 0 &&
	       caps[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN);
}

static _Noreturn void child_main(int fd, struct policy *policy)
{
	int err = 0;

	log_rename("fairlead-connect verifier");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN); /* from a terminal: our parent ends us by closing fd */
	sandbox_close_others(&fd, 1);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	if (geteuid() == 0 && !can_isolate())
		err = sandbox_drop("nobody");
	if (err)
		fatalx("giving up privileges: %s", strerror(-err));
	verifier_main(fd, &policy, 1);
}

static int spawn(struct policy *policy, int *fd)
{
	int fds[2], err = ipc_pair(fds);
	pid_t pid;

	if (err)
		return err;
	pid = fork();
	if (pid == 0)
		child_main(fds[1], policy);
	err = -errno;
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return err;
	}
	*fd = fds[0];
	return 0;
}

/* Out of the queue before done() is called: that may ask anew. */
static void finish(struct appraiser *a, const struct msg_verdict *v)
{
	struct appraisal *p = TAILQ_FIRST(&a->queue);

	TAILQ_REMOVE(&a->queue, p, next);
	a->asked = false;
	event_del(a->limit);
	if (p->done)
		p->done(p->arg, v);
	free(p);
}

static void fail(struct appraiser *a, const char *why)
{
	struct msg_verdict v = { .reason = REASON_INTERNAL };

	snprintf(v.detail, sizeof(v.detail), "%s", why);
	finish(a, &v);
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

static void use_child(struct appraiser *a, int i)
{
	if (a->readable)
		event_free(a->readable);
	a->readable = NULL;
	a->current = i;
	if (i == CHILDREN) {
		log_warnx("no verifier process is left: nothing can be judged any more");
		return;
	}
	a->readable = event_new(a->base, a->fds[i], EV_READ | EV_PERSIST, on_readable, a);
	if (!a->readable || event_add(a->readable, NULL))
		a->current = CHILDREN;
}

/* The one that was asked about evidence is gone; only that evidence pays for it. */
static void lose_child(struct appraiser *a, const char *why)
{
	log_warnx("the verifier process %s", why);
	close(a->fds[a->current]);
	a->fds[a->current] = -1;
	use_child(a, a->current + 1);
	if (a->asked)
		fail(a, "the verifier process was lost over it");
	ask_next(a);
}

/* It cannot be killed from in here: it ends with us, and nobody hears it until then. */
static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lose_child(arg, "took too long over one appraisal");
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct appraiser *a = arg;
	struct msg_verdict v;
	struct ipc_message m;
	int n = ipc_receive(fd, a->answer, sizeof(a->answer), &m);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		lose_child(a, "has ended");
		return;
	}
	if (!a->asked || m.type != MSG_VERDICT || m.id != TAILQ_FIRST(&a->queue)->id ||
	    !msg_verdict_get(m.body, &v)) {
		lose_child(a, "has sent what makes no sense");
		return;
	}
	finish(a, &v);
	ask_next(a);
}

/* One at a time, so that whatever ends a child is known. */
static void ask_next(struct appraiser *a)
{
	struct appraisal *p;

	while ((p = TAILQ_FIRST(&a->queue)) && !a->asked) {
		a->asked = true;
		if (a->current < CHILDREN && !event_add(a->limit, &a->limit_of_each) &&
		    !ipc_send(a->fds[a->current], &p->message))
			return;
		fail(a, a->current < CHILDREN ? "the verifier process cannot be asked"
					      : "no verifier process is left");
	}
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask_next(arg);
}

static size_t size_of(const struct msg_appraise *m)
{
	size_t n = 4096 + m->report.n; /* names, binding and lengths take below 1 KiB */

	for (uint32_t i = 0; i < m->certs_count; i++)
		n += m->certs[i].n;
	for (int i = 0; i < COLLATERAL_COUNT; i++)
		n += m->collateral[i].n;
	return n < IPC_MAX ? n : IPC_MAX;
}

struct appraisal *appraiser_ask(struct appraiser *a, const struct msg_appraise *m, appraised done,
				void *arg)
{
	size_t size = size_of(m);
	struct appraisal *p = malloc(sizeof(*p) + size);
	static const struct timeval now;

	if (!p)
		return NULL;
	*p = (struct appraisal){ .appraiser = a, .done = done, .arg = arg, .id = ++a->id };
	p->message = ipc_begin(p->bytes, size, MSG_APPRAISE, p->id);
	msg_appraise_put(&p->message, m);
	if (p->message.overflow || event_add(a->kick, &now)) {
		free(p);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&a->queue, p, next);
	return p;
}

void appraisal_cancel(struct appraisal *p)
{
	struct appraiser *a = p ? p->appraiser : NULL;

	if (!a)
		return;
	p->done = NULL;
	if (a->asked && TAILQ_FIRST(&a->queue) == p)
		return; /* its answer is awaited all the same */
	TAILQ_REMOVE(&a->queue, p, next);
	free(p);
}

int appraiser_new(struct event_base *base, struct policy *policy, uint32_t limit_ms,
		  struct appraiser **out)
{
	struct appraiser *a = calloc(1, sizeof(*a));
	int err = a ? 0 : -ENOMEM;

	if (!a)
		return err;
	a->base = base;
	a->limit_of_each = timeval_of_us(limit_ms * 1000ULL);
	TAILQ_INIT(&a->queue);
	for (int i = 0; i < CHILDREN; i++)
		a->fds[i] = -1;
	for (int i = 0; !err && i < CHILDREN; i++)
		err = spawn(policy, &a->fds[i]);
	a->kick = evtimer_new(base, on_kick, a);
	a->limit = evtimer_new(base, on_limit, a);
	if (!err && (!a->kick || !a->limit))
		err = -ENOMEM;
	if (err) {
		appraiser_free(a);
		return err;
	}
	use_child(a, 0);
	*out = a;
	return 0;
}

void appraiser_free(struct appraiser *a)
{
	struct appraisal *p;

	if (!a)
		return;
	while ((p = TAILQ_FIRST(&a->queue))) {
		TAILQ_REMOVE(&a->queue, p, next);
		free(p);
	}
	if (a->readable)
		event_free(a->readable);
	if (a->kick)
		event_free(a->kick);
	if (a->limit)
		event_free(a->limit);
	for (int i = 0; i < CHILDREN; i++)
		if (a->fds[i] >= 0)
			close(a->fds[i]);
	free(a);
}
