/* SPDX-License-Identifier: BSD-2-Clause */
/* `fairlead lab …`: roots, guests, operator CAs and nodes of a lab.  See docs/evidence.md. */
#ifndef LAB_H
#define LAB_H

/* argv[0] is "lab".  The exit status: 0, or 2 and a message. */
int cmd_lab(int argc, char **argv);

#endif
