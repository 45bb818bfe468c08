// SPDX-License-Identifier: BSD-2-Clause
/* What the store gives an appraisal, and when an appraisal is done again; no vendor at hand. */
#include "unit/supply_kit.h"

static void test_tdx(void **state)
{
	(void)state;
	sends(TEE_TDX);
	put(TCB);
	put("intel/qe-identity");
	put("intel/pck-crl/platform");
	put("intel/root-crl");
	assert_true(again(VERDICT(REASON_COLLATERAL_MISSING, TCB, "intel/qe-identity",
				  "intel/pck-crl/platform", "intel/root-crl")));
	collateral_attach(d, &node, &job, &message);
	assert_true(holds(COLLATERAL_TCB_INFO, kit_text(kit.tcb_info)));
	assert_true(holds(COLLATERAL_TCB_INFO_CHAIN, kit_text(kit.chain)));
	assert_true(holds(COLLATERAL_QE_IDENTITY, kit_text(kit.qe_identity)));
	assert_true(holds(COLLATERAL_QE_IDENTITY_CHAIN, kit_text(kit.chain)));
	assert_true(holds(COLLATERAL_PCK_CRL, bytes_of(kit.pck_crl.der, kit.pck_crl.n)));
	assert_true(holds(COLLATERAL_PCK_CRL_CHAIN, kit_text(kit.chain)));
	assert_true(holds(COLLATERAL_ROOT_CRL, bytes_of(kit.root_crl.der, kit.root_crl.n)));
	assert_true(holds(COLLATERAL_CRL, bytes_of(NULL, 0)));
	assert_int_equal(message.certs_count, 1);
	/* All of it was there: the next verdict is the last. */
	assert_false(again(VERDICT(REASON_OK, TCB)));
}

static void test_snp(void **state)
{
	struct lab_crl own = kit_crl("ARK-Genoa");
	struct bytes list = bytes_of(kit.scene.crl.der, kit.scene.crl.n);

	(void)state;
	put(KIT_VCEK);
	put("amd/Milan/vcek-chain");
	put("amd/Milan/vcek-crl");
	assert_true(again(
		VERDICT(REASON_NO_LEAF, KIT_VCEK, "amd/Milan/vcek-chain", "amd/Milan/vcek-crl")));
	message.collateral[COLLATERAL_CRL] = bytes_of(own.der, own.n);
	collateral_attach(d, &node, &job, &message);
	assert_int_equal(message.certs_count, 3);
	assert_true(bytes_equal(message.certs[0], kit_piece(KIT_VCEK).body));
	assert_true(bytes_equal(message.certs[1], brought));
	assert_true(bytes_equal(message.certs[2], kit_text(kit.chain)));
	assert_int_equal(message.collateral[COLLATERAL_CRL].n, own.n + list.n);
	assert_memory_equal(message.collateral[COLLATERAL_CRL].p, own.der, own.n);
	assert_memory_equal(message.collateral[COLLATERAL_CRL].p + own.n, list.p, list.n);
}

/* The operator's word stands, and the vendor's behind it, whatever form it has. */
static void test_operators_pem(void **state)
{
	struct bytes own = kit_text("-----BEGIN X509 CRL-----"), both;
	struct bytes list = bytes_of(kit.scene.crl.der, kit.scene.crl.n);

	(void)state;
	put("amd/Milan/vcek-crl");
	again(VERDICT(REASON_OK, "amd/Milan/vcek-crl"));
	message.collateral[COLLATERAL_CRL] = own;
	collateral_attach(d, &node, &job, &message);
	both = message.collateral[COLLATERAL_CRL];
	assert_int_equal(both.n, own.n + list.n);
	assert_memory_equal(both.p, own.p, own.n);
	assert_memory_equal(both.p + own.n, list.p, list.n);
}

static void test_full_of_certificates(void **state)
{
	(void)state;
	put(KIT_VCEK);
	again(VERDICT(REASON_NO_LEAF, KIT_VCEK));
	message.certs_count = CERTS_MAX;
	collateral_attach(d, &node, &job, &message);
	assert_int_equal(message.certs_count, CERTS_MAX);
}

/* Offline, what is not kept is not waited for: the verdict is told as it is, at once. */
static void test_nothing_at_hand(void **state)
{
	(void)state;
	assert_false(again(VERDICT(REASON_NO_LEAF, KIT_VCEK)));
	assert_false(again(VERDICT(REASON_REPORT_SIGNATURE, KIT_VCEK)));
	assert_int_equal(node.wants_count, 1); /* but known, for when it is imported */
}

