// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/messages.h"
#include "base/sandbox.h"
#include "verifier/appraise.h"
#include "verifier/cache.h"
#include "verifier/refuse.h"
#include "verifier/sig.h"
#include "verifier/wants.h"

enum {
	HEADROOM = 256 << 20, /* an appraisal of the largest message takes below 10 MiB */
	CACHED_MAX = 4096,    /* chips: 16 KiB each, so a quarter of that */
	CLAIMS_MAX = 8192,
	ANSWER_MAX = CLAIMS_MAX + 4096,
	EXIT_OK = 0,
	EXIT_BROKEN = 2,
};

static const char user[] = "nobody";

struct rulebook {
	struct policy *const *policies;
	size_t count;
	struct cache *cache; /* NULL without memory: then all is verified anew each time */
};

static const struct policy *find(const struct rulebook *book, const char *name)
{
	for (size_t i = 0; i < book->count; i++)
		if (!strcmp(policy_name(book->policies[i]), name))
			return book->policies[i];
	return NULL;
}

/* What is not found or cannot be computed is our own failure, and grants nothing. */
static enum reason judge(const struct msg_appraise *m, const struct rulebook *book,
			 struct claims *c, struct msg_verdict *v)
{
	struct evidence e = { .tee = m->binding.tee,
			      .report = m->report,
			      .certs_count = m->certs_count,
			      .at = m->at,
			      .cache = book->cache };
	const struct policy *policy = find(book, m->policy);
	uint8_t report_data[REPORT_DATA_BYTES];

	memset(c, 0, sizeof(*c));
	if (!policy)
		return refuse(c, REASON_INTERNAL, "no policy of the name \"%s\"", m->policy);
	if (m->at > INT64_MAX || !binding_report_data(&m->binding, report_data))
		return refuse(c, REASON_INTERNAL, "time or REPORT_DATA cannot be computed");
	memcpy(e.certs, m->certs, sizeof(e.certs));
	memcpy(e.collateral, m->collateral, sizeof(e.collateral));
	e.report_data = report_data;
	v->reason = appraise(policy, &e, c);
	v->wants_count = evidence_wants(policy, &e, v->reason, c, v->wants);
	return v->reason;
}

static void put_verdict(struct ipc_writer *w, struct msg_verdict *v, const struct claims *c)
{
	char text[CLAIMS_MAX];
	size_t n = json_dumpb(c->json, text, sizeof(text), JSON_COMPACT);

	v->class_mask = c->class_mask;
	v->lab_root = c->lab_root;
	v->not_after = c->not_after > 0 ? c->not_after : 0;
	memcpy(v->digest, c->digest, sizeof(v->digest));
	memcpy(v->detail, c->detail, sizeof(v->detail));
	v->claims = n && n <= sizeof(text) ? bytes_of(text, n) : bytes_of("{}", 2);
	msg_verdict_put(w, v);
}

/* The answer to one message into w; false when it is none that a parent sends. */
static bool answer(const struct ipc_message *m, const struct rulebook *book, struct ipc_writer *w)
{
	struct msg_verdict verdict = { 0 };
	struct msg_appraise wanted;
	struct claims c;

	if (m->type != MSG_APPRAISE || !msg_appraise_get(m->body, &wanted))
		return false;
	verdict.reason = judge(&wanted, book, &c, &verdict);
	put_verdict(w, &verdict, &c);
	claims_free(&c);
	return true;
}

/* The descriptor may or may not block. */
static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, -1);
}

static int send_all(int fd, const struct ipc_writer *w)
{
	int err;

	while ((err = ipc_send(fd, w)) == -EAGAIN)
		wait_for(fd, POLLOUT);
	return err;
}

static int serve(int fd, const struct rulebook *book, uint8_t *in)
{
	uint8_t out[ANSWER_MAX];
	struct ipc_message m;
	struct ipc_writer w;
	int n;

	for (;;) {
		n = ipc_receive(fd, in, IPC_MAX, &m);
		if (n == -EAGAIN) {
			wait_for(fd, POLLIN);
			continue;
		}
		if (n <= 0)
			return n;
		w = ipc_begin(out, sizeof(out), MSG_VERDICT, m.id);
		if (!answer(&m, book, &w))
			return -EPROTO;
		n = send_all(fd, &w);
		if (n)
			return n;
	}
}

/* What would need a file later is done now. */
static bool prepare(void)
{
	json_object_seed(0);
	return sig_prepare() && time_text(0).text[0] != 0;
}

static int enter_sandbox(void)
{
	int err = sandbox_limit(HEADROOM);

	if (!err)
		err = sandbox_isolate(user);
	return err ? err : sandbox_enter(SANDBOX_PURE);
}

_Noreturn void verifier_main(int fd, struct policy *const policies[], size_t count)
{
	struct rulebook book = { policies, count, cache_new(CACHED_MAX) };
	uint8_t *in = malloc(IPC_MAX);
	int err = in && prepare() ? enter_sandbox() : -ENOMEM;

	if (err) {
		log_warnx("sandbox: %s", strerror(-err));
		_exit(EXIT_BROKEN);
	}
	err = serve(fd, &book, in);
	if (err && err != -EPIPE && err != -ECONNRESET)
		log_warnx("messages from the parent: %s", strerror(-err));
	/* Not exit(): nothing is left to be tidied, and handlers may be another process's. */
	_exit(err ? EXIT_BROKEN : EXIT_OK);
}
