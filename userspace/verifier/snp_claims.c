// SPDX-License-Identifier: BSD-2-Clause
/* What a report and its certificates say, as JSON: compact it stays far below 8 KiB. */
#include <stdio.h>

#include "verifier/claims_json.h"
#include "verifier/refuse.h"
#include "verifier/snp.h"

enum {
	NUMBER_MAX = 24,
};

static void put_tcb(json_t *o, const char *key, const struct snp_tcb *t, enum snp_product p)
{
	json_t *parts = json_object();

	for (enum snp_part i = 0; i < SNP_PARTS; i++)
		if (snp_product_has_part(p, i))
			claim(parts, snp_part_str(i), json_integer(t->part[i]));
	claim(o, key, parts);
}

static void put_firmware(json_t *o, const char *key, const struct snp_firmware *f)
{
	char text[NUMBER_MAX];

	snprintf(text, sizeof(text), "%u.%u.%u", f->major, f->minor, f->build);
	claim(o, key, json_string(text));
}

static void put_guest(json_t *o, const struct snp_report *r)
{
	claim(o, "report_version", json_integer(r->version));
	claim(o, "guest_svn", json_integer(r->guest_svn));
	claim_bits(o, "policy", r->policy);
	claim(o, "vmpl", json_integer(r->vmpl));
	claim_bits(o, "platform_info", r->platform_info);
	claim_bits(o, "key_info", r->key_info);
	claim_hex(o, "report_data", r->report_data, REPORT_DATA_BYTES);
	claim_hex(o, "measurement", r->measurement, DIGEST_BYTES);
	claim_hex(o, "host_data", r->host_data, SNP_HOST_DATA_BYTES);
	claim_hex(o, "id_key_digest", r->id_key_digest, DIGEST_BYTES);
	claim_hex(o, "author_key_digest", r->author_key_digest, DIGEST_BYTES);
	claim_hex(o, "family_id", r->family_id, SNP_ID_BYTES);
	claim_hex(o, "image_id", r->image_id, SNP_ID_BYTES);
	claim_hex(o, "report_id", r->report_id, 32);
	claim_hex(o, "chip_id", r->chip_id, SNP_CHIP_ID_BYTES);
	put_firmware(o, "current_version", &r->current);
	put_firmware(o, "committed_version", &r->committed);
	claim_bits(o, "launch_mitigation_vector", r->launch_mitigation);
	claim_bits(o, "current_mitigation_vector", r->current_mitigation);
}

static void put_cpu(json_t *o, const struct snp_report *r)
{
	json_t *cpu;

	if (r->version < SNP_VERSION_CPUID)
		return;
	cpu = json_object();
	claim_bits(cpu, "family", r->family);
	claim_bits(cpu, "model", r->model);
	claim(cpu, "stepping", json_integer(r->stepping));
	claim(o, "cpu", cpu);
}

/* The layout is the product's: from the chain, or from the processor while there is none. */
static enum snp_product product_of(const struct snp_case *c)
{
	if (c->chain_verified)
		return c->certs.product;
	return snp_product_by_cpuid(c->report.family, c->report.model);
}

static void put_report(const struct snp_case *c, json_t *o)
{
	const struct snp_report *r = &c->report;
	enum snp_product p = product_of(c);
	struct snp_tcb t;

	put_guest(o, r);
	put_cpu(o, r);
	if (p == SNP_UNKNOWN)
		return;
	claim(o, "product", json_string(snp_product_str(p)));
	snprintf(c->out->product, sizeof(c->out->product), "%s", snp_product_str(p));
	t = snp_tcb_decode(r->reported_tcb, p);
	snp_tcb_text(&t, p, c->out->tcb);
	put_tcb(o, "reported_tcb", &t, p);
	t = snp_tcb_decode(r->committed_tcb, p);
	put_tcb(o, "committed_tcb", &t, p);
	t = snp_tcb_decode(r->current_tcb, p);
	put_tcb(o, "current_tcb", &t, p);
	t = snp_tcb_decode(r->launch_tcb, p);
	put_tcb(o, "launch_tcb", &t, p);
}

/* Of Azure's paravisor; PCRs only of a quote that covers them all. */
static void put_azure(const struct snp_case *c, json_t *o)
{
	json_t *azure = json_object();

	claim(azure, "quote", json_boolean(c->hcl.attest.n != 0));
	if (c->has_pcrs)
		claim_hex(azure, "pcrs", c->pcrs, sizeof(c->pcrs));
	claim(o, "azure", azure);
}

static void put_leaf(const struct snp_case *c, json_t *o)
{
	const struct cert *leaf = c->certs.leaf;
	json_t *l = json_object();

	claim(l, "subject", json_string(leaf->subject));
	claim(l, "issuer", json_string(leaf->issuer));
	claim(l, "not_before", json_string(time_text(leaf->not_before).text));
	claim(l, "not_after", json_string(time_text(leaf->not_after).text));
	claim_hex(l, "sha256", leaf->der_sha256, SHA256_BYTES);
	if (c->leaf_read) {
		claim(l, "product_name", json_string(c->leaf.product));
		put_tcb(l, "tcb", &c->leaf.tcb, c->certs.product);
	}
	if (c->leaf.csp_id[0])
		claim(l, "csp_id", json_string(c->leaf.csp_id));
	claim(o, "key", json_string(snp_key_str(c->certs.kind)));
	claim(o, "leaf", l);
}

static void put_root(const struct snp_case *c)
{
	struct claims *out = c->out;

	hex(c->certs.root->der_sha256, SHA256_BYTES, out->root);
	out->lab_root = !c->certs.root_is_amd;
}

static void put_crl(const struct snp_case *c, json_t *o)
{
	json_t *crl;

	if (!c->crl_checked) {
		claim(o, "crl", json_null());
		return;
	}
	crl = json_object();
	claim(crl, "this_update", json_string(time_text(c->crl.this_update).text));
	claim(crl, "next_update", json_string(time_text(c->crl.next_update).text));
	claim(o, "crl", crl);
}

static int64_t first_to_expire(const struct snp_certs *c)
{
	int64_t t = c->leaf->not_after;

	if (c->intermediate->not_after < t)
		t = c->intermediate->not_after;
	return c->root->not_after < t ? c->root->not_after : t;
}

void snp_claims_fill(const struct snp_case *c)
{
	json_t *o = c->out->json;

	if (c->certs.root)
		put_root(c);
	claim(o, "trust_root", trust_root_json(c->out));
	if (c->report_parsed) {
		memcpy(c->out->measurement, c->report.measurement, DIGEST_BYTES);
		put_report(c, o);
	}
	if (c->is_azure)
		put_azure(c, o);
	if (c->certs.leaf)
		put_leaf(c, o);
	if (c->chain_verified) {
		c->out->not_after = first_to_expire(&c->certs);
		put_crl(c, o);
	}
}
