// SPDX-License-Identifier: BSD-2-Clause
/*
 * A backend that asks its routers for evidence: a good one of each, a false router against a
 * real agent, and a false agent against a real router.
 */
#include "channel_hostile.h"

#include "channel/b64url.h"
#include "channel/wire.h"

enum { BACKEND_ID = 7, ANSWER_MS = 4000 };

#define SNP_ROUTER HELLO_OF("router")
#define BARE_ROUTER                                                                     \
	"{\"type\":\"HELLO\",\"v\":1,\"role\":\"router\",\"tee\":[\"none\"],\"agent\":" \
	"\"x\",\"boot_id\":\"x\"}"

static struct kit *kit;
static struct identity agent_id, router_id;
static struct proc agent, router, bare; /* who is bare has no evidence */
static uint16_t port, evil_port;
static int listening;
static unsigned int names;

static int setup(void **state)
{
	struct channel_config c;
	struct addr a;

	(void)state;
	kit = kit_new();
	evil_port = kit_port();
	addr_parse("127.0.0.1", &a);
	listening = sock_listen(&a, evil_port);
	assert_true(listening >= 0);
	kit_issue(kit, &agent_id, "agent", "URI:fairlead://node/pay-1,IP:127.0.0.1");
	kit_issue(kit, &router_id, "router", "URI:fairlead://node/r1");
	port = kit_port();
	kit_config(kit, &agent_id, "pay-1", &c);
	kit_config_agent(&c, port);
	c.attests_routers = true;
	c.answer_ms = ANSWER_MS;
	proc_start(kit, &agent, "agent", &c, false);
	kit_config(kit, &router_id, "r1", &c);
	c.router_tee = TEE_SNP;
	proc_start(kit, &router, "router", &c, false);
	c.router_tee = TEE_NONE;
	proc_start(kit, &bare, "bare", &c, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(listening);
	proc_stop(&bare);
	proc_stop(&router);
	proc_stop(&agent);
	kit_free(kit);
	return 0;
}

static void tell_result(struct proc *p, uint32_t id, uint64_t request, bool ok)
{
	struct msg_result m = { .generation = 1, .request = request, .ok = ok };
	uint8_t buf[512];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_RESULT, id);

	strcpy(m.code, ok ? "ok" : "measurement");
	m.expires_in_ms = ok ? 60000 : 0;
	msg_result_put(&w, &m);
	proc_send(p, &w);
}

static void tell_sources(struct proc *p, const char *ip)
{
	struct msg_sources m = { .count = 1 };
	uint8_t buf[128];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_SOURCES, 0);

	addr_parse(ip, &m.addrs[0]);
	msg_sources_put(&w, &m);
	proc_send(p, &w);
}

/* What the report says is what our parent would want; here a report is REPORT_DATA and no more. */
static bool report_fits(struct proc *p, struct msg_evidence *e)
{
	uint8_t wanted[REPORT_DATA_BYTES];

	assert_true(msg_evidence_get(p->m.body, e));
	assert_int_equal(e->report.n, REPORT_DATA_BYTES);
	assert_true(binding_report_data(&e->binding, wanted));
	return !memcmp(e->report.p, wanted, sizeof(wanted));
}

/* The agent's parent hears of a router that has admitted it; the session's number. */
static uint32_t router_is_up(const char *node)
{
	struct msg_router m;

	proc_wants(&agent, MSG_ROUTER_UP, -1);
	assert_true(msg_router_get(agent.m.body, &m));
	assert_string_equal(m.node, node);
	assert_true(agent.m.id >= ROUTER_SESSIONS);
	return agent.m.id;
}

static void router_failed(uint32_t session, uint64_t request, bool refused, const char *why)
{
	struct msg_failure f;

	proc_wants(&agent, MSG_EVIDENCE_FAILED, session);
	assert_true(msg_failure_get(agent.m.body, &f));
	assert_int_equal(f.request, request);
	assert_string_equal(f.why, why);
	assert_int_equal(f.refused, refused);
}

static const char *attest(char *out, size_t size, int id, const char *role, const char *ip, int to)
{
	snprintf(out, size,
		 "{\"type\":\"ATTEST\",\"v\":1,\"id\":%d,"
		 "\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\",\"role\":\"%s\","
		 "\"purpose\":\"admit\",\"endpoint\":{\"proto\":\"tcp\",\"ip\":\"%s\",\"port\":%d},"
		 "\"service\":\"\",\"policy_epoch\":1,\"want\":[\"evidence\"]}",
		 id, role, ip, to);
	return out;
}

