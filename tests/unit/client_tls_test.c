// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whom a finished handshake was with: the node, the CA, the address and the protocol that were
 * wanted, as each of the three kinds of connection wants them, and the key that was shown.
 */
#include "client_kit.h"

#include "channel/tls.h"
#include "client/tls.h"

static struct kit *kit;
static struct identity node_id, service_id, foreign_id, client_id;
static char ca[128];

struct server {
	const struct identity *id;
	const char *
		alpn; /* what it chooses, with its length in front; NULL: it does not know of any */
	int version;
};

struct wanted {
	enum client_tls_kind kind;
	const char *ca, *node, *protocol, *dialled;
};

static int choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
		  unsigned int in_n, void *arg)
{
	const unsigned char *alpn = arg;

	(void)ssl;
	(void)in;
	(void)in_n;
	*out = alpn + 1;
	*n = alpn[0];
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *server_context(const struct server *s)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_non_null(ctx);
	if (s->version)
		SSL_CTX_set_max_proto_version(ctx, s->version);
	assert_int_equal(SSL_CTX_use_certificate_file(ctx, s->id->certificate, SSL_FILETYPE_PEM),
			 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, s->id->key, SSL_FILETYPE_PEM), 1);
	if (s->alpn)
		SSL_CTX_set_alpn_select_cb(ctx, choose, (void *)s->alpn);
	return ctx;
}

/* False and why[] when it does not come about, or not with whom was wanted. */
static bool meets(const struct server *s, const struct wanted *w, struct client_peer *peer,
		  char why[WHY_MAX])
{
	const struct options o = { .ca = w->ca,
				   .node = w->node,
				   .protocol = w->protocol,
				   .certificate = client_id.certificate,
				   .key = client_id.key };
	SSL_CTX *ctx = server_context(s);
	SSL *server = SSL_new(ctx), *client;
	struct client_tls *tls;
	int fds[2], n = 0;
	struct addr dialled;
	bool ok = false;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(client_tls_open(w->kind, &o, &tls, why), 0);
	client = client_tls_new(tls, fds[0], "127.0.0.1");
	assert_non_null(client);
	SSL_set_fd(server, fds[1]);
	for (int turn = 0; turn < 10 && n != 1; turn++) {
		ERR_clear_error();
		n = SSL_connect(client);
		if (n != 1 && SSL_get_error(client, n) != SSL_ERROR_WANT_READ) {
			assert_true(client_tls_describe(client, SSL_get_error(client, n),
							ERR_peek_error(), why));
			break;
		}
		ERR_clear_error();
		SSL_accept(server);
	}
	assert_true(addr_parse(w->dialled ? w->dialled : "127.0.0.1", &dialled));
	if (n == 1)
		ok = client_tls_identify(tls, client, &dialled, peer, why);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	client_tls_close(tls);
	close(fds[0]);
	close(fds[1]);
	return ok;
}

#define APP    \
	"\x0e" \
	"fairlead-app/1"
#define AGENT  \
	"\x0a" \
	"fairlead/1"

