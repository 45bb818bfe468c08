// SPDX-License-Identifier: BSD-2-Clause
/* What the store gives an appraisal, and when an appraisal is done again; no vendor at hand. */
#include "unit/collateral_kit.h"

#include "daemon/collateral.h"

static struct daemon *d;
static struct node node;
static struct appraisal job;
static struct msg_appraise message;
static const struct bytes brought = { (const uint8_t *)"brought", 7 };

static void on_nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void put_piece(const struct piece *p, int64_t fetched)
{
	struct store *s = kit_open_store();
	char why[COLLATERAL_WHY_MAX];

	assert_true(store_put(s, p, fetched, why) >= 0);
	store_close(s);
	if (d->supply)
		store_refresh(d->supply->store);
}

static void put_at(const char *name, int64_t fetched)
{
	struct piece p = kit_piece(name);

	put_piece(&p, fetched);
}

static void put(const char *name)
{
	put_at(name, LAB_NOW);
}

/* What the backend's evidence is by now. */
static void sends(enum tee tee)
{
	message.binding.tee = job.tee = tee;
}

static int begin(void **state)
{
	kit_open_dir(state);
	d = calloc(1, sizeof(*d));
	d->config = calloc(1, sizeof(*d->config));
	d->base = event_base_new();
	TAILQ_INIT(&d->appraisals);
	d->appraisal_event = evtimer_new(d->base, on_nothing, NULL);
	collateral_defaults(&d->config->collateral);
	strcpy(d->config->collateral.directory, kit.dir);
	d->config->collateral.offline = true;
	d->config->collateral.enabled = d->config->is_router = true;
	memset(&node, 0, sizeof(node));
	memset(&job, 0, sizeof(job));
	message = (struct msg_appraise){ .certs_count = 1, .certs = { brought } };
	sends(TEE_SNP);
	return collateral_start(d);
}

static int end(void **state)
{
	collateral_stop(d);
	event_free(d->appraisal_event);
	event_base_free(d->base);
	free(d->config);
	free(d);
	return kit_close_dir(state);
}

static struct msg_verdict verdict(enum reason r, const char *const names[])
{
	struct msg_verdict v = { .reason = r };

	for (; names[v.wants_count]; v.wants_count++)
		v.wants[v.wants_count] = kit_want(names[v.wants_count]);
	return v;
}

#define VERDICT(r, ...) verdict(r, (const char *const[]){ __VA_ARGS__, NULL })

/* Whether the appraisal is to come again; then it is taken out of the queue. */
static bool again(struct msg_verdict v)
{
	bool kept = collateral_keeps(d, &node, &job, &v);

	assert_int_equal(kept, !TAILQ_EMPTY(&d->appraisals));
	if (kept)
		TAILQ_REMOVE(&d->appraisals, &job, next);
	return kept;
}

static bool holds(enum collateral kind, struct bytes want)
{
	return bytes_equal(message.collateral[kind], want);
}

#define TCB "intel/tcb-info/" KIT_FMSPC

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

/*
 * A backend that sent a quote sends a report of another platform, which is accepted: nobody has
 * looked at the TCB info that the quote would have been judged by, so it raises no floor.
 */
static void test_another_platform(void **state)
{
	struct piece p = kit_piece(TCB);

	(void)state;
	p.evaluation = UINT32_MAX; /* a liar's */
	put_piece(&p, LAB_NOW);
	sends(TEE_TDX);
	assert_true(again(VERDICT(REASON_COLLATERAL_MISSING, TCB)));
	for (enum tee t = TEE_SNP; t < TEE_COUNT; t++) {
		sends(t);
		job.attached = job.rounds = 0;
		message.collateral[COLLATERAL_TCB_INFO] = bytes_of(NULL, 0);
		collateral_attach(d, &node, &job, &message);
		assert_int_equal(message.collateral[COLLATERAL_TCB_INFO].n != 0, t == TEE_TDX);
		if (t != TEE_TDX)
			assert_false(again(VERDICT(REASON_OK, NULL)));
		assert_int_equal(store_floor(d->supply->store, &p.want), 0);
	}
	sends(TEE_TDX);
	collateral_attach(d, &node, &job, &message);
	assert_false(again(VERDICT(REASON_OK, NULL)));
	assert_int_equal(store_floor(d->supply->store, &p.want), UINT32_MAX);
}

/* Only an acceptance raises a floor: a liar's number would lock the truth out. */
static void test_refusals_raise_no_floor(void **state)
{
	struct piece p = kit_piece(TCB);

	(void)state;
	p.evaluation = 17;
	put_piece(&p, LAB_NOW);
	sends(TEE_TDX);
	for (enum reason r = REASON_OK + 1; r < REASON_COUNT; r++) {
		again(VERDICT(REASON_COLLATERAL_MISSING, TCB));
		job = (struct appraisal){ .tee = job.tee };
		collateral_attach(d, &node, &job, &message);
		again(VERDICT(r, TCB));
		if (store_floor(d->supply->store, &p.want))
			fail_msg("%s raised it", reason_str(r));
	}
}

