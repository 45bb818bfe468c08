/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the channel's tests share: an operator's CA made on the spot, channel processes
 * whose parent the test plays, and a TLS peer that does as it is told, right or wrong.
 */
#ifndef CHANNEL_KIT_H
#define CHANNEL_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/messages.h"
#include "channel/channel.h"
#include "channel/process.h"
#include "channel/sock.h"

enum {
	KIT_WAIT_MS = 30000, /* for what has to come; a loaded machine is slow */
	KIT_BEAT_MS = 300,   /* eight missed are the end: no machine stands still for so long */
	KIT_PORTS = 500,     /* of one process */
	KIT_PORT_BLOCKS = 40,
	KIT_BEAT_UNDER_ATTACK_MS =
		300, /* eight missed end a session, and that must not be the load */
	KIT_MESSAGE_MAX = 262144 + 4,
};

/* A temporary directory with what is made in it. */
struct kit {
	char dir[64];
	EVP_PKEY *ca_key;
	X509 *ca;
	int serial;
};

struct identity {
	char certificate[128], key[128];
};

static inline EVP_PKEY *kit_key(void)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");

	assert_non_null(k);
	return k;
}

static inline void kit_write(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	if (cert)
		assert_int_equal(PEM_write_X509(f, cert), 1);
	if (key)
		assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

static inline X509 *kit_sign(struct kit *k, EVP_PKEY *key, const char *names, long from_s,
			     long to_s, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	X509_EXTENSION *e;
	X509_NAME *n;

	assert_non_null(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++k->serial);
	X509_gmtime_adj(X509_getm_notBefore(x), from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), to_s);
	X509_set_pubkey(x, key);
	n = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
				   (const unsigned char *)(issuer ? "node" : "operator"), -1, -1,
				   0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : n);
	if (!issuer) {
		e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	if (names) {
		e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
		assert_non_null(e);
		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	assert_true(X509_sign(x, issuer ? issuer_key : key, EVP_sha256()) > 0);
	return x;
}

static inline struct kit *kit_new(void)
{
	struct kit *k = calloc(1, sizeof(*k));
	char path[128];

	assert_non_null(k);
	strcpy(k->dir, "/tmp/fairlead-channel-XXXXXX");
	assert_non_null(mkdtemp(k->dir));
	k->ca_key = kit_key();
	k->ca = kit_sign(k, k->ca_key, NULL, -60, 3600, NULL, NULL);
	snprintf(path, sizeof(path), "%s/ca.pem", k->dir);
	kit_write(path, k->ca, NULL);
	return k;
}

static inline void kit_free(struct kit *k)
{
	char command[128];

	X509_free(k->ca);
	EVP_PKEY_free(k->ca_key);
	snprintf(command, sizeof(command), "rm -rf %s", k->dir);
	if (system(command))
		perror(command);
	free(k);
}

/* A certificate with these names (as openssl.cnf writes subjectAltName) for a key, or a new one. */
static inline void kit_issue_key(struct kit *k, struct identity *id, const char *file,
				 const char *names, long from_s, long to_s, EVP_PKEY *key)
{
	X509 *x = kit_sign(k, key, names, from_s, to_s, k->ca, k->ca_key);

	snprintf(id->certificate, sizeof(id->certificate), "%s/%s.pem", k->dir, file);
	snprintf(id->key, sizeof(id->key), "%s/%s.key", k->dir, file);
	kit_write(id->certificate, x, NULL);
	kit_write(id->key, NULL, key);
	X509_free(x);
}

static inline void kit_issue(struct kit *k, struct identity *id, const char *file,
			     const char *names)
{
	EVP_PKEY *key = kit_key();

	kit_issue_key(k, id, file, names, -60, 3600, key);
	EVP_PKEY_free(key);
}

/* The same from a CA of the same name that is somebody else's. */
static inline void kit_issue_foreign(struct kit *k, struct identity *id, const char *file,
				     const char *names)
{
	struct kit other = *k;

	other.ca_key = kit_key();
	other.ca = kit_sign(&other, other.ca_key, NULL, -60, 3600, NULL, NULL);
	kit_issue(&other, id, file, names);
	X509_free(other.ca);
	EVP_PKEY_free(other.ca_key);
}

/* A free port below those that connects are made from, so that it stays free. */
/*
 * Tests that run abreast have their own ports: what one has found free and not yet taken the other
 * would find free as well.  A name says which are taken, for as long as the process lives.
 */
static inline uint32_t kit_ports(uint32_t from)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < KIT_PORT_BLOCKS; i++) {
		uint32_t block = (from + i) % KIT_PORT_BLOCKS;
		int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "fairlead-port-%u", block);

		n += offsetof(struct sockaddr_un, sun_path) + 1;
		if (bind(fd, (struct sockaddr *)&a, n) == 0)
			return 10000 + block * KIT_PORTS;
	}
	fail_msg("no free ports");
	return 0;
}