/* A router with a name of its own, which the agent has given its evidence. */
struct visit {
	struct hostile *h;
	char node[32], evidence[4096]; /* the agent's, as it came */
	struct binding binding;	       /* of that */
	struct identity id;
	uint16_t from;
	uint32_t session;
};

static void visit_begins(struct visit *v, const char *hello)
{
	char names_of[64], text[1024];
	struct addr local;

	snprintf(v->node, sizeof(v->node), "v%u", ++names);
	snprintf(names_of, sizeof(names_of), "URI:fairlead://node/%s", v->node);
	kit_issue(kit, &v->id, v->node, names_of);
	v->h = hostile_dial(port, &(struct manners){ .id = &v->id });
	assert_true(hostile_greets(v->h, hello));
	assert_true(sock_local(v->h->fd, &local, &v->from));
	hostile_say(v->h, attest(text, sizeof(text), 1, "router", "127.0.0.1", port));
	proc_wants(&agent, MSG_QUOTE_WANTED, -1);
	v->binding = proc_quote(&agent, 0);
	assert_true(hostile_hears_type(v->h, "EVIDENCE"));
	assert_true(v->h->n < sizeof(v->evidence));
	memcpy(v->evidence, v->h->text, v->h->n + 1);
}

static void visit_result(struct visit *v, const char *status)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"%s\",\"code\":\"ok\","
		 "\"expires_in_ms\":1000}",
		 status);
	assert_true(hostile_say(v->h, text));
}

/* It has admitted the agent, and been asked. */
static void visit_asked(struct visit *v, uint64_t request)
{
	char want[128];

	visit_begins(v, SNP_ROUTER);
	visit_result(v, "ok");
	v->session = router_is_up(v->node);
	proc_attest(&agent, v->session, 0, request);
	assert_true(hostile_hears_type(v->h, "ATTEST"));
	assert_non_null(strstr(v->h->text, "\"role\":\"backend\""));
	snprintf(want, sizeof(want), "\"ip\":\"127.0.0.1\",\"port\":%u", v->from);
	assert_non_null(strstr(v->h->text, want));
}

/* It is shown the door, and what it asks next is not answered for a while. */
static void visit_is_over(struct visit *v, const char *why)
{
	struct msg_why m;
	char text[1024];

	proc_wants(&agent, MSG_PEER_DOWN, v->session);
	assert_true(msg_why_get(agent.m.body, &m));
	assert_string_equal(m.why, why);
	assert_true(hostile_hears_type(v->h, "ERROR"));
	assert_non_null(strstr(v->h->text, "\"code\":\"protocol\""));
	assert_true(hostile_sees_end(v->h));
	hostile_free(v->h);

	v->h = hostile_dial(port, &(struct manners){ .id = &v->id });
	assert_true(hostile_greets(v->h, SNP_ROUTER));
	hostile_say(v->h, attest(text, sizeof(text), 1, "router", "127.0.0.1", port));
	assert_true(hostile_hears_type(v->h, "ERROR"));
	assert_non_null(strstr(v->h->text, "its evidence was refused less than 30 s ago"));
	assert_true(hostile_sees_end(v->h));
	hostile_free(v->h);
}

/* EVIDENCE of id with this report and these claims. */
static void say_evidence(struct hostile *h, int id, struct bytes report, const char *claims)
{
	char text[4096], encoded[2048], shown[1024];

	assert_true(b64url_encode(bytes_of(claims, strlen(claims)), encoded, sizeof(encoded)));
	assert_true(b64url_encode(report, shown, sizeof(shown)));
	snprintf(text, sizeof(text),
		 "{\"type\":\"EVIDENCE\",\"v\":1,\"id\":%d,\"cmw\":[\"application/"
		 "vnd.fairlead.snp\",\"%s\"],\"certs\":[],\"claims\":\"%s\"}",
		 id, shown, encoded);
	assert_true(hostile_say(h, text));
}

