// SPDX-License-Identifier: BSD-2-Clause
/* The daemon's fetcher and its back-off, for one who waits in front of a terminal. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "cli/collateral.h"
#include "collateral/demand.h"
#include "collateral/process.h"
#include "verifier/refuse.h"

struct errand {
	struct store *store;
	struct demand *demand;
	struct fetch_tally *tally;
	int fd;
	bool quiet;
	size_t left;
	uint8_t in[IPC_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static pid_t start(const struct collateral_config *c, int *fd)
{
	pid_t parent = getpid(), pid;
	int fds[2];

	if (ipc_pair(fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		sandbox_close_others(&fds[1], 1);
		fetcher_main(fds[1], c);
	}
	close(fds[1]);
	*fd = fds[0];
	if (pid < 0)
		close(fds[0]);
	return pid;
}

static int send_next(struct errand *e)
{
	uint8_t buf[1024];
	struct want want;

	while (demand_next(e->demand, now_ms(), &want)) {
		struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_FETCH, 0);
		int err;

		fetch_put(&w, &want);
		err = ipc_send(e->fd, &w);
		if (err)
			return err;
	}
	return 0;
}

/* A vendor that wants patience is asked again; what it does not have, or gave wrong, is over. */
static bool is_over(enum fetch_result r)
{
	return r == FETCH_OK || r == FETCH_MISSING || r == FETCH_REFUSED || r == FETCH_TOO_LARGE ||
	       r == FETCH_WRONG;
}

static void report(struct errand *e, const struct fetched *m)
{
	char why[COLLATERAL_WHY_MAX], name[WANT_TEXT_MAX];
	int done = 0;

	want_text(&m->piece.want, name);
	if (m->result == FETCH_OK)
		done = store_put(e->store, &m->piece, time(NULL), why);
	if (m->result != FETCH_OK)
		cli_error("%s: %s: %s%s", name, fetch_result_str(m->result), m->why,
			  is_over(m->result) ? "" : "; asked again");
	else if (done < 0)
		cli_error("%s", why);
	else if (!e->quiet)
		printf("%s: good until %s%s\n", name, time_text(m->piece.expires).text,
		       done ? "" : ", as before");
	if (!is_over(m->result))
		return;
	e->left--;
	e->tally->fetched += m->result == FETCH_OK && done >= 0;
	e->tally->failed += m->result != FETCH_OK || done < 0;
}

static int hear(struct errand *e)
{
	struct ipc_message msg;
	struct fetched m;
	uint32_t random = 0;
	int n;

	while ((n = ipc_receive(e->fd, e->in, sizeof(e->in), &msg)) == 1) {
		if (msg.type != MSG_FETCHED || !fetched_get(msg.body, &m))
			return -EPROTO;
		if (getrandom(&random, sizeof(random), 0) < 0)
			random = 0;
		demand_done(e->demand, &m.piece.want, m.result, m.retry_after_s, random, now_ms());
		report(e, &m);
	}
	return n == -EAGAIN ? 0 : n == 0 ? -EPIPE : n;
}

static int run(struct errand *e, uint64_t until)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };
	int err = 0;

	while (!err && e->left && now_ms() < until) {
		uint64_t due, now;

		err = send_next(e);
		now = now_ms();
		due = demand_due_ms(e->demand);
		if (due > until)
			due = until;
		fflush(stdout);
		if (!err && poll(&p, 1, due > now ? (int)(due - now) : 1) > 0)
			err = hear(e);
	}
	return err;
}

int collateral_fetch(struct store *s, const struct collateral_config *c, const struct want *wants,
		     size_t count, unsigned int seconds, bool quiet, struct fetch_tally *out)
{
	struct errand *e = calloc(1, sizeof(*e));
	pid_t pid = -1;
	int err = -ENOMEM;

	*out = (struct fetch_tally){ 0 };
	if (e)
		e->demand = demand_new();
	if (!e || !e->demand)
		goto out;
	e->store = s;
	e->tally = out;
	e->quiet = quiet;
	for (size_t i = 0; i < count; i++)
		demand_add(e->demand, &wants[i], now_ms());
	e->left = demand_count(e->demand);
	pid = start(c, &e->fd);
	if (pid < 0) {
		err = -errno;
		goto out;
	}
	err = run(e, now_ms() + seconds * 1000ull);
	out->failed += e->left;
	if (!err && e->left)
		cli_error("%zu of them did not come within %u s", e->left, seconds);
	close(e->fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
out:
	if (err)
		cli_error("fetching: %s", strerror(-err));
	demand_free(e ? e->demand : NULL);
	free(e);
	return err;
}
