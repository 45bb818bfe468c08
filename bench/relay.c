// SPDX-License-Identifier: BSD-2-Clause
/*
 * relay JSON PLOT NAME=tls|plain,ADDRESS,PORT... [+NAME=tls|plain,ADDRESS,PORT...]
 *
 * What a way to an upstream costs beside the first one named, which is the direct one: the
 * latency of requests and answers by size, of a stream's first byte and of what is between
 * its chunks, in a crowd, and of a connection's beginning.  Ways are measured in turn, a few
 * requests each, so that what disturbs the machine for a while disturbs all alike; medians count.
 * Ways with a + are measured for connections' beginnings alone.
 * A table on stdout, the same as JSON, and columns for gnuplot.
 */
#include "relay_load.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ARMS_MAX = 8,
	WARM_UP = 5,
	TURNS = 10, /* with new connections, as where threads come to run is half of it */
	SAMPLES_MAX = 4096,
	SMALL_TIMES = 1000, /* requests of the smallest size */
	LARGE_TIMES = 100,  /* and at least of each */
	ANSWER = 1024,
	CHUNKS = 256,
	CHUNK_BYTES = 100,
	GAP_US = 3000, /* a model that makes 330 tokens a second */
	STREAMS = 3,
	FIRST_TIMES = 300,
	CROWD_MAX = 64,
	CROWD_REQUESTS = 600,
	CROWD_THINK_US = 5000,
	CROWD_SLOW_US = 20000,	  /* the shortest that a model server takes for a token or a few */
	CROWD_SETTLE_US = 300000, /* a pool's worth of sessions, with their evidence */
	CROWD_ROUNDS = 2,	  /* each arm's 600 in halves, in turn */
	OPENINGS = 60,
	SETTLE_US = 100000, /* for pools to be full again, and whoever was closed to be gone */
	PAUSE_US = 20000,   /* for a pool of sessions to gain the one that was taken */
};

static const uint32_t sizes[] = { 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20 };
static const unsigned int crowds[] = { 1, 2, 4, 8, 16, 32, 64 };
enum { SIZES = sizeof(sizes) / sizeof(*sizes), CROWDS = sizeof(crowds) / sizeof(*crowds) };

static struct arm arms[ARMS_MAX];
static size_t arms_count, openings_count; /* the first ones of these; all of them */
static json_t *results;
static FILE *plot;

/* --- samples */

struct samples {
	double us[SAMPLES_MAX];
	size_t n, failed;
};

static void take(struct samples *s, double us)
{
	if (us < 0)
		s->failed++;
	else if (s->n < SAMPLES_MAX)
		s->us[s->n++] = us;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(struct samples *s, double q)
{
	if (!s->n)
		return -1;
	qsort(s->us, s->n, sizeof(*s->us), compare);
	return s->us[(size_t)(q * (s->n - 1))];
}

/* One row for people and one for programs: of each arm the median, and what it adds to the first.
 */
static void report(const char *what, double value, struct samples of[], size_t count)
{
	double direct = quantile(&of[0], 0.5);
	json_t *row = json_pack("{s:s,s:f,s:o}", "what", what, "at", value, "arms", json_array());

	printf("%-10s %8.0f", what, value);
	fprintf(plot, "%s\t%.0f", what, value);
	for (size_t i = 0; i < count; i++) {
		double m = quantile(&of[i], 0.5);

		if (i)
			printf("  %10.1f %+10.1f %6.2f", m, m - direct, m / direct);
		else
			printf("  %10.1f", m);
		if (of[i].failed)
			printf(" (%zu failed)", of[i].failed);
		fprintf(plot, "\t%.1f", m);
		json_array_append_new(json_object_get(row, "arms"),
				      json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:i,s:i}", "arm",
						arms[i].name, "median_us", m, "p10_us",
						quantile(&of[i], 0.1), "p90_us",
						quantile(&of[i], 0.9), "added_us", m - direct,
						"ratio", m / direct, "samples", (int)of[i].n,
						"failed", (int)of[i].failed));
	}
	printf("\n");
	fflush(stdout);
	fprintf(plot, "\n");
	json_array_append_new(results, row);
}

static void heading(const char *title, size_t count)
{
	printf("\n%s; medians in microseconds, added, ratio to %s\n%19s", title, arms[0].name, "");
	for (size_t i = 0; i < count; i++)
		printf(i ? "  %28s" : "  %10s", arms[i].name);
	printf("\n");
	fprintf(plot, "%s# %s\n", ftell(plot) ? "\n\n" : "",
		title); /* what gnuplot calls an index */
}

