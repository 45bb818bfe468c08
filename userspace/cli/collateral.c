// SPDX-License-Identifier: BSD-2-Clause
#include "cli/collateral.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/pinned.h"
#include "cli/render.h"
#include "daemon/config.h"
#include "verifier/policy.h"
#include "verifier/refuse.h"
#include "verifier/wants.h"

enum {
	SOON_S = 7 * 86400,
	WAIT_S = 120,
	EVIDENCE_FILE_MAX = 1 << 20,
};

static const char help[] =
	"usage: fairlead collateral [show] [NAME]...      what is kept, and how long it holds\n"
	"       fairlead collateral fetch [NAME]...       from the vendors; without a name all anew\n"
	"       fairlead collateral fetch --tee KIND --evidence FILE    what that needs\n"
	"       fairlead collateral export FILE [NAME]... as one file, for import elsewhere\n"
	"       fairlead collateral export DIR/ [NAME]... as verify --collateral reads it\n"
	"       fairlead collateral import FILE|DIR\n"
	"       fairlead collateral drop NAME...\n"
	"\n"
	"  --directory DIR    where it is kept; else as --config says, or " COLLATERAL_DIRECTORY
	"\n"
	"  --kds URL, --pcs URL, --ca FILE    whom to ask, else as --config says\n"
	"  --wait SECONDS     for a vendor that wants patience, by default 120\n"
	"\n"
	"Names: amd/Milan/vcek-crl, …/vlek-crl, …/vcek-chain, …/vlek-chain,\n"
	"  amd/Milan/vcek/CHIP/BL-TEE-SNP-UCODE, intel/tcb-info/FMSPC, intel/qe-identity,\n"
	"  intel/pck-crl/platform, intel/pck-crl/processor, intel/root-crl\n";

static const char *const words[] = { "show", "fetch", "export", "import", "drop", "help", NULL };

static bool set_text(const char *what, const char *value, char *out, size_t size)
{
	if (strlen(value) < size) {
		strcpy(out, value);
		return true;
	}
	cli_error("collateral: %s: too long", what);
	return false;
}

static bool set_url(const char *what, const char *value, char *out)
{
	const char *fault = url_fault(value);

	if (!fault)
		return set_text(what, value, out, COLLATERAL_URL_MAX / 2);
	cli_error("collateral: %s \"%s\": %s", what, value, fault);
	return false;
}

static bool set_tee(struct collateral_request *r, const char *value)
{
	r->has_tee = tee_parse(value, &r->tee);
	if (!r->has_tee)
		cli_error("collateral: --tee %s: no such kind", value);
	return r->has_tee;
}

static bool set_wait(struct collateral_request *r, const char *value)
{
	char *end;
	unsigned long v = strtoul(value, &end, 10);

	if (*end || end == value || v > 86400 || value[0] == '-') {
		cli_error("collateral: --wait %s: want 0 to 86400 seconds", value);
		return false;
	}
	r->wait_s = v;
	return true;
}

static const struct option long_options[] = {
	{ "directory", required_argument, NULL, 'd' }, { "kds", required_argument, NULL, 'k' },
	{ "pcs", required_argument, NULL, 'p' },       { "ca", required_argument, NULL, 'c' },
	{ "wait", required_argument, NULL, 'w' },      { "tee", required_argument, NULL, 't' },
	{ "evidence", required_argument, NULL, 'e' },  { 0 },
};

static bool set(struct collateral_request *r, int option, const char *value)
{
	struct collateral_config *c = &r->config;

	switch (option) {
	case 'd':
		return set_text("--directory", value, c->directory, sizeof(c->directory));
	case 'k':
		return set_url("--kds", value, c->kds);
	case 'p':
		return set_url("--pcs", value, c->pcs);
	case 'c':
		return set_text("--ca", value, c->ca, sizeof(c->ca));
	case 'w':
		return set_wait(r, value);
	case 't':
		return set_tee(r, value);
	case 'e':
		r->evidence = value;
		return true;
	default:
		fputs(help, stderr);
		return false;
	}
}

static bool add_names(struct collateral_request *r, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!want_parse(argv[i], &r->wants[r->wants_count])) {
			cli_error("collateral: \"%s\" is no name; the command \"help\" lists them",
				  argv[i]);
			return false;
		}
		r->wants_count++;
	}
	return true;
}

