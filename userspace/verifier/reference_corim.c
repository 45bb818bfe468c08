// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a CoRIM says (draft-ietf-rats-corim, section 4 and 5): of each concise module identifier the
 * reference triples, each an environment and its measurements.  Numbers of map keys as there.
 */
#include <errno.h>
#include <stdio.h>

#include "base/cbor.h"
#include "verifier/reference.h"

enum {
	TAG_EPOCH = 1,
	TAG_URI = 32,
	TAG_OID = 111,
	TAG_COMID = 506,
	CORIM_TAGS = 1,
	CORIM_DEPENDENT = 2,
	CORIM_PROFILE = 3,
	CORIM_VALIDITY = 4,
	COMID_TRIPLES = 4,
	TRIPLES_REFERENCE = 0,
	ENVIRONMENT_CLASS = 0,
	CLASS_ID = 0,
	CLASS_VENDOR = 1,
	CLASS_MODEL = 2,
	MEASUREMENT_KEY = 0,
	MEASUREMENT_VALUES = 1,
	VALUES_DIGESTS = 2,
	VALUES_NAME = 11,
	VALUES_REGISTERS = 14,
	META_VALIDITY = 1,
	VALIDITY_FROM = 0,
	VALIDITY_UNTIL = 1,
	ALGORITHM_SHA384 = 7,	    /* IANA, Named Information Hash Algorithm Registry */
	AMD_MKEY_MEASUREMENT = 641, /* draft-deeglaze-amd-sev-snp-corim-profile-02 */
	NUMBER_TEXT_MAX = 24,
};

struct reading {
	const struct reference_options *options;
	struct reference_set *set;
	char *why;
};

static int fail(struct reading *r, int err, const char *what)
{
	snprintf(r->why, REFERENCE_WHY_MAX, "CoRIM: %s", what);
	return err;
}

/* A key of a map: a number, or something else that is shown as it is. */
struct key {
	bool is_number;
	int64_t number;
	struct bytes text; /* or empty */
	char shown[NUMBER_TEXT_MAX];
};

static bool is(const struct key *k, int64_t number)
{
	return k->is_number && k->number == number;
}

static struct bytes shown(const struct key *k)
{
	return k->text.n ? k->text : bytes_of(k->shown, strlen(k->shown));
}

static bool get_key(struct bytes *in, struct key *k)
{
	*k = (struct key){ .is_number = false };
	k->is_number = cbor_get_int(in, &k->number);
	if (k->is_number)
		snprintf(k->shown, sizeof(k->shown), "%lld", (long long)k->number);
	else
		strcpy(k->shown, "?");
	return k->is_number || cbor_get_text(in, &k->text) || cbor_skip(in);
}

struct map {
	struct cbor_items items;
	struct cbor_keys seen;
	bool bad; /* no map, a key twice, too many */
};

static void begin(struct bytes *in, struct map *m)
{
	m->seen.count = 0;
	m->bad = !cbor_get_map(in, &m->items);
}

/* The next key; its value is to be taken or skipped. */
static bool more(struct bytes *in, struct map *m, struct key *k)
{
	struct bytes at;

	if (m->bad || !cbor_more(in, &m->items))
		return false;
	at = *in;
	if (get_key(in, k) && cbor_keys_add(&m->seen, bytes_of(at.p, at.n - in->n)))
		return true;
	m->bad = true;
	return false;
}

/* Members that are in the number table are read by it; true when all of the map was well. */
typedef int (*reader)(struct reading *r, struct bytes *in, const struct key *k, void *out);

static int read_map(struct reading *r, struct bytes *in, reader each, void *out, const char *what)
{
	struct map m;
	struct key k;
	int err = 0;

	begin(in, &m);
	while (!err && more(in, &m, &k))
		err = each(r, in, &k, out);
	return err ? err : m.bad ? fail(r, -EBADMSG, what) : 0;
}