static const char *claims_of(char *out, size_t size, const char *node, const char *role,
			     const char *ip, unsigned int from, const char *more)
{
	snprintf(out, size,
		 "{\"node\":\"%s\",\"role\":\"%s\",\"endpoints\":[{\"proto\":\"tcp\",\"ip\":\"%s\","
		 "\"port\":%u}],\"agent_version\":\"x\",\"boot_id\":\"x\",\"counter\":1%s}",
		 node, role, ip, from, more);
	return out;
}

#define SOURCES ",\"sources\":[\"127.0.0.1\"]"

/* The router's parent has it dial the agent, and accepts the agent's evidence. */
static void good_router_admits(void)
{
	struct msg_evidence e;

	proc_peer_every(&router, KIT_BEAT_UNDER_ATTACK_MS, MSG_PEER, BACKEND_ID, 1, "pay-1", port);
	proc_wants(&router, MSG_PEER_UP, BACKEND_ID);
	proc_attest(&router, BACKEND_ID, 1, 11);
	proc_wants(&agent, MSG_QUOTE_WANTED, -1);
	proc_quote(&agent, 0);
	proc_wants(&router, MSG_EVIDENCE, BACKEND_ID);
	assert_true(report_fits(&router, &e));
	assert_string_equal(e.binding.role, "backend");
	tell_result(&router, BACKEND_ID, 11, true);
}

/* What the router's parent says that it wraps from is what the agent's hears, before the rest. */
static void good_router_answers(uint32_t session, uint64_t request, const char *source)
{
	struct msg_sources sources;
	struct msg_evidence e;
	struct binding at_router;
	struct addr want;

	proc_attest(&agent, session, 0, request);
	proc_wants(&router, MSG_QUOTE_WANTED, -1);
	at_router = proc_quote(&router, 0);
	proc_wants(&agent, MSG_ROUTER_SOURCES, session);
	assert_true(msg_sources_get(agent.m.body, &sources));
	assert_int_equal(sources.request, request);
	assert_int_equal(sources.count, 1);
	addr_parse(source, &want);
	assert_true(addr_equal(&sources.addrs[0], &want));
	proc_wants(&agent, MSG_EVIDENCE, session);
	assert_true(report_fits(&agent, &e));
	assert_int_equal(e.request, request);
	assert_string_equal(e.binding.role, "router");
	assert_memory_equal(e.binding.exporter, at_router.exporter, EXPORTER_BYTES);
}

static void test_both_ways(void **state)
{
	struct msg_failure f;
	struct msg_why why;
	uint32_t session;

	(void)state;
	good_router_admits();
	session = router_is_up("r1");
	good_router_answers(session, 21, "127.0.0.1");
	tell_result(&agent, session, 21, true);
	proc_must_say(&router, "pay-1 at 127.0.0.1:");
	assert_int_equal(proc_says(&router, "admits us, ok, for 60 s", KIT_WAIT_MS), 1);
	proc_wants(&router, MSG_BEAT, BACKEND_ID);
	good_router_answers(session, 22, "127.0.0.1"); /* renewed */
	tell_result(&agent, session, 22, true);

	/* The address that it has claimed is not the one any more: begun anew, and claimed anew. */
	tell_sources(&router, "192.0.2.77");
	proc_wants(&router, MSG_PEER_DOWN, BACKEND_ID);
	proc_wants(&agent, MSG_PEER_DOWN, session);
	good_router_admits();
	session = router_is_up("r1");
	good_router_answers(session, 23, "192.0.2.77");

	/* Refused: it is told, hears no more beats, and its next question is not answered. */
	tell_result(&agent, session, 23, false);
	proc_wants(&router, MSG_DENIED, BACKEND_ID);
	assert_true(msg_why_get(router.m.body, &why));
	assert_string_equal(why.why, "measurement");
	proc_wants(&router, MSG_PEER_DOWN, BACKEND_ID);
	proc_wants(&router, MSG_PEER_UP, BACKEND_ID);
	proc_attest(&router, BACKEND_ID, 1, 12);
	proc_wants(&router, MSG_EVIDENCE_FAILED, BACKEND_ID);
	assert_true(msg_failure_get(router.m.body, &f));
	assert_int_equal(f.refused, 1);
	assert_string_equal(f.why, "it refused us: its evidence was refused less than 30 s ago");
	proc_forget(&router, BACKEND_ID);
}

