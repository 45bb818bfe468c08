// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/demand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum state {
	WAITING, /* for its turn, not before at_ms and its source's */
	IN_FLIGHT,
	HELD, /* could not be had: remembered until at_ms, then forgotten */
};

struct wish {
	TAILQ_ENTRY(wish) next;
	struct want want;
	enum state state;
	uint64_t at_ms;
	uint32_t failures;
};

struct source_state {
	uint64_t not_before_ms;
	uint32_t failures, in_flight;
};

struct demand {
	TAILQ_HEAD(wishes, wish) wishes; /* in the order in which they came */
	size_t count;
	struct source_state sources[SOURCES];
};

const char *source_str(enum source s)
{
	return s == SOURCE_KDS ? "kds" : s == SOURCE_PCS ? "pcs" : "unknown";
}

enum source source_of(const struct want *w)
{
	return want_is_amd(w) ? SOURCE_KDS : SOURCE_PCS;
}

struct demand *demand_new(void)
{
	struct demand *d = calloc(1, sizeof(*d));

	if (d)
		TAILQ_INIT(&d->wishes);
	return d;
}

static void drop(struct demand *d, struct wish *w)
{
	TAILQ_REMOVE(&d->wishes, w, next);
	d->count--;
	free(w);
}

void demand_free(struct demand *d)
{
	if (!d)
		return;
	while (!TAILQ_EMPTY(&d->wishes))
		drop(d, TAILQ_FIRST(&d->wishes));
	free(d);
}

static struct wish *find(const struct demand *d, const struct want *want)
{
	struct wish *w;

	TAILQ_FOREACH(w, &d->wishes, next)
	if (want_equal(&w->want, want))
		return w;
	return NULL;
}

/* What is held no longer makes room for others. */
static void forget_held(struct demand *d, uint64_t now_ms)
{
	struct wish *w = TAILQ_FIRST(&d->wishes), *next;

	for (; w; w = next) {
		next = TAILQ_NEXT(w, next);
		if (w->state == HELD && w->at_ms <= now_ms)
			drop(d, w);
	}
}

int demand_add(struct demand *d, const struct want *want, uint64_t now_ms)
{
	struct wish *w = find(d, want);

	if (w && w->state == HELD && w->at_ms > now_ms)
		return -EAGAIN;
	if (w) {
		if (w->state == HELD)
			w->state = WAITING; /* its failures still count */
		return 0;
	}
	if (d->count == DEMAND_MAX)
		forget_held(d, now_ms);
	if (d->count == DEMAND_MAX)
		return -ENOSPC;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->want = *want;
	TAILQ_INSERT_TAIL(&d->wishes, w, next);
	d->count++;
	return 0;
}

/* A source that failed is tried with one wish, not with all of them. */
static bool source_takes(const struct source_state *s)
{
	return s->in_flight < (s->failures ? 1 : DEMAND_IN_FLIGHT_MAX);
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

bool demand_next(struct demand *d, uint64_t now_ms, struct want *out)
{
	struct wish *w;

	TAILQ_FOREACH(w, &d->wishes, next)
	{
		struct source_state *s = &d->sources[source_of(&w->want)];

		if (w->state != WAITING || !source_takes(s) ||
		    later_of(w->at_ms, s->not_before_ms) > now_ms)
			continue;
		w->state = IN_FLIGHT;
		s->in_flight++;
		*out = w->want;
		return true;
	}
	return false;
}

uint64_t demand_due_ms(const struct demand *d)
{
	uint64_t due = UINT64_MAX, at;
	const struct wish *w;

	TAILQ_FOREACH(w, &d->wishes, next)
	{
		const struct source_state *s = &d->sources[source_of(&w->want)];

		at = later_of(w->at_ms, s->not_before_ms);
		if (w->state == WAITING && source_takes(s) && at < due)
			due = at;
	}
	return due;
}

/* first, doubled with each failure before this one, and up to a quarter more. */
static uint64_t wait_of(uint64_t first, uint32_t failures, uint32_t random)
{
	uint64_t wait = first;

	while (failures-- > 1 && wait < DEMAND_WAIT_MAX_MS)
		wait *= 2;
	if (wait > DEMAND_WAIT_MAX_MS)
		wait = DEMAND_WAIT_MAX_MS;
	return wait + random % (wait / 4 + 1);
}

/* The source's trouble: it rests, and the wish waits for it. */
static void source_failed(struct source_state *s, enum fetch_result result, uint32_t retry_after_s,
			  uint32_t random, uint64_t now_ms)
{
	uint64_t first = result == FETCH_THROTTLED ? DEMAND_THROTTLED_MS : DEMAND_FAILED_MS;
	uint64_t wait;

	s->failures++;
	wait = wait_of(first, s->failures, random);
	if (retry_after_s) /* its word counts, with a little more so that we are not early */
		wait = retry_after_s * 1000ull + random % 250;
	s->not_before_ms = later_of(s->not_before_ms, now_ms + wait);
}

static void hold(struct wish *w, enum fetch_result result, uint32_t random, uint64_t now_ms)
{
	w->failures++;
	w->state = HELD;
	w->at_ms =
		now_ms + (result == FETCH_MISSING ? DEMAND_MISSING_MS
						  : wait_of(DEMAND_WRONG_MS, w->failures, random));
}

void demand_done(struct demand *d, const struct want *want, enum fetch_result result,
		 uint32_t retry_after_s, uint32_t random, uint64_t now_ms)
{
	struct wish *w = find(d, want);
	struct source_state *s = &d->sources[source_of(want)];

	if (!w || w->state != IN_FLIGHT)
		return;
	s->in_flight--;
	switch (result) {
	case FETCH_OK:
		s->failures = 0;
		drop(d, w);
		break;
	case FETCH_THROTTLED:
	case FETCH_FAILED:
	case FETCH_UNREACHABLE:
	case FETCH_TIMEOUT:
		w->state = WAITING;
		source_failed(s, result, retry_after_s, random, now_ms);
		break;
	case FETCH_MISSING:
	case FETCH_REFUSED:
	case FETCH_TOO_LARGE:
	case FETCH_WRONG:
	case FETCH_RESULTS:
		s->failures = 0; /* it does answer */
		hold(w, result, random, now_ms);
		break;
	}
}

/* A piece on which the fetcher died may kill the next one, too: it waits as a wrong one does. */
void demand_lost(struct demand *d, uint64_t now_ms)
{
	struct wish *w;

	TAILQ_FOREACH(w, &d->wishes, next)
	if (w->state == IN_FLIGHT)
		hold(w, FETCH_WRONG, 0, now_ms);
	for (int i = 0; i < SOURCES; i++)
		d->sources[i].in_flight = 0;
}

void demand_hurry(struct demand *d)
{
	struct wish *w = TAILQ_FIRST(&d->wishes), *next;

	for (; w; w = next) {
		next = TAILQ_NEXT(w, next);
		w->at_ms = 0;
		if (w->state == HELD)
			drop(d, w);
	}
	for (int i = 0; i < SOURCES; i++)
		d->sources[i].not_before_ms = d->sources[i].failures = 0;
}

bool demand_pending(const struct demand *d, const struct want *want)
{
	const struct wish *w = find(d, want);

	return w && w->state != HELD;
}

size_t demand_count(const struct demand *d)
{
	const struct wish *w;
	size_t n = 0;

	TAILQ_FOREACH(w, &d->wishes, next)
	n += w->state != HELD;
	return n;
}
