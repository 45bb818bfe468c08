// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/snp.h"

#include <openssl/crypto.h>

#include "verifier/objections.h"
#include "verifier/refuse.h"

static enum reason find_root(struct snp_case *c)
{
	return snp_certs_find_root(&c->certs, &c->rules->roots, c->out);
}

static enum reason check_shape(struct snp_case *c)
{
	return snp_report_shape(&c->report, c->rules->newer_versions, c->rules->policy.unknown,
				c->out);
}

static enum reason verify_chain(struct snp_case *c)
{
	const struct snp_certs *s = &c->certs;
	int64_t at = c->evidence->at;
	enum reason reason;

	/* Only a leaf that is good there is spared the long way, which has the right words for it.
	 */
	if (!snp_known_authority(c) || cert_leaf_verify(s->leaf, s->intermediate, at, c->out)) {
		c->out->detail[0] = 0;
		reason = cert_chain_verify(s->leaf, s->intermediate, s->root, at, c->out);
		if (reason)
			return reason;
	}
	c->chain_verified = true;
	return REASON_OK;
}

struct bytes snp_case_crl(const struct snp_case *c)
{
	struct bytes crl = c->evidence->collateral[COLLATERAL_CRL];

	return crl.n ? crl : c->certs.crl;
}

static enum reason check_revocation(struct snp_case *c)
{
	struct bytes crl = snp_case_crl(c);
	enum reason reason;

	if (c->rules->crl == CRL_OFF || snp_known_revocation(c))
		return REASON_OK;
	if (!crl.n && c->rules->crl == CRL_REQUIRED)
		return refuse(c->out, REASON_CRL_MISSING, "policy \"%s\" wants a CRL of %s",
			      c->policy->name, c->certs.root->subject);
	if (!crl.n)
		return REASON_OK;
	reason = crl_check(crl, c->certs.root, c->certs.intermediate, c->evidence->at,
			   c->rules->crl_age_hours * 3600, &c->crl, c->out);
	c->crl_checked = reason == REASON_OK;
	return reason;
}

static enum reason read_leaf(struct snp_case *c)
{
	enum reason reason = snp_leaf_read(&c->certs, &c->leaf, c->out);

	c->leaf_read = reason == REASON_OK;
	return reason;
}

static enum reason check_signing_key(struct snp_case *c)
{
	if (snp_report_key(&c->report) != c->certs.kind)
		return refuse(c->out, REASON_SIGNING_KEY,
			      "report says that a %s signed it, the leaf certificate is a %s",
			      snp_key_str(snp_report_key(&c->report)), snp_key_str(c->certs.kind));
	return REASON_OK;
}

/* By the processor, which version 2 does not name: then the chain's word stands alone. */
static enum reason check_product(struct snp_case *c)
{
	const struct snp_report *r = &c->report;
	enum snp_product says;

	if (r->version < SNP_VERSION_CPUID)
		return REASON_OK;
	says = snp_product_by_cpuid(r->family, r->model);
	if (says != c->certs.product)
		return refuse(
			c->out, REASON_PRODUCT_MISMATCH,
			"report is of a processor 0x%02x/0x%02x (%s), the certificates are %s's",
			r->family, r->model, snp_product_str(says),
			snp_product_str(c->certs.product));
	return REASON_OK;
}

static bool is_chip_of_leaf(const struct snp_case *c)
{
	return !memcmp(c->report.chip_id, c->leaf.chip_id, SNP_CHIP_ID_BYTES);
}

/*
 * Before any field is believed.  When it fails, certificates of another product or chip explain
 * it better than "bad signature": then the host gave the wrong ones, as after a move.
 */
static enum reason check_signature(struct snp_case *c)
{
	const struct snp_report *r = &c->report;
	struct bytes message = bytes_of(r->all.p, SNP_SIGNED_BYTES);

	if (sig_p384_verify(cert_key(c->certs.leaf), message, r->r, r->s))
		return REASON_OK;
	if (c->certs.kind == SNP_KEY_VCEK && !is_chip_of_leaf(c)) {
		enum reason reason = check_product(c);

		if (reason)
			return reason;
		return refuse(c->out, REASON_LEAF_MISMATCH,
			      "report of chip %s is not signed by the VCEK of chip %s",
			      hex_short(r->chip_id).text, hex_short(c->leaf.chip_id).text);
	}
	return refuse(c->out, REASON_REPORT_SIGNATURE,
		      "report is not signed by the %s that came "
		      "along",
		      c->certs.leaf->subject);
}