/* Who has not admitted the agent is not asked; nor is it when it was denied. */
static void test_not_before_it_admits(void **state)
{
	struct visit v;

	(void)state;
	visit_begins(&v, SNP_ROUTER);
	assert_false(proc_gets(&agent, MSG_ROUTER_UP, -1, 200));
	visit_result(&v, "deny");
	assert_false(proc_gets(&agent, MSG_ROUTER_UP, -1, 200));
	hostile_free(v.h);
}

static void test_offers_none(void **state)
{
	struct visit v;

	(void)state;
	visit_begins(&v, BARE_ROUTER);
	visit_result(&v, "ok");
	v.session = router_is_up(v.node);
	proc_attest(&agent, v.session, 0, 30);
	router_failed(v.session, 30, true, "it offers no evidence");
	visit_is_over(&v, "this agent wants evidence of its routers, and it offers none");
}

static void test_silence(void **state)
{
	struct visit v;

	(void)state;
	visit_asked(&v, 31);
	router_failed(v.session, 31, false, "no evidence within 4 s");
	visit_is_over(&v, "it has not answered with evidence in time");
}

/* "Not now" is no refusal: it may be asked again, in the same session. */
static void test_not_now(void **state)
{
	struct visit v;

	(void)state;
	visit_asked(&v, 32);
	hostile_say(v.h,
		    "{\"type\":\"ERROR\",\"v\":1,\"id\":1,\"code\":\"busy\",\"detail\":\"x\"}");
	router_failed(v.session, 32, false, "busy: x");
	proc_attest(&agent, v.session, 0, 33);
	assert_true(hostile_hears_type(v.h, "ATTEST"));
	assert_non_null(strstr(v.h->text, "\"id\":2,"));
	hostile_free(v.h);
	proc_wants(&agent, MSG_PEER_DOWN, v.session);
}

/* The agent's own evidence comes back: as it is, and in the router's clothes. */
static void test_reflected(void **state)
{
	uint8_t report[REPORT_DATA_BYTES], other[REPORT_DATA_BYTES];
	struct msg_evidence e;
	struct visit v;
	char claims[1024], want[256];

	(void)state;
	visit_asked(&v, 40);
	assert_true(hostile_say(v.h, v.evidence)); /* its id fits: the first of a side is 1 */
	snprintf(want, sizeof(want), "claims: want router \"%s\", got backend \"pay-1\"", v.node);
	router_failed(v.session, 40, true, want);
	visit_is_over(&v, want);

	visit_asked(&v, 41);
	assert_true(binding_report_data(&v.binding, report));
	say_evidence(
		v.h, 1, bytes_of(report, sizeof(report)),
		claims_of(claims, sizeof(claims), v.node, "router", "127.0.0.1", v.from, SOURCES));
	proc_wants(&agent, MSG_EVIDENCE, v.session);
	assert_false(report_fits(&agent, &e));
	/* Were all the rest the same, even both keys, the side alone would tell. */
	assert_true(binding_report_data(&e.binding, report));
	strcpy(e.binding.role, "backend");
	assert_true(binding_report_data(&e.binding, other));
	assert_memory_not_equal(report, other, sizeof(report));
	hostile_free(v.h);
	proc_wants(&agent, MSG_PEER_DOWN, v.session);
}

/* A genuine router's evidence, kept, in another session of who holds its very key. */
static void test_replayed(void **state)
{
	uint8_t report[REPORT_DATA_BYTES];
	struct msg_evidence first, second;
	char claims[1024];
	struct visit v, w;

	(void)state;
	visit_asked(&v, 50);
	memset(report, 0, sizeof(report));
	claims_of(claims, sizeof(claims), v.node, "router", "127.0.0.1", v.from, SOURCES);
	say_evidence(v.h, 1, bytes_of(report, sizeof(report)), claims);
	proc_wants(&agent, MSG_EVIDENCE, v.session);
	assert_false(report_fits(&agent, &first));
	assert_true(binding_report_data(&first.binding, report)); /* what its hardware would sign */
	hostile_free(v.h);
	proc_wants(&agent, MSG_PEER_DOWN, v.session);

	visit_asked(&w, 51);
	claims_of(claims, sizeof(claims), w.node, "router", "127.0.0.1", w.from, SOURCES);
	say_evidence(w.h, 1, bytes_of(report, sizeof(report)), claims);
	proc_wants(&agent, MSG_EVIDENCE, w.session);
	assert_false(report_fits(&agent, &second));
	/* The same session and a later question: its nonce is another. */
	assert_true(binding_report_data(&second.binding, report));
	proc_attest(&agent, w.session, 0, 52);
	assert_true(hostile_hears_type(w.h, "ATTEST"));
	say_evidence(w.h, 2, bytes_of(report, sizeof(report)), claims);
	proc_wants(&agent, MSG_EVIDENCE, w.session);
	assert_false(report_fits(&agent, &second));
	hostile_free(w.h);
}

