// SPDX-License-Identifier: BSD-2-Clause
/*
 * `fairlead lab`: what a lab needs in place of hardware and an operator.  Everything
 * it makes proves nothing outside; docs/evidence.md says why.
 */
#include "cli/lab.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attester/authority.h"
#include "attester/pki.h"
#include "attester/soft.h"
#include "cli/cli.h"
#include "cli/lab_ca.h"
#include "cli/lab_nitro.h"
#include "cli/lab_tdx.h"
#include "cli/lab_words.h"

enum {
	TURIN_CHIP_ID_BYTES = 8,
	FIELD_MAX = 64,
};

static const uint64_t policy_debug = 1 << 19; /* AMD 56860: guest policy, DEBUG */

static int lab_root(struct words *w)
{
	struct authority_options o = { .product = SNP_MILAN, .now = time(NULL) };
	const char *directory = lab_next(w), *option, *value;
	char why[WHY_MAX] = "";
	uint8_t sha256[32];

	while ((option = lab_next(w))) {
		if (!strcmp(option, "--revoke-ask")) {
			o.revoke_ask = true;
		} else if (!strcmp(option, "--revoke-asvk")) {
			o.revoke_asvk = true;
		} else if (lab_takes_value(w, option, "--product", &value)) {
			if (!value || !snp_product_parse(value, &o.product))
				return lab_failed("--product", "want Milan, Genoa or Turin");
		} else {
			return lab_unknown(option);
		}
	}
	if (authority_make(directory, &o, sha256, why))
		return lab_failed(directory, why);
	lab_print_root(sha256);
	return CLI_DONE;
}

/* What is a guest's own is drawn; its measurement is the same for all: policies name it. */
static bool draw(struct soft_guest *g, enum snp_product p)
{
	static const char image[] = "fairlead lab guest";

	soft_guest_default(g, p);
	return sha384(bytes_of(image, strlen(image)), g->measurement) &&
	       RAND_bytes(g->report_id, sizeof(g->report_id)) == 1 &&
	       RAND_bytes(g->chip_id,
			  p == SNP_TURIN ? TURIN_CHIP_ID_BYTES : (int)sizeof(g->chip_id)) == 1;
}

/* The guest in the directory, or a new one under root. */
static int begin_guest(const char *path, bool exists, const char *root, struct soft_guest *g,
		       char why[WHY_MAX])
{
	enum snp_product product;
	int err;

	if (exists)
		return soft_guest_read(path, g, why);
	if (!root) {
		snprintf(why, WHY_MAX, "no guest.yaml: want --root ROOT to make a new guest");
		return -ENOENT;
	}
	err = authority_product(root, &product, why);
	if (err)
		return err;
	if (draw(g, product))
		return 0;
	snprintf(why, WHY_MAX, "no random bytes");
	return -EIO;
}

static int set_pair(struct soft_guest *g, const char *pair, char why[WHY_MAX])
{
	const char *value = strchr(pair, '=');
	char field[FIELD_MAX];

	if (!value || value - pair >= FIELD_MAX) {
		snprintf(why, WHY_MAX, "want FIELD=VALUE, got \"%.80s\"", pair);
		return -EINVAL;
	}
	memcpy(field, pair, value - pair);
	field[value - pair] = 0;
	return soft_guest_set(g, field, value + 1, why);
}

/* One option of `lab guest`: a word of its own, or --FIELD VALUE for any field of guest.yaml. */
static int set_option(struct soft_guest *g, struct words *w, const char *option, char why[WHY_MAX])
{
	const char *value;

	if (!strcmp(option, "--debug")) {
		g->policy |= policy_debug;
		return 0;
	}
	if (!strcmp(option, "--vlek")) {
		g->key = SNP_VLEK;
		return 0;
	}
	if (strncmp(option, "--", 2)) {
		snprintf(why, WHY_MAX, "unknown word \"%.80s\"", option);
		return -EINVAL;
	}
	value = lab_next(w);
	if (!value) {
		snprintf(why, WHY_MAX, "%.80s: want a value", option);
		return -EINVAL;
	}
	if (!strcmp(option, "--set"))
		return set_pair(g, value, why);
	return soft_guest_set(g, option + 2, value, why);
}

struct guest_options {
	const char *root;
	bool expired;
};

