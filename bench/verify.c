// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an appraisal costs beside the signatures that it cannot do without: reports a second on one
 * core, cold and warm, next to OpenSSL's bare ECDSA of the same run; then a burst of backends that
 * nothing is remembered of, as after a restart, over processes as the daemon has them.
 *
 * Rates are by CPU time, so that a busy machine blurs them little; the burst is by the clock too.
 * Cold is without what was verified; authorities that were met before need not be decoded again.
 */
#include "verify_evidence.h"

#include <openssl/evp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/binding.h"
#include "base/sandbox.h"
#include "verifier/cache.h"
#include "verifier/process.h"

enum {
	ROUNDS = 7, /* of everything in turn; the best counts */
	ROUND_MS = 200,
	BACKENDS = 1000,
	BURSTS = 3,
	VERIFIERS_MAX_HERE = 64,
	CACHED_MAX = 64,
};

enum { P384, P256, CURVES };

static double clock_s(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* One thing that is measured: how often a second of CPU time it can be done. */
struct measure {
	void (*once)(void *arg);
	void *arg;
	double best;
};

static void measure_round(struct measure *m)
{
	double begin = clock_s(CLOCK_PROCESS_CPUTIME_ID), spent;
	unsigned long n = 0;

	do {
		m->once(m->arg);
		n++;
		spent = clock_s(CLOCK_PROCESS_CPUTIME_ID) - begin;
	} while (spent < ROUND_MS / 1e3);
	if (n / spent > m->best)
		m->best = n / spent;
}

/* A signature verified again and again, with nothing around it. */
struct raw {
	EVP_PKEY_CTX *ctx;
	uint8_t digest[48], signature[128];
	size_t digest_n, n;
};

static void raw_once(void *arg)
{
	struct raw *r = arg;

	if (EVP_PKEY_verify(r->ctx, r->signature, r->n, r->digest, r->digest_n) != 1)
		errx(1, "OpenSSL does not verify its own signature");
}

static void raw_begin(struct raw *r, const char *curve, size_t digest_n)
{
	EVP_PKEY *key = EVP_EC_gen(curve);
	EVP_PKEY_CTX *sign = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;

	memset(r->digest, 0x5a, sizeof(r->digest));
	r->digest_n = digest_n;
	r->n = sizeof(r->signature);
	r->ctx = sign ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	if (!r->ctx || EVP_PKEY_sign_init(sign) != 1 ||
	    EVP_PKEY_sign(sign, r->signature, &r->n, r->digest, digest_n) != 1 ||
	    EVP_PKEY_verify_init(r->ctx) != 1)
		errx(1, "OpenSSL signs nothing with %s", curve);
	EVP_PKEY_CTX_free(sign);
	EVP_PKEY_free(key);
}

static void raw_end(struct raw *r)
{
	EVP_PKEY_CTX_free(r->ctx);
}

static void appraise_once(void *arg)
{
	const struct sample *s = arg;
	struct claims c;
	enum reason reason = appraise(s->policy, &s->evidence, &c);

	if (reason != REASON_OK)
		errx(1, "%s: %s: %s", s->platform, reason_str(reason), c.detail);
	claims_free(&c);
}

/* A platform: its sample twice, without and with a cache. */
struct row {
	struct sample cold, warm;
	struct measure at[2];
	int curve;
	unsigned int signatures; /* of the evidence itself, that no cache can spare */
};

static void row_begin(struct row *r, const struct sample *s, int curve, unsigned int signatures)
{
	*r = (struct row){ *s, *s, .curve = curve, .signatures = signatures };
	r->warm.evidence.cache = cache_new(CACHED_MAX);
	r->at[0] = (struct measure){ appraise_once, &r->cold, 0 };
	r->at[1] = (struct measure){ appraise_once, &r->warm, 0 };
}

static void row_print(const struct row *r, const struct measure raw[CURVES])
{
	double floor = raw[r->curve].best / r->signatures, cold = r->at[0].best,
	       warm = r->at[1].best;

	printf("%-8s %8.0f %8.0f   %4.2f of %u x ECDSA %s, cold costs %.1f warm   %s\n",
	       r->cold.platform, cold, warm, warm / floor, r->signatures,
	       r->curve == P384 ? "P-384" : "P-256", warm / cold, r->cold.from);
}

static void rates(struct row *rows, size_t count, struct measure raw[CURVES])
{
	for (int i = 0; i < ROUNDS; i++) {
		for (int k = 0; k < CURVES; k++)
			measure_round(&raw[k]);
		for (size_t k = 0; k < count; k++)
			for (int j = 0; j < 2; j++)
				measure_round(&rows[k].at[j]);
	}
	printf("on one core, a second: bare ECDSA P-384 %.0f, P-256 %.0f verified\n\n",
	       raw[P384].best, raw[P256].best);
	printf("%-8s %8s %8s   reports appraised, with no verification remembered and with all\n",
	       "", "cold", "warm");
	for (size_t i = 0; i < count; i++)
		row_print(&rows[i], raw);
}

/* The burst: one appraisal in hand for each verifier, as in the daemon. */
struct verifier {
	pid_t pid;
	int fd;
};

static uint8_t buffer[IPC_MAX];

static void verifier_start(struct verifier *v, struct policy *const *policy)
{
	int fds[2];

	if (ipc_pair(fds))
		errx(1, "no socket pair");
	v->pid = fork();
	if (v->pid < 0)
		err(1, "fork");
	if (v->pid == 0) {
		sandbox_close_others(&fds[1], 1);
		verifier_main(fds[1], policy, 1);
	}
	close(fds[1]);
	v->fd = fds[0];
}

static void ask(const struct verifier *v, const struct sample *s, const struct binding *b,
		uint32_t id)
{
	struct msg_appraise m = { .at = s->evidence.at,
				  .binding = *b,
				  .report = s->evidence.report,
				  .certs_count = s->evidence.certs_count };
	struct ipc_writer w = ipc_begin(buffer, sizeof(buffer), MSG_APPRAISE, id);

	strcpy(m.policy, policy_name(s->policy)); /* arrays of one size */
	memcpy(m.certs, s->evidence.certs, sizeof(m.certs));
	memcpy(m.collateral, s->evidence.collateral, sizeof(m.collateral));
	msg_appraise_put(&w, &m);
	if (ipc_send(v->fd, &w))
		errx(1, "a verifier takes no message");
}

static bool answered(const struct verifier *v)
{
	struct msg_verdict verdict;
	struct ipc_message m;

	if (ipc_receive(v->fd, buffer, sizeof(buffer), &m) != 1)
		return false;
	if (!msg_verdict_get(m.body, &verdict) || verdict.reason != REASON_OK)
		errx(1, "burst: %s", verdict.detail);
	return true;
}

static void pump(const struct verifier *v, size_t count, const struct sample *all,
		 const struct binding *b)
{
	struct pollfd fds[VERIFIERS_MAX_HERE];
	size_t sent = 0, done = 0;

	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ .fd = v[i].fd, .events = POLLIN };
		ask(&v[i], &all[sent], b, sent);
		sent++;
	}
	while (done < BACKENDS) {
		if (poll(fds, count, -1) < 0)
			err(1, "poll");
		for (size_t i = 0; i < count; i++) {
			if (!fds[i].revents)
				continue;
			if (!answered(&v[i]))
				errx(1, "burst: a verifier died");
			done++;
			if (sent < BACKENDS) {
				ask(&v[i], &all[sent], b, sent);
				sent++;
			}
		}
	}
}

