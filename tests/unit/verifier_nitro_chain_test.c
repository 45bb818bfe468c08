// SPDX-License-Identifier: BSD-2-Clause
/* Nitro's certificates: everything a chain can have wrong, and the document's place in its time. */
#include "unit/verifier_nitro_lab.h"

static void bundle_without_root(struct nlab_scene *s)
{
	s->bundle_from = NLAB_ZONE;
}

static const struct nlab_scene *scene; /* that whose certificates are put in otherwise */

/* Leaf's issuer first, as other verifiers' lists are. */
static void put_reversed(struct cbor_writer *w)
{
	cbor_put_array(w, NLAB_LEAF);
	for (int i = NLAB_INSTANCE; i >= NLAB_ROOT; i--)
		cbor_put_bytes(w, bytes_of(scene->certs[i].der, scene->certs[i].n));
}

static void reversed(struct nlab_scene *s)
{
	scene = s;
	s->changes[0] = (struct nlab_change){ "cabundle", put_reversed };
}

/* Root twice: the second is none that the chain needs. */
static void put_doubled(struct cbor_writer *w)
{
	cbor_put_array(w, 2);
	for (int i = 0; i < 2; i++)
		cbor_put_bytes(w, bytes_of(scene->certs[0].der, scene->certs[0].n));
}

static void doubled(struct nlab_scene *s)
{
	scene = s;
	s->changes[0] = (struct nlab_change){ "cabundle", put_doubled };
}

/* Two certificates where one belongs. */
static void put_joined(struct cbor_writer *w)
{
	const struct nlab_cert *a = &scene->certs[NLAB_ROOT], *b = &scene->certs[NLAB_ZONE];
	uint8_t both[2 * NLAB_DER_MAX];

	memcpy(both, a->der, a->n);
	memcpy(both + a->n, b->der, b->n);
	cbor_put_array(w, 2);
	cbor_put_bytes(w, bytes_of(both, a->n + b->n));
	b = &scene->certs[NLAB_INSTANCE];
	cbor_put_bytes(w, bytes_of(b->der, b->n));
}

static void joined(struct nlab_scene *s)
{
	scene = s;
	s->changes[0] = (struct nlab_change){ "cabundle", put_joined };
}

/* A NUL behind the leaf: signed, and still not one certificate. */
static void put_padded(struct cbor_writer *w)
{
	const struct nlab_cert *leaf = &scene->certs[NLAB_LEAF];
	uint8_t padded[NLAB_DER_MAX + 1] = { 0 };

	memcpy(padded, leaf->der, leaf->n);
	cbor_put_bytes(w, bytes_of(padded, leaf->n + 1));
}

static void padded(struct nlab_scene *s)
{
	scene = s;
	s->changes[0] = (struct nlab_change){ "certificate", put_padded };
}

static void instance_no_authority(struct nlab_scene *s)
{
	s->certs[NLAB_INSTANCE].basic = "critical,CA:FALSE";
}

static void instance_no_constraints(struct nlab_scene *s)
{
	s->certs[NLAB_INSTANCE].basic = NULL;
}

static void instance_no_cert_sign(struct nlab_scene *s)
{
	s->certs[NLAB_INSTANCE].usage = "critical,digitalSignature";
}

static void instance_expired(struct nlab_scene *s)
{
	s->certs[NLAB_INSTANCE].to = NLAB_NOW - 1;
}

static void instance_by_stranger(struct nlab_scene *s)
{
	s->certs[NLAB_INSTANCE].stranger = true;
}

static void instance_on_p256(struct nlab_scene *s)
{
	s->certs[NLAB_INSTANCE].group = "P-256";
}

static void instance_sha256(struct nlab_scene *s)
{
	s->certs[NLAB_INSTANCE].md = EVP_sha256;
}

static void zone_short_path(struct nlab_scene *s)
{
	s->certs[NLAB_ZONE].basic = "critical,CA:TRUE,pathlen:0";
}

static void leaf_authority(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].basic = "critical,CA:TRUE";
	s->certs[NLAB_LEAF].usage = "digitalSignature,keyCertSign";
}

static void leaf_for_other_things(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].usage = "keyAgreement";
}

static void leaf_expired(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].to = NLAB_NOW - 1;
}

static void leaf_to_come(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].from = NLAB_NOW + 1;
}

static void leaf_by_stranger(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].stranger = true;
}

static void leaf_critical(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].more = "1.2.3.4";
}

static void leaf_of_nobody(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].issuer = "nobody";
}

static void leaf_on_p521(struct nlab_scene *s)
{
	s->certs[NLAB_LEAF].group = "P-521";
}

/* The instance's certificate signs the document, as if it were the enclave's. */
static void put_instance(struct cbor_writer *w)
{
	const struct nlab_cert *c = &scene->certs[NLAB_INSTANCE];

	cbor_put_bytes(w, bytes_of(c->der, c->n));
}

static void authority_as_leaf(struct nlab_scene *s)
{
	scene = s;
	s->changes[0] = (struct nlab_change){ "certificate", put_instance };
}

static void root_expired(struct nlab_scene *s)
{
	s->certs[NLAB_ROOT].to = NLAB_NOW - 1;
}

static void root_by_stranger(struct nlab_scene *s)
{
	s->certs[NLAB_ROOT].stranger = true;
}

