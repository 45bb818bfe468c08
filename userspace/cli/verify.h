/* SPDX-License-Identifier: BSD-2-Clause */
/* `fairlead verify`: one piece of evidence from files, without a daemon. */
#ifndef VERIFY_H
#define VERIFY_H

/*
 * argv[0] is "verify"; -j may stand anywhere among the options.  The exit status:
 * 0 accepted, 1 refused, 2 usage or system error, 3 could not tell.
 */
int cmd_verify(int argc, char **argv);
/* By the same options: all that the policy has against it, not only the first. */
int cmd_explain(int argc, char **argv);

#endif
