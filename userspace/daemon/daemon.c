// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of the parent: open what needs root, start the children, give privileges
 * away, loop.  SIGHUP goes over to a new configuration whole or not at all.  However
 * this process ends, what it has put into the kernel stays there and runs on.
 */
#include "daemon/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/wall.h"
#include "daemon/control.h"
#include "daemon/crls.h"
#include "daemon/daemon.h"
#include "daemon/privileges.h"
#include "daemon/rehearsal.h"

static uint64_t clock_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

uint64_t now_ms(void)
{
	return clock_us(CLOCK_BOOTTIME) / 1000;
}

uint64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

uint64_t daemon_wall_s(struct daemon *d)
{
	return wall_s(&d->wall_high_s);
}

/* What cannot change while we run, because others hold on to it or it needs root's powers. */
static const char *fixed_difference(const struct config *a, const struct config *b)
{
	if (strcmp(a->pins, b->pins))
		return "pins";
	if (strcmp(a->control, b->control) || strcmp(a->control_group, b->control_group))
		return "control";
	if (a->is_router != b->is_router || a->is_agent != b->is_agent)
		return "the roles";
	if (!a->agent.interfaces_count != !b->agent.interfaces_count)
		return "whether the agent has interfaces";
	if (a->agent.egress.wanted != b->agent.egress.wanted)
		return "whether the agent has egress";
	if (a->agent.attest_routers.wanted != b->agent.attest_routers.wanted)
		return "whether the agent has attest-routers";
	if (a->router_gives_evidence != b->router_gives_evidence)
		return "whether the router has evidence";
	return NULL;
}

bool daemon_attests(const struct daemon *d)
{
	return d->config->is_router || d->config->agent.attest_routers.wanted;
}

static int apply(struct daemon *d, char why[WHY_MAX])
{
	int err = 0;

	if (d->config->is_router)
		err = router_apply(d, why);
	if (!err && d->config->is_agent)
		err = agent_apply(d, why);
	return err;
}

/* The operator's revocation lists: those that were read before stay when one of them cannot be. */
static int take_lists(struct daemon *d, const struct config *c, char why[WHY_MAX])
{
	uint8_t *lists;
	size_t n;
	int err = crls_read(c->is_router ? c->router.crl : "", &lists, &n, why);

	if (err)
		return err;
	free(d->crl);
	d->crl = lists;
	d->crl_bytes = n;
	return 0;
}

/* The new configuration is in place and known to be whole; the old one is let go. */
static int switch_to(struct daemon *d, struct config *new, char why[WHY_MAX])
{
	struct config *old = d->config;
	int err = take_lists(d, new, why);

	if (err) {
		config_free(new);
		return err;
	}
	d->config = new;
	err = apply(d, why);
	if (err) { /* the tables refused it before any change: back to what serves */
		char ignored[WHY_MAX];

		d->config = old;
		if (apply(d, ignored) || take_lists(d, old, ignored))
			log_warnx("going back to the old configuration: %s", ignored);
		config_free(new);
		return err;
	}
	links_restart(d, old);
	config_free(old);
	return 0;
}

static int reload(struct daemon *d, bool anyway, char why[WHY_MAX])
{
	struct config *new = config_read(d->path, stderr);
	const char *fixed;
	int err = -EINVAL;

	snprintf(why, WHY_MAX, "%s has mistakes, see the log", d->path);
	if (!new)
		goto out;
	fixed = fixed_difference(d->config, new);
	if (fixed) {
		snprintf(why, WHY_MAX, "%s: %s cannot change while running; restart to change it",
			 d->path, fixed);
	} else if (channel_check(&new->channel, why) == 0 &&
		   (anyway || !d->routing || rehearsal_allows(d, new, why))) {
		err = switch_to(d, new, why);
		new = NULL;
	}
	config_free(err ? new : NULL);
out:
	if (err) {
		d->reload_failures++;
		log_warnx("not reloaded, the old configuration serves on: %s", why);
		return err;
	}
	d->reloads++;
	d->reloaded_at_s = clock_us(CLOCK_REALTIME) / 1000000;
	log_info("reloaded %s", d->path);
	return 0;
}

int daemon_reload(struct daemon *d, char why[WHY_MAX])
{
	return reload(d, false, why);
}

int daemon_reload_anyway(struct daemon *d, char why[WHY_MAX])
{
	return reload(d, true, why);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;
	char why[WHY_MAX];

	(void)what;
	switch (sig) {
	case SIGHUP:
		notify_state("RELOADING=1");
		daemon_reload(d, why);
		notify_state("READY=1");
		break;
	case SIGCHLD:
		links_reaped(d);
		break;
	default:
		log_info("stopping; the packet path runs on, and leases until they end");
		event_base_loopbreak(d->base);
	}
}

static int signals_start(struct daemon *d)
{
	static const int all[] = { SIGHUP, SIGINT, SIGTERM, SIGCHLD };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		d->signals[i] = evsignal_new(d->base, all[i], on_signal, d);
		if (!d->signals[i] || event_add(d->signals[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

static int start(struct daemon *d)
{
	char why[WHY_MAX] = "";

	if (channel_check(&d->config->channel, why) || take_lists(d, d->config, why)) {
		log_warnx("%s", why);
		return -EINVAL;
	}
	if (signals_start(d) || appraisal_init(d))
		return -ENOMEM;
	if (d->config->is_router && router_start(d))
		return -EIO;
	if (d->config->is_agent && agent_start(d))
		return -EIO;
	d->control = control_open(d->base, d->config->control, d->config->control_group,
				  show_handler, d, why);
	if (!d->control) {
		log_warnx("%s", why);
		return -EIO;
	}
	if (links_start(d))
		return -EIO;
	if (apply(d, why)) {
		if (why[0])
			log_warnx("%s", why);
		return -EIO;
	}
	return 0;
}

static void stop(struct daemon *d)
{
	links_stop(d);
	control_close(d->control);
	router_stop(d);
	agent_stop(d);
	appraisal_free(d);
	free(d->crl);
	for (size_t i = 0; i < sizeof(d->signals) / sizeof(*d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	config_free(d->config);
	event_base_free(d->base);
	free(d);
}

int daemon_run(const char *path, struct config *config)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (!d)
		return err;
	d->path = path;
	d->config = config;
	d->started_ms = now_ms();
	d->reloaded_at_s = clock_us(CLOCK_REALTIME) / 1000000;
	TAILQ_INIT(&d->appraisals);
	d->base = event_base_new();
	if (d->base)
		err = start(d);
	if (!err) {
		err = privileges_limit();
		if (err)
			log_warnx("cannot give privileges away: %s", strerror(-err));
	}
	if (!err) {
		log_info("node %s: ready", d->config->node);
		notify_state("READY=1");
		err = event_base_dispatch(d->base) < 0 ? -EIO : 0;
	}
	stop(d);
	return err;
}
