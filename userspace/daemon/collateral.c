// SPDX-License-Identifier: BSD-2-Clause
/* The fetcher's process, what it is asked for and when, and the life of it all. */
#include "daemon/collateral_supply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "collateral/process.h"
#include "verifier/refuse.h"

enum {
	TICK_S = 1,
	REFRESH_LOOK_MS = 60000,  /* how often it is looked what has to be fetched anew */
	REFRESH_SPACING_S = 3600, /* a piece near its end is asked for no faster than this */
	CLOCK_OFF_S = 86400,	  /* so far from a vendor's clock, ours is worth a word */
	CLOCK_WORD_MS = 3600000,  /* … that often */
};

static uint32_t random_u32(void)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof(v), 0) < 0)
		v = now_us();
	return v;
}

/* --- fetching */

void supply_pump(struct supply *c)
{
	struct want want;

	while (c->fetcher && child_hears(c->fetcher) && demand_next(c->demand, now_ms(), &want)) {
		struct ipc_writer w = ipc_begin(c->out, sizeof(c->out), MSG_FETCH, 0);

		fetch_put(&w, &want);
		if (child_send(c->fetcher, &w))
			demand_done(c->demand, &want, FETCH_FAILED, 0, random_u32(), now_ms());
	}
}

bool supply_ask(struct supply *c, const struct want *want)
{
	return c->fetcher && demand_add(c->demand, want, now_ms()) == 0;
}

static bool node_wants(const struct node *n, const struct want *want)
{
	for (size_t i = 0; i < n->wants_count; i++)
		if (want_equal(&n->wants[i], want))
			return true;
	return false;
}

void supply_appraise_again(struct supply *c, struct appraisal *a)
{
	static const struct timeval now = { 0, 0 };

	TAILQ_INSERT_TAIL(&c->daemon->appraisals, a, next);
	event_add(c->daemon->appraisal_event, &now);
}

static bool still_pending(struct supply *c, const struct node *n)
{
	for (size_t i = 0; i < n->wants_count; i++)
		if (demand_pending(c->demand, &n->wants[i]))
			return true;
	return false;
}

/* Those that wait for nothing any more, or have waited long enough. */
static void release_waiting(struct supply *c)
{
	struct appraisal *a = TAILQ_FIRST(&c->waiting), *next;
	uint64_t now = now_ms();

	for (; a; a = next) {
		struct node *n = node_of(c->daemon, a->id, a->generation);

		next = TAILQ_NEXT(a, next);
		if (n && now < a->until_ms && still_pending(c, n))
			continue;
		TAILQ_REMOVE(&c->waiting, a, next);
		supply_appraise_again(c, a);
	}
}

static bool is_waiting(const struct supply *c, const struct node *n)
{
	const struct appraisal *a;

	TAILQ_FOREACH(a, &c->waiting, next)
	if (a->id == n->id && a->generation == n->generation)
		return true;
	return false;
}

static void tell_node(struct supply *c, struct node *n, const struct want *want)
{
	if (node_wants(n, want) && !is_waiting(c, n))
		node_simple_event(n, PEER_POLICY_CHANGED, "new collateral");
}

/* Something is in the store that was not there before: whoever is judged by it is, again. */
static void tell_nodes(struct supply *c, const struct want *want)
{
	struct daemon *d = c->daemon;

	for (size_t i = 0; d->routing && i < d->nodes_count; i++)
		tell_node(c, d->nodes[i], want);
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (d->callers[i])
			tell_node(c, d->callers[i], want);
}

static void doubt_clock(struct supply *c, const struct fetched *m)
{
	int64_t ours = (int64_t)time(NULL), off = ours - m->date;

	if (!m->date || (off < CLOCK_OFF_S && -off < CLOCK_OFF_S) || now_ms() < c->clock_word_ms)
		return;
	c->clock_word_ms = now_ms() + CLOCK_WORD_MS;
	log_warnx("collateral: the clock of this machine is suspect: it says %s, that of %s %s",
		  time_text(ours).text, source_str(source_of(&m->piece.want)),
		  time_text(m->date).text);
}

static void keep(struct supply *c, const struct fetched *m)
{
	char why[COLLATERAL_WHY_MAX], name[WANT_TEXT_MAX];
	int done = store_put(c->store, &m->piece, time(NULL), why);

	if (done < 0)
		log_warnx("collateral: not kept: %s", why);
	else
		log_info("collateral %s: %s, good until %s", want_text(&m->piece.want, name),
			 done ? "fetched" : "fetched, as before", time_text(m->piece.expires).text);
	if (done == 1)
		tell_nodes(c, &m->piece.want);
}

static bool fetcher_received(void *arg, const struct ipc_message *msg)
{
	struct supply *c = arg;
	char name[WANT_TEXT_MAX];
	struct fetched m;

	if (msg->type != MSG_FETCHED || !fetched_get(msg->body, &m) ||
	    !demand_pending(c->demand, &m.piece.want))
		return false;
	c->fetches[source_of(&m.piece.want)][m.result]++;
	demand_done(c->demand, &m.piece.want, m.result, m.retry_after_s, random_u32(), now_ms());
	doubt_clock(c, &m);
	if (m.result == FETCH_OK)
		keep(c, &m);
	else
		log_warnx("collateral %s: %s: %s", want_text(&m.piece.want, name),
			  fetch_result_str(m.result), m.why);
	release_waiting(c);
	supply_pump(c);
	return true;
}

