// SPDX-License-Identifier: BSD-2-Clause
#include "client/show.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/outcome.h"
#include "channel/b64url.h"
#include "channel/json.h"
#include "verifier/refuse.h"

enum {
	CLAIMS_DEPTH_MAX = 8, /* of our own verifier's claims */
};

static bool copy(struct bytes from, struct blob *to)
{
	to->p = malloc(from.n + 1);
	if (!to->p)
		return false;
	memcpy(to->p, from.p, from.n);
	to->n = from.n;
	return true;
}

void sample_take(const struct client *c, const struct exchange_answer *answer, struct sample *out)
{
	const struct wire_evidence *e = &answer->evidence;
	bool ok;

	if (c->save_fd < 0)
		return;
	sample_free(out);
	out->binding = answer->binding;
	ok = copy(e->report, &out->report) && copy(e->claims, &out->claims);
	for (uint32_t i = 0; ok && i < e->certs_count; i++) {
		ok = copy(e->certs[i], &out->certs[i]);
		out->certs_count += ok;
	}
	if (ok)
		return;
	log_warnx("no memory to save the evidence");
	sample_free(out); /* half of it would be taken for the whole */
}

void sample_free(struct sample *s)
{
	free(s->report.p);
	free(s->claims.p);
	for (uint32_t i = 0; i < s->certs_count; i++)
		free(s->certs[i].p);
	memset(s, 0, sizeof(*s));
}

static json_t *class_list(uint32_t mask)
{
	json_t *list = json_array();

	for (enum class i = 0; i < CLASS_COUNT; i++)
		if (mask >> i & 1)
			json_array_append_new(list, json_string(class_str(i)));
	return list;
}

static json_t *own_claims(const struct msg_verdict *v)
{
	char why[WHY_MAX];
	json_t *j = json_object_of(v->claims, CLAIMS_DEPTH_MAX, why);

	return j ? j : json_object();
}

/* What the guest's software says of itself; evidence covers it. */
static json_t *guest_claims(const struct wire_claims *c)
{
	char text[2 * WIRE_KEY_BYTES + 1];
	json_t *keys = json_array();

	for (size_t i = 0; i < c->service_keys_count; i++) {
		wire_key_text(c->service_keys[i], text);
		json_array_append_new(keys, json_string(text));
	}
	wire_key_text(c->destinations, text);
	return json_pack("{s:s,s:s,s:s,s:I,s:o,s:s?}", "node", c->node, "agent_version",
			 c->agent_version, "boot_id", c->boot_id, "counter", (json_int_t)c->counter,
			 "svc_spki_sha256", keys, "destinations_digest",
			 c->has_destinations ? text : NULL);
}

static json_t *verdict_json(const struct client *c, const struct endpoint *e,
			    const struct wire_claims *claims, const struct msg_verdict *v)
{
	char digest[2 * DIGEST_BYTES + 1], address[ENDPOINT_TEXT_MAX];

	return json_pack(
		"{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:o}", "endpoint",
		endpoint_text(&e->addr, e->port, address), "time", time_text(time(NULL)).text,
		"accepted", v->reason == REASON_OK, "reason", reason_str(v->reason), "detail",
		v->detail, "policy_digest", policy_digest(c->inputs.policy), "digest",
		hex(v->digest, DIGEST_BYTES, digest), "lab_root", v->lab_root, "classes",
		class_list(v->class_mask), "claims", own_claims(v), "guest", guest_claims(claims));
}

static void print_members(const json_t *j)
{
	const json_t *v;
	const char *key;

	json_object_foreach((json_t *)j, key, v)
	{
		if (json_is_string(v))
			fprintf(stderr, "%-26s%s\n", key, json_string_value(v));
		else if (json_is_integer(v))
			fprintf(stderr, "%-26s%lld\n", key, (long long)json_integer_value(v));
	}
}

static void print_list(const char *label, const json_t *list)
{
	size_t i;
	json_t *v;

	if (!json_array_size(list))
		return;
	fprintf(stderr, "%-26s", label);
	json_array_foreach(list, i, v) fprintf(stderr, "%s ", json_string_value(v));
	fputc('\n', stderr);
}

static void print_text(const struct endpoint *e, const json_t *j, const struct msg_verdict *v)
{
	static const char *const verdicts[] = {
		[VERDICT_ACCEPTED] = "accepted",
		[VERDICT_REFUSED] = "refused",
		[VERDICT_ERROR] = "not judged: our own failure",
		[VERDICT_UNDETERMINED] = "could not tell",
	};

	fprintf(stderr, "%-26s%s\n", "endpoint", e->name);
	fprintf(stderr, "%-26s%s%s\n", "verdict", verdicts[reason_verdict(v->reason)],
		v->lab_root ? " (LAB ROOT: no vendor vouches for it)" : "");
	fprintf(stderr, "%-26s%s\n", "reason", reason_str(v->reason));
	if (v->detail[0])
		fprintf(stderr, "%-26s%s\n", "detail", v->detail);
	print_list("good for", json_object_get(j, "classes"));
	if (v->reason)
		fputs("what the evidence says, unproven:\n", stderr);
	print_members(json_object_get(j, "claims"));
	print_members(json_object_get(j, "guest"));
	print_list("service keys", json_object_get(json_object_get(j, "guest"), "svc_spki_sha256"));
}

static json_t *base64(const struct blob *b)
{
	size_t size = b64url_length(b->n) + 1;
	char *text = malloc(size);
	json_t *j = text && b64url_encode(bytes_of(b->p, b->n), text, size) ? json_string(text)
									    : json_null();

	free(text);
	return j;
}

static json_t *sample_json(const struct sample *s)
{
	char hexed[2 * REPORT_DATA_BYTES + 1];
	uint8_t report_data[REPORT_DATA_BYTES];
	json_t *certs = json_array();

	for (uint32_t i = 0; i < s->certs_count; i++)
		json_array_append_new(certs, base64(&s->certs[i]));
	binding_report_data(&s->binding, report_data);
	return json_pack("{s:s,s:s,s:o,s:o,s:o}", "tee", tee_str(s->binding.tee), "report_data",
			 hex(report_data, sizeof(report_data), hexed), "report", base64(&s->report),
			 "certs", certs, "claims", base64(&s->claims));
}

/* One line, in one write: several may keep their evidence in one file. */
static void save(const struct client *c, json_t *verdict, const struct sample *s)
{
	json_t *j = json_pack("{s:O,s:o}", "verdict", verdict, "evidence", sample_json(s));
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	size_t n = text ? strlen(text) : 0;

	if (n) {
		text[n] = '\n'; /* where the NUL was */
		if (write(c->save_fd, text, n + 1) != (ssize_t)n + 1)
			log_warn("%s", c->options->save);
	}
	free(text);
	json_decref(j);
}

void sample_tell(const struct client *c, const struct endpoint *e, const struct sample *s,
		 const struct wire_claims *claims, const struct msg_verdict *v)
{
	const struct options *o = c->options;
	json_t *j = o->show || c->save_fd >= 0 ? verdict_json(c, e, claims, v) : NULL;
	char *text;

	if (j && o->show && o->json) {
		text = json_dumps(j, JSON_COMPACT);
		fprintf(stderr, "%s\n", text ? text : "");
		free(text);
	} else if (j && o->show) {
		print_text(e, j, v);
	}
	if (j && c->save_fd >= 0 && s->report.p)
		save(c, j, s);
	json_decref(j);
}
