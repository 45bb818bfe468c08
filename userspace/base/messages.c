// SPDX-License-Identifier: BSD-2-Clause
#include "base/messages.h"

#include <string.h>

/* Arrays of fixed size travel as blobs whose length is checked. */
static void put_array(struct ipc_writer *w, const void *p, size_t n)
{
	ipc_put_blob(w, bytes_of(p, n));
}

static bool get_array(struct bytes *in, void *out, size_t n)
{
	struct bytes b;

	if (!ipc_get_blob(in, &b) || b.n != n)
		return false;
	memcpy(out, b.p, n);
	return true;
}

static void put_certs(struct ipc_writer *w, const struct bytes *certs, uint32_t count)
{
	ipc_put_u32(w, count);
	for (uint32_t i = 0; i < count; i++)
		ipc_put_blob(w, certs[i]);
}

static bool get_certs(struct bytes *in, struct bytes *certs, uint32_t *count)
{
	if (!ipc_get_u32(in, count) || *count > CERTS_MAX)
		return false;
	for (uint32_t i = 0; i < *count; i++)
		if (!ipc_get_blob(in, &certs[i]))
			return false;
	return true;
}

static void put_collateral(struct ipc_writer *w, const struct bytes collateral[COLLATERAL_COUNT])
{
	ipc_put_u32(w, COLLATERAL_COUNT);
	for (int i = 0; i < COLLATERAL_COUNT; i++)
		ipc_put_blob(w, collateral[i]);
}

static bool get_collateral(struct bytes *in, struct bytes collateral[COLLATERAL_COUNT])
{
	uint32_t count;

	if (!ipc_get_u32(in, &count) || count != COLLATERAL_COUNT)
		return false;
	for (int i = 0; i < COLLATERAL_COUNT; i++)
		if (!ipc_get_blob(in, &collateral[i]))
			return false;
	return true;
}

static void put_binding(struct ipc_writer *w, const struct binding *m)
{
	ipc_put_string(w, m->role);
	ipc_put_u32(w, m->tee);
	put_array(w, m->exporter, sizeof(m->exporter));
	put_array(w, m->spki_attester, sizeof(m->spki_attester));
	put_array(w, m->spki_peer, sizeof(m->spki_peer));
	put_array(w, m->request, sizeof(m->request));
	put_array(w, m->claims, sizeof(m->claims));
}

static bool get_binding(struct bytes *in, struct binding *m)
{
	uint32_t tee;

	if (!ipc_get_string(in, m->role, sizeof(m->role)) || !ipc_get_u32(in, &tee) ||
	    tee >= TEE_COUNT || !get_array(in, m->exporter, sizeof(m->exporter)) ||
	    !get_array(in, m->spki_attester, sizeof(m->spki_attester)) ||
	    !get_array(in, m->spki_peer, sizeof(m->spki_peer)) ||
	    !get_array(in, m->request, sizeof(m->request)) ||
	    !get_array(in, m->claims, sizeof(m->claims)))
		return false;
	m->tee = tee;
	return true;
}

void msg_peer_put(struct ipc_writer *w, const struct msg_peer *m)
{
	ipc_put_u32(w, m->generation);
	put_array(w, &m->addr, sizeof(m->addr));
	ipc_put_u32(w, m->port);
	ipc_put_u32(w, m->interval_ms);
	ipc_put_string(w, m->node);
	ipc_put_string(w, m->egress);
}

bool msg_peer_get(struct bytes in, struct msg_peer *m)
{
	return ipc_get_u32(&in, &m->generation) && get_array(&in, &m->addr, sizeof(m->addr)) &&
	       ipc_get_u32(&in, &m->port) && m->port <= 65535 &&
	       ipc_get_u32(&in, &m->interval_ms) &&
	       ipc_get_string(&in, m->node, sizeof(m->node)) &&
	       ipc_get_string(&in, m->egress, sizeof(m->egress)) && !in.n;
}

void msg_attest_put(struct ipc_writer *w, const struct msg_attest *m)
{
	ipc_put_u32(w, m->generation);
	ipc_put_u64(w, m->request);
	ipc_put_string(w, m->purpose);
	ipc_put_string(w, m->service);
	ipc_put_u32(w, m->policy_epoch);
}