static void test_answers(void **state)
{
	static const struct {
		const char *name, *node, *role, *ip, *more;
		int id;
		const char *why;
	} rows[] = {
		{ "a stale id", NULL, "router", "127.0.0.1", SOURCES, 0, NULL },
		{ "an id to come", NULL, "router", "127.0.0.1", SOURCES, 2,
		  "EVIDENCE: id 2, want 1" },
		{ "another router", "r1", "router", "127.0.0.1", SOURCES, 1, "" },
		{ "a client", NULL, "client", "127.0.0.1", SOURCES, 1, "" },
		{ "another address", NULL, "router", "192.0.2.1", SOURCES, 1,
		  "claims: the endpoint that it has dialled from is not among them" },
		{ "no sources", NULL, "router", "127.0.0.1", "", 1,
		  "claims: want sources, the addresses that it wraps from" },
		{ "sources that are none", NULL, "router", "127.0.0.1", ",\"sources\":[1]", 1,
		  "claims: sources: want addresses" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char claims[1024], want[256];
		const char *why = rows[i].why;
		struct visit v;

		print_message("  %s\n", rows[i].name);
		visit_asked(&v, 60);
		claims_of(claims, sizeof(claims), rows[i].node ? rows[i].node : v.node,
			  rows[i].role, rows[i].ip, v.from, rows[i].more);
		say_evidence(v.h, rows[i].id, bytes_of("report", 6), claims);
		snprintf(want, sizeof(want), "claims: want router \"%s\", got %s \"%s\"", v.node,
			 rows[i].role, rows[i].node ? rows[i].node : v.node);
		if (!why)
			why = "EVIDENCE: id: want a positive number";
		router_failed(v.session, 60, true, why[0] ? why : want);
		visit_is_over(&v, why[0] ? why : want);
	}
}

/* A long message is taken only while one is due, and then up to the protocol's limit. */
static void test_lengths(void **state)
{
	struct visit v;

	(void)state;
	visit_begins(&v, SNP_ROUTER);
	visit_result(&v, "ok");
	v.session = router_is_up(v.node);
	assert_true(hostile_write(v.h, "\0\1\0\0", 4));
	proc_wants(&agent, MSG_PEER_DOWN, v.session);
	assert_true(hostile_sees_end(v.h));
	hostile_free(v.h);

	visit_asked(&v, 70);
	assert_true(hostile_write(v.h, "\0\4\0\1", 4));
	router_failed(v.session, 70, true, "a message's length: want 1..262144");
	visit_is_over(&v, "a message's length: want 1..262144");

	visit_begins(&v, SNP_ROUTER);
	visit_result(&v, "ok");
	v.session = router_is_up(v.node);
	assert_true(hostile_say(v.h, v.evidence));
	assert_true(hostile_hears_type(v.h, "ERROR"));
	assert_non_null(strstr(v.h->text, "EVIDENCE that was not asked for"));
	hostile_free(v.h);
}

/* A router dials us as the agent of pay-1; p->m and *request are what its parent asked. */
static struct hostile *dialled_by(struct proc *p, uint64_t request)
{
	struct hostile *h;

	proc_peer(p, MSG_PEER, BACKEND_ID, 1, "pay-1", evil_port);
	h = hostile_accept(listening, &(struct manners){ .id = &agent_id });
	assert_true(hostile_greets(h, HELLO_OF("backend")));
	proc_wants(p, MSG_PEER_UP, BACKEND_ID);
	proc_attest(p, BACKEND_ID, 1, request);
	assert_true(hostile_hears_type(h, "ATTEST"));
	return h;
}

/* The same, and it has admitted us; the address that it dials from. */
static struct hostile *admitted_by(struct proc *p, struct addr *from, uint16_t *from_port)
{
	struct hostile *h = dialled_by(p, 80);
	struct sockaddr_in sin;
	socklen_t n = sizeof(sin);
	char claims[1024];

	say_evidence(
		h, 1, bytes_of("report", 6),
		claims_of(claims, sizeof(claims), "pay-1", "backend", "127.0.0.1", evil_port, ""));
	proc_wants(p, MSG_EVIDENCE, BACKEND_ID);
	tell_result(p, BACKEND_ID, 80, true);
	assert_true(hostile_hears_type(h, "RESULT"));
	assert_int_equal(getpeername(h->fd, (struct sockaddr *)&sin, &n), 0);
	sock_addr_of((struct sockaddr *)&sin, from, from_port);
	return h;
}

static void forgotten_by(struct proc *p, struct hostile *h)
{
	int fd;

	hostile_free(h);
	proc_forget(p, BACKEND_ID);
	proc_peer(p, MSG_CHECK, BACKEND_ID, 1, "", port); /* heard of: it has forgotten */
	proc_wants(p, MSG_BEAT, BACKEND_ID);
	proc_forget(p, BACKEND_ID);
	while ((fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

/* What an agent may not ask of a router, and what of it ends the session. */
static void test_a_router_is_asked(void **state)
{
	static const struct {
		const char *name, *role, *ip;
		bool early, ends;
		const char *says;
	} rows[] = {
		{ "before it has admitted us", "backend", "127.0.0.1", true, true,
		  "ATTEST from who has not been admitted" },
		{ "as if we were a router", "router", "127.0.0.1", false, true,
		  "ATTEST: role: HELLO said otherwise" },
		{ "as if we were a client", "client", "127.0.0.1", false, true, "purpose" },
		{ "for an address that it has not", "backend", "192.0.2.9", false, false,
		  "\"id\":1,\"code\":\"endpoint\"" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr from;
		uint16_t from_port = 1;
		struct hostile *h = rows[i].early ? dialled_by(&router, 80)
						  : admitted_by(&router, &from, &from_port);

		print_message("  %s\n", rows[i].name);
		hostile_say(h, attest(text, sizeof(text), 1, rows[i].role, rows[i].ip, from_port));
		assert_true(hostile_hears_type(h, "ERROR"));
		assert_non_null(strstr(h->text, rows[i].says));
		if (rows[i].ends)
			assert_true(hostile_sees_end(h));
		assert_false(proc_gets(&router, MSG_QUOTE_WANTED, -1, 100));
		forgotten_by(&router, h);
	}
}

/* One that has no evidence says so, and goes on. */
static void test_a_bare_router_is_asked(void **state)
{
	char text[1024], ip[ADDR_TEXT_MAX];
	struct addr from;
	uint16_t from_port;
	struct hostile *h = admitted_by(&bare, &from, &from_port);

	(void)state;
	hostile_say(h, attest(text, sizeof(text), 1, "backend", addr_text(&from, ip), from_port));
	assert_true(hostile_hears_type(h, "ERROR"));
	assert_non_null(strstr(h->text, "\"id\":1,\"code\":\"unavailable\""));
	assert_non_null(strstr(h->text, "this node has no source of evidence"));
	assert_true(hostile_hears_type(h, "PING"));
	forgotten_by(&bare, h);
}

/* A verdict on what was not shown is a breach. */
static void test_a_router_hears_nonsense(void **state)
{
	struct addr from;
	uint16_t from_port;
	struct hostile *h = admitted_by(&router, &from, &from_port);

	(void)state;
	hostile_say(h, "{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"deny\",\"code\":\"x\","
		       "\"expires_in_ms\":0}");
	assert_true(hostile_hears_type(h, "ERROR"));
	assert_non_null(strstr(h->text, "RESULT of evidence that was not given"));
	assert_true(hostile_sees_end(h));
	forgotten_by(&router, h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_not_before_it_admits),
		cmocka_unit_test(test_offers_none),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_not_now),
		cmocka_unit_test(test_reflected),
		cmocka_unit_test(test_replayed),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_a_router_is_asked),
		cmocka_unit_test(test_a_bare_router_is_asked),
		cmocka_unit_test(test_a_router_hears_nonsense),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