static enum reason check_tcb_equal(struct snp_case *c)
{
	const struct snp_tcb *leaf = &c->leaf.tcb;
	char ours[SNP_TCB_TEXT_MAX], theirs[SNP_TCB_TEXT_MAX];
	enum snp_product p = c->certs.product;

	c->reported = snp_tcb_decode(c->report.reported_tcb, p);
	c->committed = snp_tcb_decode(c->report.committed_tcb, p);
	c->current = snp_tcb_decode(c->report.current_tcb, p);
	c->launch = snp_tcb_decode(c->report.launch_tcb, p);
	if (memcmp(leaf, &c->reported, sizeof(*leaf)))
		return refuse(c->out, REASON_TCB_MISMATCH,
			      "report of TCB %s, its certificate is for %s",
			      snp_tcb_text(&c->reported, p, ours), snp_tcb_text(leaf, p, theirs));
	return REASON_OK;
}

/* After equality: a TCB in another product's layout is a mismatch first. */
static enum reason check_tcb_reserved(struct snp_case *c)
{
	const struct {
		const char *name;
		const uint8_t *raw;
	} tcbs[] = {
		{ "REPORTED_TCB", c->report.reported_tcb },
		{ "COMMITTED_TCB", c->report.committed_tcb },
		{ "CURRENT_TCB", c->report.current_tcb },
		{ "LAUNCH_TCB", c->report.launch_tcb },
	};

	for (size_t i = 0; i < sizeof(tcbs) / sizeof(*tcbs); i++)
		if (!snp_tcb_reserved_zero(tcbs[i].raw, c->certs.product))
			return refuse(c->out, REASON_RESERVED, "report: %s has reserved bytes set",
				      tcbs[i].name);
	return REASON_OK;
}

static enum reason check_chip(struct snp_case *c)
{
	const uint8_t *id = c->report.chip_id;
	bool zero = bytes_are_zero(bytes_of(id, SNP_CHIP_ID_BYTES));

	if (c->certs.kind == SNP_KEY_VLEK) {
		if (!zero)
			return refuse(c->out, REASON_CHIP_ID_MISMATCH,
				      "report under a VLEK names chip %s, want zeroes",
				      hex_short(id).text);
		return REASON_OK;
	}
	if (zero && snp_report_chip_masked(&c->report) && c->rules->masked_chip_id)
		return REASON_OK;
	if (!is_chip_of_leaf(c))
		return refuse(c->out, REASON_CHIP_ID_MISMATCH,
			      "report of chip %s%s, its certificate is for chip %s",
			      hex_short(id).text,
			      snp_report_chip_masked(&c->report) ? " (masked)" : "",
			      hex_short(c->leaf.chip_id).text);
	return REASON_OK;
}

static enum reason in_order(struct snp_case *c, const char *name_a, const struct snp_tcb *a,
			    const char *name_b, const struct snp_tcb *b)
{
	enum snp_part p = snp_tcb_above(a, b);

	if (p == SNP_PARTS)
		return REASON_OK;
	return refuse(c->out, REASON_TCB_ORDER, "report: %s %u in %s is above %u in %s",
		      snp_part_str(p), a->part[p], name_a, b->part[p], name_b);
}

static enum reason check_tcb_order(struct snp_case *c)
{
	enum reason reason;

	reason = in_order(c, "REPORTED_TCB", &c->reported, "COMMITTED_TCB", &c->committed);
	if (!reason)
		reason = in_order(c, "COMMITTED_TCB", &c->committed, "CURRENT_TCB", &c->current);
	if (!reason)
		reason = in_order(c, "LAUNCH_TCB", &c->launch, "CURRENT_TCB", &c->current);
	return reason;
}

static enum reason check_report_data(struct snp_case *c)
{
	const uint8_t *want = c->evidence->report_data;

	if (c->is_azure)
		return snp_azure_check(c);
	if (want && CRYPTO_memcmp(c->report.report_data, want, REPORT_DATA_BYTES))
		return refuse(
			c->out, REASON_REPORT_DATA,
			"report is for REPORT_DATA %s, want %s: another session's or question's",
			hex_short(c->report.report_data).text, hex_short(want).text);
	return REASON_OK;
}

static enum reason check_vmpl(struct snp_case *c)
{
	if (c->report.vmpl > SNP_VMPL_LAST)
		return refuse(c->out, REASON_VMPL,
			      "report of VMPL 0x%x: the host asked for it, not the guest",
			      c->report.vmpl);
	return REASON_OK;
}

static enum reason find_chain(struct snp_case *c)
{
	return snp_certs_find_chain(&c->certs, snp_report_key(&c->report), c->out);
}

static enum reason judge(struct snp_case *c)
{
	objections_begin(c->evidence, c->out);
	return snp_judge(c);
}