bool msg_attest_get(struct bytes in, struct msg_attest *m)
{
	return ipc_get_u32(&in, &m->generation) && ipc_get_u64(&in, &m->request) &&
	       ipc_get_string(&in, m->purpose, sizeof(m->purpose)) &&
	       ipc_get_string(&in, m->service, sizeof(m->service)) &&
	       ipc_get_u32(&in, &m->policy_epoch) && !in.n;
}

void msg_result_put(struct ipc_writer *w, const struct msg_result *m)
{
	ipc_put_u32(w, m->generation);
	ipc_put_u64(w, m->request);
	ipc_put_u32(w, m->ok);
	ipc_put_string(w, m->code);
	ipc_put_u64(w, m->expires_in_ms);
}

bool msg_result_get(struct bytes in, struct msg_result *m)
{
	return ipc_get_u32(&in, &m->generation) && ipc_get_u64(&in, &m->request) &&
	       ipc_get_u32(&in, &m->ok) && ipc_get_string(&in, m->code, sizeof(m->code)) &&
	       ipc_get_u64(&in, &m->expires_in_ms) && !in.n;
}

void msg_text_put(struct ipc_writer *w, const struct msg_text *m)
{
	ipc_put_u32(w, m->last);
	ipc_put_blob(w, m->text);
}

bool msg_text_get(struct bytes in, struct msg_text *m)
{
	return ipc_get_u32(&in, &m->last) && ipc_get_blob(&in, &m->text) && !in.n;
}

void msg_beat_put(struct ipc_writer *w, const struct msg_beat *m)
{
	ipc_put_u32(w, m->generation);
	ipc_put_u64(w, m->connect_us);
	ipc_put_u64(w, m->rtt_us);
	ipc_put_u32(w, m->load_permille);
}

bool msg_beat_get(struct bytes in, struct msg_beat *m)
{
	return ipc_get_u32(&in, &m->generation) && ipc_get_u64(&in, &m->connect_us) &&
	       ipc_get_u64(&in, &m->rtt_us) && ipc_get_u32(&in, &m->load_permille) &&
	       m->load_permille <= 1000 && !in.n;
}

void msg_why_put(struct ipc_writer *w, const struct msg_why *m)
{
	ipc_put_u32(w, m->generation);
	ipc_put_u32(w, m->missed);
	ipc_put_string(w, m->why);
}

bool msg_why_get(struct bytes in, struct msg_why *m)
{
	return ipc_get_u32(&in, &m->generation) && ipc_get_u32(&in, &m->missed) &&
	       ipc_get_string(&in, m->why, sizeof(m->why)) && !in.n;
}

void msg_failure_put(struct ipc_writer *w, const struct msg_failure *m)
{
	ipc_put_u32(w, m->generation);
	ipc_put_u64(w, m->request);
	ipc_put_u32(w, m->refused);
	ipc_put_string(w, m->why);
}

bool msg_failure_get(struct bytes in, struct msg_failure *m)
{
	return ipc_get_u32(&in, &m->generation) && ipc_get_u64(&in, &m->request) &&
	       ipc_get_u32(&in, &m->refused) && ipc_get_string(&in, m->why, sizeof(m->why)) &&
	       !in.n;
}

void msg_router_put(struct ipc_writer *w, const struct msg_router *m)
{
	put_array(w, &m->addr, sizeof(m->addr));
	ipc_put_string(w, m->node);
}

bool msg_router_get(struct bytes in, struct msg_router *m)
{
	return get_array(&in, &m->addr, sizeof(m->addr)) &&
	       ipc_get_string(&in, m->node, sizeof(m->node)) && !in.n;
}

void msg_sources_put(struct ipc_writer *w, const struct msg_sources *m)
{
	ipc_put_u64(w, m->request);
	ipc_put_u32(w, m->count);
	for (uint32_t i = 0; i < m->count; i++)
		put_array(w, &m->addrs[i], sizeof(m->addrs[i]));
}

bool msg_sources_get(struct bytes in, struct msg_sources *m)
{
	if (!ipc_get_u64(&in, &m->request) || !ipc_get_u32(&in, &m->count) ||
	    m->count > ROUTER_SOURCES_MAX)
		return false;
	for (uint32_t i = 0; i < m->count; i++)
		if (!get_array(&in, &m->addrs[i], sizeof(m->addrs[i])))
			return false;
	return !in.n;
}