/* Of at least one, everywhere: a demand that names nothing is none that we could keep. */
static int read_list(struct reading *r, struct bytes *in,
		     int (*each)(struct reading *r, struct bytes *in, void *out), void *out,
		     const char *what)
{
	struct cbor_items items;
	bool any = false;
	int err = 0;

	if (!cbor_get_array(in, &items))
		return fail(r, -EBADMSG, what);
	while (!err && cbor_more(in, &items)) {
		err = each(r, in, out);
		any = true;
	}
	return err || any ? err : fail(r, -EBADMSG, what);
}

static int pass_over(struct reading *r, struct bytes *in)
{
	return cbor_skip(in) ? 0 : fail(r, -EBADMSG, "no strict CBOR");
}

/* --- environments */

struct environment {
	enum tee tee;
	bool amd_class; /* by AMD's profile: its numbers are measurements' names */
	struct bytes vendor, model;
};

static bool is_text(struct bytes b, const char *text)
{
	return bytes_equal(b, bytes_of(text, strlen(text)));
}

/* 1.3.6.1.4.1.3704.3.1 and .2: attested by chip or by provider. */
static bool is_amd_class(struct bytes oid)
{
	static const uint8_t arc[] = { 0x2b, 6, 1, 4, 1, 0x9c, 0x78, 3 };

	return oid.n == sizeof(arc) + 1 && !memcmp(oid.p, arc, sizeof(arc)) &&
	       (oid.p[sizeof(arc)] == 1 || oid.p[sizeof(arc)] == 2);
}

static int read_class(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	struct environment *e = out;
	struct bytes at = *in, oid;
	uint64_t tag;

	if (is(k, CLASS_ID) && cbor_get_tag(&at, &tag) && tag == TAG_OID &&
	    cbor_get_bytes(&at, &oid))
		e->amd_class = is_amd_class(oid);
	else if (is(k, CLASS_VENDOR) && cbor_get_text(&at, &e->vendor))
		;
	else if (is(k, CLASS_MODEL))
		cbor_get_text(&at, &e->model);
	return pass_over(r, in);
}

static int read_environment(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	if (is(k, ENVIRONMENT_CLASS))
		return read_map(r, in, read_class, out, "class is no map");
	/* Of one machine alone: our lists are for all. */
	reference_leave(r->set, "environment member ", shown(k));
	return pass_over(r, in);
}

/* Vendor and model as the launch-measurement profile of IGVM's tools registers them. */
static enum tee tee_of(const struct reading *r, const struct environment *e)
{
	if (e->amd_class || (is_text(e->vendor, "AMD") && is_text(e->model, "SEV-SNP")))
		return TEE_SNP;
	if (is_text(e->vendor, "Intel") && is_text(e->model, "TDX"))
		return TEE_TDX;
	return r->options->tee;
}

/* --- measurements */

struct measurement {
	struct environment *environment;
	struct key name;
	bool has_name, named, any_register;
	enum reference_key key;
};

static int read_digest(struct reading *r, struct bytes *in, void *out)
{
	const struct measurement *m = out;
	struct cbor_items items;
	struct bytes algorithm = { 0 }, value;
	int64_t number = 0;
	int err;

	if (!cbor_get_array(in, &items) || items.indefinite || items.left != 2 ||
	    (!cbor_get_int(in, &number) && !cbor_get_text(in, &algorithm)) ||
	    !cbor_get_bytes(in, &value))
		return fail(r, -EBADMSG, "a digest is not [algorithm, bytes]");
	if (number != ALGORITHM_SHA384 && !is_text(algorithm, "sha-384") &&
	    !is_text(algorithm, "sha384")) {
		reference_leave(r->set, "digest of another algorithm than SHA-384 for ",
				shown(&m->name));
		return 0;
	}
	if (!m->named) {
		reference_leave(r->set, "measurement ", shown(&m->name));
		return 0;
	}
	err = reference_add(r->set, m->key, value);
	return err ? fail(r, err,
			  err == -ENOSPC ? "more values than a policy takes"
					 : "a digest is not as long as its algorithm's")
		   : 0;
}

