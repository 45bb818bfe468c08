// SPDX-License-Identifier: BSD-2-Clause
/*
 * JSON in which reference values are found:
 *
 *   {"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": HEX, …}}   nitro-cli build-enclave
 *     and describe-eif, the latter with more beside it; or that inner object alone
 *   {"mr_td": [HEX, …], "snp_launch_measurement": TEXT, …}   what Trustee's RVPS answers and takes
 *     (its "sample" extractor); with one text each, what tdx-measure and dstack-mr print
 *   {"version": …, "type": "sample", "payload": BASE64 of that}   a message to the RVPS, or a list
 *   [{"name": …, "expiration": DATE, "hash-value": [{"alg": …, "value": …}]}, …]   what older
 *     releases keep; "value": LIST in its place in newer ones
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "verifier/pem.h"
#include "verifier/reference.h"
#include "verifier/refuse.h"

enum {
	NESTING_MAX = 3, /* a list of messages with a payload */
};

/* One file on its way into a set. */
struct reading {
	const struct reference_options *options;
	struct reference_set *set;
	char *why;
	unsigned int depth;
	bool empty[REFERENCE_KEYS]; /* a list with nothing in it was given */
};

static int fail(struct reading *r, int err, const char *what, const char *name)
{
	snprintf(r->why, REFERENCE_WHY_MAX, "%.80s: %s", name, what);
	return err;
}

static struct bytes text_of(const json_t *j)
{
	return bytes_of(json_string_value(j), json_string_length(j));
}

static struct bytes name_of(const char *name)
{
	return bytes_of(name, strlen(name));
}

static int take_one(struct reading *r, enum reference_key key, const char *name, const json_t *v)
{
	int err = json_is_string(v) ? reference_add_text(r->set, key, text_of(v)) : -EBADMSG;

	if (err == -ENOSPC)
		return fail(r, err, "more values than a policy takes", name);
	if (err)
		return fail(r, err, "want hexadecimal digits or base64 of its width", name);
	return 0;
}

/* A text or a list of them. */
static int take_named(struct reading *r, const char *name, const json_t *v)
{
	enum reference_key key;
	const json_t *one;
	size_t i;
	int err = 0;

	if (!reference_named(name_of(name), r->options->tee, &key)) {
		reference_leave(r->set, "", name_of(name));
		return 0;
	}
	if (!json_is_array(v))
		return take_one(r, key, name, v);
	r->empty[key] |= !json_array_size(v);
	json_array_foreach(v, i, one)
	{
		if (!err)
			err = take_one(r, key, name, one);
	}
	return err;
}

static int take_measurements(struct reading *r, const json_t *o)
{
	static const char sha384_name[] = "Sha384";
	const char *algorithm = json_string_value(json_object_get(o, "HashAlgorithm"));
	const json_t *v;
	const char *name;
	int err = 0;

	if (!algorithm || strncmp(algorithm, sha384_name, strlen(sha384_name)))
		return fail(r, -EBADMSG, "want Sha384", "HashAlgorithm");
	json_object_foreach((json_t *)o, name, v)
	{
		if (!err && strcmp(name, "HashAlgorithm"))
			err = take_named(r, name, v);
	}
	r->set->sets++;
	return err;
}

/* Of early releases it was "expired". */
static int check_expiration(struct reading *r, const char *name, const json_t *o)
{
	static const char *const keys[] = { "expiration", "expired" };
	int64_t until;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const json_t *v = json_object_get(o, keys[i]);

		if (!v)
			continue;
		if (json_string_length(v) != TIME_CHARS + 1 ||
		    !time_read(json_string_value(v), &until) ||
		    json_string_value(v)[TIME_CHARS] != 'Z')
			return fail(r, -EBADMSG, "want a date such as 2026-01-01T00:00:00Z", name);
		if (until < r->options->now)
			return fail(r, -ESTALE, "this reference value has expired", name);
	}
	return 0;
}

