// SPDX-License-Identifier: BSD-2-Clause
#include "base/tee.h"

#include <string.h>

static const char *const names[TEE_COUNT] = { "none", "snp", "tdx", "nitro" };
static const char *const media_types[TEE_COUNT] = {
	"application/vnd.fairlead.none",
	"application/vnd.fairlead.snp",
	"application/vnd.fairlead.tdx",
	"application/vnd.fairlead.nitro",
};

const char *tee_str(enum tee t)
{
	return t < TEE_COUNT ? names[t] : "unknown";
}

bool tee_parse(const char *text, enum tee *out)
{
	for (int i = 0; i < TEE_COUNT; i++)
		if (!strcmp(text, names[i])) {
			*out = i;
			return true;
		}
	return false;
}

const char *tee_media_type(enum tee t)
{
	return t < TEE_COUNT ? media_types[t] : "";
}
