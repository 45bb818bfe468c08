// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_MAX = 1 << 20,
	PATH_BYTES = 4096,
};

const char inputs_want_sha256[] = "want sha256: and 64 hexadecimal digits";

static bool complain(const char *program, const char *what, const char *which, const char *why)
{
	fprintf(stderr, "%s: %s %s: %s\n", program, what, which, why);
	return false;
}

const char *inputs_add_cert(struct inputs_named *named, const char *path)
{
	if (named->certs_count == CERTS_MAX)
		return "more files than evidence may have";
	named->certs[named->certs_count++] = path;
	return NULL;
}

bool inputs_sha256(const char *text, uint8_t out[INPUTS_ROOT_BYTES])
{
	static const char prefix[] = "sha256:";
	const char *hex = text + sizeof(prefix) - 1;

	if (strncmp(text, prefix, sizeof(prefix) - 1) || strlen(hex) != 2 * INPUTS_ROOT_BYTES ||
	    strspn(hex, "0123456789abcdefABCDEF") != 2 * INPUTS_ROOT_BYTES)
		return false;
	for (int i = 0; i < INPUTS_ROOT_BYTES; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
	return true;
}

const char *inputs_add_root(struct inputs_named *named, const char *sha256)
{
	if (named->roots_count == INPUTS_ROOTS_MAX)
		return "more than a policy holds";
	if (!inputs_sha256(sha256, named->roots[named->roots_count]))
		return inputs_want_sha256;
	named->roots_count++;
	return NULL;
}

bool inputs_file(const char *program, const char *path, struct blob *out)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f)
		return complain(program, "file", path, strerror(errno));
	out->p = malloc(FILE_MAX + 1);
	out->n = out->p ? fread(out->p, 1, FILE_MAX + 1, f) : 0;
	ok = out->p && !ferror(f) && out->n <= FILE_MAX;
	if (!ok)
		complain(program, "file", path,
			 out->n > FILE_MAX ? "larger than 1 MiB" : "cannot be read");
	fclose(f);
	return ok;
}

/* What is not in the directory is not given. */
static bool read_piece(const char *program, const char *dir, enum collateral kind, struct blob *out)
{
	char path[PATH_BYTES];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, collateral_file(kind)) >=
	    sizeof(path))
		return complain(program, "directory", dir, strerror(ENAMETOOLONG));
	if (access(path, F_OK) && errno == ENOENT)
		return true;
	if (!inputs_file(program, path, out))
		return false;
	return out->n || complain(program, "file", path, "empty, want collateral");
}

/* A directory that is not there is a mistake. */
static bool read_collateral(const char *program, const char *path, struct inputs *in)
{
	DIR *d = opendir(path);
	bool ok = true;

	if (!d)
		return complain(program, "directory", path, strerror(errno));
	closedir(d);
	for (enum collateral i = 0; ok && i < COLLATERAL_COUNT; i++)
		ok = read_piece(program, path, i, &in->collateral[i]);
	return ok;
}

static struct policy *read_policy(const char *program, const char *path)
{
	struct conf *y = conf_open(path);
	const yaml_node_t *root = y ? conf_root(y) : NULL;
	struct policy *p = root ? policy_read(y, root) : NULL;

	if (y && conf_error_count(y)) {
		conf_print_errors(y, stderr);
		policy_free(p);
		p = NULL;
	} else if (!p) {
		complain(program, "file", path, strerror(ENOMEM));
	}
	conf_free(y);
	return p;
}

bool inputs_read(const char *program, const struct inputs_named *named, struct inputs *out)
{
	*out = (struct inputs){ 0 };
	for (size_t i = 0; i < named->certs_count; i++)
		if (!inputs_file(program, named->certs[i], &out->certs[i]))
			return false;
	if (named->collateral && !read_collateral(program, named->collateral, out))
		return false;
	out->policy = named->policy ? read_policy(program, named->policy) : policy_default();
	if (!out->policy)
		return false;
	for (size_t i = 0; i < named->roots_count; i++)
		if (policy_trust_root(out->policy, named->roots[i]))
			return complain(program, "option", "--trust-root",
					"more than a policy holds");
	return true;
}

void inputs_free(struct inputs *in)
{
	for (size_t i = 0; i < CERTS_MAX; i++)
		free(in->certs[i].p);
	for (size_t i = 0; i < COLLATERAL_COUNT; i++)
		free(in->collateral[i].p);
	policy_free(in->policy);
	memset(in, 0, sizeof(*in));
}
