// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/process.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "collateral/facts.h"
#include "collateral/header.h"
#include "collateral/resolve.h"
#include "verifier/refuse.h"
#include "verifier/sig.h"

enum {
	HEADROOM = 256 << 20, /* the system's authorities are loaded for each connection */
	HEADERS_MAX = 65536,  /* of one answer */
	CONNECT_MAX_MS = 10000,
	IDLE_MS = 60000,
	RESOLVE_MAX = 1024,
	ANSWER_MAX = COLLATERAL_BODY_MAX + COLLATERAL_PEM_MAX + 2048,
	EXIT_BROKEN = 2,
};

/* One question under way. */
struct transfer {
	struct want want;
	CURL *easy; /* NULL: the place is free */
	struct curl_slist *addresses;
	struct header_facts headers;
	size_t headers_n, body_n;
	bool too_large;
	char error[CURL_ERROR_SIZE];
	uint8_t body[COLLATERAL_BODY_MAX];
};

struct fetcher {
	const struct collateral_config *config;
	int fd;
	CURLM *multi;
	uint8_t in[IPC_MAX], out[ANSWER_MAX];
	uint8_t decoded[COLLATERAL_BODY_MAX];
	struct transfer transfers[FETCH_PARALLEL_MAX];
};

/* --- what libcurl calls */

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	if (n > sizeof(t->body) - t->body_n) {
		t->too_large = true;
		return 0; /* ends the transfer */
	}
	memcpy(t->body + t->body_n, p, n);
	t->body_n += n;
	return n;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	t->headers_n += n;
	if (t->headers_n > HEADERS_MAX) {
		t->too_large = true;
		return 0;
	}
	if (n >= 5 && !memcmp(p, "HTTP/", 5)) /* after an interim answer, the real one */
		memset(&t->headers, 0, sizeof(t->headers));
	else
		header_read(bytes_of(p, n), &t->headers);
	return n;
}

/* --- answers */

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, -1);
}

static int answer(struct fetcher *f, const struct fetched *m)
{
	struct ipc_writer w = ipc_begin(f->out, sizeof(f->out), MSG_FETCHED, 0);
	int err;

	fetched_put(&w, m);
	while ((err = ipc_send(f->fd, &w)) == -EAGAIN)
		wait_for(f->fd, POLLOUT);
	return err;
}

static enum fetch_result result_of_status(long status)
{
	return status == 200			? FETCH_OK
	       : status == 429			? FETCH_THROTTLED
	       : status == 404 || status == 410 ? FETCH_MISSING
	       : status >= 500			? FETCH_FAILED
						: FETCH_REFUSED;
}

static enum fetch_result result_of_code(const struct transfer *t, CURLcode code)
{
	if (t->too_large)
		return FETCH_TOO_LARGE;
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return FETCH_TIMEOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return FETCH_TOO_LARGE;
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_RECV_ERROR:
		return FETCH_WRONG;
	default:
		return FETCH_UNREACHABLE;
	}
}

/* A certificate out of its time: theirs, or our idea of the time? */
static const char *clock_doubt(CURL *easy)
{
	enum { NOT_YET_VALID = 9, EXPIRED = 10 }; /* X509_V_ERR_CERT_… */
	long v = 0;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &v);
	return v == NOT_YET_VALID || v == EXPIRED ? "; is this machine's clock right?" : "";
}

static void read_answer(struct fetcher *f, struct transfer *t, CURLcode code, struct fetched *m)
{
	struct header_facts *h = &t->headers;
	long status = 0;

	m->date = h->date > 0 ? h->date : 0;
	if (code) {
		m->result = result_of_code(t, code);
		snprintf(m->why, sizeof(m->why), "%.200s%s",
			 m->result == FETCH_TOO_LARGE ? "longer than what was asked for can be"
			 : t->error[0]		      ? t->error
						      : curl_easy_strerror(code),
			 clock_doubt(t->easy));
		return;
	}
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	m->result = result_of_status(status);
	if (m->result != FETCH_OK) {
		m->retry_after_s = header_retry_s(h, time(NULL));
		snprintf(m->why, sizeof(m->why), "answered %ld", status);
	} else if (h->chain_broken) {
		m->result = FETCH_WRONG;
		strcpy(m->why, "the issuer chain in its header cannot be decoded");
	} else if (!facts_read(&t->want, bytes_of(t->body, t->body_n),
			       bytes_of(h->chain, h->chain_n), f->decoded, &m->piece, m->why)) {
		m->result = FETCH_WRONG;
	}
}