static enum reason remember(struct snp_case *c)
{
	snp_known_keep(c);
	return REASON_OK;
}

struct step {
	enum reason (*run)(struct snp_case *c);
	bool certs_alone; /* nothing to do when they are known */
};

/* In this order, which decides what the reason is when there are several. */
static const struct step report_steps[] = {
	{ find_root, true },	/* an untrusted root is said first: the rest may be anything */
	{ check_shape, false }, /* what is wrong with the report by itself */
	{ find_chain, true },
	{ verify_chain, true },
	{ check_revocation, true },
	{ read_leaf, true },
	{ check_signing_key, false },
	{ check_signature, false }, /* from here on the report is the chip's word */
	{ check_product, false },
	{ check_tcb_equal, false },
	{ check_tcb_reserved, false },
	{ check_chip, false },
	{ remember, true },
	{ check_tcb_order, false },
	{ check_report_data, false },
	{ check_vmpl, false },
	{ judge, false }, /* from here on it is what policy wants */
};

static const struct step cert_steps[] = {
	{ verify_chain, true },
	{ check_revocation, true },
	{ read_leaf, true },
};

/* Without its list the chain may be believed no more than that it is the vendor's. */
static bool lacks_list(const struct snp_case *c, const struct step *step, enum reason reason)
{
	return step->run == check_revocation && !c->evidence->objections &&
	       reason_verdict(reason) == VERDICT_UNDETERMINED;
}

/*
 * What could not be told for want of a list is refused all the same when a later step has something
 * against it: no list would change that.
 */
static enum reason climb(struct snp_case *c, const struct step *steps, size_t count, bool known)
{
	enum reason reason = REASON_OK, untold = REASON_OK;
	char said[WHY_MAX];

	for (size_t i = 0; !reason && i < count; i++) {
		if (known && steps[i].certs_alone)
			continue;
		if (untold && steps[i].run == remember)
			continue;
		reason = steps[i].run(c);
		if (lacks_list(c, &steps[i], reason)) {
			untold = reason;
			memcpy(said, c->out->detail, sizeof(said));
			reason = REASON_OK;
		}
	}
	if (reason || !untold)
		return reason;
	memcpy(c->out->detail, said, sizeof(said));
	return untold;
}

static void begin(struct snp_case *c, const struct policy *policy, const struct evidence *evidence,
		  struct claims *out)
{
	memset(c, 0, sizeof(*c));
	c->policy = policy;
	c->rules = &policy->snp;
	c->evidence = evidence;
	c->out = out;
}

/* The report by itself, or in what Azure's paravisor wraps around it. */
static enum reason parse_report(struct snp_case *c)
{
	struct bytes report = c->evidence->report;
	enum reason reason;

	c->is_azure = azure_hcl_looks_like(report);
	if (c->is_azure) {
		reason = azure_hcl_parse(report, &c->hcl, c->out);
		if (reason)
			return reason;
		report = c->hcl.report;
	}
	reason = snp_report_parse(report, &c->report, c->out);
	c->report_parsed = reason == REASON_OK;
	return reason;
}

static void end(struct snp_case *c)
{
	snp_certs_free(&c->certs);
	cached_drop(c->known);
	cached_drop(c->authority);
}

enum reason snp_appraise(const struct policy *policy, const struct evidence *evidence,
			 struct claims *out)
{
	struct snp_case c;
	enum reason reason;
	bool known;

	begin(&c, policy, evidence, out);
	reason = parse_report(&c);
	if (reason)
		return reason;
	known = snp_known_chain(&c);
	if (!known)
		reason = snp_certs_gather(evidence, &c.certs, out);
	if (!reason)
		reason = climb(&c, report_steps, sizeof(report_steps) / sizeof(*report_steps),
			       known);
	snp_claims_fill(&c);
	if (!reason)
		out->class_mask = snp_classes(&c);
	end(&c);
	return reason;
}

enum reason snp_appraise_certs(const struct policy *policy, const struct evidence *evidence,
			       enum snp_key wanted, struct claims *out)
{
	struct snp_case c;
	enum reason reason;

	memset(out, 0, sizeof(*out));
	out->tee = TEE_SNP;
	out->json = json_object();
	begin(&c, policy, evidence, out);
	reason = snp_certs_gather(evidence, &c.certs, out);
	if (!reason)
		reason = find_root(&c);
	if (!reason)
		reason = snp_certs_find_chain(&c.certs, wanted, out);
	if (!reason)
		reason = climb(&c, cert_steps, sizeof(cert_steps) / sizeof(*cert_steps), false);
	snp_claims_fill(&c);
	end(&c);
	return reason;
}
