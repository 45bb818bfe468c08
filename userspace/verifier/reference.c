// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "verifier/pem.h"

enum {
	PLAIN_NAME_MAX = 40, /* of a name, reduced to what is compared */
	ID_BYTES = 16,
	HASH_BYTES = 32,
	RTMRS = 4,
	PCRS = 16,
};

/* Where a key stands in a policy, and how wide its values are. */
static const struct {
	enum tee tee;
	const char *name;
	size_t bytes;
} keys[REFERENCE_KEYS] = {
	[REFERENCE_SNP_MEASUREMENT] = { TEE_SNP, "measurements", P384_BYTES },
	[REFERENCE_SNP_HOST_DATA] = { TEE_SNP, "host-data", HASH_BYTES },
	[REFERENCE_SNP_ID_KEY] = { TEE_SNP, "id-keys", P384_BYTES },
	[REFERENCE_SNP_AUTHOR_KEY] = { TEE_SNP, "author-keys", P384_BYTES },
	[REFERENCE_SNP_FAMILY_ID] = { TEE_SNP, "family-ids", ID_BYTES },
	[REFERENCE_SNP_IMAGE_ID] = { TEE_SNP, "image-ids", ID_BYTES },
	[REFERENCE_TDX_MRTD] = { TEE_TDX, "mrtd", P384_BYTES },
	[REFERENCE_TDX_RTMR0] = { TEE_TDX, "rtmr0", P384_BYTES },
	[REFERENCE_TDX_RTMR0 + 1] = { TEE_TDX, "rtmr1", P384_BYTES },
	[REFERENCE_TDX_RTMR0 + 2] = { TEE_TDX, "rtmr2", P384_BYTES },
	[REFERENCE_TDX_RTMR3] = { TEE_TDX, "rtmr3", P384_BYTES },
	[REFERENCE_TDX_MRCONFIGID] = { TEE_TDX, "mrconfigid", P384_BYTES },
	[REFERENCE_TDX_MROWNER] = { TEE_TDX, "mrowner", P384_BYTES },
	[REFERENCE_TDX_MROWNERCONFIG] = { TEE_TDX, "mrownerconfig", P384_BYTES },
	[REFERENCE_TDX_MRSEAM] = { TEE_TDX, "mrseam", P384_BYTES },
	[REFERENCE_TDX_MRSIGNERSEAM] = { TEE_TDX, "mrsignerseam", P384_BYTES },
	/* PCRs are members of "pcrs", named by their numbers */
};

/*
 * Small letters and digits of what others call them: Trustee's claims and default policy
 * (snp_launch_measurement, mr_td, rtmr_1), go-sev-guest and veraison (host_data), the CoRIM of
 * IGVM's tools (MEASUREMENT, MRTD), tdx-measure and dstack-mr (mrtd, rtmr0).
 */
static const struct {
	const char *plain;
	enum tee tee; /* TEE_NONE: whichever; else what was said of the file must not contradict */
	enum reference_key key;
} names[] = {
	{ "snplaunchmeasurement", TEE_NONE, REFERENCE_SNP_MEASUREMENT },
	{ "snpmeasurement", TEE_NONE, REFERENCE_SNP_MEASUREMENT },
	{ "launchmeasurement", TEE_SNP, REFERENCE_SNP_MEASUREMENT },
	{ "launchdigest", TEE_SNP, REFERENCE_SNP_MEASUREMENT },
	{ "measurement", TEE_SNP, REFERENCE_SNP_MEASUREMENT },
	{ "hostdata", TEE_NONE, REFERENCE_SNP_HOST_DATA },
	{ "idkeydigest", TEE_NONE, REFERENCE_SNP_ID_KEY },
	{ "authorkeydigest", TEE_NONE, REFERENCE_SNP_AUTHOR_KEY },
	{ "familyid", TEE_NONE, REFERENCE_SNP_FAMILY_ID },
	{ "imageid", TEE_NONE, REFERENCE_SNP_IMAGE_ID },
	{ "mrtd", TEE_NONE, REFERENCE_TDX_MRTD },
	{ "mrconfigid", TEE_NONE, REFERENCE_TDX_MRCONFIGID },
	{ "mrowner", TEE_NONE, REFERENCE_TDX_MROWNER },
	{ "mrownerconfig", TEE_NONE, REFERENCE_TDX_MROWNERCONFIG },
	{ "mrseam", TEE_NONE, REFERENCE_TDX_MRSEAM },
	{ "mrsignerseam", TEE_NONE, REFERENCE_TDX_MRSIGNERSEAM },
};