/* After an update of the firmware another VCEK is wanted, and the old one no longer given. */
static void test_another_tcb(void **state)
{
	static const char other[] = "amd/Milan/vcek/" KIT_CHIP "/4-2-24-220";

	(void)state;
	put(KIT_VCEK);
	assert_true(again(VERDICT(REASON_NO_LEAF, KIT_VCEK)));
	collateral_attach(d, &node, &job, &message);
	assert_int_equal(message.certs_count, 2);
	assert_false(again(VERDICT(REASON_TCB_MISMATCH, other)));
	assert_int_equal(node.wants_count, 1);
	message.certs_count = 1;
	collateral_attach(d, &node, &job, &message);
	assert_int_equal(message.certs_count, 1);
}

static bool kept(const char *name)
{
	struct want w = kit_want(name);

	return store_find(d->supply->store, &w);
}

static bool asked_for(const char *name)
{
	struct want w = kit_want(name);

	return demand_pending(d->supply->demand, &w);
}

/* What a verdict of that reason makes of pieces that are an hour old, with a vendor to be asked. */
static void judged_wrong(enum tee tee, enum reason r)
{
	static const struct child_ops never = { .name = "never started" };

	sends(tee);
	put_at(KIT_VCEK, time(NULL) - 3600);
	put_at("amd/Milan/vcek-crl", time(NULL) - 3600);
	put_at(TCB, time(NULL) - 3600);
	put_at("intel/root-crl", time(NULL) - 3600);
	if (!d->supply->fetcher)
		d->supply->fetcher = child_new(d->base, &never, NULL);
	if (tee == TEE_TDX)
		again(VERDICT(REASON_OK, TCB, "intel/root-crl"));
	else
		again(VERDICT(REASON_OK, KIT_VCEK, "amd/Milan/vcek-crl"));
	message.certs_count = 1;
	message.collateral[COLLATERAL_CRL] = bytes_of(NULL, 0);
	collateral_attach(d, &node, &job, &message);
	collateral_keeps(d, &node, &job, &(struct msg_verdict){ .reason = r });
}

/*
 * A backend may bring a chain that another product's list says nothing of.  Were the list thrown
 * away for that, a revoked chip would pass for as long as no other comes.
 */
static void test_lists_outlive_doubt(void **state)
{
	(void)state;
	judged_wrong(TEE_SNP, REASON_CRL);
	assert_true(kept("amd/Milan/vcek-crl"));
	assert_true(asked_for("amd/Milan/vcek-crl"));
	assert_false(asked_for(KIT_VCEK));
	assert_false(asked_for(TCB));
	judged_wrong(TEE_TDX, REASON_CRL);
	assert_true(kept("intel/root-crl"));
	assert_true(asked_for("intel/root-crl"));
	assert_false(asked_for(TCB));
}

static void test_documents_outlive_doubt(void **state)
{
	(void)state;
	judged_wrong(TEE_TDX, REASON_COLLATERAL_SIGNATURE);
	assert_true(kept(TCB));
	assert_true(asked_for(TCB));
	assert_false(asked_for("intel/root-crl"));
	assert_false(asked_for("amd/Milan/vcek-crl"));
}

/* A certificate that is wrong only gets in the way of the one that came along. */
static void test_wrong_certificates_go(void **state)
{
	(void)state;
	judged_wrong(TEE_SNP, REASON_CERT_SIGNATURE);
	assert_false(kept(KIT_VCEK));
	assert_true(asked_for(KIT_VCEK));
	assert_true(kept("amd/Milan/vcek-crl"));
	assert_true(kept(TCB));
}

/* Whatever a verifier says, an appraisal comes to an end. */
static void test_ends(void **state)
{
	int rounds = 0;

	(void)state;
	put(KIT_VCEK);
	while (rounds < 100 && again(VERDICT(REASON_NO_LEAF, KIT_VCEK)))
		rounds++; /* never attached, as if it did not fit */
	assert_in_range(rounds, 1, 5);
}

/* More wants than there is room for, of two platforms in turn. */
static void test_many_wants(void **state)
{
	(void)state;
	again(VERDICT(REASON_OK, KIT_VCEK, "amd/Milan/vcek-chain", "amd/Milan/vlek-chain",
		      "amd/Milan/vcek-crl", "amd/Milan/vlek-crl"));
	sends(TEE_TDX);
	again(VERDICT(REASON_OK, TCB, "intel/qe-identity", "intel/pck-crl/platform",
		      "intel/root-crl"));
	assert_in_range(node.wants_count, 1, EVIDENCE_WANTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DAEMON(test_tdx),
		WITH_DAEMON(test_snp),
		WITH_DAEMON(test_operators_pem),
		WITH_DAEMON(test_full_of_certificates),
		WITH_DAEMON(test_nothing_at_hand),
		WITH_DAEMON(test_another_tcb),
		WITH_DAEMON(test_ends),
		WITH_DAEMON(test_lists_outlive_doubt),
		WITH_DAEMON(test_documents_outlive_doubt),
		WITH_DAEMON(test_wrong_certificates_go),
		WITH_DAEMON(test_many_wants),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
