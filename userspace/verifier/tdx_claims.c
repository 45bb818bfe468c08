// SPDX-License-Identifier: BSD-2-Clause
/* What a quote, its certificates and Intel's collateral say, as JSON: compact, far below 8 KiB. */
#include <stdio.h>

#include "verifier/claims_json.h"
#include "verifier/refuse.h"
#include "verifier/tdx.h"

enum {
	ADVISORIES_SHOWN = 64,
};

static void put_rtmrs(json_t *o, const struct tdx_body *b)
{
	static const char *const keys[TDX_RTMRS] = { "rtmr0", "rtmr1", "rtmr2", "rtmr3" };

	for (int i = 0; i < TDX_RTMRS; i++)
		claim_hex(o, keys[i], b->rtmr[i], TDX_DIGEST_BYTES);
}

static void put_td(json_t *o, const struct tdx_quote *q)
{
	const struct tdx_body *b = &q->body;

	claim(o, "quote_version", json_integer(q->version));
	claim(o, "td_report", json_string(b->is_15 ? "1.5" : "1.0"));
	claim_hex(o, "tee_tcb_svn", b->tcb_svn, TDX_SVN_BYTES);
	claim_hex(o, "mrseam", b->mrseam, TDX_DIGEST_BYTES);
	claim_hex(o, "mrsignerseam", b->mrsignerseam, TDX_DIGEST_BYTES);
	claim_bits(o, "seam_attributes", b->seam_attributes);
	claim_bits(o, "td_attributes", b->attributes);
	claim(o, "debug", json_boolean(b->attributes & TDX_ATTRIBUTES_UNDER_DEBUG));
	claim_bits(o, "xfam", b->xfam);
	claim_hex(o, "mrtd", b->mrtd, TDX_DIGEST_BYTES);
	put_rtmrs(o, b);
	claim_hex(o, "mrconfigid", b->mrconfigid, TDX_DIGEST_BYTES);
	claim_hex(o, "mrowner", b->mrowner, TDX_DIGEST_BYTES);
	claim_hex(o, "mrownerconfig", b->mrownerconfig, TDX_DIGEST_BYTES);
	claim_hex(o, "report_data", b->report_data, REPORT_DATA_BYTES);
	if (!b->is_15)
		return;
	claim_hex(o, "tee_tcb_svn_2", b->tcb_svn2, TDX_SVN_BYTES);
	claim_hex(o, "mrservicetd", b->mrservicetd, TDX_DIGEST_BYTES);
}

static void put_qe(json_t *o, const struct tdx_qe_report *r)
{
	json_t *qe = json_object();

	claim_hex(qe, "mrenclave", r->mrenclave, SGX_MEASUREMENT_BYTES);
	claim_hex(qe, "mrsigner", r->mrsigner, SGX_MEASUREMENT_BYTES);
	claim(qe, "isvprodid", json_integer(r->isvprodid));
	claim(qe, "isvsvn", json_integer(r->isvsvn));
	claim(o, "quoting_enclave", qe);
}

static void put_flag(json_t *o, const char *key, enum tdx_flag f)
{
	claim(o, key, f == TDX_FLAG_UNKNOWN ? json_null() : json_boolean(f == TDX_FLAG_YES));
}

static void put_platform(const struct tdx_case *c, json_t *o)
{
	const struct cert *leaf = c->platform->chain.leaf;
	json_t *p = json_object();

	claim_hex(p, "fmspc", c->platform->pck.fmspc, TDX_FMSPC_BYTES);
	claim_hex(p, "pceid", c->platform->pck.pceid, TDX_PCEID_BYTES);
	claim_hex(p, "ppid", c->platform->pck.ppid, TDX_PLATFORM_ID_BYTES);
	if (c->platform->pck.has_instance)
		claim_hex(p, "platform_instance_id", c->platform->pck.instance,
			  TDX_PLATFORM_ID_BYTES);
	claim_hex(p, "tcb_components", c->platform->pck.components, TDX_COMPONENTS);
	claim(p, "pcesvn", json_integer(c->platform->pck.pcesvn));
	claim(p, "sgx_type", json_integer(c->platform->pck.sgx_type));
	put_flag(p, "dynamic_platform", c->platform->pck.dynamic);
	put_flag(p, "cached_keys", c->platform->pck.cached_keys);
	put_flag(p, "smt", c->platform->pck.smt);
	claim(p, "issuer", json_string(leaf->issuer));
	claim_time(p, "not_before", leaf->not_before);
	claim_time(p, "not_after", leaf->not_after);
	claim_hex(p, "sha256", leaf->der_sha256, SHA256_BYTES);
	claim(o, "platform", p);
}