static inline uint16_t kit_port(void)
{
	static uint32_t first, last;
	struct addr a;

	addr_parse("127.0.0.1", &a);
	if (!first) {
		assert_int_equal(getrandom(&last, sizeof(last), 0), sizeof(last));
		first = kit_ports(last >> 16);
	}
	for (int tries = 0; tries < KIT_PORTS; tries++) {
		uint16_t port = first + ++last % KIT_PORTS;
		int fd = sock_listen(&a, port);

		if (fd < 0)
			continue;
		close(fd);
		return port;
	}
	fail_msg("no free port");
	return 0;
}

static inline void kit_config(const struct kit *k, const struct identity *id, const char *node,
			      struct channel_config *c)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->node, sizeof(c->node), "%s", node);
	snprintf(c->certificate, sizeof(c->certificate), "%s", id->certificate);
	snprintf(c->key, sizeof(c->key), "%s", id->key);
	snprintf(c->ca, sizeof(c->ca), "%s/ca.pem", k->dir);
	c->tee = TEE_SNP;
	c->silence_ms = 60000;
	c->answer_ms = CHANNEL_ANSWER_MS;
}

static inline void kit_config_agent(struct channel_config *c, uint16_t port)
{
	c->agent = true;
	addr_parse("127.0.0.1", &c->listen_addr);
	c->listen_port = port;
}

/* A channel process, and our end of its socket. */
struct proc {
	pid_t pid;
	int fd;
	char log[128];
	long mark; /* where to look in the log from */
	uint8_t buf[IPC_MAX];
	struct ipc_message m;
};

static inline void proc_run(int fd, const struct channel_config *c, bool confined)
{
	char why_not[WHY_MAX] = "";
	struct channel *ch;

	if (confined)
		channel_main(fd, c);
	signal(SIGPIPE, SIG_IGN);
	if (channel_open(fd, c, &ch, why_not))
		fatalx("%s", why_not);
	fd = channel_run(ch);
	channel_close(ch);
	exit(fd);
}

static inline void proc_start(struct kit *k, struct proc *p, const char *name,
			      const struct channel_config *c, bool confined)
{
	int fds[2];

	snprintf(p->log, sizeof(p->log), "%s/%s.log", k->dir, name);
	p->mark = 0;
	assert_int_equal(ipc_pair(fds), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		int log = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		dup2(log, 2);
		log_init("channel", LOG_LEVEL_DEBUG);
		for (int fd = 3; fd < 256; fd++)
			if (fd != fds[1])
				close(fd);
		proc_run(fds[1], c, confined);
	}
	close(fds[1]);
	p->fd = fds[0];
}

static inline void proc_log(const struct proc *p)
{
	char line[1024];
	FILE *f = fopen(p->log, "r");

	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "    %s", line);
	if (f)
		fclose(f);
}

/* Ends it as its parent would, and wants it to have ended well: sanitizers speak here. */
static inline void proc_stop(struct proc *p)
{
	siginfo_t stopped = { 0 };
	int status = -1;

	if (p->pid <= 0)
		return;
	/* A test may have failed while it was; else, SIGCONT would stand in LeakSanitizer's way. */
	if (!waitid(P_PID, (id_t)p->pid, &stopped, WSTOPPED | WNOHANG | WNOWAIT) && stopped.si_pid)
		kill(p->pid, SIGCONT);
	close(p->fd);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	p->pid = 0;
	if (status) {
		proc_log(p);
		fail_msg("%s: status %x", p->log, status);
	}
}

static inline void proc_kill(struct proc *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	close(p->fd);
	p->pid = 0;
}

/* The next message of any kind within ms. */
static inline bool proc_next(struct proc *p, int ms)
{
	struct pollfd poll_fd = { .fd = p->fd, .events = POLLIN };

	return poll(&poll_fd, 1, ms) == 1 && ipc_receive(p->fd, p->buf, sizeof(p->buf), &p->m) == 1;
}

/* The next message of a type about an id (-1: any), others dropped. */
static inline bool proc_gets(struct proc *p, uint32_t type, int64_t id, int ms)
{
	uint64_t until = now_us() + ms * 1000ULL;

	for (uint64_t now = now_us(); now < until; now = now_us())
		if (proc_next(p, (until - now) / 1000 + 1) && p->m.type == type &&
		    (id < 0 || p->m.id == id))
			return true;
	return false;
}

static inline void proc_wants(struct proc *p, uint32_t type, int64_t id)
{
	if (proc_gets(p, type, id, KIT_WAIT_MS))
		return;
	proc_log(p);
	fail_msg("no message %u about %lld from %s", type, (long long)id, p->log);
}