static void test_who_is_wanted(void **state)
{
	const struct {
		struct server s;
		struct wanted w;
		const char *node;
	} rows[] = {
		{ { &node_id, AGENT, 0 }, { CLIENT_TLS_AGENT, ca, NULL, NULL, NULL }, "n" },
		{ { &node_id, AGENT, 0 }, { CLIENT_TLS_AGENT, ca, "n", NULL, NULL }, "n" },
		{ { &node_id, APP, 0 }, { CLIENT_TLS_INLINE, ca, "n", NULL, NULL }, "n" },
		/* A VIP is in no certificate. */
		{ { &node_id, APP, 0 }, { CLIENT_TLS_INLINE, ca, NULL, NULL, "192.0.2.1" }, "n" },
		/* Nobody has verified the name. */
		{ { &foreign_id, APP, 0 }, { CLIENT_TLS_INLINE, NULL, NULL, NULL, NULL }, "" },
		{ { &service_id, NULL, 0 }, { CLIENT_TLS_SERVICE, ca, "n", NULL, NULL }, "" },
		{ { &service_id, NULL, 0 }, { CLIENT_TLS_SERVICE, ca, "n", "h2", NULL }, "" },
		{ { &service_id, "\x02h2", 0 }, { CLIENT_TLS_SERVICE, ca, "n", "h2", NULL }, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t key[WIRE_KEY_BYTES];
		struct client_peer peer;
		char why[WHY_MAX] = "";

		if (!meets(&rows[i].s, &rows[i].w, &peer, why))
			fail_msg("row %zu: %s", i, why);
		assert_string_equal(peer.node, rows[i].node);
		assert_true(tls_key_of_file(rows[i].s.id->certificate, key, why));
		assert_memory_equal(peer.key, key, sizeof(key));
	}
}

static void test_who_is_not(void **state)
{
	const struct {
		struct server s;
		struct wanted w;
		const char *why;
	} rows[] = {
		{ { &node_id, AGENT, 0 },
		  { CLIENT_TLS_AGENT, ca, NULL, NULL, "127.0.0.2" },
		  "does not list the address that was dialled" },
		{ { &node_id, AGENT, 0 },
		  { CLIENT_TLS_AGENT, ca, "other", NULL, NULL },
		  "for node \"n\", want \"other\"" },
		{ { &service_id, AGENT, 0 },
		  { CLIENT_TLS_AGENT, ca, NULL, NULL, NULL },
		  "names no node" },
		{ { &foreign_id, AGENT, 0 },
		  { CLIENT_TLS_AGENT, ca, NULL, NULL, NULL },
		  "its certificate: " },
		{ { &node_id, NULL, 0 }, { CLIENT_TLS_AGENT, ca, NULL, NULL, NULL }, "(ALPN)" },
		{ { &node_id, AGENT, TLS1_2_VERSION },
		  { CLIENT_TLS_AGENT, ca, NULL, NULL, NULL },
		  "TLS: " },
		{ { &node_id, APP, 0 },
		  { CLIENT_TLS_INLINE, ca, "other", NULL, NULL },
		  "for node \"n\", want \"other\"" },
		{ { &foreign_id, APP, 0 },
		  { CLIENT_TLS_INLINE, ca, NULL, NULL, NULL },
		  "its certificate: " },
		{ { &node_id, NULL, 0 }, { CLIENT_TLS_INLINE, NULL, NULL, NULL, NULL }, "(ALPN)" },
		{ { &node_id, AGENT, 0 }, { CLIENT_TLS_INLINE, NULL, NULL, NULL, NULL }, "TLS: " },
		{ { &service_id, "\x02h3", 0 },
		  { CLIENT_TLS_SERVICE, ca, NULL, "h2", NULL },
		  "TLS: " },
		{ { &service_id, NULL, TLS1_2_VERSION },
		  { CLIENT_TLS_SERVICE, ca, NULL, NULL, NULL },
		  "TLS: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct client_peer peer;
		char why[WHY_MAX] = "";

		if (meets(&rows[i].s, &rows[i].w, &peer, why))
			fail_msg("row %zu is believed", i);
		if (!strstr(why, rows[i].why))
			fail_msg("row %zu: \"%s\", want \"%s\"", i, why, rows[i].why);
	}
}

/* A key that is not the certificate's, or would be asked a passphrase for, is a mistake at once. */
static void test_our_own(void **state)
{
	struct options o = { .ca = ca, .certificate = client_id.certificate, .key = node_id.key };
	struct client_tls *tls;
	char why[WHY_MAX];

	(void)state;
	assert_int_not_equal(client_tls_open(CLIENT_TLS_AGENT, &o, &tls, why), 0);
	o.key = "/nowhere";
	assert_int_not_equal(client_tls_open(CLIENT_TLS_INLINE, &o, &tls, why), 0);
	assert_non_null(strstr(why, "/nowhere: "));
	o = (struct options){ .ca = "/nowhere" };
	assert_int_not_equal(client_tls_open(CLIENT_TLS_INLINE, &o, &tls, why), 0);
	/* A service beside its agent is shown nothing of us, and verified by its key alone. */
	o.certificate = o.key = "/nowhere";
	assert_int_equal(client_tls_open(CLIENT_TLS_SERVICE, &o, &tls, why), 0);
	client_tls_close(tls);
}

static int set_up(void **state)
{
	(void)state;
	kit = kit_new();
	snprintf(ca, sizeof(ca), "%s/ca.pem", kit->dir);
	kit_issue(kit, &node_id, "node", "URI:fairlead://node/n,IP:127.0.0.1");
	kit_issue(kit, &service_id, "service", "DNS:pay.example");
	kit_issue(kit, &client_id, "client", "URI:fairlead://node/client-1");
	kit_issue_foreign(kit, &foreign_id, "foreign", "URI:fairlead://node/n,IP:127.0.0.1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kit_free(kit);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_wanted),
		cmocka_unit_test(test_who_is_not),
		cmocka_unit_test(test_our_own),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
