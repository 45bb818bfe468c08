// SPDX-License-Identifier: BSD-2-Clause
/* An endpoint cannot keep fairlead-connect from the next one, or its deadline, by giving TLS to do.
 */
#include "client_kit.h"

#include "client/tls.h"
#include "rekey.h"

static int any_protocol(SSL *ssl, const unsigned char **out, unsigned char *n,
			const unsigned char *in, unsigned int in_n, void *arg)
{
	(void)ssl, (void)in_n, (void)arg;
	*out = in + 1;
	*n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static void test_it_lets_go(void **state)
{
	static const enum client_tls_kind kinds[] = { CLIENT_TLS_INLINE, CLIENT_TLS_AGENT,
						      CLIENT_TLS_SERVICE };
	struct kit *k = kit_new();
	struct identity id;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	(void)state;
	kit_issue(k, &id, "b1", "URI:fairlead://node/b1,IP:127.0.0.1");
	assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, id.certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, id.key, SSL_FILETYPE_PEM), 1);
	SSL_CTX_set_alpn_select_cb(ctx, any_protocol, NULL);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct options options = { .ca = NULL };
		struct client_tls *t;
		SSL *server = SSL_new(ctx), *client;
		char why[WHY_MAX];
		int fds[2];

		if (client_tls_open(kinds[i], &options, &t, why))
			fail_msg("%s", why);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
		client = client_tls_new(t, fds[1], "127.0.0.1");
		assert_non_null(client);
		SSL_set_connect_state(client);
		SSL_set_accept_state(server);
		SSL_set_fd(server, fds[0]);
		assert_true(rekey_lets_go(client, server));
		SSL_free(server);
		SSL_free(client);
		client_tls_close(t);
		close(fds[0]);
		close(fds[1]);
	}
	SSL_CTX_free(ctx);
	kit_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_lets_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