static double children_cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

struct cost {
	double clock, cpu;
};

static struct cost burst_once(const struct sample *all, const struct binding *b, size_t count)
{
	double begin = clock_s(CLOCK_MONOTONIC), cpu = children_cpu_s(), took;
	struct verifier v[VERIFIERS_MAX_HERE];

	for (size_t i = 0; i < count; i++)
		verifier_start(&v[i], &all[0].policy);
	pump(v, count, all, b);
	took = clock_s(CLOCK_MONOTONIC) - begin;
	for (size_t i = 0; i < count; i++) {
		close(v[i].fd);
		waitpid(v[i].pid, NULL, 0);
	}
	return (struct cost){ took, children_cpu_s() - cpu };
}

static void burst(const struct sample *all, const struct binding *b, size_t count, double raw)
{
	struct cost best = burst_once(all, b, count);

	for (int i = 1; i < BURSTS; i++) {
		struct cost c = burst_once(all, b, count);

		best = c.clock < best.clock ? c : best;
	}
	printf("burst    %d chips never seen, %zu process%s: %.2f s by the clock, %.2f s of CPU;"
	       " their signatures alone %.2f s of CPU\n",
	       BACKENDS, count, count == 1 ? "" : "es", best.clock, best.cpu, BACKENDS / raw);
}

static struct sample *fleet(const char *dir, struct policy *p, const struct binding *b)
{
	static uint8_t data[REPORT_DATA_BYTES];
	struct sample *all = calloc(BACKENDS, sizeof(*all));

	if (!all || !binding_report_data(b, data))
		errx(1, "out of memory");
	for (unsigned int i = 0; i < BACKENDS; i++)
		all[i] = lab_guest(dir, p, i, data);
	return all;
}

int main(void)
{
	static const struct binding session = { .role = "backend", .tee = TEE_SNP };
	struct raw bare[CURVES];
	struct measure raw[CURVES] = { { raw_once, &bare[P384], 0 }, { raw_once, &bare[P256], 0 } };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct sample *all, other;
	char dir[PATH_BYTES];
	struct row rows[4];
	size_t count = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	raw_begin(&bare[P384], "P-384", 48);
	raw_begin(&bare[P256], "P-256", 32);
	all = fleet(dir, lab_begin(dir), &session);
	lab_end(dir);
	row_begin(&rows[count++], &all[0], P384, 1);
	if (vector_sample(&other, "snp", TEE_SNP, "oak-genoa-oc"))
		row_begin(&rows[count++], &other, P384, 1);
	if (vector_sample(&other, "tdx", TEE_TDX, "syn-ok-v4"))
		row_begin(&rows[count++], &other, P256, 2);
	if (vector_sample(&other, "nitro", TEE_NITRO, "syn-ok"))
		row_begin(&rows[count++], &other, P384, 1);
	rates(rows, count, raw);
	if (cpus > VERIFIERS_MAX_HERE)
		cpus = VERIFIERS_MAX_HERE;
	printf("\n");
	burst(all, &session, 1, raw[P384].best);
	if (cpus > 1)
		burst(all, &session, cpus, raw[P384].best);
	raw_end(&bare[P384]);
	raw_end(&bare[P256]);
	return 0;
}
