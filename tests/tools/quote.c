// SPDX-License-Identifier: BSD-2-Clause
/*
 * quote [--tee snp|tdx|nitro] [--source auto|tsm|sev-guest|soft|nsm|tdx-guest] [--dev PATH]
 *       [--tsm PATH] [--dir DIR] [--vmpl N] [--data BYTE] [--times N] [--out DIR] [--process 1]
 *
 * Opens a source of evidence and quotes over 64 bytes of BYTE (in hexadecimal).  One line of
 * JSON each time; --out writes report.bin and cert0, cert1, … for `fairlead verify`.  With
 * --process it is asked as the daemon asks: in a process of its own, in its sandbox, which
 * reckons REPORT_DATA itself.  Exits with 0 when the last quote succeeded, else 1.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attester/attester.h"
#include "attester/nitro_format.h"
#include "attester/pki.h"
#include "base/log.h"

enum { PATIENCE_MS = 30000 };

struct options {
	struct attester_config config;
	uint8_t data[REPORT_DATA_BYTES];
	int times;
	bool process;
	const char *out;
};

static bool parse_source(const char *text, enum attester_source *out)
{
	static const char *const names[] = { "auto", "tsm", "sev-guest",
					     "soft", "nsm", "tdx-guest" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(text, names[i])) {
			*out = i;
			return true;
		}
	return false;
}

static bool parse(struct options *o, const char *name, const char *value)
{
	if (!strcmp(name, "--source"))
		return parse_source(value, &o->config.source);
	if (!strcmp(name, "--tee"))
		return tee_parse(value, &o->config.tee);
	if (!strcmp(name, "--dev"))
		return snprintf(o->config.device, ATTESTER_PATH_MAX, "%s", value) > 0;
	if (!strcmp(name, "--tsm"))
		return snprintf(o->config.tsm, ATTESTER_PATH_MAX, "%s", value) > 0;
	if (!strcmp(name, "--dir"))
		return snprintf(o->config.directory, ATTESTER_PATH_MAX, "%s", value) > 0;
	if (!strcmp(name, "--vmpl"))
		o->config.vmpl = atoi(value);
	else if (!strcmp(name, "--times"))
		o->times = atoi(value);
	else if (!strcmp(name, "--data"))
		memset(o->data, strtoul(value, NULL, 16), sizeof(o->data));
	else if (!strcmp(name, "--process"))
		o->process = atoi(value);
	else if (!strcmp(name, "--out"))
		o->out = value;
	else
		return false;
	return true;
}

static void say(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	printf("\n");
	fflush(stdout);
	json_decref(o);
}

static int say_failure(int err, const char *why)
{
	say(json_pack("{s:b, s:s, s:s}", "ok", 0, "error", strerrorname_np(-err), "why", why));
	return 1;
}

static int write_out(const char *directory, const struct quote *q, char why[WHY_MAX])
{
	char name[32];
	int err;

	err = pki_mkdir(directory, why);
	if (!err)
		err = pki_write(directory, "report.bin", q->report, 0644, why);
	for (size_t i = 0; !err && i < q->certs_count; i++) {
		snprintf(name, sizeof(name), "cert%zu", i);
		err = pki_write(directory, name, q->certs[i], 0644, why);
	}
	return err;
}

static int quote_once(struct attester *a, const struct options *o, struct quote *q)
{
	char why[WHY_MAX] = "";
	int err;

	err = attester_quote(a, o->data, q, why);
	if (!err && o->out)
		err = write_out(o->out, q, why);
	if (err)
		return say_failure(err, why);
	if (q->tee == TEE_SNP)
		say(json_pack("{s:b, s:i, s:i, s:i, s:i}", "ok", 1, "version", q->report.p[0],
			      "vmpl", q->report.p[0x30], "certs", (int)q->certs_count,
			      "certs_bytes", q->certs_count ? (int)q->certs[0].n : 0));
	else
		say(json_pack("{s:b, s:s, s:i, s:i}", "ok", 1, "tee", tee_str(q->tee), "bytes",
			      (int)q->report.n, "certs", (int)q->certs_count));
	return 0;
}

static bool is_over(const struct msg_quote *q, const uint8_t want[REPORT_DATA_BYTES])
{
	size_t at = q->tee == TEE_TDX ? 48 + 520 : 0x50; /* of quotes of version 4 */
	struct bytes data = bytes_of(q->report.p + at, REPORT_DATA_BYTES);

	if (q->report.n < at + REPORT_DATA_BYTES)
		return false;
	if (q->tee == TEE_NITRO && !nitro_user_data(q->report, &data))
		return false;
	return bytes_equal(data, bytes_of(want, REPORT_DATA_BYTES));
}

/* Sends one request and prints the answer. */
static int ask_process(int fd, enum tee tee, uint8_t *buf)
{
	struct binding b = { .role = "backend", .tee = tee };
	struct ipc_writer w = ipc_begin(buf, IPC_MAX, MSG_QUOTE_WANTED, 1);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t want[REPORT_DATA_BYTES];
	struct ipc_message m;
	struct msg_quote q;

	msg_binding_put(&w, &b);
	if (ipc_send(fd, &w) || poll(&p, 1, PATIENCE_MS) != 1 ||
	    ipc_receive(fd, buf, IPC_MAX, &m) != 1 || !msg_quote_get(m.body, &q))
		return say_failure(-EPIPE, "the process died");
	if (q.failed)
		return say_failure(-(int)q.failed, q.why);
	if (!binding_report_data(&b, want) || !is_over(&q, want))
		return say_failure(-EPROTO, "evidence over something else than the binding");
	say(json_pack("{s:b, s:i}", "ok", 1, "certs", (int)q.certs_count));
	return 0;
}

static int quote_in_process(struct attester *a, enum tee tee, int times)
{
	uint8_t *buf = malloc(IPC_MAX);
	int fds[2], status = 1;
	pid_t pid;

	if (!buf || ipc_pair(fds))
		return 1;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		attester_main(fds[1], a);
	}
	close(fds[1]);
	for (int i = 0; i < times; i++)
		status = ask_process(fds[0], tee, buf);
	close(fds[0]);
	free(buf);
	if (waitpid(pid, &times, 0) != pid || !WIFEXITED(times) || WEXITSTATUS(times))
		return say_failure(-ECHILD, "the process did not end well");
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { .config = { .tee = TEE_SNP }, .times = 1 };
	struct quote *q = calloc(1, sizeof(*q));
	struct attester *a = NULL;
	char why[WHY_MAX] = "";
	int err, status = 1;

	log_init("quote", LOG_LEVEL_WARN);
	for (int i = 1; i < argc; i += 2)
		if (i + 1 == argc || !parse(&o, argv[i], argv[i + 1])) {
			fprintf(stderr, "quote: %s: unknown, or without a value\n", argv[i]);
			return 2;
		}
	err = q ? attester_open(&o.config, &a, why) : -ENOMEM;
	if (err)
		status = say_failure(err, why);
	if (!err && o.process)
		status = quote_in_process(a, o.config.tee, o.times);
	for (int i = 0; !err && !o.process && i < o.times; i++)
		status = quote_once(a, &o, q);
	attester_close(a);
	free(q);
	return status;
}
