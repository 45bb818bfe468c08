/* SPDX-License-Identifier: BSD-2-Clause */
/* `fairlead policy import`: reference values that others publish, as a policy of ours. */
#ifndef POLICY_IMPORT_H
#define POLICY_IMPORT_H

#include "cli/cli.h"

int policy_import(const struct cli_options *o, int argc, char **argv);

#endif
