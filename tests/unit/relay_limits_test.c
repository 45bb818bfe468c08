// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the relay does with those who are slow, too many or unreachable, and with names; all by
 * waiting for what has to come, never for a time to have passed.
 */
#include "relay_kit.h"

#include <sys/un.h>

static struct kit *kit;
static struct identity relay_id;
static struct origin plain;
static struct relay_config *config;
static struct proc relay;
static uint16_t mute_port;
static int mute_fd, unix_fd;

static int setup(void **state)
{
	struct addr a;

	(void)state;
	kit = kit_new();
	kit_issue(kit, &relay_id, "relay", "URI:fairlead://node/relay-1,IP:127.0.0.1");
	origin_start(&plain, NULL, 0);
	addr_parse("127.0.0.1", &a);
	mute_port = kit_port();
	mute_fd = sock_listen(&a, mute_port); /* its backlog accepts, and that is all */
	config = relay_kit_config(&relay_id);
	relay_kit_add(config, "plain", plain.port);
	relay_kit_pin(relay_kit_add(config, "mute", mute_port), &relay_id);
	relay_kit_add(config, "closed", kit_port());
	snprintf(relay_kit_add(config, "pipe", 0)->path, RELAY_UNIX_MAX, "%s/pipe", kit->dir);
	config->destinations[3].host[0] = 0;
	config->destinations[3].is_literal = false;
	snprintf(relay_kit_add(config, "nopipe", 0)->path, RELAY_UNIX_MAX, "%s/none", kit->dir);
	config->destinations[4].host[0] = 0;
	config->destinations[4].is_literal = false;
	relay_kit_add(config, "named", plain.port)->is_literal = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	origin_stop(&plain);
	close(mute_fd);
	free(config);
	kit_free(kit);
	return 0;
}

/* A relay with the limits that a test has set; the next one has the ordinary ones again. */
static void begin(void)
{
	relay_kit_start(kit, &relay, config, false);
}

static struct relay_limits usual;

static int before(void **state)
{
	(void)state;
	usual = config->limits;
	return 0;
}

static int after(void **state)
{
	(void)state;
	config->limits = usual;
	proc_stop(&relay);
	return 0;
}

/* Up to EVIDENCE. */
static void is_answered(struct guest *g)
{
	guest_comes(g, NULL);
	assert_true(guest_asks(g, 1, "plain"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	parent_answers(&relay, 0, RELAY_REPORT);
	guest_wants(g, WIRE_EVIDENCE);
}

static void test_no_result(void **state)
{
	struct guest *g = guest_new(config);

	(void)state;
	config->limits.result_ms = 100;
	begin();
	is_answered(g);
	guest_sees_end(g, true);
	proc_must_say(&relay, "nothing relayed: no RESULT in time");
	guest_free(g);
}

static void test_idle(void **state)
{
	struct guest *g = guest_new(config);

	(void)state;
	config->limits.idle_ms = 2000;
	begin();
	guest_is_released(g, &relay, "plain");
	guest_exchanges(g, 5, 3);
	guest_sees_end(g, true);
	proc_must_say(&relay, "5 bytes up, 5 down");
	proc_must_say(&relay, "idle for too long");
	guest_free(g);
}

static void test_unreachable(void **state)
{
	static const char *const rows[][2] = {
		{ "mute", "to mute: 0 bytes up, 0 down, " },
		{ "closed", "cannot be reached: Connection refused" },
		{ "nopipe", "cannot be reached: No such file or directory" },
	};

	(void)state;
	config->limits.connect_ms = 2000;
	begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct guest *g = guest_new(config);

		proc_mark(&relay);
		guest_is_released(g, &relay, rows[i][0]);
		guest_sees_end(g, true);
		proc_must_say(&relay, rows[i][1]);
		if (!i)
			proc_must_say(&relay, "the destination does not answer in time");
		guest_free(g);
	}
}

static void test_pipe(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct guest *g = guest_new(config);
	char back[5];
	int fd;

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "%.90s/pipe", kit->dir);
	unix_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(unix_fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(unix_fd, 1), 0);
	begin();
	guest_is_released(g, &relay, "pipe");
	fd = accept(unix_fd, NULL, NULL);
	assert_true(guest_writes(g, "there", 5));
	assert_int_equal(recv(fd, back, 5, MSG_WAITALL), 5);
	assert_int_equal(write(fd, "& back", 6), 6);
	close(fd);
	assert_true(guest_reads(g, back, 5));
	assert_memory_equal(back, "& bac", 5);
	guest_free(g);
	close(unix_fd);
}

/* Those who have not asked make room, the oldest first. */
static void test_unproven(void **state)
{
	struct guest *g[4];

	(void)state;
	config->limits.unproven = 2;
	begin();
	for (int i = 0; i < 4; i++)
		g[i] = guest_new(config);
	guest_comes(g[0], NULL);
	guest_comes(g[1], NULL);
	guest_comes(g[2], NULL);
	guest_sees_end(g[0], true);
	proc_must_say(&relay, "others wait for its place");
	assert_true(guest_asks(g[1], 1, "plain")); /* it counts no more */
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	guest_comes(g[3], NULL);
	parent_answers(&relay, 0, RELAY_REPORT);
	guest_wants(g[1], WIRE_EVIDENCE);
	proc_must_say(&relay, "others wait for its place");
	for (int i = 0; i < 4; i++)
		guest_free(g[i]);
}