/* By what it is called, or by AMD's number for it. */
static void find_key(struct measurement *m)
{
	const struct environment *e = m->environment;

	if (e->amd_class && m->has_name && is(&m->name, AMD_MKEY_MEASUREMENT)) {
		m->key = REFERENCE_SNP_MEASUREMENT;
		m->named = true;
	} else if (m->name.text.n) {
		m->named = reference_named(m->name.text, e->tee, &m->key) &&
			   reference_tee(m->key) == e->tee;
	} else if (!m->has_name && e->tee == TEE_SNP) {
		m->key = REFERENCE_SNP_MEASUREMENT; /* a guest has one */
		m->named = true;
	}
}

/* TDX's RTMRs and Nitro's PCRs, by number or name. */
static int read_register(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	struct measurement *of = out;
	struct measurement m = { .environment = of->environment, .name = *k, .has_name = true };
	enum tee tee = m.environment->tee;

	of->any_register = true;
	find_key(&m);
	if (k->is_number && k->number >= 0 && tee == TEE_TDX && k->number <= 3) {
		m.key = REFERENCE_TDX_RTMR0 + k->number;
		m.named = true;
	} else if (k->is_number && k->number >= 0 && tee == TEE_NITRO && k->number <= 15) {
		m.key = REFERENCE_NITRO_PCR0 + k->number;
		m.named = true;
	}
	return read_list(r, in, read_digest, &m, "a register's digests are no list of any");
}

static int read_value(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	static const char registers[] = "integrity registers are no map of any";
	struct measurement *m = out;
	int err;

	if (is(k, VALUES_DIGESTS))
		return read_list(r, in, read_digest, out, "digests are no list of any");
	if (is(k, VALUES_REGISTERS)) {
		err = read_map(r, in, read_register, m, registers);
		return err || m->any_register ? err : fail(r, -EBADMSG, registers);
	}
	if (!is(k, VALUES_NAME))
		reference_leave(r->set, "measured value ", shown(k));
	return pass_over(r, in);
}

/* The name first, wherever it stands: what follows is for it. */
static int read_name(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	struct measurement *m = out;
	struct bytes at = *in;

	if (is(k, MEASUREMENT_KEY)) {
		m->has_name = true;
		if (!get_key(&at, &m->name))
			return fail(r, -EBADMSG, "a measurement's key cannot be read");
	}
	return pass_over(r, in);
}

static int read_measured(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	if (is(k, MEASUREMENT_VALUES))
		return read_map(r, in, read_value, out, "measured values are no map");
	if (!is(k, MEASUREMENT_KEY))
		reference_leave(r->set, "measurement member ", shown(k));
	return pass_over(r, in);
}

static int read_measurement(struct reading *r, struct bytes *in, void *out)
{
	struct measurement m = { .environment = out, .name = { .shown = "without a name" } };
	struct bytes at = *in;
	int err = read_map(r, &at, read_name, &m, "a measurement is no map");

	if (err)
		return err;
	find_key(&m);
	return read_map(r, in, read_measured, &m, "a measurement is no map");
}

/* --- from the outside in */

static int read_triple(struct reading *r, struct bytes *in, void *out)
{
	struct environment e = { .tee = TEE_NONE };
	struct cbor_items items;
	int err;

	(void)out;
	if (!cbor_get_array(in, &items) || items.indefinite || items.left != 2)
		return fail(r, -EBADMSG, "a reference triple is not [environment, measurements]");
	err = read_map(r, in, read_environment, &e, "an environment is no map");
	if (err)
		return err;
	e.tee = tee_of(r, &e);
	if (e.tee == TEE_NONE) {
		reference_leave(r->set, "environment of model ", e.model);
		return pass_over(r, in);
	}
	r->set->sets++;
	return read_list(r, in, read_measurement, &e, "measurements are no list of any");
}

