// SPDX-License-Identifier: BSD-2-Clause
/* A node's peer cannot keep it from the others by giving TLS to do. */
#include "channel_kit.h"

#include "channel/tls.h"
#include "rekey.h"

static struct tls *open_node(struct kit *k, const char *node, const char *names)
{
	struct channel_config c;
	struct identity id;
	char why[WHY_MAX];
	struct tls *t;

	kit_issue(k, &id, node, names);
	kit_config(k, &id, node, &c);
	if (tls_open(&c, &t, why))
		fail_msg("%s", why);
	return t;
}

static void test_either_side_lets_go(void **state)
{
	struct kit *k = kit_new();
	struct tls *agent = open_node(k, "b1", "URI:fairlead://node/b1,IP:127.0.0.1");
	struct tls *router = open_node(k, "r1", "URI:fairlead://node/r1");

	(void)state;
	for (int i = 0; i < 2; i++) {
		SSL *server = tls_server(agent), *client = tls_client(router);
		int fds[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
		SSL_set_accept_state(server);
		SSL_set_connect_state(client);
		SSL_set_fd(server, fds[0]);
		SSL_set_fd(client, fds[1]);
		assert_true(i ? rekey_lets_go(client, server) : rekey_lets_go(server, client));
		SSL_free(server);
		SSL_free(client);
		close(fds[0]);
		close(fds[1]);
	}
	tls_close(agent);
	tls_close(router);
	kit_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_either_side_lets_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