static void answer(const char *name, struct bytes body, int64_t issued)
{
	struct piece p = kit_piece(name);
	char why[COLLATERAL_WHY_MAX];

	p.body = body;
	p.issued = issued;
	assert_int_equal(store_put(d->supply->store, &p, LAB_NOW, why), 1);
}

static void attach(void)
{
	memset(message.collateral, 0, sizeof(message.collateral));
	collateral_attach(d, &node, &job, &message);
}

/* Accepted, with what the verifier says of lists. */
static struct msg_verdict accepted(const char *claims)
{
	return (struct msg_verdict){ .reason = REASON_OK, .claims = kit_text(claims) };
}

/* An appraisal of now: nothing of the one before it. */
static void begin_appraisal(void)
{
	job = (struct appraisal){ .tee = job.tee };
	attach();
}

/*
 * Whoever answers for a vendor puts rubbish, dated as late as he likes, in place of what was good:
 * each appraisal goes on by the good one, and only a verdict about the evidence itself is told.
 */
static void test_rubbish_displaces_nothing(void **state)
{
	static const struct {
		enum tee tee;
		const char *name;
		enum collateral file;
		enum reason rubbish;
	} rows[] = {
		{ TEE_TDX, TCB, COLLATERAL_TCB_INFO, REASON_COLLATERAL_SIGNATURE },
		{ TEE_TDX, "intel/qe-identity", COLLATERAL_QE_IDENTITY, REASON_COLLATERAL },
		{ TEE_TDX, "intel/pck-crl/platform", COLLATERAL_PCK_CRL, REASON_CRL },
		{ TEE_TDX, "intel/root-crl", COLLATERAL_ROOT_CRL, REASON_CRL_STALE },
		{ TEE_SNP, "amd/Milan/vcek-crl", COLLATERAL_CRL, REASON_CRL },
	};
	struct msg_verdict good = accepted("{\"crl\":{},\"pck_crl\":{},\"root_crl\":{}}");
	struct bytes rubbish = kit_text("0 rubbish");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bytes body = kit_piece(rows[i].name).body;

		sends(rows[i].tee);
		answer(rows[i].name, body, LAB_FROM);
		again(VERDICT(REASON_COLLATERAL_MISSING, rows[i].name));
		begin_appraisal();
		assert_false(again(good));
		answer(rows[i].name, rubbish, LAB_TO);
		for (int round = 0; round < 2; round++) {
			begin_appraisal();
			assert_true(holds(rows[i].file, rubbish));
			assert_true(again(VERDICT(rows[i].rubbish, rows[i].name)));
			attach();
			assert_true(holds(rows[i].file, body));
			assert_false(again(round ? VERDICT(REASON_REVOKED, rows[i].name) : good));
		}
		/* Were that wrong by now too, it ends all the same. */
		begin_appraisal();
		assert_true(again(VERDICT(rows[i].rubbish, rows[i].name)));
		attach();
		assert_false(again(VERDICT(rows[i].rubbish, rows[i].name)));
		/* A verdict that is not its fault is the last one. */
		begin_appraisal();
		assert_false(again(VERDICT(REASON_REVOKED, rows[i].name)));
	}
}

/* A list that nobody has verified is not proven by an acceptance. */
static void test_not_proven(void **state)
{
	static const char *const claims[] = { "{\"crl\":null}", "{}", "no JSON", "{\"crl\":{}}" };
	struct bytes body = kit_piece("amd/Milan/vcek-crl").body, own = kit_text("0 own");

	(void)state;
	again(VERDICT(REASON_OK, "amd/Milan/vcek-crl"));
	answer("amd/Milan/vcek-crl", body, LAB_FROM);
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		job = (struct appraisal){ .tee = job.tee };
		message.collateral[COLLATERAL_CRL] = own; /* what the last one may rest on */
		if (i < 3)
			attach();
		else
			collateral_attach(d, &node, &job, &message);
		assert_false(again(accepted(claims[i])));
		assert_false(store_at(d->supply->store, 0)->proven);
	}
	begin_appraisal();
	assert_false(again(accepted(claims[3])));
	assert_true(store_at(d->supply->store, 0)->proven);
}

#define WITH_DAEMON(test) cmocka_unit_test_setup_teardown(test, begin, end)

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
		WITH_DAEMON(test_another_platform),
		WITH_DAEMON(test_refusals_raise_no_floor),
		WITH_DAEMON(test_rubbish_displaces_nothing),
		WITH_DAEMON(test_not_proven),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
