// SPDX-License-Identifier: BSD-2-Clause
/*
 * An agent and its clients: they are answered with the keys that the service shows, routers are
 * not, nobody is taken for the other, and no client costs a router its session.
 */
#include "channel_hostile.h"

#include "channel/frame.h"
#include "channel/tls.h"
#include "channel/wire.h"

enum { GOOD_ID = 1 };

static struct kit *kit;
static struct identity agent_id, router_id, service_id;
static struct channel_config agent_config, router_config;
static struct proc agent, router;
static uint16_t port;

static int setup(void **state)
{
	(void)state;
	kit = kit_new();
	kit_issue(kit, &agent_id, "agent", "URI:fairlead://node/pay-1,IP:127.0.0.1");
	kit_issue(kit, &router_id, "router", "URI:fairlead://node/r1");
	kit_issue(kit, &service_id, "service", "DNS:pay.example");
	kit_config(kit, &router_id, "r1", &router_config);
	kit_config(kit, &agent_id, "pay-1", &agent_config);
	port = kit_port();
	kit_config_agent(&agent_config, port);
	snprintf(agent_config.service_keys[0], CHANNEL_PATH_MAX, "%s/is-not-there", kit->dir);
	snprintf(agent_config.service_keys[1], CHANNEL_PATH_MAX, "%s", service_id.certificate);
	agent_config.service_keys_count = 2;
	proc_start_good(kit, &agent, &agent_config, &router, &router_config, GOOD_ID);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proc_stop(&router);
	proc_stop(&agent);
	kit_free(kit);
	return 0;
}

static void good_router_goes_on(void)
{
	proc_goes_on(&router, GOOD_ID);
}

/* With the very certificate of the router that is connected. */
static struct hostile *greeted(const char *hello)
{
	struct hostile *h = hostile_dial(port, &(struct manners){ .id = &router_id });

	assert_true(hostile_greets(h, hello));
	return h;
}

static void ask(struct hostile *h, const char *role, const char *purpose)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"type\":\"ATTEST\",\"v\":1,\"id\":1,"
		 "\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\",\"role\":\"%s\","
		 "\"purpose\":\"%s\",\"endpoint\":{\"proto\":\"tcp\",\"ip\":\"127.0.0.1\","
		 "\"port\":%u},\"service\":\"\",\"policy_epoch\":0,\"want\":[\"evidence\"]}",
		 role, purpose, port);
	assert_true(hostile_say(h, text));
}

/* Plays the agent's attester. */
static void quote(void)
{
	struct msg_quote q = { .tee = TEE_SNP, .report = bytes_of("report", 6) };
	uint8_t buf[4096];
	struct ipc_writer w;

	proc_wants(&agent, MSG_QUOTE_WANTED, -1);
	w = ipc_begin(buf, sizeof(buf), MSG_QUOTE, agent.m.id);
	msg_quote_put(&w, &q);
	proc_send(&agent, &w);
}

static void claims_after_quote(struct hostile *h, struct wire_claims *out)
{
	static uint8_t room[FRAME_MAX];
	char why[WHY_MAX] = "";
	struct wire_message m;

	quote();
	assert_true(hostile_hears_type(h, "EVIDENCE"));
	assert_true(wire_read(bytes_of(h->text, h->n), room, sizeof(room), &m, why));
	if (!wire_claims_read(m.evidence.claims, out, why))
		fail_msg("%s", why);
}

static void test_clients_hear_the_services_keys(void **state)
{
	struct hostile *h = greeted(HELLO_OF("client"));
	uint8_t key[WIRE_KEY_BYTES];
	struct wire_claims claims;
	char why[WHY_MAX];

	(void)state;
	ask(h, "client", "client");
	claims_after_quote(h, &claims);
	assert_true(tls_key_of_file(service_id.certificate, key, why));
	assert_int_equal(claims.service_keys_count, 1); /* what cannot be read is left out */
	assert_memory_equal(claims.service_keys[0], key, WIRE_KEY_BYTES);
	hostile_free(h);
	good_router_goes_on();
}

static void test_routers_do_not(void **state)
{
	struct wire_claims claims;
	struct msg_evidence e;
	char why[WHY_MAX];

	(void)state;
	proc_attest(&router, GOOD_ID, 1, 7);
	quote();
	proc_wants(&router, MSG_EVIDENCE, GOOD_ID);
	assert_true(msg_evidence_get(router.m.body, &e));
	assert_true(wire_claims_read(e.claims, &claims, why));
	assert_int_equal(claims.service_keys_count, 0);
}

static void test_nobody_is_both(void **state)
{
	static const struct {
		const char *hello, *role, *purpose, *reason;
	} rows[] = {
		{ HELLO_OF("client"), "router", "admit", "ATTEST: role: HELLO said otherwise" },
		{ HELLO_OF("client"), "client", "admit",
		  "ATTEST: purpose: want client from a client" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hostile *h = greeted(rows[i].hello);

		proc_mark(&agent);
		ask(h, rows[i].role, rows[i].purpose);
		assert_true(hostile_sees_end(h));
		proc_must_say(&agent, rows[i].reason);
		hostile_free(h);
	}
	good_router_goes_on();
}

/* As many as there is room for, by one node: each new one may cost an older client its place. */
static void test_a_crowd_of_clients(void **state)
{
	enum { CROWD = 80 };
	struct hostile *crowd[CROWD];

	(void)state;
	for (int i = 0; i < CROWD; i++)
		crowd[i] = greeted(HELLO_OF("client"));
	good_router_goes_on();
	for (int i = 0; i < CROWD; i++)
		hostile_free(crowd[i]);
	good_router_goes_on();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clients_hear_the_services_keys),
		cmocka_unit_test(test_routers_do_not),
		cmocka_unit_test(test_nobody_is_both),
		cmocka_unit_test(test_a_crowd_of_clients),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