void msg_evidence_put(struct ipc_writer *w, const struct msg_evidence *m)
{
	ipc_put_u32(w, m->generation);
	ipc_put_u64(w, m->request);
	put_binding(w, &m->binding);
	ipc_put_blob(w, m->report);
	put_certs(w, m->certs, m->certs_count);
	ipc_put_blob(w, m->claims);
}

bool msg_evidence_get(struct bytes in, struct msg_evidence *m)
{
	return ipc_get_u32(&in, &m->generation) && ipc_get_u64(&in, &m->request) &&
	       get_binding(&in, &m->binding) && ipc_get_blob(&in, &m->report) &&
	       get_certs(&in, m->certs, &m->certs_count) && ipc_get_blob(&in, &m->claims) && !in.n;
}

void msg_binding_put(struct ipc_writer *w, const struct binding *m)
{
	put_binding(w, m);
}

bool msg_binding_get(struct bytes in, struct binding *m)
{
	return get_binding(&in, m) && !in.n;
}

void msg_quote_put(struct ipc_writer *w, const struct msg_quote *m)
{
	ipc_put_u32(w, m->failed);
	ipc_put_string(w, m->why);
	ipc_put_u32(w, m->tee);
	ipc_put_blob(w, m->report);
	put_certs(w, m->certs, m->certs_count);
}

bool msg_quote_get(struct bytes in, struct msg_quote *m)
{
	return ipc_get_u32(&in, &m->failed) && ipc_get_string(&in, m->why, sizeof(m->why)) &&
	       ipc_get_u32(&in, &m->tee) && m->tee < TEE_COUNT && ipc_get_blob(&in, &m->report) &&
	       get_certs(&in, m->certs, &m->certs_count) && !in.n;
}

void msg_appraise_put(struct ipc_writer *w, const struct msg_appraise *m)
{
	ipc_put_string(w, m->policy);
	ipc_put_u64(w, m->at);
	put_binding(w, &m->binding);
	ipc_put_blob(w, m->report);
	put_certs(w, m->certs, m->certs_count);
	put_collateral(w, m->collateral);
}

bool msg_appraise_get(struct bytes in, struct msg_appraise *m)
{
	return ipc_get_string(&in, m->policy, sizeof(m->policy)) && ipc_get_u64(&in, &m->at) &&
	       get_binding(&in, &m->binding) && ipc_get_blob(&in, &m->report) &&
	       get_certs(&in, m->certs, &m->certs_count) && get_collateral(&in, m->collateral) &&
	       !in.n;
}

static void put_wants(struct ipc_writer *w, const struct want *wants, uint32_t count)
{
	char name[WANT_TEXT_MAX];

	ipc_put_u32(w, count);
	for (uint32_t i = 0; i < count; i++)
		ipc_put_string(w, want_text(&wants[i], name));
}

static bool get_wants(struct bytes *in, struct want *wants, uint32_t *count)
{
	char name[WANT_TEXT_MAX];

	if (!ipc_get_u32(in, count) || *count > EVIDENCE_WANTS_MAX)
		return false;
	for (uint32_t i = 0; i < *count; i++)
		if (!ipc_get_string(in, name, sizeof(name)) || !want_parse(name, &wants[i]))
			return false;
	return true;
}

void msg_verdict_put(struct ipc_writer *w, const struct msg_verdict *m)
{
	ipc_put_u32(w, m->reason);
	ipc_put_u32(w, m->class_mask);
	ipc_put_u32(w, m->lab_root);
	ipc_put_u64(w, m->not_after);
	put_array(w, m->digest, sizeof(m->digest));
	ipc_put_string(w, m->detail);
	ipc_put_blob(w, m->claims);
	put_wants(w, m->wants, m->wants_count);
}

bool msg_verdict_get(struct bytes in, struct msg_verdict *m)
{
	return ipc_get_u32(&in, &m->reason) && ipc_get_u32(&in, &m->class_mask) &&
	       ipc_get_u32(&in, &m->lab_root) && ipc_get_u64(&in, &m->not_after) &&
	       get_array(&in, m->digest, sizeof(m->digest)) &&
	       ipc_get_string(&in, m->detail, sizeof(m->detail)) && ipc_get_blob(&in, &m->claims) &&
	       get_wants(&in, m->wants, &m->wants_count) && !in.n;
}
