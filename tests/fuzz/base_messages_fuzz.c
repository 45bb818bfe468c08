// SPDX-License-Identifier: BSD-2-Clause
/* A child's message of any shape: the first byte picks which one it is taken for. */
#include "base/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union {
		struct msg_peer peer;
		struct msg_attest attest;
		struct msg_result result;
		struct msg_text text;
		struct msg_beat beat;
		struct msg_why why;
		struct msg_failure failure;
		struct msg_evidence evidence;
		struct binding binding;
		struct msg_quote quote;
		struct msg_appraise appraise;
		struct msg_verdict verdict;
		struct msg_router router;
		struct msg_sources sources;
	} m;
	struct bytes in;

	if (!size)
		return 0;
	in = bytes_of(data + 1, size - 1);
	switch (data[0] % 14) {
	case 0: msg_peer_get(in, &m.peer); break;
	case 1: msg_attest_get(in, &m.attest); break;
	case 2: msg_result_get(in, &m.result); break;
	case 3: msg_text_get(in, &m.text); break;
	case 4: msg_beat_get(in, &m.beat); break;
	case 5: msg_why_get(in, &m.why); break;
	case 6: msg_failure_get(in, &m.failure); break;
	case 7: msg_evidence_get(in, &m.evidence); break;
	case 8: msg_binding_get(in, &m.binding); break;
	case 9: msg_quote_get(in, &m.quote); break;
	case 10: msg_appraise_get(in, &m.appraise); break;
	case 11: msg_verdict_get(in, &m.verdict); break;
	case 12: msg_router_get(in, &m.router); break;
	case 13: msg_sources_get(in, &m.sources); break;
	}
	return 0;
}