static void by_key(struct nlab_scene *s)
{
	uint8_t *spki = NULL, hash[SHA256_BYTES];
	int n = i2d_PUBKEY(s->certs[NLAB_ROOT].key, &spki);

	policy_free(s->policy);
	s->policy = policy_default();
	assert_true(sha256(bytes_of(spki, n), hash));
	assert_int_equal(policy_trust_root(s->policy, hash), 0);
	OPENSSL_free(spki);
}

static void untrusted(struct nlab_scene *s)
{
	policy_free(s->policy);
	s->policy = policy_default();
}

static void made_before_leaf(struct nlab_scene *s)
{
	s->timestamp_ms = (NLAB_NOW - 3601) * 1000;
}

static void made_with_leaf(struct nlab_scene *s)
{
	s->timestamp_ms = (NLAB_NOW - 3600) * 1000;
}

static void made_soon(struct nlab_scene *s)
{
	s->timestamp_ms = (NLAB_NOW + 300) * 1000;
}

static void made_later(struct nlab_scene *s)
{
	s->timestamp_ms = (NLAB_NOW + 301) * 1000;
}

static void made_never(struct nlab_scene *s)
{
	s->timestamp_ms = INT64_MAX;
}

static const struct nlab_row rows[] = {
	{ "as it should be", NULL, NULL, REASON_OK },
	{ "no root in the bundle", bundle_without_root, NULL, REASON_CERT_CHAIN },
	{ "bundle reversed", reversed, NULL, REASON_CERT_CHAIN },
	{ "a certificate twice", doubled, NULL, REASON_CERT_CHAIN },
	{ "two in one place", joined, NULL, REASON_CERT_CHAIN },
	{ "a byte behind the leaf", padded, NULL, REASON_CERT_LEAF },
	{ "instance no authority", instance_no_authority, NULL, REASON_CERT_CHAIN },
	{ "instance without basic constraints", instance_no_constraints, NULL, REASON_CERT_CHAIN },
	{ "instance without keyCertSign", instance_no_cert_sign, NULL, REASON_CERT_CHAIN },
	{ "instance expired", instance_expired, NULL, REASON_CERT_EXPIRED },
	{ "instance signed by a stranger", instance_by_stranger, NULL, REASON_CERT_SIGNATURE },
	{ "instance on P-256", instance_on_p256, NULL, REASON_CERT_CHAIN },
	{ "instance signed over SHA-256", instance_sha256, NULL, REASON_CERT_CHAIN },
	{ "path longer than allowed", zone_short_path, NULL, REASON_CERT_CHAIN },
	{ "leaf an authority", leaf_authority, NULL, REASON_CERT_LEAF },
	{ "leaf for key agreement", leaf_for_other_things, NULL, REASON_CERT_LEAF },
	{ "leaf expired", leaf_expired, NULL, REASON_CERT_EXPIRED },
	{ "leaf not yet valid", leaf_to_come, NULL, REASON_CERT_NOT_YET_VALID },
	{ "leaf signed by a stranger", leaf_by_stranger, NULL, REASON_CERT_SIGNATURE },
	{ "leaf with something critical", leaf_critical, NULL, REASON_CERT_LEAF },
	{ "leaf of another issuer", leaf_of_nobody, NULL, REASON_CERT_CHAIN },
	{ "leaf on P-521", leaf_on_p521, NULL, REASON_CERT_LEAF },
	{ "an authority as leaf", authority_as_leaf, NULL, REASON_CERT_LEAF },
	{ "root expired", root_expired, NULL, REASON_CERT_EXPIRED },
	{ "root pinned by its key", NULL, by_key, REASON_OK },
	{ "root not signed by itself", root_by_stranger, by_key, REASON_CERT_SIGNATURE },
	{ "… but pinned by its bytes", root_by_stranger, NULL, REASON_OK },
	{ "root that nobody trusts", NULL, untrusted, REASON_UNTRUSTED_ROOT },
	{ "made before the leaf", made_before_leaf, NULL, REASON_TIMESTAMP },
	{ "made with the leaf", made_with_leaf, NULL, REASON_OK },
	{ "made soon", made_soon, NULL, REASON_OK },
	{ "made later", made_later, NULL, REASON_TIMESTAMP },
	{ "made at the end of time", made_never, NULL, REASON_TIMESTAMP },
};

static void test_chain(void **state)
{
	(void)state;
	nlab_run(rows, sizeof(rows) / sizeof(*rows));
}

static void test_claims(void **state)
{
	struct nlab_scene *s = malloc(sizeof(*s));
	json_t *all;

	(void)state;
	nlab_begin(s);
	s->certs[NLAB_LEAF].to = NLAB_NOW + 100;
	nlab_build(s);
	assert_int_equal(nlab_judge(s), REASON_OK);
	assert_int_equal(s->claims.not_after, NLAB_NOW + 100);
	assert_true(s->claims.lab_root);
	assert_int_equal(s->claims.measurement[0], 0x10);
	all = appraisal_json(REASON_OK, &s->claims);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(all, "claims"), "instance")),
		"i-0123456789abcdef0");
	assert_true(json_is_true(json_object_get(json_object_get(all, "trust_root"), "lab")));
	json_decref(all);
	nlab_end(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_chain),
					    cmocka_unit_test(test_claims) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