static void fetcher_run(int fd, void *arg)
{
	struct supply *c = arg;

	fetcher_main(fd, &c->config);
}

static void fetcher_started(void *arg)
{
	supply_pump(arg);
}

static void fetcher_died(void *arg)
{
	struct supply *c = arg;

	demand_lost(c->demand, now_ms());
}

static const struct child_ops fetcher_ops = { "fairlead-fetch", fetcher_run, fetcher_received,
					      fetcher_started, fetcher_died };

/* --- keeping it fresh */

static bool is_due(const struct supply *c, const struct stored_piece *p, int64_t now)
{
	int64_t life = p->piece.expires - p->piece.issued;
	int64_t age = now - p->fetched;

	/* A VCEK and a chain hold for years, and are asked for again when they do not fit. */
	if (want_is_certificate(p->piece.want.kind))
		return false;
	return age >= (int64_t)(c->config.refresh_ms / 1000) ||
	       (now > p->piece.expires - life / 4 && age >= REFRESH_SPACING_S);
}

static void refresh(struct supply *c)
{
	int64_t now = time(NULL);

	for (size_t i = 0; c->fetcher && i < store_count(c->store); i++)
		if (is_due(c, store_at(c->store, i), now))
			supply_ask(c, &store_at(c->store, i)->piece.want);
}

/* Somebody has imported something. */
static void look_for_imports(struct supply *c)
{
	if (!store_refresh(c->store))
		return;
	log_info("collateral: %zu pieces in %s", store_count(c->store), c->config.directory);
	for (size_t i = 0; i < store_count(c->store); i++)
		tell_nodes(c, &store_at(c->store, i)->piece.want);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct supply *c = arg;

	(void)fd;
	(void)what;
	look_for_imports(c);
	if (now_ms() >= c->looked_ms) {
		c->looked_ms = now_ms() + REFRESH_LOOK_MS;
		refresh(c);
	}
	release_waiting(c);
	supply_pump(c);
}

/* --- life */

static int begin_fetching(struct supply *c)
{
	if (c->config.offline || c->fetcher)
		return 0;
	c->fetcher = child_new(c->daemon->base, &fetcher_ops, c);
	return c->fetcher ? child_start(c->fetcher) : -ENOMEM;
}

static void stop_fetching(struct supply *c)
{
	child_free(c->fetcher);
	c->fetcher = NULL;
}

static int begin(struct supply *c)
{
	static const struct timeval period = { TICK_S, 0 };
	char why[COLLATERAL_WHY_MAX];
	int err = store_open(c->config.directory, true, &c->store, why);

	if (err) {
		log_warnx("%s", why);
		return err;
	}
	c->demand = demand_new();
	c->tick = event_new(c->daemon->base, -1, EV_PERSIST, on_tick, c);
	if (!c->demand || !c->tick || event_add(c->tick, &period))
		return -ENOMEM;
	return begin_fetching(c);
}

int collateral_start(struct daemon *d)
{
	struct supply *c;
	int err;

	if (!d->config->collateral.enabled || !daemon_attests(d))
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->daemon = d;
	c->config = d->config->collateral;
	TAILQ_INIT(&c->waiting);
	d->supply = c;
	err = begin(c);
	if (err)
		collateral_stop(d);
	return err;
}

void collateral_stop(struct daemon *d)
{
	struct supply *c = d->supply;
	struct appraisal *a;

	if (!c)
		return;
	while ((a = TAILQ_FIRST(&c->waiting))) {
		TAILQ_REMOVE(&c->waiting, a, next);
		TAILQ_INSERT_TAIL(&d->appraisals, a, next);
	}
	stop_fetching(c);
	if (c->tick)
		event_free(c->tick);
	demand_free(c->demand);
	store_close(c->store);
	free(c);
	d->supply = NULL;
}

/* The new one is whole before the old one goes. */
int collateral_apply(struct daemon *d, const struct config *old)
{
	struct supply *was = d->supply, *now;
	int err;

	if (!memcmp(&old->collateral, &d->config->collateral, sizeof(old->collateral)))
		return 0;
	d->supply = NULL;
	err = collateral_start(d);
	now = d->supply;
	d->supply = was;
	if (err) {
		log_warnx("collateral: the section in force stays the old one");
		return err;
	}
	collateral_stop(d);
	d->supply = now;
	return 0;
}

bool collateral_reaped(struct daemon *d, pid_t pid, int status)
{
	return d->supply && d->supply->fetcher && child_reaped(d->supply->fetcher, pid, status);
}

pid_t collateral_fetcher(const struct daemon *d)
{
	return d->supply && d->supply->fetcher ? child_pid(d->supply->fetcher) : 0;
}