/* --root and --expired are the certificates' affair, and --root must be known first. */
static int find_root(struct words w, struct guest_options *o)
{
	const char *option;

	while ((option = lab_next(&w))) {
		if (lab_takes_value(&w, option, "--root", &o->root)) {
			if (!o->root)
				return -EINVAL;
		} else if (!strcmp(option, "--expired")) {
			o->expired = true;
		}
	}
	return 0;
}

static int set_options(struct words *w, struct soft_guest *g, char why[WHY_MAX])
{
	const char *option;
	int err = 0;

	while (!err && (option = lab_next(w))) {
		if (!strcmp(option, "--root"))
			lab_next(w);
		else if (strcmp(option, "--expired"))
			err = set_option(g, w, option, why);
	}
	return err;
}

static int lab_guest(struct words *w)
{
	const char *directory = lab_next(w);
	struct guest_options o = { 0 };
	char path[ATTESTER_PATH_MAX], why[WHY_MAX] = "";
	struct soft_guest g;
	int err;

	if (find_root(*w, &o))
		return CLI_ERROR;
	if (o.expired && !o.root)
		return lab_failed("--expired", "want --root ROOT with it, to issue certificates");
	err = pki_path(path, directory, "guest.yaml", why);
	if (!err)
		err = begin_guest(path, pki_exists(directory, "guest.yaml"), o.root, &g, why);
	if (!err)
		err = set_options(w, &g, why);
	if (!err)
		err = pki_mkdir(directory, why);
	if (!err && o.root)
		err = authority_issue(o.root, directory, &g, time(NULL), o.expired, why);
	if (!err)
		err = soft_guest_write(path, &g, why);
	return err ? lab_failed(directory, why) : CLI_DONE;
}