/* Other triples endorse what is there already, and demand nothing. */
static int read_triples(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	if (is(k, TRIPLES_REFERENCE))
		return read_list(r, in, read_triple, out, "reference triples are no list of any");
	return pass_over(r, in);
}

static int read_comid(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	if (is(k, COMID_TRIPLES))
		return read_map(r, in, read_triples, out, "triples are no map");
	return pass_over(r, in);
}

static int read_tag(struct reading *r, struct bytes *in, void *out)
{
	struct bytes at = *in, comid;
	uint64_t tag;
	int err;

	if (!cbor_get_tag(&at, &tag) || tag != TAG_COMID || !cbor_get_bytes(&at, &comid)) {
		reference_leave(r->set, "a tag that is no CoMID", bytes_of(NULL, 0));
		return pass_over(r, in);
	}
	err = read_map(r, &comid, read_comid, out, "a CoMID is no map");
	if (!err && comid.n)
		err = fail(r, -EBADMSG, "bytes behind a CoMID's end");
	*in = at;
	return err;
}

static int read_validity(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	int64_t t;
	uint64_t tag;

	(void)out;
	if (!is(k, VALIDITY_FROM) && !is(k, VALIDITY_UNTIL))
		return pass_over(r, in);
	if (!cbor_get_tag(in, &tag) || tag != TAG_EPOCH || !cbor_get_int(in, &t))
		return fail(r, -EBADMSG, "its validity is no time");
	if (is(k, VALIDITY_FROM) ? r->options->now < t : r->options->now > t)
		return fail(r, -ESTALE, "it is not valid now, by its own word");
	return 0;
}

/* A profile may give other meanings to what we read: only those that we know do not. */
static int read_profile(struct reading *r, struct bytes *in)
{
	static const char *const known[] = { "tag:microsoft.com,2026:launch-measurement/v1",
					     "http://amd.com/2024/snp-corim-profile" };
	struct bytes at = *in, uri = { 0 };
	uint64_t tag;

	if (!cbor_get_tag(&at, &tag) || tag != TAG_URI || !cbor_get_text(&at, &uri))
		uri = bytes_of(NULL, 0);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is_text(uri, known[i]))
			return pass_over(r, in);
	reference_leave(r->set, "profile ", uri);
	return pass_over(r, in);
}

static int read_corim(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	if (is(k, CORIM_TAGS))
		return read_list(r, in, read_tag, out, "tags are no list of any");
	if (is(k, CORIM_VALIDITY))
		return read_map(r, in, read_validity, out, "validity is no map");
	if (is(k, CORIM_PROFILE))
		return read_profile(r, in);
	if (is(k, CORIM_DEPENDENT))
		reference_leave(r->set, "another CoRIM that this one depends on",
				bytes_of(NULL, 0));
	return pass_over(r, in);
}

static int read_meta(struct reading *r, struct bytes *in, const struct key *k, void *out)
{
	if (is(k, META_VALIDITY))
		return read_map(r, in, read_validity, out, "its signature's validity is no map");
	return pass_over(r, in);
}

int reference_read_corim_meta(struct bytes in, const struct reference_options *o,
			      char why[REFERENCE_WHY_MAX])
{
	struct reading r = { .options = o, .why = why };
	int err = read_map(&r, &in, read_meta, NULL, "what its signer says is no map");

	return !err && in.n ? fail(&r, -EBADMSG, "bytes behind what its signer says") : err;
}

int reference_read_corim_map(struct bytes *in, const struct reference_options *o,
			     struct reference_set *out, char why[REFERENCE_WHY_MAX])
{
	struct reading r = { .options = o, .set = out, .why = why };

	return read_map(&r, in, read_corim, NULL, "it is no map");
}
