// SPDX-License-Identifier: BSD-2-Clause
/* What a vendor's server, or whoever answers for it, can do to appraisals by lying: not much. */
#include "unit/supply_kit.h"

#include "base/ipc.h"
#include "collateral/facts.h"

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

/* The document with blanks behind it, which mean nothing: as long as that, it is one, or is not. */
static bool is_taken(const char *name, size_t n)
{
	static uint8_t text[COLLATERAL_BODY_MAX], buf[COLLATERAL_BODY_MAX];
	struct piece p = kit_piece(name), found;
	char why[COLLATERAL_WHY_MAX];

	memset(text, ' ', sizeof(text));
	memcpy(text, p.body.p, p.body.n);
	if (!facts_read(&p.want, bytes_of(text, n), p.chain, buf, &found, why))
		return false;
	answer(name, found.body, found.issued + n);
	return true;
}

/* Nobody's answer is so long that an appraisal with all it needs is no message any more. */
static void test_one_message(void **state)
{
	static uint8_t list[65536], out[IPC_MAX], quote[16384], pem[COLLATERAL_PEM_MAX];
	struct ipc_writer w = ipc_begin(out, sizeof(out), MSG_APPRAISE, 1);
	struct piece p;
	char why[COLLATERAL_WHY_MAX];

	(void)state;
	assert_false(is_taken(TCB, 65537));
	assert_true(is_taken(TCB, 65536));
	assert_false(is_taken("intel/qe-identity", 16385));
	assert_true(is_taken("intel/qe-identity", 16384));
	p = kit_piece("intel/root-crl");
	p.body = bytes_of(list, 16384);
	assert_int_equal(store_put(d->supply->store, &p, LAB_NOW, why), 1);
	p = kit_piece("intel/pck-crl/platform");
	p.body = bytes_of(list, 65536);
	p.chain = bytes_of(pem, sizeof(pem));
	assert_int_equal(store_put(d->supply->store, &p, LAB_NOW, why), 1);
	sends(TEE_TDX);
	again(VERDICT(REASON_COLLATERAL_MISSING, TCB, "intel/qe-identity", "intel/pck-crl/platform",
		      "intel/root-crl"));
	attach();
	assert_true(message.collateral[COLLATERAL_PCK_CRL].n == 65536);
	message.collateral[COLLATERAL_TCB_INFO_CHAIN] = bytes_of(pem, sizeof(pem));
	message.collateral[COLLATERAL_QE_IDENTITY_CHAIN] = bytes_of(pem, sizeof(pem));
	message.report = bytes_of(quote, sizeof(quote));
	msg_appraise_put(&w, &message);
	assert_false(w.overflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DAEMON(test_another_platform),
		WITH_DAEMON(test_refusals_raise_no_floor),
		WITH_DAEMON(test_rubbish_displaces_nothing),
		WITH_DAEMON(test_not_proven),
		WITH_DAEMON(test_one_message),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