enum tee reference_tee(enum reference_key key)
{
	return key >= REFERENCE_NITRO_PCR0 ? TEE_NITRO : keys[key].tee;
}

size_t reference_width(enum reference_key key)
{
	return key >= REFERENCE_NITRO_PCR0 ? P384_BYTES : keys[key].bytes;
}

/* "word" and a number below count, nothing behind it. */
static bool is_numbered(const char *plain, const char *word, unsigned int count, unsigned int *out)
{
	size_t n = strlen(word);
	char *end;

	if (strncmp(plain, word, n) || !isdigit((unsigned char)plain[n]))
		return false;
	*out = strtoul(plain + n, &end, 10);
	return !*end && *out < count;
}

bool reference_named(struct bytes name, enum tee tee, enum reference_key *out)
{
	char plain[PLAIN_NAME_MAX];
	unsigned int number;
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++)
		if (isalnum(name.p[i]) && n < sizeof(plain))
			plain[n++] = tolower(name.p[i]);
	if (n == sizeof(plain))
		return false;
	plain[n] = 0;
	if (is_numbered(plain, "rtmr", RTMRS, &number)) {
		*out = REFERENCE_TDX_RTMR0 + number;
		return true;
	}
	if (is_numbered(plain, "pcr", PCRS, &number)) {
		*out = REFERENCE_NITRO_PCR0 + number;
		return true;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(plain, names[i].plain) && (!names[i].tee || names[i].tee == tee)) {
			*out = names[i].key;
			return true;
		}
	return false;
}

int reference_add(struct reference_set *s, enum reference_key key, struct bytes value)
{
	if (value.n != reference_width(key))
		return -EBADMSG;
	for (size_t i = 0; i < s->count; i++)
		if (s->values[i].key == key && !memcmp(s->values[i].value, value.p, value.n))
			return 0;
	if (s->count == REFERENCE_VALUES_MAX)
		return -ENOSPC;
	s->values[s->count].key = key;
	memcpy(s->values[s->count++].value, value.p, value.n);
	return 0;
}

void reference_leave(struct reference_set *s, const char *where, struct bytes name)
{
	char text[REFERENCE_NAME_MAX];
	size_t n = snprintf(text, sizeof(text), "%s", where);

	for (size_t i = 0; i < name.n && n + 1 < sizeof(text); i++)
		text[n++] = name.p[i] > ' ' && name.p[i] <= '~' ? name.p[i] : '?';
	text[n < sizeof(text) ? n : sizeof(text) - 1] = 0;
	for (size_t i = 0; i < s->left_count && i < REFERENCE_LEFT_MAX; i++)
		if (!strcmp(s->left[i], text))
			return;
	if (s->left_count < REFERENCE_LEFT_MAX)
		strcpy(s->left[s->left_count], text); /* as large */
	s->left_count++;
}

