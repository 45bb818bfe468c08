/* SPDX-License-Identifier: BSD-2-Clause */
/* From when until when things hold by their own word, which nobody has verified. */
#ifndef X509_DATES_H
#define X509_DATES_H

#include "verifier/x509.h"

struct crl_dates {
	char issuer[CERT_NAME_MAX]; /* common name; "" unless there is one */
	int64_t from, to;	    /* Unix seconds; 0: it does not say */
};

/* Takes the first list off a run of DER lists; false when there is none. */
bool crl_take(struct bytes *in, struct bytes *one, struct crl_dates *out);

/*
 * After appraisal failed by a date: when nothing short-lived in the evidence is in its time, says
 * in out->detail that the clock may be what is wrong.
 */
void clock_doubt(const struct evidence *e, enum reason reason, struct claims *out);

#endif
