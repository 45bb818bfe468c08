// SPDX-License-Identifier: BSD-2-Clause
#include "cli/verify.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/outcome.h"
#include "verifier/appraise.h"
#include "verifier/inputs.h"
#include "verifier/objections.h"
#include "verifier/refuse.h"

static const char program[] = "fairlead verify";

static const char usage[] =
	"usage: fairlead verify --tee KIND --evidence FILE [--certs FILE]... [--collateral DIR]\n"
	"           [--at RFC3339] [--report-data HEX] [--policy FILE]\n"
	"           [--trust-root sha256:HEX]... [-j]\n";

/* What the command line asked for. */
struct request {
	bool json, has_tee, has_report_data;
	enum tee tee;
	const char *evidence;
	struct inputs_named files;
	int64_t at;
	uint8_t report_data[REPORT_DATA_BYTES];
};

/* What was read for it. */
struct material {
	struct blob evidence;
	struct inputs beside;
};

static bool complain(const char *what, const char *which, const char *why)
{
	fprintf(stderr, "%s: %s %s: %s\n", program, what, which, why);
	return false;
}

static bool parse_hex(const char *text, uint8_t *out, size_t n)
{
	if (strlen(text) != 2 * n || strspn(text, "0123456789abcdefABCDEF") != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++)
		sscanf(text + 2 * i, "%2hhx", &out[i]);
	return true;
}

