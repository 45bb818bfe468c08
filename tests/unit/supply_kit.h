/* SPDX-License-Identifier: BSD-2-Clause */
/* A router's supply of collateral, one backend and its appraisal; no vendor at hand. */
#ifndef SUPPLY_KIT_H
#define SUPPLY_KIT_H

#include "unit/collateral_kit.h"

#include "daemon/collateral.h"

static struct daemon *d;
static struct node node;
static struct appraisal job;
static struct msg_appraise message;
static const struct bytes brought = { (const uint8_t *)"brought", 7 };

static inline void on_nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static inline void put_piece(const struct piece *p, int64_t fetched)
{
	struct store *s = kit_open_store();
	char why[COLLATERAL_WHY_MAX];

	assert_true(store_put(s, p, fetched, why) >= 0);
	store_close(s);
	if (d->supply)
		store_refresh(d->supply->store);
}

static inline void put_at(const char *name, int64_t fetched)
{
	struct piece p = kit_piece(name);

	put_piece(&p, fetched);
}

static inline void put(const char *name)
{
	put_at(name, LAB_NOW);
}

/* What the backend's evidence is by now. */
static inline void sends(enum tee tee)
{
	message.binding.tee = job.tee = tee;
}

static inline int supply_begin(void **state)
{
	kit_open_dir(state);
	d = calloc(1, sizeof(*d));
	d->config = calloc(1, sizeof(*d->config));
	d->base = event_base_new();
	TAILQ_INIT(&d->appraisals);
	d->appraisal_event = evtimer_new(d->base, on_nothing, NULL);
	collateral_defaults(&d->config->collateral);
	strcpy(d->config->collateral.directory, kit.dir);
	d->config->collateral.offline = true;
	d->config->collateral.enabled = d->config->is_router = true;
	memset(&node, 0, sizeof(node));
	memset(&job, 0, sizeof(job));
	message = (struct msg_appraise){ .certs_count = 1, .certs = { brought } };
	sends(TEE_SNP);
	return collateral_start(d);
}

static inline int supply_end(void **state)
{
	collateral_stop(d);
	event_free(d->appraisal_event);
	event_base_free(d->base);
	free(d->config);
	free(d);
	return kit_close_dir(state);
}

static inline struct msg_verdict verdict(enum reason r, const char *const names[])
{
	struct msg_verdict v = { .reason = r };

	for (; names[v.wants_count]; v.wants_count++)
		v.wants[v.wants_count] = kit_want(names[v.wants_count]);
	return v;
}

#define VERDICT(r, ...) verdict(r, (const char *const[]){ __VA_ARGS__, NULL })

/* Whether the appraisal is to come again; then it is taken out of the queue. */
static inline bool again(struct msg_verdict v)
{
	bool kept = collateral_keeps(d, &node, &job, &v);

	assert_int_equal(kept, !TAILQ_EMPTY(&d->appraisals));
	if (kept)
		TAILQ_REMOVE(&d->appraisals, &job, next);
	return kept;
}

static inline bool holds(enum collateral kind, struct bytes want)
{
	return bytes_equal(message.collateral[kind], want);
}

#define TCB "intel/tcb-info/" KIT_FMSPC

#define WITH_DAEMON(test) cmocka_unit_test_setup_teardown(test, supply_begin, supply_end)

#endif