static void die(const char *arm, const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", arm, what);
	exit(1);
}

/* --- over a warm connection */

static void open_all(struct link links[])
{
	static const struct order small = { .chunks = 1, .bytes = ANSWER };

	for (size_t i = 0; i < arms_count; i++) {
		if (!link_open(&arms[i], &links[i]))
			die(arms[i].name, "no connection");
		for (int n = 0; n < WARM_UP; n++)
			if (link_ask(&links[i], &small, NULL) < 0)
				die(arms[i].name, "no answer");
	}
	usleep(SETTLE_US);
}

static void close_all(struct link links[])
{
	for (size_t i = 0; i < arms_count; i++)
		link_close(&links[i]);
}

/*
 * One way's requests follow each other: whoever came right after another way would pay for what
 * that one's processes still have to clear up.
 */
static void ask_in_a_row(struct link *l, const struct order *o, int times, struct samples *of)
{
	double at[2] = { 0 }; /* two chunks at most; of two, it is the first one that is timed */

	if (link_ask(l, o, at) < 0)
		return;
	for (int n = 0; n < times; n++) {
		bool ok = link_ask(l, o, at) >= 0;

		take(of, ok ? at[0] : -1);
	}
}

static void measure_order(const char *what, double at, const struct order *o, int times)
{
	static struct samples of[ARMS_MAX];
	struct link links[ARMS_MAX];

	memset(of, 0, sizeof(of));
	for (int turn = 0; turn < TURNS; turn++) {
		open_all(links);
		for (size_t i = 0; i < arms_count; i++) {
			size_t a = (i + turn) % arms_count;

			ask_in_a_row(&links[a], o, times / TURNS, &of[a]);
		}
		close_all(links);
	}
	report(what, at, of, arms_count);
}

static int times_of(uint32_t size)
{
	int n = (int)(((uint64_t)SMALL_TIMES << 10) / size);

	return n > LARGE_TIMES ? n : LARGE_TIMES;
}

static void measure_sizes(void)
{
	heading("A request of so many bytes, answered by 1 KiB", arms_count);
	for (size_t i = 0; i < SIZES; i++)
		measure_order("request", sizes[i],
			      &(struct order){ .upload = sizes[i], .chunks = 1, .bytes = ANSWER },
			      times_of(sizes[i]));
	heading("A small request, answered by so many bytes", arms_count);
	for (size_t i = 0; i < SIZES; i++)
		measure_order("answer", sizes[i], &(struct order){ .chunks = 1, .bytes = sizes[i] },
			      times_of(sizes[i]));
}

static void measure_streams(void)
{
	static struct samples first[ARMS_MAX], between[ARMS_MAX];
	static const struct order o = { .chunks = CHUNKS, .bytes = CHUNK_BYTES, .gap_us = GAP_US };
	static const struct order two = { .chunks = 2, .bytes = CHUNK_BYTES };
	struct link links[ARMS_MAX];
	double at[CHUNKS];

	for (int n = 0; n < STREAMS; n++) {
		open_all(links);
		for (size_t i = 0; i < arms_count; i++) {
			if (link_ask(&links[i], &o, at) < 0)
				die(arms[i].name, "a stream broke");
			for (int c = 1; c < CHUNKS; c++)
				take(&between[i], at[c] - at[c - 1]);
		}
		close_all(links);
	}
	for (int turn = 0; turn < TURNS; turn++) { /* a long stream has but one first byte */
		open_all(links);
		for (size_t i = 0; i < arms_count; i++)
			ask_in_a_row(&links[i], &two, FIRST_TIMES / TURNS, &first[i]);
		close_all(links);
	}
	heading("A stream of 256 chunks of 100 bytes, 3 ms apart", arms_count);
	report("first", 1, first, arms_count);
	report("between", CHUNKS, between, arms_count);
}

/* --- in a crowd */

struct member {
	pthread_t thread;
	const struct arm *arm;
	struct order order;
	unsigned int times;
	struct samples *of;
	pthread_mutex_t *lock;
	/* All connections are up and warm; and what that has left to do elsewhere is done. */
	pthread_barrier_t *ready, *go;
};

static void *ask_often(void *arg)
{
	static const struct order small = { .chunks = 1, .bytes = 1 };
	struct member *m = arg;
	struct link l;
	bool up = link_open(m->arm, &l) && link_ask(&l, &small, NULL) >= 0;

	pthread_barrier_wait(m->ready);
	pthread_barrier_wait(m->go);
	for (unsigned int i = 0; i < m->times; i++) {
		double us = up ? link_ask(&l, &m->order, NULL) : -1;

		up = up && us >= 0;
		pthread_mutex_lock(m->lock);
		take(m->of, us);
		pthread_mutex_unlock(m->lock);
	}
	link_close(&l);
	return NULL;
}

