/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Intel says about TCBs (PCS API version 4): TCB info of a platform line with its levels and
 * those of the TDX modules, the identity of the TD quoting enclave; and what follows for a TD.
 */
#ifndef TDX_TCB_H
#define TDX_TCB_H

#include "verifier/tdx_json.h"
#include "verifier/tdx_pck.h"

enum {
	TDX_LEVELS_MAX = 64, /* real TCB infos have up to 17 */
	TDX_SVN_LEVELS_MAX = 32,
	TDX_MODULES_MAX = 16,
	TDX_ADVISORIES_MAX = 64, /* of one level */
	TDX_ADVISORY_MAX = 32,	 /* "INTEL-SA-00837" */
};

/* The worse the later. */
enum tdx_status {
	TDX_UP_TO_DATE,
	TDX_SW_HARDENING,
	TDX_CONFIGURATION,
	TDX_CONFIGURATION_SW,
	TDX_RELAUNCH, /* this and the next: none of Intel's levels, but what two of them come to */
	TDX_RELAUNCH_CONFIGURATION,
	TDX_OUT_OF_DATE,
	TDX_OUT_OF_DATE_CONFIGURATION,
	TDX_REVOKED,
	TDX_STATUSES
};

const char *tdx_status_str(enum tdx_status s); /* "UpToDate" */

/* What a level says of who is at it. */
struct tdx_mark {
	enum tdx_status status;
	int64_t date;		  /* tcbDate */
	const json_t *advisories; /* strings; the document's, or NULL */
};

struct tdx_level {
	uint8_t sgx[TDX_COMPONENTS], tdx[TDX_COMPONENTS];
	uint16_t pcesvn;
	struct tdx_mark mark;
};

struct tdx_svn_levels {
	struct {
		uint16_t isvsvn;
		struct tdx_mark mark;
	} levels[TDX_SVN_LEVELS_MAX];
	size_t count;
};

struct tdx_module {
	unsigned int major; /* "TDX_01": 1 */
	uint8_t mrsigner[TDX_DIGEST_BYTES], attributes[8], mask[8];
	struct tdx_svn_levels levels; /* none in the one of version 0 */
};

/* Of both documents. */
struct tdx_document {
	json_t *advisories; /* owned: those that marks point to */
	int64_t issued, next_update;
	uint64_t evaluation; /* tcbEvaluationDataNumber */
};

struct tdx_tcb_info {
	struct tdx_document document;
	uint8_t fmspc[TDX_FMSPC_BYTES], pceid[TDX_PCEID_BYTES];
	struct tdx_module module0; /* of version 0 */
	struct tdx_module modules[TDX_MODULES_MAX];
	size_t modules_count;
	struct tdx_level levels[TDX_LEVELS_MAX];
	size_t levels_count;
};

struct tdx_qe_identity {
	struct tdx_document document;
	uint32_t miscselect, miscselect_mask;
	uint8_t attributes[16], attributes_mask[16], mrsigner[SGX_MEASUREMENT_BYTES];
	uint16_t isvprodid;
	struct tdx_svn_levels levels;
};

/* Each reads a verified body; false with *wrong the key that is missing or wrong. */
bool tdx_tcb_info_read(struct bytes body, struct tdx_tcb_info *out, const char **wrong);
bool tdx_qe_identity_read(struct bytes body, struct tdx_qe_identity *out, const char **wrong);
void tdx_document_free(struct tdx_document *d);

/* tdx_levels.c: what all of it comes to for one TD. */
struct tdx_tcb {
	enum tdx_status platform, module, qe; /* of the module that launched it */
	enum tdx_status status;		      /* converged, both modules considered */
	int64_t date;			      /* the earliest of the levels */
	json_t *advisories;		      /* all of theirs, each once; owned */
};

enum reason tdx_tcb_evaluate(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
			     const struct tdx_pck *pck, const struct tdx_quote *quote,
			     struct tdx_tcb *out, struct claims *why);
/* The enclave's own report, against its identity; levels apart. */
enum reason tdx_qe_check(const struct tdx_qe_identity *id, const struct tdx_qe_report *r,
			 struct claims *why);

/* Whether launch and current module together ask for a new launch; else the worse of both. */
enum tdx_status tdx_status_of_both(enum tdx_status launch, enum tdx_status current);
/* What a platform's status becomes beside that of the module or the quoting enclave. */
enum tdx_status tdx_status_converge(enum tdx_status platform, enum tdx_status other);

#endif
