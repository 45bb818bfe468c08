// SPDX-License-Identifier: BSD-2-Clause
#include "cli/policy_import.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/collateral.h"
#include "verifier/policy.h"
#include "verifier/reference.h"

static const char usage[] =
	"usage: fairlead policy import FILE [--tee KIND] [--key FILE] [--partial]\n"
	"\n"
	"  FILE       CoRIM, or JSON of Trustee, nitro-cli or a measuring tool\n"
	"  --tee      snp, tdx or nitro: what values are for that do not say it\n"
	"  --key      whose signature a CoRIM must bear: PEM, public key or certificate\n"
	"  --partial  also when something is demanded that a policy cannot say\n";

enum { KEY_FILE_MAX = 65536 };

static const struct option long_options[] = {
	{ "tee", required_argument, NULL, 't' },
	{ "key", required_argument, NULL, 'k' },
	{ "partial", no_argument, NULL, 'p' },
	{ 0 },
};

struct request {
	const char *file, *key_file;
	struct reference_options options;
	bool partial;
};

static bool read_key(struct request *q)
{
	size_t n;
	uint8_t *pem = collateral_slurp(q->key_file, KEY_FILE_MAX, &n);

	if (!pem)
		return false;
	q->options.key = key_of_pem(bytes_of(pem, n));
	free(pem);
	if (!q->options.key)
		cli_error("policy import: %s: no public key and no certificate in PEM",
			  q->key_file);
	return q->options.key;
}

static bool read_request(struct request *q, int argc, char **argv)
{
	int option;

	*q = (struct request){ .options = { .now = time(NULL) } };
	optind = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (option) {
		case 't':
			if (!tee_parse(optarg, &q->options.tee) || q->options.tee == TEE_NONE) {
				cli_error("policy import: --tee %s: want snp, tdx or nitro",
					  optarg);
				return false;
			}
			break;
		case 'k':
			q->key_file = optarg;
			break;
		case 'p':
			q->partial = true;
			break;
		default:
			fputs(usage, stderr);
			return false;
		}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return false;
	}
	q->file = argv[optind];
	return !q->key_file || read_key(q);
}

/* The policy's text, in YAML, to be freed; NULL after saying why. */
static char *text_of(const json_t *policy)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f) {
		cli_error("out of memory");
		return NULL;
	}
	reference_print_yaml(policy, f);
	if (!fclose(f))
		return text;
	free(text);
	cli_error("out of memory");
	return NULL;
}

/* What is printed is read as any policy is, with all that is wrong with such values. */
static bool is_policy(const char *text)
{
	struct conf *y = conf_parse("imported", text, strlen(text));
	const yaml_node_t *root = y ? conf_root(y) : NULL;
	struct policy *p = root ? policy_read(y, root) : NULL;
	bool ok = p && !conf_error_count(y);

	if (y && !ok)
		conf_print_errors(y, stderr);
	policy_free(p);
	conf_free(y);
	return ok;
}

static void say_left(const struct reference_set *s, const char *how)
{
	for (size_t i = 0; i < s->left_count && i < REFERENCE_LEFT_MAX; i++)
		cli_error("%s: %s", how, s->left[i]);
	if (s->left_count > REFERENCE_LEFT_MAX)
		cli_error("%s: %zu more", how, s->left_count - REFERENCE_LEFT_MAX);
}

/* Of one kind, more than one list that has more than one value. */
static bool mixes(const struct reference_set *s)
{
	size_t values[REFERENCE_KEYS] = { 0 }, choices[TEE_COUNT] = { 0 };
	bool any = false;

	for (size_t i = 0; i < s->count; i++)
		if (++values[s->values[i].key] == 2)
			any |= ++choices[reference_tee(s->values[i].key)] == 2;
	return any;
}

static int print(const struct cli_options *o, const struct request *q,
		 const struct reference_set *s, const json_t *policy, const char *text)
{
	if (o->json) {
		json_dumpf(policy, stdout, JSON_INDENT(2));
		putchar('\n');
		return fflush(stdout) ? CLI_ERROR : CLI_DONE;
	}
	printf("# Reference values of ");
	for (const char *c = q->file; *c; c++)
		putchar((unsigned char)*c < ' ' ? '?' : *c); /* no name ends the comment */
	printf(" (%s%s), as a policy.\n", s->kind,
	       s->is_signed		   ? ", its signature verified"
	       : !strcmp(s->kind, "CoRIM") ? ", not signed"
					   : "");
	for (size_t i = 0; i < s->left_count && i < REFERENCE_LEFT_MAX; i++)
		printf("# Demanded there, and not here: %s\n", s->left[i]);
	if (mixes(s))
		printf("# Any value of one list goes with any of another.\n");
	fputs(text, stdout);
	return fflush(stdout) ? CLI_ERROR : CLI_DONE;
}

static int show(const struct cli_options *o, const struct request *q, const struct reference_set *s)
{
	json_t *policy = reference_policy(s);
	char *text = policy ? text_of(policy) : NULL;
	int status = CLI_ERROR;

	if (!policy)
		cli_error("out of memory");
	if (text)
		status = is_policy(text) ? print(o, q, s, policy, text) : CLI_REFUSED;
	free(text);
	json_decref(policy);
	return status;
}

static int judge(const struct cli_options *o, const struct request *q,
		 const struct reference_set *s)
{
	if (s->left_count && !q->partial) {
		say_left(s, "policy import: demanded there, and nothing a policy can say");
		cli_error("policy import: %s: a policy without that is laxer: --partial takes the "
			  "rest",
			  q->file);
		return CLI_REFUSED;
	}
	if (s->count)
		return show(o, q, s);
	cli_error("policy import: %s: no reference value for snp, tdx or nitro", q->file);
	return CLI_REFUSED;
}

static int import(const struct cli_options *o, const struct request *q, struct reference_set *s)
{
	char why[REFERENCE_WHY_MAX] = "";
	size_t n;
	uint8_t *p = collateral_slurp(q->file, REFERENCE_FILE_MAX, &n);
	int status = CLI_ERROR;

	if (p && reference_read(bytes_of(p, n), &q->options, s, why)) {
		cli_error("policy import: %s: %s", q->file, why);
		status = CLI_REFUSED;
	} else if (p) {
		status = judge(o, q, s);
	}
	free(p);
	return status;
}

int policy_import(const struct cli_options *o, int argc, char **argv)
{
	struct reference_set *s = malloc(sizeof(*s));
	struct request q;
	int status = CLI_ERROR;

	if (!s)
		cli_error("out of memory");
	else if (read_request(&q, argc, argv)) {
		status = import(o, &q, s);
		key_free(q.options.key);
	}
	free(s);
	return status;
}