static void transfer_end(struct fetcher *f, struct transfer *t)
{
	if (t->easy) {
		curl_multi_remove_handle(f->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->addresses);
	t->easy = NULL;
	t->addresses = NULL;
}

static int finish(struct fetcher *f, struct transfer *t, CURLcode code)
{
	struct fetched m = { .piece.want = t->want };
	int err;

	read_answer(f, t, code, &m);
	if (m.result != FETCH_OK)
		m.piece = (struct piece){ .want = t->want };
	err = answer(f, &m);
	transfer_end(f, t);
	return err;
}

/* --- questions */

static int cannot_ask(struct fetcher *f, const struct want *want, const char *what, const char *why)
{
	struct fetched m = { .piece.want = *want, .result = FETCH_UNREACHABLE };

	snprintf(m.why, sizeof(m.why), "%s: %s", what, why);
	return answer(f, &m);
}

static void set_options(struct fetcher *f, struct transfer *t, const char *url)
{
	const struct collateral_config *c = f->config;
	long connect = c->timeout_ms < CONNECT_MAX_MS ? (long)c->timeout_ms : CONNECT_MAX_MS;
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_RESOLVE, t->addresses);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "fairlead/" VERSION);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect);
	curl_easy_setopt(e, CURLOPT_MAXFILESIZE, (long)COLLATERAL_BODY_MAX);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	if (c->ca[0])
		curl_easy_setopt(e, CURLOPT_CAINFO, c->ca);
}

static struct transfer *free_place(struct fetcher *f)
{
	for (size_t i = 0; i < FETCH_PARALLEL_MAX; i++)
		if (!f->transfers[i].easy)
			return &f->transfers[i];
	return NULL;
}

static int ask(struct fetcher *f, const struct want *want)
{
	char url[COLLATERAL_URL_MAX], addresses[RESOLVE_MAX];
	struct transfer *t = free_place(f);
	const char *why;

	if (!t)
		return -EPROTO; /* more than a parent sends */
	if (!url_of(f->config, want, url))
		return cannot_ask(f, want, "its URL", "too long");
	if (!resolve(url, addresses, sizeof(addresses), &why))
		return cannot_ask(f, want, url, why);
	memset(t, 0, offsetof(struct transfer, body));
	t->want = *want;
	t->easy = curl_easy_init();
	if (t->easy && addresses[0])
		t->addresses = curl_slist_append(NULL, addresses);
	if (!t->easy || (addresses[0] && !t->addresses)) {
		transfer_end(f, t);
		return cannot_ask(f, want, url, "no memory");
	}
	set_options(f, t, url);
	if (curl_multi_add_handle(f->multi, t->easy) == CURLM_OK)
		return 0;
	transfer_end(f, t);
	return cannot_ask(f, want, url, "libcurl does not take it");
}

/* --- the loop */

static int finish_all(struct fetcher *f)
{
	CURLMsg *m;
	int left, err = 0;

	while (!err && (m = curl_multi_info_read(f->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		for (size_t i = 0; i < FETCH_PARALLEL_MAX; i++)
			if (f->transfers[i].easy == m->easy_handle) {
				err = finish(f, &f->transfers[i], m->data.result);
				break; /* m is gone with its handle */
			}
	}
	return err;
}

/* 1: there may be more; 0: the parent has closed; -EAGAIN: no more now. */
static int hear(struct fetcher *f)
{
	struct ipc_message m;
	struct want want;
	int n = ipc_receive(f->fd, f->in, sizeof(f->in), &m);

	if (n <= 0)
		return n;
	if (m.type != MSG_FETCH || !fetch_get(m.body, &want))
		return -EPROTO;
	n = ask(f, &want);
	return n ? n : 1;
}

static int serve(struct fetcher *f)
{
	struct curl_waitfd parent = { .fd = f->fd, .events = CURL_WAIT_POLLIN };
	int running, err;

	for (;;) {
		while ((err = hear(f)) == 1)
			;
		if (err != -EAGAIN)
			return err;
		if (curl_multi_perform(f->multi, &running))
			return -ENOMEM;
		err = finish_all(f);
		if (err)
			return err;
		if (curl_multi_poll(f->multi, &parent, 1, IDLE_MS, NULL))
			return -ENOMEM;
	}
}

static int prepare(struct fetcher *f)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !sig_prepare() || !time_text(0).text[0])
		return -ENOMEM;
	json_object_seed(0);
	resolve_prepare();
	f->multi = curl_multi_init();
	return f->multi ? 0 : -ENOMEM;
}

static int confine(const struct collateral_config *c)
{
	int err = sandbox_limit(HEADROOM);

	if (!err)
		err = sandbox_drop(c->user);
	return err ? err : sandbox_enter(SANDBOX_FETCH);
}

_Noreturn void fetcher_main(int fd, const struct collateral_config *c)
{
	struct fetcher *f = calloc(1, sizeof(*f));
	int err = f ? prepare(f) : -ENOMEM;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* from a terminal: our parent ends us by closing fd */
	if (!err)
		err = confine(c);
	if (err) {
		log_warnx("sandbox: %s", strerror(-err));
		_exit(EXIT_BROKEN);
	}
	f->config = c;
	f->fd = fd;
	err = serve(f);
	if (err && err != -EPIPE && err != -ECONNRESET)
		log_warnx("messages from the parent: %s", strerror(-err));
	_exit(err ? EXIT_BROKEN : 0);
}