static int nibble(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool parse_report_data(const char *hex, uint8_t out[REPORT_DATA_BYTES])
{
	if (strlen(hex) != 2 * REPORT_DATA_BYTES)
		return false;
	for (int i = 0; i < REPORT_DATA_BYTES; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = high << 4 | low;
	}
	return true;
}

/* One report to stdout.  Its certificates lie in the directory already. */
static int print_report(const char *directory, const uint8_t report_data[REPORT_DATA_BYTES])
{
	struct attester_config c = { .source = ATTESTER_SOFT,
				     .tee = pki_exists(directory, "enclave.yaml") ? TEE_NITRO
					    : pki_exists(directory, "td.yaml")	  ? TEE_TDX
										  : TEE_SNP };
	struct quote *q = calloc(1, sizeof(*q));
	struct attester *a = NULL;
	char why[WHY_MAX] = "no memory";
	int err = -ENOMEM;

	snprintf(c.directory, sizeof(c.directory), "%s", directory);
	if (q)
		err = attester_open(&c, &a, why);
	if (!err)
		err = attester_quote(a, report_data, q, why);
	if (!err &&
	    (fwrite(q->report.p, 1, q->report.n, stdout) != q->report.n || fflush(stdout))) {
		err = -errno;
		snprintf(why, sizeof(why), "cannot write: %s", strerror(-err));
	}
	attester_close(a);
	free(q);
	return err ? lab_failed(directory, why) : CLI_DONE;
}

static int lab_report(struct words *w)
{
	const char *directory = lab_next(w), *option, *value = NULL;
	uint8_t report_data[REPORT_DATA_BYTES];

	while ((option = lab_next(w)))
		if (!lab_takes_value(w, option, "--report-data", &value))
			return lab_unknown(option);
	if (!value || !parse_report_data(value, report_data))
		return lab_failed("--report-data", "want 128 hexadecimal digits");
	return print_report(directory, report_data);
}

static bool parse_key(const char *text, enum pki_key *out)
{
	if (text && !strcmp(text, "p256"))
		*out = PKI_P256;
	else if (text && !strcmp(text, "ed25519"))
		*out = PKI_ED25519;
	else
		return false;
	return true;
}

static int lab_ca(struct words *w)
{
	const char *directory = lab_next(w), *option, *value;
	enum pki_key kind = PKI_P256;
	char why[WHY_MAX] = "";

	while ((option = lab_next(w))) {
		if (!lab_takes_value(w, option, "--key", &value))
			return lab_unknown(option);
		if (!parse_key(value, &kind))
			return lab_failed("--key", "want p256 or ed25519");
	}
	if (lab_ca_make(directory, kind, time(NULL), why))
		return lab_failed(directory, why);
	return CLI_DONE;
}

static bool parse_eku(const char *text, const char **out)
{
	if (text && !strcmp(text, "server"))
		*out = "serverAuth";
	else if (text && !strcmp(text, "client"))
		*out = "clientAuth";
	else if (text && !strcmp(text, "none"))
		*out = "";
	else
		return false;
	return true;
}

static int node_option(struct words *w, const char *option, struct lab_node *n, const char **ca)
{
	const char *value;

	if (!strcmp(option, "--expired"))
		n->expired = true;
	else if (!strcmp(option, "--not-yet"))
		n->not_yet = true;
	else if (lab_takes_value(w, option, "--ca", ca))
		return *ca ? 0 : CLI_ERROR;
	else if (lab_takes_value(w, option, "--name", &n->name))
		return n->name ? 0 : CLI_ERROR;
	else if (lab_takes_value(w, option, "--uri", &n->uri))
		return n->uri ? 0 : CLI_ERROR;
	else if (lab_takes_value(w, option, "--key", &value))
		return parse_key(value, &n->key) ? 0 : lab_failed("--key", "want p256 or ed25519");
	else if (lab_takes_value(w, option, "--eku", &value))
		return parse_eku(value, &n->eku)
			       ? 0
			       : lab_failed("--eku", "want server, client or none");
	else if (lab_takes_value(w, option, "--ip", &value)) {
		if (!value || n->ips_count == NODE_IPS_MAX)
			return lab_failed("--ip", "want at most 16 addresses");
		n->ips[n->ips_count++] = value;
	} else
		return lab_unknown(option);
	return 0;
}

static int lab_node(struct words *w)
{
	const char *directory = lab_next(w), *option, *ca = NULL;
	struct lab_node n = { .eku = "serverAuth,clientAuth", .key = PKI_P256 };
	char why[WHY_MAX] = "";
	int err;

	while ((option = lab_next(w))) {
		err = node_option(w, option, &n, &ca);
		if (err)
			return err;
	}
	if (!ca || !n.name)
		return lab_failed(directory, "want --ca DIR and --name NAME");
	if (lab_node_make(directory, ca, &n, time(NULL), why))
		return lab_failed(directory, why);
	return CLI_DONE;
}

static const struct command {
	const char *name;
	int (*run)(struct words *w);
	const char *usage;
} commands[] = {
	{ "root", lab_root,
	  "root DIR [--product Milan|Genoa|Turin] [--revoke-ask] [--revoke-asvk]" },
	{ "guest", lab_guest,
	  "guest DIR [--root DIR] [--expired] [--vlek] [--debug] [--set FIELD=VALUE]… "
	  "[--FIELD VALUE]…" },
	{ "nitro-root", lab_nitro_root, "nitro-root DIR" },
	{ "enclave", lab_enclave, "enclave DIR [--root DIR] [--debug] [--set FIELD=VALUE]…" },
	{ "tdx-root", lab_tdx_root, "tdx-root DIR [--revoke DIR] [--evaluation NUMBER]" },
	{ "td", lab_td, "td DIR [--root DIR] [--debug] [--set FIELD=VALUE]…" },
	{ "report", lab_report, "report DIR --report-data HEX" },
	{ "ca", lab_ca, "ca DIR [--key p256|ed25519]" },
	{ "node", lab_node,
	  "node DIR --ca DIR --name NAME [--ip ADDRESS]… [--key p256|ed25519]\n"
	  "                [--expired] [--not-yet] [--uri URI] [--eku server|client|none]" },
};

static int usage(FILE *to)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(to, "%s fairlead lab %s\n", i ? "      " : "Usage:", commands[i].usage);
	fprintf(to, "What it makes proves nothing outside a lab.\n");
	return to == stderr ? CLI_ERROR : CLI_DONE;
}

int cmd_lab(int argc, char **argv)
{
	struct words w = { .argc = argc, .at = 2, .argv = argv };

	if (argc == 2 && (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help")))
		return usage(stdout);
	if (argc < 3 || argv[2][0] == '-')
		return usage(stderr);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(&w);
	return usage(stderr);
}
