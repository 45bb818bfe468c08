// SPDX-License-Identifier: BSD-2-Clause
/* The verifier's own process: appraises behind its sandbox, and dies of nonsense alone. */
#include "unit/verifier_lab.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verifier/process.h"

enum { ANSWER_MS = 30000 };

struct verifier {
	pid_t pid;
	int fd;
	struct policy *policy;
};

/* Room for a message each way. */
static uint8_t out_buf[IPC_MAX], in_buf[IPC_MAX];

static struct verifier start(struct policy *p)
{
	struct verifier v = { .policy = p };
	int fds[2];

	assert_int_equal(ipc_pair(fds), 0);
	v.pid = fork();
	assert_true(v.pid >= 0);
	if (v.pid == 0) {
		close(fds[0]);
		verifier_main(fds[1], &v.policy, 1);
	}
	close(fds[1]);
	v.fd = fds[0];
	return v;
}

/* The child's exit status, or -signal. */
static int stop(struct verifier *v)
{
	int status;

	close(v->fd);
	assert_int_equal(waitpid(v->pid, &status, 0), v->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool receive(struct verifier *v, struct ipc_message *m)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };

	return poll(&p, 1, ANSWER_MS) == 1 && ipc_receive(v->fd, in_buf, sizeof(in_buf), m) == 1;
}

static void ask(struct verifier *v, const struct scene *s, const struct binding *b,
		const char *policy, uint32_t id)
{
	struct msg_appraise m = { .at = LAB_NOW,
				  .binding = *b,
				  .report = s->evidence.report,
				  .certs_count = s->evidence.certs_count };
	struct ipc_writer w = ipc_begin(out_buf, sizeof(out_buf), MSG_APPRAISE, id);

	snprintf(m.policy, sizeof(m.policy), "%s", policy);
	memcpy(m.certs, s->evidence.certs, sizeof(m.certs));
	memcpy(m.collateral, s->evidence.collateral, sizeof(m.collateral));
	msg_appraise_put(&w, &m);
	assert_int_equal(ipc_send(v->fd, &w), 0);
}

static struct msg_verdict answer(struct verifier *v, uint32_t id)
{
	struct msg_verdict m;
	struct ipc_message raw;

	assert_true(receive(v, &raw));
	assert_int_equal(raw.type, MSG_VERDICT);
	assert_int_equal(raw.id, id);
	assert_true(msg_verdict_get(raw.body, &m));
	return m;
}

/* A report for this session, signed. */
static struct scene *scene_for(const struct binding *b)
{
	struct scene *s = malloc(sizeof(*s));

	scene_begin(s, SNP_GENOA, SNP_KEY_VCEK);
	assert_true(binding_report_data(b, s->report + 0x50));
	s->crl.given = true;
	scene_build(s);
	return s;
}

static const struct binding session = { .role = "backend", .tee = TEE_SNP, .exporter = { 1, 2 } };

static void test_answers(void **state)
{
	struct scene *s = scene_for(&session);
	struct verifier v = start(s->policy);
	struct binding other = session, none = session;
	struct msg_verdict m;
	uint8_t digest[DIGEST_BYTES];
	json_t *claims;

	(void)state;
	other.exporter[31] = 1;
	none.tee = TEE_NONE;
	for (uint32_t id = 7; id < 9; id++) {
		ask(&v, s, &session, "default", id);
		m = answer(&v, id);
		if (m.reason != REASON_OK)
			fail_msg("%s: %s", reason_str(m.reason), m.detail);
	}
	assert_int_equal(m.class_mask, 7);
	assert_int_equal(m.lab_root, 1);
	assert_int_equal(m.not_after, LAB_TO);
	assert_true(sha384(s->evidence.report, digest));
	assert_memory_equal(m.digest, digest, DIGEST_BYTES);
	claims = json_loadb((const char *)m.claims.p, m.claims.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(claims);
	assert_string_equal(json_string_value(json_object_get(claims, "product")), "Genoa");
	json_decref(claims);

	ask(&v, s, &other, "default", 9);
	m = answer(&v, 9);
	assert_int_equal(m.reason, REASON_REPORT_DATA);
	assert_int_equal(m.class_mask, 0);
	ask(&v, s, &session, "no such", 10);
	assert_int_equal(answer(&v, 10).reason, REASON_INTERNAL);
	ask(&v, s, &none, "default", 11);
	assert_int_equal(answer(&v, 11).reason, REASON_TEE);
	s->evidence.certs_count = 0;
	ask(&v, s, &session, "default", 12);
	assert_int_equal(answer(&v, 12).reason, REASON_NO_LEAF);
	assert_int_equal(stop(&v), 0);
	scene_end(s);
	free(s);
}

static void test_nonsense(void **state)
{
	static const uint32_t types[] = { MSG_APPRAISE, MSG_VERDICT, 12345 };
	struct policy *p = policy_default();

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct verifier v = start(p);
		struct ipc_writer w = ipc_begin(out_buf, sizeof(out_buf), types[i], 1);
		struct ipc_message m;

		ipc_put_u32(&w, 99);
		assert_int_equal(ipc_send(v.fd, &w), 0);
		assert_false(receive(&v, &m)); /* closed, without an answer */
		assert_int_equal(stop(&v), 2);
	}
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
