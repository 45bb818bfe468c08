// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/wants.h"

#include <stdio.h>

#include "verifier/refuse.h"
#include "verifier/snp.h"
#include "verifier/tdx.h"

struct list {
	struct want *wants;
	size_t count;
};

static void add(struct list *l, const char *name)
{
	if (l->count < EVIDENCE_WANTS_MAX && want_parse(name, &l->wants[l->count]))
		l->count++;
}

static void add_vcek(struct list *l, const struct snp_report *r, enum snp_product p)
{
	struct snp_tcb tcb = snp_tcb_decode(r->reported_tcb, p);
	size_t chip = snp_chip_id_bytes(p), n;
	char name[WANT_TEXT_MAX], digits[2 * SNP_CHIP_ID_BYTES + 1];

	if (bytes_are_zero(bytes_of(r->chip_id, SNP_CHIP_ID_BYTES)))
		return; /* masked: nobody can tell whose VCEK it is */
	n = snprintf(name, sizeof(name), "amd/%s/vcek/%s/", snp_product_str(p),
		     hex(r->chip_id, chip, digits));
	for (int i = snp_product_has_part(p, SNP_FMC) ? SNP_FMC : SNP_BOOTLOADER; i < SNP_PARTS;
	     i++)
		n += snprintf(name + n, sizeof(name) - n, i == SNP_MICROCODE ? "%u" : "%u-",
			      tcb.part[i]);
	add(l, name);
}

/* Version 2 does not name its processor; the chain may have. */
static enum snp_product product_of(const struct snp_report *r, const struct claims *c)
{
	enum snp_product p = SNP_UNKNOWN;

	if (r->version >= SNP_VERSION_CPUID)
		p = snp_product_by_cpuid(r->family, r->model);
	return p == SNP_UNKNOWN ? snp_product_by_name(c->product) : p;
}

/* A leaf that is not there, or is another TCB's as after an update of the firmware. */
static bool lacks_leaf(enum reason r)
{
	return r == REASON_NO_LEAF || r == REASON_TCB_MISMATCH || r == REASON_LEAF_MISMATCH ||
	       r == REASON_CERT_EXPIRED;
}

static bool lacks_chain(enum reason r)
{
	return r == REASON_NO_LEAF || r == REASON_NO_CHAIN || r == REASON_CERT_CHAIN;
}

/* The report by itself, or in what Azure's paravisor wraps around it. */
static bool parse_report(struct bytes in, struct snp_report *r)
{
	struct claims ignored = { 0 };
	struct azure_hcl hcl;

	if (azure_hcl_looks_like(in)) {
		if (azure_hcl_parse(in, &hcl, &ignored))
			return false;
		in = hcl.report;
	}
	return !snp_report_parse(in, r, &ignored);
}

static void snp_wants(const struct policy *policy, const struct evidence *e, enum reason reason,
		      const struct claims *c, struct list *l)
{
	char name[WANT_TEXT_MAX];
	enum snp_product p;
	struct snp_report r;
	const char *key;

	if (!parse_report(e->report, &r))
		return;
	p = product_of(&r, c);
	if (p == SNP_UNKNOWN || snp_report_key(&r) >= SNP_KEYS)
		return;
	key = snp_key_str(snp_report_key(&r));
	if (lacks_leaf(reason) && snp_report_key(&r) == SNP_KEY_VCEK)
		add_vcek(l, &r, p);
	if (lacks_chain(reason)) {
		snprintf(name, sizeof(name), "amd/%s/%s-chain", snp_product_str(p), key);
		add(l, name);
	}
	if (policy->snp.crl != CRL_OFF) {
		snprintf(name, sizeof(name), "amd/%s/%s-crl", snp_product_str(p), key);
		add(l, name);
	}
}

/* All that a quote is judged by: none of it comes along. */
static void tdx_wants(const struct evidence *e, struct list *l)
{
	char name[WANT_TEXT_MAX], digits[2 * WANT_FMSPC_BYTES + 1];
	struct tdx_wanted w;

	if (!tdx_collateral_wanted(e->report, &w))
		return;
	snprintf(name, sizeof(name), "intel/tcb-info/%s", hex(w.fmspc, sizeof(w.fmspc), digits));
	add(l, name);
	add(l, "intel/qe-identity");
	snprintf(name, sizeof(name), "intel/pck-crl/%s", w.authority);
	add(l, name);
	add(l, "intel/root-crl");
}

size_t evidence_wants(const struct policy *policy, const struct evidence *e, enum reason reason,
		      const struct claims *c, struct want out[EVIDENCE_WANTS_MAX])
{
	struct list l = { .wants = out };

	if (e->tee == TEE_SNP)
		snp_wants(policy, e, reason, c, &l);
	else if (e->tee == TEE_TDX && reason != REASON_OK)
		tdx_wants(e, &l); /* accepted: what it was judged by is what it wants */
	return l.count;
}
