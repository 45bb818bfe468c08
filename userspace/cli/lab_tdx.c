// SPDX-License-Identifier: BSD-2-Clause
#include "cli/lab_tdx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attester/pki.h"
#include "attester/soft_tdx.h"
#include "base/binding.h"
#include "cli/cli.h"

static bool measure(const char *what, uint8_t out[SOFT_TD_DIGEST_BYTES])
{
	return sha384(bytes_of(what, strlen(what)), out);
}

/* What is loaded is the same for all, and policies name it. */
static bool draw(struct soft_td *t)
{
	soft_td_default(t);
	return measure("fairlead lab TDX module", t->mrseam) &&
	       measure("fairlead lab TD firmware", t->mrtd) &&
	       measure("fairlead lab TD configuration", t->rtmr[0]) &&
	       measure("fairlead lab TD kernel", t->rtmr[1]) &&
	       measure("fairlead lab TD command line", t->rtmr[2]);
}

static int begin(const char *directory, const char *root, struct soft_td *t, char why[WHY_MAX])
{
	char path[ATTESTER_PATH_MAX];
	int err = pki_path(path, directory, "td.yaml", why);

	if (err)
		return err;
	if (pki_exists(directory, "td.yaml"))
		return soft_td_read(path, t, why);
	if (!root) {
		snprintf(why, WHY_MAX, "no td.yaml: want --root ROOT to make a new TD");
		return -ENOENT;
	}
	if (draw(t))
		return 0;
	snprintf(why, WHY_MAX, "no SHA-384");
	return -EIO;
}

static int make(const char *directory, const struct lab_changes *l, int64_t now, char why[WHY_MAX])
{
	struct soft_td t;
	int err = begin(directory, l->root, &t, why);

	for (size_t i = 0; !err && i < l->count; i++)
		err = soft_td_set(&t, l->fields[i], l->values[i], why);
	if (!err && l->debug)
		t.attributes |= 1;
	if (!err && l->root)
		err = soft_tdx_issue(l->root, directory, now, why);
	return err ? err : soft_td_write(directory, &t, why);
}

int lab_tdx_root(struct words *w)
{
	struct soft_tdx_options o = { .now = time(NULL), .evaluation = SOFT_TDX_EVALUATION };
	const char *directory = lab_next(w), *option, *value;
	char why[WHY_MAX] = "", *end;
	uint8_t sha256[32];

	while ((option = lab_next(w))) {
		if (lab_takes_value(w, option, "--revoke", &o.revoke)) {
			if (!o.revoke)
				return CLI_ERROR;
		} else if (lab_takes_value(w, option, "--evaluation", &value)) {
			o.evaluation = value ? strtoul(value, &end, 10) : 0;
			if (!value || *end || !o.evaluation || o.evaluation > UINT32_MAX)
				return lab_failed("--evaluation", "want a number from 1 on");
		} else {
			return lab_unknown(option);
		}
	}
	if (soft_tdx_root(directory, &o, sha256, why))
		return lab_failed(directory, why);
	lab_print_root(sha256);
	return CLI_DONE;
}

int lab_td(struct words *w)
{
	return lab_change(w, make);
}
