// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/crls.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_list(const struct dirent *e)
{
	static const char end[] = "crl.der";
	size_t n = strlen(e->d_name);

	return n >= strlen(end) && !strcmp(e->d_name + n - strlen(end), end);
}

static int failed(const char *dir, const char *name, int err, char why[WHY_MAX])
{
	snprintf(why, WHY_MAX, "revocation lists: %.120s/%.60s: %s", dir, name,
		 err == -EFBIG ? "one too many: want 64 KiB at most" : strerror(-err));
	return err;
}

/* Behind what is there already. */
static int append(const char *dir, const char *name, uint8_t *all, size_t *n, char why[WHY_MAX])
{
	char path[4096];
	FILE *f = NULL;
	size_t got;
	int err = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < sizeof(path))
		f = fopen(path, "re");
	else
		errno = ENAMETOOLONG;
	if (!f)
		return failed(dir, name, -errno, why);
	got = fread(all + *n, 1, CRLS_OWN_MAX + 1 - *n, f);
	if (ferror(f))
		err = -EIO;
	else if (!got)
		err = -ENODATA;
	else if (*n + got > CRLS_OWN_MAX)
		err = -EFBIG;
	fclose(f);
	*n += got;
	return err ? failed(dir, name, err, why) : 0;
}

int crls_read(const char *dir, uint8_t **out, size_t *n, char why[WHY_MAX])
{
	uint8_t *all = malloc(CRLS_OWN_MAX + 1);
	struct dirent **names = NULL;
	int count = all && dir[0] ? scandir(dir, &names, is_list, alphasort) : 0;
	int err = !all ? -ENOMEM : count < 0 ? -errno : 0;

	*n = 0;
	if (err)
		failed(dir, "", err, why);
	for (int i = 0; i < count; i++) {
		if (!err)
			err = append(dir, names[i]->d_name, all, n, why);
		free(names[i]);
	}
	free(names);
	if (err)
		free(all);
	else
		*out = all;
	return err;
}