/* When all places are taken, those go that have had evidence and no release; not the released. */
static void test_connections(void **state)
{
	struct guest *g[5];

	(void)state;
	config->limits.connections = 3;
	begin();
	for (int i = 0; i < 5; i++)
		g[i] = guest_new(config);
	guest_is_released(g[0], &relay, "plain");
	is_answered(g[1]);
	is_answered(g[2]);
	is_answered(g[3]);
	guest_sees_end(g[1], true);
	guest_exchanges(g[0], 100, 1);
	guest_leave(g[2]);
	guest_leave(g[3]);
	guest_leave(g[1]);
	proc_mark(&relay);
	guest_is_released(g[1], &relay, "plain");
	guest_exchanges(g[1], 100, 2);
	guest_is_released(g[2], &relay, "plain");
	guest_exchanges(g[2], 100, 3);
	guest_connects(g[4]);
	assert_false(guest_shakes(g[4], NULL, "fairlead-app/1"));
	proc_must_say(&relay, "not let in: too many connections");
	for (int i = 0; i < 3; i++)
		guest_exchanges(g[i], 100, 4 + i);
	for (int i = 0; i < 5; i++)
		guest_free(g[i]);
}

/* One who is refused at his own limit takes nobody's place. */
static void test_per_source(void **state)
{
	struct guest *a = guest_new(config), *b = guest_new(config), *c = guest_new(config);

	(void)state;
	config->limits.per_source = 1;
	config->limits.unproven = 2;
	addr_parse("127.0.0.2", &b->from);
	begin();
	guest_comes(a, NULL);
	guest_comes(b, NULL);
	guest_connects(c);
	assert_false(guest_shakes(c, NULL, "fairlead-app/1"));
	proc_must_say(&relay, "not let in: too many connections from its source");
	assert_true(guest_asks(a, 1, "plain"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	guest_free(a);
	guest_free(b);
	guest_free(c);
}

static void test_evidence_per_source(void **state)
{
	struct guest *a = guest_new(config), *b = guest_new(config), *c = guest_new(config);

	(void)state;
	config->limits.evidence_per_source = 1;
	addr_parse("127.0.0.2", &c->from);
	begin();
	guest_comes(a, NULL);
	guest_comes(b, NULL);
	guest_comes(c, NULL);
	assert_true(guest_asks(a, 1, "plain"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	assert_true(guest_asks(b, 1, "plain"));
	guest_wants(b, WIRE_ERROR);
	assert_int_equal(b->m.error.code, WIRE_ERROR_BUSY);
	assert_true(guest_asks(c, 1, "plain"));
	parent_answers(&relay, 0, RELAY_REPORT);
	guest_wants(a, WIRE_EVIDENCE);
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	parent_answers(&relay, 0, RELAY_REPORT);
	guest_wants(c, WIRE_EVIDENCE);
	guest_free(a);
	guest_free(b);
	guest_free(c);
}

static void resolver_says(const char *const texts[], uint32_t count)
{
	struct resolved r = { .count = count };
	uint8_t buf[512];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_RESOLVED, relay.m.id);

	for (uint32_t i = 0; i < count; i++)
		assert_true(addr_parse(texts[i], &r.addrs[i]));
	resolved_put(&w, &r);
	proc_send(&relay, &w);
}

/* Asked at the start, and when no address will do; each is tried in turn. */
static void test_names(void **state)
{
	static const char *const bad[] = { "127.0.0.9" }, *const both[] = { "127.0.0.9",
									    "127.0.0.1" };
	struct guest *g = guest_new(config);

	(void)state;
	begin();
	proc_wants(&relay, MSG_RESOLVE, 5);
	resolver_says(NULL, 0);
	guest_is_released(g, &relay, "named");
	proc_wants(&relay, MSG_RESOLVE, 5);
	resolver_says(bad, 1);
	guest_sees_end(g, true);
	proc_must_say(&relay, "cannot be reached: Connection refused");
	guest_leave(g);
	guest_is_released(g, &relay, "named");
	proc_wants(&relay, MSG_RESOLVE, 5);
	resolver_says(both, 2);
	guest_exchanges(g, 100, 1);
	guest_leave(g);
	guest_is_released(g, &relay, "named"); /* and remembered */
	guest_exchanges(g, 100, 1);
	guest_free(g);
	assert_false(proc_gets(&relay, MSG_RESOLVE, -1, 50));
}

static void test_stop(void **state)
{
	struct guest *g = guest_new(config);
	uint8_t buf[16];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_STOP, 0);

	(void)state;
	begin();
	guest_is_released(g, &relay, "plain");
	guest_exchanges(g, 100, 1);
	proc_send(&relay, &w);
	guest_sees_end(g, true);
	proc_must_say(&relay, "100 bytes up, 100 down");
	proc_must_say(&relay, "the relay stops");
	guest_free(g);
}

#define LIMIT_TEST(name) cmocka_unit_test_setup_teardown(name, before, after)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIMIT_TEST(test_no_result),   LIMIT_TEST(test_idle),
		LIMIT_TEST(test_unreachable), LIMIT_TEST(test_pipe),
		LIMIT_TEST(test_unproven),    LIMIT_TEST(test_connections),
		LIMIT_TEST(test_per_source),  LIMIT_TEST(test_evidence_per_source),
		LIMIT_TEST(test_names),	      LIMIT_TEST(test_stop),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
