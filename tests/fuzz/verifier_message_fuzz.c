// SPDX-License-Identifier: BSD-2-Clause
/* A message of any bytes to the verifier's process: an answer that can be read, or none. */
#include "verifier/process.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *p = policy_default();
	struct rulebook book = { .policies = &p, .count = 1 };
	struct ipc_message m = { MSG_APPRAISE, 1, bytes_of(data, size) };
	uint8_t out[ANSWER_MAX];
	struct ipc_writer w = ipc_begin(out, sizeof(out), MSG_VERDICT, 1);
	struct msg_verdict v;

	if (answer(&m, &book, &w) &&
	    (w.overflow || !msg_verdict_get(bytes_of(out + 8, w.n - 8), &v)))
		abort();
	policy_free(p);
	return 0;
}