/* {"name": …, "expiration": …, "hash-value" or "value": …} */
static int take_kept(struct reading *r, const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "name"));
	const json_t *list = json_object_get(o, "hash-value"), *one;
	int err = check_expiration(r, name, o);
	size_t i;

	if (err)
		return err;
	if (!list)
		return take_named(r, name, json_object_get(o, "value"));
	if (!json_is_array(list))
		return fail(r, -EBADMSG, "want a list as hash-value", name);
	if (!json_array_size(list))
		return take_named(r, name, list);
	json_array_foreach(list, i, one)
	{
		if (!err)
			err = take_named(r, name, json_object_get(one, "value"));
	}
	return err;
}

static int take(struct reading *r, const json_t *j);

/* {"version": …, "type": "sample", "payload": base64 of JSON} */
static int take_message(struct reading *r, const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	struct pem_block payload = { .body = text_of(json_object_get(o, "payload")) };
	uint8_t *text;
	json_t *inner;
	size_t n;
	int err;

	if (!type || strcmp(type, "sample"))
		return fail(r, -EBADMSG, "want \"sample\", the only one that holds values", "type");
	text = malloc(payload.body.n + 1);
	n = text ? pem_decode(&payload, text, payload.body.n) : 0;
	inner = n ? json_loadb((char *)text, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	err = inner ? take(r, inner) : fail(r, -EBADMSG, "no JSON in base64", "payload");
	json_decref(inner);
	free(text);
	return err;
}

/* What describe-eif says beside an image's measurements is no demand; what is named as one is. */
static void leave_named(struct reading *r, const json_t *o)
{
	enum reference_key key;
	const char *name;
	const json_t *v;

	json_object_foreach((json_t *)o, name, v)
	{
		if (reference_named(name_of(name), r->options->tee, &key))
			reference_leave(r->set, "", name_of(name));
	}
}

static int take_object(struct reading *r, const json_t *o)
{
	const json_t *measurements = json_object_get(o, "Measurements"), *v;
	const char *name;
	int err = 0;

	if (json_is_object(measurements)) {
		leave_named(r, o);
		return take_measurements(r, measurements);
	}
	if (json_object_get(o, "HashAlgorithm"))
		return take_measurements(r, o);
	if (json_is_string(json_object_get(o, "payload")))
		return take_message(r, o);
	if (json_is_string(json_object_get(o, "name")) &&
	    (json_object_get(o, "hash-value") || json_object_get(o, "value")))
		return take_kept(r, o);
	json_object_foreach((json_t *)o, name, v)
	{
		if (!err)
			err = take_named(r, name, v);
	}
	r->set->sets++;
	return err;
}

static int take(struct reading *r, const json_t *j)
{
	const json_t *one;
	size_t i;
	int err = 0;

	if (++r->depth > NESTING_MAX)
		return fail(r, -EBADMSG, "nested too deep", "file");
	if (json_is_object(j))
		err = take_object(r, j);
	else if (!json_is_array(j))
		err = fail(r, -EBADMSG, "want an object, or a list of them", "file");
	json_array_foreach(j, i, one)
	{
		if (!err)
			err = take(r, one);
	}
	r->depth--;
	return err;
}

static bool has_any_of(const struct reference_set *s, enum tee tee)
{
	for (size_t i = 0; i < s->count; i++)
		if (reference_tee(s->values[i].key) == tee)
			return true;
	return false;
}

/* A list without values means that nobody knew them; that matters where others of the kind are. */
static void leave_empty(struct reading *r)
{
	static const char where[] = "an empty list of ";

	for (enum reference_key key = 0; key < REFERENCE_KEYS; key++)
		if (r->empty[key] && has_any_of(r->set, reference_tee(key)))
			reference_leave(r->set, where, name_of(tee_str(reference_tee(key))));
}

int reference_read_json(struct bytes in, const struct reference_options *o,
			struct reference_set *out, char why[REFERENCE_WHY_MAX])
{
	struct reading r = { .options = o, .set = out, .why = why };
	json_error_t at;
	json_t *j = json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES, &at);
	int err;

	out->kind = "JSON";
	if (!j) {
		snprintf(why, REFERENCE_WHY_MAX, "line %d: %.160s", at.line, at.text);
		return -EBADMSG;
	}
	err = take(&r, j);
	leave_empty(&r);
	json_decref(j);
	return err;
}