/* Of all advisories the first ones: the whole must fit a message. */
static json_t *advisories(const struct tdx_tcb *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(t->advisories) && i < ADVISORIES_SHOWN; i++)
		json_array_append(list, json_array_get(t->advisories, i));
	return list;
}

static void put_tcb(const struct tdx_case *c, json_t *o)
{
	const struct tdx_tcb *t = &c->tcb;
	json_t *tcb = json_object();

	claim(tcb, "status", json_string(tdx_status_str(t->status)));
	claim(tcb, "platform", json_string(tdx_status_str(t->platform)));
	claim(tcb, "tdx_module", json_string(tdx_status_str(t->module)));
	claim(tcb, "quoting_enclave", json_string(tdx_status_str(t->qe)));
	claim_time(tcb, "date", t->date);
	claim(tcb, "advisories", advisories(t));
	claim(o, "tcb", tcb);
	snprintf(c->out->tcb, sizeof(c->out->tcb),
		 "%s of %.10s, evaluation %llu, pce=%u module=%u.%u", tdx_status_str(t->status),
		 time_text(t->date).text,
		 (unsigned long long)c->collateral->info.document.evaluation,
		 c->platform->pck.pcesvn, c->quote.body.tcb_svn[1], c->quote.body.tcb_svn[0]);
}

static void put_document(json_t *o, const char *key, const struct tdx_document *d)
{
	json_t *j = json_object();

	claim_time(j, "issue_date", d->issued);
	claim_time(j, "next_update", d->next_update);
	claim(j, "tcb_evaluation_data_number", json_integer(d->evaluation));
	claim(o, key, j);
}

static void put_crl(json_t *o, const char *key, bool checked, const struct crl_facts *f)
{
	json_t *j;

	if (!checked) {
		claim(o, key, json_null());
		return;
	}
	j = json_object();
	claim_time(j, "this_update", f->this_update);
	claim_time(j, "next_update", f->next_update);
	claim(o, key, j);
}

static void earlier(int64_t *t, int64_t other)
{
	if (other < *t)
		*t = other;
}

/* The first of all that this rests on to run out. */
static int64_t first_to_expire(const struct tdx_case *c)
{
	int64_t t = c->platform->chain.leaf->not_after;

	earlier(&t, c->platform->chain.intermediate->not_after);
	earlier(&t, c->platform->chain.root->not_after);
	if (c->lists_checked && c->platform->root_crl_checked)
		earlier(&t, c->platform->root_crl.facts.next_update);
	if (c->lists_checked && c->platform->pck_crl_checked)
		earlier(&t, c->platform->pck_crl.facts.next_update);
	if (c->collateral_read) {
		earlier(&t, c->collateral->info.document.next_update);
		earlier(&t, c->collateral->qe.document.next_update);
		earlier(&t, c->collateral->info_signer->not_after);
		earlier(&t, c->collateral->qe_signer->not_after);
	}
	return t;
}

static void put_root(const struct tdx_case *c)
{
	const struct cert_pile *pile = &c->platform->chain.pile;
	const struct cert *root = c->platform->chain.root;

	if (!root && pile->count && pile->certs[pile->count - 1].self_issued)
		root = &pile->certs[pile->count - 1];
	if (!root)
		return;
	hex(root->der_sha256, SHA256_BYTES, c->out->root);
	c->out->lab_root = !c->platform->chain.root_is_intel;
}

static void put_collateral(const struct tdx_case *c, json_t *o)
{
	put_crl(o, "root_crl", c->lists_checked && c->platform->root_crl_checked,
		&c->platform->root_crl.facts);
	put_crl(o, "pck_crl", c->lists_checked && c->platform->pck_crl_checked,
		&c->platform->pck_crl.facts);
	if (!c->collateral_read)
		return;
	put_document(o, "tcb_info", &c->collateral->info.document);
	put_document(o, "qe_identity", &c->collateral->qe.document);
}

void tdx_claims_fill(const struct tdx_case *c)
{
	struct claims *out = c->out;
	json_t *o = out->json;

	put_root(c);
	claim(o, "trust_root", trust_root_json(out));
	if (c->parsed) {
		memcpy(out->measurement, c->quote.body.mrtd, DIGEST_BYTES);
		snprintf(out->product, sizeof(out->product), "TDX %s",
			 c->quote.body.is_15 ? "1.5" : "1.0");
		claim(o, "product", json_string(out->product));
		put_td(o, &c->quote);
		put_qe(o, &c->quote.qe);
	}
	if (c->pck_read)
		put_platform(c, o);
	if (c->chain_verified) {
		out->not_after = first_to_expire(c);
		put_collateral(c, o);
	}
	if (c->evaluated)
		put_tcb(c, o);
}
