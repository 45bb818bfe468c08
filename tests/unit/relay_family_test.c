// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the parent passes on: a child that says what nobody could have meant ends itself by it,
 * and not the process that has the connections.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "relay/family.c"

static struct relay_config config = { .destinations_count = 2 };
static struct family family = { .config = &config };
static uint8_t buf[IPC_MAX];

/* The relay is a child that was never started: what is for it gets nowhere, and no further. */
static int setup(void **state)
{
	(void)state;
	family.base = event_base_new();
	family.relay = child_new(family.base, &relay_ops, &family);
	family.metrics = child_new(family.base, &metrics_ops, &family);
	family.usage = usage_new();
	return family.base && family.relay && family.metrics && family.usage ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	child_free(family.relay);
	child_free(family.metrics);
	usage_free(family.usage);
	event_base_free(family.base);
	return 0;
}

static struct ipc_message message(const struct ipc_writer *w, uint32_t type, uint32_t id)
{
	struct ipc_message m = { .type = type, .id = id };
	size_t header = ipc_begin(buf, sizeof(buf), type, id).n;

	m.body = bytes_of(w->buf + header, w->n - header);
	return m;
}

static bool resolver_says(uint32_t type, uint32_t id, uint32_t count)
{
	struct resolved r = { .count = count };
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), type, id);
	struct ipc_message m;

	resolved_put(&w, &r);
	m = message(&w, type, id);
	return resolver_received(&family, &m);
}

static void test_resolver(void **state)
{
	(void)state;
	assert_true(resolver_says(MSG_RESOLVED, 0, 0));
	assert_true(resolver_says(MSG_RESOLVED, 1, RELAY_ADDRESSES_MAX));
	assert_false(resolver_says(MSG_RESOLVED, 2, 0));
	assert_false(resolver_says(MSG_RESOLVED, UINT32_MAX, 1));
	assert_false(resolver_says(MSG_RESOLVE, 0, 0));
}

static bool attester_says(uint32_t type, size_t less)
{
	struct msg_quote q = { .tee = TEE_SNP, .report = bytes_of("report", 6) };
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), type, 7);
	struct ipc_message m;

	msg_quote_put(&w, &q);
	m = message(&w, type, 7);
	m.body.n -= less;
	return attester_received(&family, &m);
}

static void test_attester(void **state)
{
	(void)state;
	assert_true(attester_says(MSG_QUOTE, 0));
	assert_false(attester_says(MSG_QUOTE, 1));
	assert_false(attester_says(MSG_RESOLVED, 0));
}

/* Ready once, however often the relay is started again. */
static void test_ready(void **state)
{
	struct ipc_message m = { .type = MSG_LISTENING, .body = bytes_of("x", 1) };

	(void)state;
	assert_false(relay_received(&family, &m));
	assert_false(family.ready);
	m.body.n = 0;
	assert_true(relay_received(&family, &m));
	assert_true(family.ready);
	assert_true(relay_received(&family, &m));
}

static void test_metrics(void **state)
{
	struct ipc_message m = { .type = MSG_METRICS_WANTED, .id = 1 };

	(void)state;
	assert_true(metrics_received(&family, &m));
	m.body = bytes_of("x", 1);
	assert_false(metrics_received(&family, &m));
	m = (struct ipc_message){ .type = MSG_QUOTE_WANTED };
	assert_false(metrics_received(&family, &m));
}

/* What it had open is not open any more; what it has counted stays counted. */
static void test_relay_dies(void **state)
{
	(void)state;
	*family.usage = (struct usage){ .open = 3, .unproven = 2, .waiting = 1, .let_in = 9 };
	relay_died(&family);
	assert_int_equal(family.usage->open | family.usage->unproven | family.usage->waiting, 0);
	assert_int_equal(family.usage->let_in, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolver),   cmocka_unit_test(test_attester),
		cmocka_unit_test(test_ready),	   cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_relay_dies),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
