// SPDX-License-Identifier: BSD-2-Clause
#include "cli/lab_nitro.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attester/pki.h"
#include "attester/soft_nitro.h"
#include "base/binding.h"
#include "cli/cli.h"

enum {
	LOADED_PCRS = 3, /* image, kernel, application */
	INSTANCE_PCR = 4,
	ID_BYTES = 8,
};

/* "i-0123456789abcdef0-enc0123456789abcdef": both parts drawn. */
static bool draw_module_id(char out[NAME_MAX_BYTES])
{
	uint8_t id[2 * ID_BYTES];
	char *at = out;

	if (RAND_bytes(id, sizeof(id)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(id); i++)
		at += sprintf(at, "%s%02x", i == 0 ? "i-0" : i == ID_BYTES ? "-enc0" : "", id[i]);
	return true;
}

/* What is loaded is the same for all, and policies name it; the instance is an enclave's own. */
static bool draw(struct soft_enclave *e)
{
	static const char *const loaded[LOADED_PCRS] = { "fairlead lab enclave image",
							 "fairlead lab enclave kernel",
							 "fairlead lab enclave application" };
	bool ok;

	soft_enclave_default(e);
	ok = draw_module_id(e->module_id) &&
	     sha384(bytes_of(e->module_id, strlen(e->module_id)), e->pcrs[INSTANCE_PCR]);
	for (int i = 0; ok && i < LOADED_PCRS; i++)
		ok = sha384(bytes_of(loaded[i], strlen(loaded[i])), e->pcrs[i]);
	return ok;
}

static int begin(const char *directory, const char *root, struct soft_enclave *e, char why[WHY_MAX])
{
	char path[ATTESTER_PATH_MAX];
	int err = pki_path(path, directory, "enclave.yaml", why);

	if (err)
		return err;
	if (pki_exists(directory, "enclave.yaml"))
		return soft_enclave_read(path, e, why);
	if (!root) {
		snprintf(why, WHY_MAX, "no enclave.yaml: want --root ROOT to make a new enclave");
		return -ENOENT;
	}
	if (draw(e))
		return 0;
	snprintf(why, WHY_MAX, "no random bytes");
	return -EIO;
}

static int make(const char *directory, const struct lab_changes *l, int64_t now, char why[WHY_MAX])
{
	struct soft_enclave e;
	int err = begin(directory, l->root, &e, why);

	for (size_t i = 0; !err && i < l->count; i++)
		err = soft_enclave_set(&e, l->fields[i], l->values[i], why);
	if (!err && l->debug)
		memset(e.pcrs, 0, LOADED_PCRS * sizeof(e.pcrs[0]));
	if (!err && l->root)
		err = soft_nitro_issue(l->root, directory, now, why);
	return err ? err : soft_enclave_write(directory, &e, why);
}

int lab_nitro_root(struct words *w)
{
	const char *directory = lab_next(w), *option = lab_next(w);
	char why[WHY_MAX] = "";
	uint8_t sha256[32];

	if (option)
		return lab_unknown(option);
	if (soft_nitro_root(directory, time(NULL), sha256, why))
		return lab_failed(directory, why);
	lab_print_root(sha256);
	return CLI_DONE;
}

int lab_enclave(struct words *w)
{
	return lab_change(w, make);
}