static void crowd_once(const struct arm *a, unsigned int many, unsigned int requests,
		       uint32_t think_us, struct samples *of)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct member members[CROWD_MAX];
	pthread_barrier_t ready, go;

	pthread_barrier_init(&ready, NULL, many + 1);
	pthread_barrier_init(&go, NULL, many + 1);
	for (unsigned int i = 0; i < many; i++) {
		members[i] = (struct member){
			.arm = a,
			.order = { .upload = 1024,
				   .think_us = think_us,
				   .chunks = 1,
				   .bytes = ANSWER },
			.times = requests / many + (i < requests % many),
			.of = of,
			.lock = &lock,
			.ready = &ready,
			.go = &go,
		};
		if (pthread_create(&members[i].thread, NULL, ask_often, &members[i]))
			die(a->name, "no thread");
	}
	pthread_barrier_wait(&ready);
	usleep(CROWD_SETTLE_US);
	pthread_barrier_wait(&go);
	for (unsigned int i = 0; i < many; i++)
		pthread_join(members[i].thread, NULL);
	pthread_barrier_destroy(&ready);
	pthread_barrier_destroy(&go);
}

static void measure_crowds(const char *what, const char *title, uint32_t think_us)
{
	static struct samples of[ARMS_MAX];

	heading(title, arms_count);
	for (size_t c = 0; c < CROWDS; c++) {
		memset(of, 0, sizeof(of));
		for (int r = 0; r < CROWD_ROUNDS; r++)
			for (size_t i = 0; i < arms_count; i++)
				crowd_once(&arms[i], crowds[c], CROWD_REQUESTS / CROWD_ROUNDS,
					   think_us, &of[i]);
		report(what, crowds[c], of, arms_count);
	}
}

/* --- a connection's beginning */

static double open_once(const struct arm *a)
{
	static const struct order small = { .chunks = 1, .bytes = 1 };
	double begin = load_now_us(), us = -1;
	struct link l;

	if (!link_open(a, &l))
		return -1;
	if (link_ask(&l, &small, NULL) >= 0)
		us = load_now_us() - begin;
	link_close(&l);
	return us;
}

static void measure_openings(void)
{
	static struct samples of[ARMS_MAX];

	for (int n = 0; n < OPENINGS; n++)
		for (size_t i = 0; i < openings_count; i++) {
			take(&of[i], open_once(&arms[i]));
			usleep(PAUSE_US);
		}
	heading("A connection's beginning, to the first byte of an answer", openings_count);
	report("open", 1, of, openings_count);
}

/* --- */

static SSL_CTX *client_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		die("TLS", "no context");
	return ctx;
}

/* "NAME=tls|plain,ADDRESS,PORT" */
static bool parse_arm(char *text, struct arm *a)
{
	char *how;

	a->name = strsep(&text, "=");
	how = strsep(&text, ",");
	a->address = strsep(&text, ",");
	a->port = text;
	if (!a->port || (strcmp(how, "tls") && strcmp(how, "plain")))
		return false;
	a->ctx = strcmp(how, "tls") ? NULL : client_context();
	return true;
}

static bool parse(int argc, char **argv)
{
	for (int i = 3; i < argc && openings_count < ARMS_MAX; i++) {
		bool opening_only = argv[i][0] == '+';

		if (!parse_arm(argv[i] + opening_only, &arms[openings_count++]))
			return false;
		if (!opening_only)
			arms_count = openings_count;
	}
	return arms_count >= 1;
}

int main(int argc, char **argv)
{
	if (argc < 4 || !parse(argc, argv)) {
		fputs("relay JSON PLOT NAME=tls|plain,ADDRESS,PORT... [+NAME=...]\n", stderr);
		return 2;
	}
	plot = fopen(argv[2], "we");
	results = json_array();
	if (!plot || !results) {
		perror(argv[2]);
		return 1;
	}
	measure_sizes();
	measure_streams();
	measure_crowds("thinking", "600 requests from so many at once, of a model that takes 5 ms",
		       CROWD_THINK_US);
	measure_crowds("slow", "600 requests from so many at once, of a model that takes 20 ms",
		       CROWD_SLOW_US);
	measure_crowds("crowd", "600 requests from so many at once, answered at once", 0);
	measure_openings();
	return json_dump_file(results, argv[1], JSON_INDENT(1)) || fclose(plot) ? 1 : 0;
}