static bool takes_target(enum collateral_command c)
{
	return c == EXPORT || c == IMPORT;
}

/* What is wrong with the whole of it, or NULL. */
static const char *misfit(const struct collateral_request *r)
{
	if (!r->evidence != !r->has_tee)
		return "--tee and --evidence go together";
	if (r->evidence && r->command != FETCH)
		return "--evidence goes with fetch";
	if (takes_target(r->command) && !r->target)
		return "want a file or a directory";
	if (r->command == IMPORT && r->wants_count)
		return "import takes all that is there";
	if (r->command == DROP && !r->wants_count)
		return "want names";
	return NULL;
}

static bool read_command(struct collateral_request *r, int argc, char **argv)
{
	int first = 0, word = SHOW;

	if (argc) {
		word = cli_word(words, argv[0]);
		if (word < 0 && !strchr(argv[0], '/')) {
			cli_error("collateral: %s command \"%s\"",
				  word == -2 ? "ambiguous" : "unknown", argv[0]);
			fputs(help, stderr);
			return false;
		}
		first = word >= 0;
		word = word < 0 ? SHOW : word;
	}
	r->command = word;
	if (takes_target(r->command) && first < argc)
		r->target = argv[first++];
	return add_names(r, argc - first, argv + first);
}

static bool read_request(struct collateral_request *r, const struct cli_options *o, int argc,
			 char **argv)
{
	const char *fault;
	int option;

	r->options = o;
	r->wait_s = WAIT_S;
	if (o->config)
		r->config = o->config->collateral;
	else
		collateral_defaults(&r->config);
	r->wants = calloc(argc + EVIDENCE_WANTS_MAX, sizeof(*r->wants));
	if (!r->wants) {
		cli_error("out of memory");
		return false;
	}
	optind = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!set(r, option, optarg))
			return false;
	if (!read_command(r, argc - optind, argv + optind))
		return false;
	fault = misfit(r);
	if (fault)
		cli_error("collateral %s: %s", words[r->command], fault);
	return !fault;
}

/* --- show */

static const char *state_of(const struct piece *p, int64_t now)
{
	return now < p->issued		   ? "early"
	       : now > p->expires	   ? "expired"
	       : now > p->expires - SOON_S ? "soon"
					   : "good";
}

static json_t *piece_json(const struct stored_piece *s, int64_t now)
{
	const struct piece *p = &s->piece;
	char name[WANT_TEXT_MAX];

	return json_pack("{s:s s:s s:s s:I s:s s:s s:s s:I s:I}", "name", want_text(&p->want, name),
			 "kind", want_kind_str(p->want.kind), "state", state_of(p, now),
			 "seconds_left", (json_int_t)(p->expires - now), "issued",
			 time_text(p->issued).text, "expires", time_text(p->expires).text,
			 "fetched", time_text(s->fetched).text, "bytes", (json_int_t)p->body.n,
			 "chain_bytes", (json_int_t)p->chain.n);
}

static void left_cell(const json_t *v, char out[CELL_MAX])
{
	json_t *none = json_integer(0);

	render_seconds(json_integer_value(v) > 0 ? v : none, out);
	json_decref(none);
}

static int print_pieces(const struct collateral_request *r, json_t *list)
{
	static const struct render_column columns[] = {
		{ "STATE", "state", render_text, false, false },
		{ "LEFT", "seconds_left", left_cell, true, false },
		{ "EXPIRES", "expires", render_text, false, false },
		{ "FETCHED", "fetched", render_text, false, true },
		{ "BYTES", "bytes", render_bytes, true, true },
		{ "NAME", "name", render_text, false, false },
	};

	if (r->options->json)
		pinned_print(list);
	else
		render_table(list, columns, sizeof(columns) / sizeof(*columns), r->options->stats,
			     stdout);
	return fflush(stdout) ? CLI_ERROR : CLI_DONE;
}

bool collateral_is_meant(const struct collateral_request *r, const struct want *w)
{
	for (size_t i = 0; i < r->wants_count; i++)
		if (want_equal(&r->wants[i], w))
			return true;
	return !r->wants_count;
}