/* How often text appears in the log after the mark, once it does or after ms. */
static inline int proc_says(struct proc *p, const char *text, int ms)
{
	static char log[1 << 20];
	uint64_t until = now_us() + ms * 1000ULL;
	struct timespec nap = { 0, 10000000 };
	int found = 0;

	for (;;) {
		FILE *f = fopen(p->log, "r");
		size_t n;

		assert_non_null(f);
		fseek(f, p->mark, SEEK_SET);
		n = fread(log, 1, sizeof(log) - 1, f);
		log[n] = 0;
		fclose(f);
		for (const char *at = log; (at = strstr(at, text)); at++)
			found++;
		if (found || now_us() >= until)
			return found;
		nanosleep(&nap, NULL);
	}
}

static inline void proc_must_say(struct proc *p, const char *text)
{
	if (proc_says(p, text, KIT_WAIT_MS) == 1)
		return;
	proc_log(p);
	fail_msg("%s does not say once: %s", p->log, text);
}

static inline void proc_mark(struct proc *p)
{
	FILE *f = fopen(p->log, "r");

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	p->mark = ftell(f);
	fclose(f);
}

static inline void proc_send(struct proc *p, const struct ipc_writer *w)
{
	struct pollfd poll_fd = { .fd = p->fd, .events = POLLOUT };
	int err;

	while ((err = ipc_send(p->fd, w)) == -EAGAIN)
		poll(&poll_fd, 1, 100);
	assert_int_equal(err, 0);
}

/* What the next agents to be dialled have to claim of what leaves them; "": nothing. */
static const char *kit_egress = "";

static inline void proc_peer_every(struct proc *p, uint32_t interval_ms, uint32_t type, uint32_t id,
				   uint32_t generation, const char *node, uint16_t port)
{
	struct msg_peer m = { .generation = generation, .port = port, .interval_ms = interval_ms };
	uint8_t buf[512];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), type, id);

	addr_parse("127.0.0.1", &m.addr);
	snprintf(m.node, sizeof(m.node), "%s", node);
	snprintf(m.egress, sizeof(m.egress), "%s", kit_egress);
	msg_peer_put(&w, &m);
	proc_send(p, &w);
}

static inline void proc_peer(struct proc *p, uint32_t type, uint32_t id, uint32_t generation,
			     const char *node, uint16_t port)
{
	proc_peer_every(p, KIT_BEAT_MS, type, id, generation, node, port);
}

static inline void proc_attest(struct proc *p, uint32_t id, uint32_t generation, uint64_t request)
{
	struct msg_attest m = {
		.generation = generation, .request = request, .purpose = "admit", .service = "pay"
	};
	uint8_t buf[512];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_ATTEST, id);

	msg_attest_put(&w, &m);
	proc_send(p, &w);
}

static inline void proc_forget(struct proc *p, uint32_t id)
{
	uint8_t buf[16];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_FORGET, id);

	proc_send(p, &w);
}

/* An agent and a router that behave, connected under that id, which attacks should not disturb. */
static inline void proc_start_good(struct kit *k, struct proc *agent,
				   const struct channel_config *of_agent, struct proc *router,
				   const struct channel_config *of_router, uint32_t id)
{
	proc_start(k, agent, "agent", of_agent, false);
	proc_start(k, router, "router", of_router, false);
	proc_peer_every(router, KIT_BEAT_UNDER_ATTACK_MS, MSG_PEER, id, 1, of_agent->node,
			of_agent->listen_port);
	proc_wants(router, MSG_PEER_UP, id);
}

/* The session that was up before the attack still is, and beats. */
static inline void proc_goes_on(struct proc *router, uint32_t id)
{
	while (proc_next(router, 0))
		if (router->m.type == MSG_PEER_DOWN && router->m.id == id)
			fail_msg("who behaved was thrown out");
	proc_wants(router, MSG_BEAT, id);
}

/* Answers the MSG_QUOTE_WANTED in p->m as an attester does: the report is REPORT_DATA alone. */
static inline struct binding proc_quote(struct proc *p, size_t padding)
{
	uint8_t *report = calloc(1, REPORT_DATA_BYTES + padding), *buf = malloc(IPC_MAX);
	struct msg_quote q = { .tee = TEE_SNP, .certs_count = 1 };
	uint32_t exchange = p->m.id;
	struct binding b = { 0 };
	struct ipc_writer w;

	assert_true(report && buf && msg_binding_get(p->m.body, &b));
	assert_true(binding_report_data(&b, report));
	q.report = bytes_of(report, REPORT_DATA_BYTES + padding);
	q.certs[0] = bytes_of("vcek", 4);
	w = ipc_begin(buf, IPC_MAX, MSG_QUOTE, exchange);
	msg_quote_put(&w, &q);
	proc_send(p, &w);
	free(report);
	free(buf);
	return b;
}

#endif