static int nibble(uint8_t c)
{
	if (isdigit(c))
		return c - '0';
	c = tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(struct bytes text, uint8_t *out)
{
	for (size_t i = 0; i < text.n; i += 2) {
		int high = nibble(text.p[i]), low = nibble(text.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int reference_add_text(struct reference_set *s, enum reference_key key, struct bytes text)
{
	struct pem_block base64 = { .body = text };
	size_t width = reference_width(key);
	uint8_t value[REFERENCE_VALUE_MAX];
	bool ok;

	if (text.n == 2 * width + 2 && !memcmp(text.p, "0x", 2)) {
		text.p += 2;
		text.n -= 2;
	}
	if (text.n == 2 * width)
		ok = from_hex(text, value);
	else
		ok = text.n == (width + 2) / 3 * 4 &&
		     pem_decode(&base64, value, sizeof(value)) == width;
	return ok ? reference_add(s, key, bytes_of(value, width)) : -EBADMSG;
}

/* What a tool prints that knows of nothing but one measurement. */
static int read_digest(struct bytes in, const struct reference_options *o,
		       struct reference_set *out, char why[REFERENCE_WHY_MAX])
{
	enum reference_key key = o->tee == TEE_SNP ? REFERENCE_SNP_MEASUREMENT : REFERENCE_TDX_MRTD;

	while (in.n && isspace(in.p[in.n - 1]))
		in.n--;
	if ((o->tee == TEE_SNP || o->tee == TEE_TDX) && !reference_add_text(out, key, in)) {
		out->kind = "one measurement";
		out->sets = 1;
		return 0;
	}
	snprintf(
		why, REFERENCE_WHY_MAX,
		"neither CoRIM nor JSON, nor, with --tee snp or tdx, one measurement of 96 digits");
	return -EBADMSG;
}

int reference_read(struct bytes in, const struct reference_options *o, struct reference_set *out,
		   char why[REFERENCE_WHY_MAX])
{
	struct bytes at = in;
	int err;

	memset(out, 0, sizeof(*out));
	while (at.n && isspace(at.p[0])) {
		at.p++;
		at.n--;
	}
	/* COSE_Sign1 begins with 0x84 or 0xd2, a tagged CoRIM with 0xd9. */
	if (in.n && in.p[0] & 0x80)
		return reference_read_corim(in, o, out, why);
	if (o->key) {
		snprintf(why, REFERENCE_WHY_MAX, "is no CoRIM, so nobody can have signed it");
		return -EPERM;
	}
	if (at.n && (at.p[0] == '{' || at.p[0] == '['))
		err = reference_read_json(at, o, out, why);
	else
		err = read_digest(at, o, out, why);
	return err;
}

/* --- as a policy */

/* The list for a key, made when it is the first; NULL without memory. */
static json_t *list_of(json_t *policy, enum reference_key key)
{
	json_t *section = json_object_get(policy, tee_str(reference_tee(key)));
	char number[12];
	const char *name = keys[key].name;
	json_t *list;

	if (key >= REFERENCE_NITRO_PCR0) {
		section = json_object_get(section, "pcrs");
		snprintf(number, sizeof(number), "%d", key - REFERENCE_NITRO_PCR0);
		name = number;
	}
	list = json_object_get(section, name);
	if (!list && !json_object_set_new(section, name, json_array()))
		list = json_object_get(section, name);
	return list;
}

static bool begin_section(json_t *policy, enum tee tee)
{
	json_t *section;

	if (json_object_get(policy, tee_str(tee)))
		return true;
	section = tee == TEE_NITRO ? json_pack("{s:{}}", "pcrs") : json_object();
	return !json_array_append_new(json_object_get(policy, "tee"), json_string(tee_str(tee))) &&
	       !json_object_set_new(policy, tee_str(tee), section);
}

json_t *reference_policy(const struct reference_set *s)
{
	json_t *policy = json_pack("{s:[]}", "tee");
	char hex[2 * REFERENCE_VALUE_MAX + 1];
	bool ok = policy;

	for (enum reference_key key = 0; ok && key < REFERENCE_KEYS; key++)
		for (size_t i = 0; ok && i < s->count; i++) {
			const struct reference *r = &s->values[i];

			if (r->key != key)
				continue;
			for (size_t at = 0; at < reference_width(key); at++)
				sprintf(hex + 2 * at, "%02x", r->value[at]);
			ok = begin_section(policy, reference_tee(key)) &&
			     !json_array_append_new(list_of(policy, key), json_string(hex));
		}
	if (ok)
		return policy;
	json_decref(policy);
	return NULL;
}

static void print_node(const json_t *node, unsigned int depth, FILE *to)
{
	const json_t *one;
	const char *key;
	size_t i;

	json_array_foreach(node, i, one)
		fprintf(to, "%*s- \"%s\"\n", 2 * depth, "", json_string_value(one));
	json_object_foreach((json_t *)node, key, one)
	{
		fprintf(to, "%*s%s:\n", 2 * depth, "", key);
		print_node(one, depth + 1, to);
	}
}

void reference_print_yaml(const json_t *policy, FILE *to)
{
	print_node(policy, 0, to);
}