/* "Z", "+hh:mm" or "-hh:mm", and nothing behind it; seconds east of UTC. */
static bool parse_zone(const char *s, int *out)
{
	int hours, minutes, n = 0;

	*out = 0;
	if (!strcmp(s, "Z") || !strcmp(s, "z"))
		return true;
	if ((*s != '+' && *s != '-') || strspn(s + 1, "0123456789:") != 5 ||
	    sscanf(s + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || n != 5 || s[6] || hours > 23 ||
	    minutes > 59)
		return false;
	*out = (*s == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

/* RFC 3339; fractions of a second are dropped. */
static bool parse_time(const char *s, int64_t *out)
{
	char text[TIME_CHARS + 1] = "";
	int64_t t;
	int zone;

	snprintf(text, sizeof(text), "%s", s);
	if (text[10] == 't') /* RFC 3339 takes both */
		text[10] = 'T';
	if (!time_read(text, &t))
		return false;
	s += TIME_CHARS;
	if (*s == '.' && strspn(s + 1, "0123456789"))
		s += 1 + strspn(s + 1, "0123456789");
	if (!parse_zone(s, &zone))
		return false;
	*out = t - zone;
	return true;
}

static bool set_tee(struct request *r, const char *value)
{
	r->has_tee = tee_parse(value, &r->tee) && appraise_knows(r->tee);
	return r->has_tee || complain("--tee", value, "there is no verifier for that kind");
}

static bool complain_if(const char *why, const char *what, const char *value)
{
	return !why || complain(what, value, why);
}

static bool set_report_data(struct request *r, const char *value)
{
	r->has_report_data = parse_hex(value, r->report_data, REPORT_DATA_BYTES);
	return r->has_report_data ||
	       complain("--report-data", value, "want 128 hexadecimal digits");
}

static bool set_time(struct request *r, const char *value)
{
	return parse_time(value, &r->at) ||
	       complain("--at", value, "want a time such as 2026-06-01T00:00:00Z");
}

static const struct option options[] = {
	{ "tee", required_argument, NULL, 't' },    { "evidence", required_argument, NULL, 'e' },
	{ "certs", required_argument, NULL, 'c' },  { "collateral", required_argument, NULL, 'd' },
	{ "at", required_argument, NULL, 'a' },	    { "report-data", required_argument, NULL, 'r' },
	{ "policy", required_argument, NULL, 'p' }, { "trust-root", required_argument, NULL, 'R' },
	{ "json", no_argument, NULL, 'j' },	    { 0 },
};

static bool set(struct request *r, int option, const char *value)
{
	switch (option) {
	case 't':
		return set_tee(r, value);
	case 'e':
		r->evidence = value;
		return true;
	case 'c':
		return complain_if(inputs_add_cert(&r->files, value), "--certs", value);
	case 'd':
		r->files.collateral = value;
		return true;
	case 'a':
		return set_time(r, value);
	case 'r':
		return set_report_data(r, value);
	case 'p':
		r->files.policy = value;
		return true;
	case 'R':
		return complain_if(inputs_add_root(&r->files, value), "--trust-root", value);
	case 'j':
		r->json = true;
		return true;
	default:
		fputs(usage, stderr); /* getopt has named the option */
		return false;
	}
}

static bool read_options(struct request *r, int argc, char **argv)
{
	int option;

	*r = (struct request){ .at = time(NULL) };
	optind = 0; /* the caller may have used getopt before */
	while ((option = getopt_long(argc, argv, "j", options, NULL)) != -1)
		if (!set(r, option, optarg))
			return false;
	if (optind < argc)
		return complain("argument", argv[optind], "not expected");
	if (r->has_tee && r->evidence)
		return true;
	fputs(usage, stderr);
	return complain("option", r->has_tee ? "--evidence" : "--tee", "is missing");
}

static bool read_material(const struct request *r, struct material *m)
{
	return inputs_file(program, r->evidence, &m->evidence) &&
	       inputs_read(program, &r->files, &m->beside);
}

static void free_material(struct material *m)
{
	free(m->evidence.p);
	inputs_free(&m->beside);
}

static enum reason run(const struct request *r, const struct material *m, struct objections *all,
		       struct claims *c)
{
	const struct inputs *in = &m->beside;
	struct evidence e = { .tee = r->tee, .at = r->at };
	enum reason reason;

	e.report = bytes_of(m->evidence.p, m->evidence.n);
	for (size_t i = 0; i < COLLATERAL_COUNT; i++)
		e.collateral[i] = bytes_of(in->collateral[i].p, in->collateral[i].n);
	e.certs_count = r->files.certs_count;
	for (size_t i = 0; i < r->files.certs_count; i++)
		e.certs[i] = bytes_of(in->certs[i].p, in->certs[i].n);
	if (r->has_report_data)
		e.report_data = r->report_data;
	memset(c, 0, sizeof(*c));
	reason = evidence_unwrap(&e, c);
	if (!reason && all)
		return appraise_all(in->policy, &e, all, c);
	if (!reason)
		return appraise(in->policy, &e, c);
	c->tee = r->tee;
	c->json = json_object();
	return reason;
}

static bool print_json(enum reason reason, const struct claims *c)
{
	json_t *all = appraisal_json(reason, c);
	bool ok = all && json_dumpf(all, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;

	json_decref(all);
	return ok;
}

static void print_claim(const struct claims *c, const char *label, const char *key)
{
	const json_t *v = json_object_get(c->json, key);

	if (json_is_string(v))
		printf("%-13s%s\n", label, json_string_value(v));
	else if (json_is_integer(v))
		printf("%-13s%lld\n", label, (long long)json_integer_value(v));
}

static void print_classes(const struct claims *c)
{
	printf("%-13s", "good for");
	for (enum class i = 0; i < CLASS_COUNT; i++)
		if (c->class_mask >> i & 1)
			printf("%s ", class_str(i));
	printf("\n");
}

/* Who vouches for it: a vendor by name, or a lab. */
static void print_root(const struct claims *c)
{
	json_t *root = trust_root_json(c);
	const char *vendor = json_string_value(json_object_get(root, "vendor"));

	printf("%-13ssha256:%s (%s)\n", "trust root", c->root, vendor ? vendor : "lab");
	json_decref(root);
}

static bool print_text(enum reason reason, const struct claims *c)
{
	static const char *const verdicts[] = {
		[VERDICT_ACCEPTED] = "accepted",
		[VERDICT_REFUSED] = "refused",
		[VERDICT_ERROR] = "not judged: our own failure",
		[VERDICT_UNDETERMINED] = "could not tell",
	};

	printf("%-13s%s%s\n", "verdict", verdicts[reason_verdict(reason)],
	       c->root[0] && c->lab_root ? " (LAB ROOT: no vendor vouches for it)" : "");
	printf("%-13s%s\n", "reason", reason_str(reason));
	if (c->detail[0])
		printf("%-13s%s\n", "detail", c->detail);
	if (reason == REASON_OK)
		print_classes(c);
	else if (json_object_size(c->json))
		printf("what the evidence says, unproven:\n");
	if (c->root[0])
		print_root(c);
	print_claim(c, "product", "product");
	print_claim(c, "module", "module_id");
	print_claim(c, "key", "key");
	if (c->tcb[0])
		printf("%-13s%s\n", "tcb", c->tcb);
	print_claim(c, "firmware", "current_version");
	print_claim(c, "measurement", "measurement");
	print_claim(c, "report data", "report_data");
	print_claim(c, "host data", "host_data");
	print_claim(c, "guest svn", "guest_svn");
	print_claim(c, "policy", "policy");
	print_claim(c, "platform", "platform_info");
	print_claim(c, "vmpl", "vmpl");
	print_claim(c, "chip", "chip_id");
	print_claim(c, "mrtd", "mrtd");
	print_claim(c, "rtmr0", "rtmr0");
	print_claim(c, "rtmr1", "rtmr1");
	print_claim(c, "rtmr2", "rtmr2");
	print_claim(c, "rtmr3", "rtmr3");
	print_claim(c, "mrconfigid", "mrconfigid");
	print_claim(c, "attributes", "td_attributes");
	print_claim(c, "xfam", "xfam");
	if (c->not_after)
		printf("%-13s%s\n", "expires", time_text(c->not_after).text);
	return fflush(stdout) == 0;
}

int cmd_verify(int argc, char **argv)
{
	struct material m = { 0 };
	int status = VERDICT_ERROR;
	enum reason reason;
	struct request r;
	struct claims c;
	bool printed;

	if (!read_options(&r, argc, argv) || !read_material(&r, &m))
		goto out;
	reason = run(&r, &m, NULL, &c);
	printed = r.json ? print_json(reason, &c) : print_text(reason, &c);
	claims_free(&c);
	if (!printed) {
		complain("writing", "the verdict", "failed");
		goto out;
	}
	status = reason_verdict(reason);
out:
	free_material(&m);
	return status;
}

static bool print_objections_json(const struct policy *p, enum reason reason,
				  const struct objections *all)
{
	json_t *list = json_array(), *o;
	bool ok;

	for (size_t i = 0; i < all->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "reason",
						      reason_str(all->list[i].reason), "detail",
						      all->list[i].detail));
	o = json_pack("{s:b, s:s, s:s, s:o}", "accepted", reason == REASON_OK, "policy",
		      policy_name(p), "digest", policy_digest(p), "refused_for", list);
	ok = o && json_dumpf(o, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;
	json_decref(o);
	return ok;
}

static bool print_objections(const struct policy *p, enum reason reason,
			     const struct objections *all)
{
	if (reason == REASON_OK)
		printf("policy \"%s\" has nothing against it\n", policy_name(p));
	for (size_t i = 0; i < all->count; i++)
		printf("%-28s%s\n", reason_str(all->list[i].reason), all->list[i].detail);
	return fflush(stdout) == 0;
}

int cmd_explain(int argc, char **argv)
{
	struct objections all = { 0 };
	struct material m = { 0 };
	int status = VERDICT_ERROR;
	enum reason reason;
	struct request r;
	struct claims c;
	bool printed;

	if (!read_options(&r, argc, argv) || !read_material(&r, &m))
		goto out;
	reason = run(&r, &m, &all, &c);
	if (reason && !all.count) { /* it could not even be unwrapped */
		all.list[0].reason = reason;
		memcpy(all.list[all.count++].detail, c.detail, sizeof(c.detail));
	}
	printed = r.json ? print_objections_json(m.beside.policy, reason, &all)
			 : print_objections(m.beside.policy, reason, &all);
	claims_free(&c);
	if (printed)
		status = reason_verdict(reason);
	else
		complain("writing", "the reasons", "failed");
out:
	free_material(&m);
	return status;
}
