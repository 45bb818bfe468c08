// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/rehearse.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "verifier/process.h"

struct rehearsal {
	struct policy *const *policies;
	size_t count;
	pid_t pid; /* 0: none is running */
	int fd;
	uint8_t in[IPC_MAX], out[IPC_MAX];
};

/* Handlers of the caller's must not run here. */
static void run(const struct rehearsal *r, int fd, pid_t parent)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	sandbox_close_others(&fd, 1);
	verifier_main(fd, r->policies, r->count);
}

static int start(struct rehearsal *r)
{
	pid_t parent = getpid();
	sigset_t all, old;
	int fds[2], err;

	if (r->pid)
		return 0;
	err = ipc_pair(fds);
	if (err)
		return err;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	r->pid = fork();
	if (r->pid == 0)
		run(r, fds[1], parent);
	err = r->pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fds[1]);
	r->fd = fds[0];
	if (!err)
		return 0;
	close(fds[0]);
	r->pid = 0;
	return err;
}

static void stop(struct rehearsal *r)
{
	if (!r->pid)
		return;
	close(r->fd);
	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	r->pid = 0;
}

struct rehearsal *rehearsal_begin(struct policy *const policies[], size_t count)
{
	struct rehearsal *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->policies = policies;
	r->count = count;
	if (!start(r))
		return r;
	free(r);
	return NULL;
}

static int ask(struct rehearsal *r, const struct msg_appraise *m, int limit_ms,
	       struct msg_verdict *out)
{
	struct ipc_writer w = ipc_begin(r->out, sizeof(r->out), MSG_APPRAISE, 1);
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	struct ipc_message answer;
	int err;

	msg_appraise_put(&w, m);
	err = ipc_send(r->fd, &w);
	if (err)
		return err;
	err = poll(&p, 1, limit_ms);
	if (err <= 0)
		return err ? -errno : -ETIMEDOUT;
	err = ipc_receive(r->fd, r->in, sizeof(r->in), &answer);
	if (err <= 0)
		return err ? err : -EPIPE;
	return answer.type == MSG_VERDICT && msg_verdict_get(answer.body, out) ? 0 : -EPROTO;
}

int rehearsal_ask(struct rehearsal *r, const struct msg_appraise *m, int limit_ms,
		  struct msg_verdict *out)
{
	int err = start(r);

	if (!err)
		err = ask(r, m, limit_ms, out);
	if (err)
		stop(r);
	return err;
}

void rehearsal_end(struct rehearsal *r)
{
	if (r)
		stop(r);
	free(r);
}
