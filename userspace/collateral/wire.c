// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/wire.h"

const char *fetch_result_str(enum fetch_result r)
{
	static const char *const names[FETCH_RESULTS] = {
		[FETCH_OK] = "ok",	     [FETCH_THROTTLED] = "throttled",
		[FETCH_MISSING] = "missing", [FETCH_REFUSED] = "refused",
		[FETCH_FAILED] = "failed",   [FETCH_UNREACHABLE] = "unreachable",
		[FETCH_TIMEOUT] = "timeout", [FETCH_TOO_LARGE] = "too-large",
		[FETCH_WRONG] = "wrong",
	};

	return r < FETCH_RESULTS ? names[r] : "unknown";
}

void fetch_put(struct ipc_writer *w, const struct want *m)
{
	char text[WANT_TEXT_MAX];

	ipc_put_string(w, want_text(m, text));
}

static bool get_want(struct bytes *in, struct want *m)
{
	char text[WANT_TEXT_MAX];

	return ipc_get_string(in, text, sizeof(text)) && want_parse(text, m);
}

bool fetch_get(struct bytes in, struct want *m)
{
	return get_want(&in, m) && !in.n;
}

void fetched_put(struct ipc_writer *w, const struct fetched *m)
{
	fetch_put(w, &m->piece.want);
	ipc_put_u32(w, m->result);
	ipc_put_u32(w, m->retry_after_s);
	ipc_put_u64(w, m->date);
	ipc_put_u64(w, m->piece.issued);
	ipc_put_u64(w, m->piece.expires);
	ipc_put_u64(w, m->piece.evaluation);
	ipc_put_blob(w, m->piece.body);
	ipc_put_blob(w, m->piece.chain);
	ipc_put_string(w, m->why);
}

static bool get_time(struct bytes *in, int64_t *out)
{
	uint64_t v;

	if (!ipc_get_u64(in, &v) || v > INT64_MAX)
		return false;
	*out = v;
	return true;
}

bool fetched_get(struct bytes in, struct fetched *m)
{
	uint32_t result;

	if (!get_want(&in, &m->piece.want) || !ipc_get_u32(&in, &result) ||
	    result >= FETCH_RESULTS || !ipc_get_u32(&in, &m->retry_after_s) ||
	    !get_time(&in, &m->date) || !get_time(&in, &m->piece.issued) ||
	    !get_time(&in, &m->piece.expires) || !ipc_get_u64(&in, &m->piece.evaluation) ||
	    m->piece.evaluation > UINT32_MAX || !ipc_get_blob(&in, &m->piece.body) ||
	    !ipc_get_blob(&in, &m->piece.chain) || !ipc_get_string(&in, m->why, sizeof(m->why)))
		return false;
	m->result = result;
	return !in.n && m->piece.body.n <= COLLATERAL_BODY_MAX &&
	       m->piece.chain.n <= COLLATERAL_PEM_MAX && (result != FETCH_OK || m->piece.body.n);
}