bool collateral_all_kept(const struct collateral_request *r, const struct store *s)
{
	char name[WANT_TEXT_MAX];
	bool ok = true;

	for (size_t i = 0; i < r->wants_count; i++)
		if (!store_find(s, &r->wants[i])) {
			cli_error("%s: not kept in %s", want_text(&r->wants[i], name),
				  r->config.directory);
			ok = false;
		}
	return ok;
}

static int show(const struct collateral_request *r, struct store *s)
{
	json_t *list = json_array();
	int64_t now = time(NULL);
	int status;

	for (size_t i = 0; i < store_count(s); i++)
		if (collateral_is_meant(r, &store_at(s, i)->piece.want))
			json_array_append_new(list, piece_json(store_at(s, i), now));
	status = print_pieces(r, list);
	json_decref(list);
	return collateral_all_kept(r, s) ? status : CLI_REFUSED;
}

/* --- fetch and drop */

/* What a piece of evidence would be judged by. */
static int wants_of_evidence(struct collateral_request *r)
{
	struct evidence e = { .tee = r->tee, .at = time(NULL) };
	struct policy *policy = policy_default();
	struct claims c = { 0 };
	enum reason reason;
	size_t n;
	uint8_t *p = collateral_slurp(r->evidence, EVIDENCE_FILE_MAX, &n);

	if (p && policy) {
		e.report = bytes_of(p, n);
		reason = evidence_unwrap(&e, &c);
		if (!reason)
			reason = appraise(policy, &e, &c);
		r->wants_count = evidence_wants(policy, &e, reason, &c, r->wants);
		if (!r->wants_count)
			cli_error("%s: says of no collateral that it needs it: %s: %s", r->evidence,
				  reason_str(reason), c.detail);
		claims_free(&c);
	}
	policy_free(policy);
	free(p);
	return r->wants_count ? CLI_DONE : CLI_ERROR;
}

static bool wants_of_store(struct collateral_request *r, const struct store *s)
{
	struct want *all = calloc(store_count(s) + 1, sizeof(*all));

	if (!all)
		return false;
	for (size_t i = 0; i < store_count(s); i++)
		if (!want_is_certificate(
			    store_at(s, i)->piece.want.kind)) /* those hold for years */
			all[r->wants_count++] = store_at(s, i)->piece.want;
	free(r->wants);
	r->wants = all;
	return true;
}

static int fetch(struct collateral_request *r, struct store *s)
{
	struct fetch_tally tally;

	if (r->config.offline) {
		cli_error("collateral fetch: the configuration says offline");
		return CLI_REFUSED;
	}
	if (r->evidence && wants_of_evidence(r))
		return CLI_ERROR;
	if (!r->wants_count && !wants_of_store(r, s))
		return CLI_ERROR;
	if (collateral_fetch(s, &r->config, r->wants, r->wants_count, r->wait_s, r->options->json,
			     &tally))
		return CLI_ERROR;
	if (r->options->json)
		printf("{\"fetched\":%zu,\"failed\":%zu}\n", tally.fetched, tally.failed);
	return tally.failed ? CLI_UNKNOWN : CLI_DONE;
}

static int drop(const struct collateral_request *r, struct store *s)
{
	char why[COLLATERAL_WHY_MAX];

	if (!collateral_all_kept(r, s))
		return CLI_REFUSED;
	for (size_t i = 0; i < r->wants_count; i++)
		if (store_drop(s, &r->wants[i], why)) {
			cli_error("%s", why);
			return CLI_ERROR;
		}
	return CLI_DONE;
}

/* --- */

static int run(struct collateral_request *r)
{
	bool writes = r->command == FETCH || r->command == IMPORT;
	char why[COLLATERAL_WHY_MAX];
	struct store *s;
	int status;

	if (store_open(r->config.directory, writes, &s, why)) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	status = r->command == SHOW	? show(r, s)
		 : r->command == FETCH	? fetch(r, s)
		 : r->command == EXPORT ? collateral_export(r, s)
		 : r->command == IMPORT ? collateral_import(r, s)
					: drop(r, s);
	store_close(s);
	return status;
}

int cmd_collateral(const struct cli_options *o, int argc, char **argv)
{
	struct collateral_request r = { 0 };
	int status = CLI_ERROR;

	if (read_request(&r, o, argc, argv))
		status = r.command == HELP ? pinned_usage(stdout, help) : run(&r);
	free(r.wants);
	return status;
}
