// SPDX-License-Identifier: BSD-2-Clause
/* What the page and the status say of collateral.  Never a label for a chip: there are many. */
#include <string.h>
#include <time.h>

#include "daemon/collateral.h"
#include "verifier/refuse.h"

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP fairlead_collateral_%s %s\n# TYPE fairlead_collateral_%s %s\n", name,
		help, name, type);
}

static void write_fetches(const struct supply *c, FILE *f)
{
	head(f, "fetches_total", "counter", "Answers of vendors, and failures to get one.");
	for (int s = 0; s < SOURCES; s++)
		for (int r = 0; r < FETCH_RESULTS; r++)
			fprintf(f,
				"fairlead_collateral_fetches_total{source=\"%s\",result=\"%s\"} %llu\n",
				source_str(s), fetch_result_str(r),
				(unsigned long long)c->fetches[s][r]);
}

/* "Milan", "00806f050000", "platform", or "". */
static const char *subject_of(const struct want *w, char name[WANT_TEXT_MAX])
{
	char *slash;

	if (want_is_amd(w))
		return w->product;
	slash = strchr(want_text(w, name), '/');
	slash = slash ? strchr(slash + 1, '/') : NULL;
	return slash ? slash + 1 : "";
}

static void write_expiry(const struct supply *c, FILE *f)
{
	int64_t now = time(NULL), vcek = INT64_MAX;
	char name[WANT_TEXT_MAX];

	head(f, "expiry_seconds", "gauge",
	     "Time until a piece runs out, negative after; of VCEKs the first one to do so.");
	for (size_t i = 0; i < store_count(c->store); i++) {
		const struct piece *p = &store_at(c->store, i)->piece;

		if (p->want.kind != WANT_VCEK)
			fprintf(f,
				"fairlead_collateral_expiry_seconds{kind=\"%s\",subject=\"%s\"} %lld\n",
				want_kind_str(p->want.kind), subject_of(&p->want, name),
				(long long)(p->expires - now));
		else if (p->expires < vcek)
			vcek = p->expires;
	}
	if (vcek != INT64_MAX)
		fprintf(f, "fairlead_collateral_expiry_seconds{kind=\"vcek\",subject=\"\"} %lld\n",
			(long long)(vcek - now));
}

void collateral_metrics(struct daemon *d, FILE *f)
{
	const struct supply *c = d->supply;

	if (!c)
		return;
	write_fetches(c, f);
	write_expiry(c, f);
	if (c->fetcher) {
		head(f, "fetcher_restarts_total", "counter", "Deaths of the fetcher.");
		fprintf(f, "fairlead_collateral_fetcher_restarts_total %u\n",
			child_restarts(c->fetcher));
	}
	head(f, "pieces", "gauge", "Pieces of collateral that are kept.");
	fprintf(f, "fairlead_collateral_pieces %zu\n", store_count(c->store));
	head(f, "pending_fetches", "gauge", "Pieces that wait for a vendor.");
	fprintf(f, "fairlead_collateral_pending_fetches %zu\n", demand_count(c->demand));
}
