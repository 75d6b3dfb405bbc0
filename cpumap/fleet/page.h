/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet to look at: one HTML page that needs nothing else, no network and no script. */
#ifndef CPUSHIM_PAGE_H
#define CPUSHIM_PAGE_H

#include "fleet_findings.h"

/* What the page shows beside the findings. */
struct page {
	const struct fleet_findings *findings;
	const char *said;       /* what is said of them in short, a sentence a line; foreign text */
	const char *definition; /* to copy; NULL: the hosts share nothing */
};

/**
 * page_write: the page. Hosts are in groups, each in another colour; with very many different hosts
 * or names only the first are shown, so that the page stays under 1 MB.
 */
void page_write(struct text *out, const struct page *page);

/* page_style: its style sheet. */
extern const char page_style[];

#endif
