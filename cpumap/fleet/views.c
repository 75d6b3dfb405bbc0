/* SPDX-License-Identifier: Apache-2.0 */
#include "views.h"

void view_share(struct host_view *all, const struct host_view *now)
{
	struct featset absent = all->known, absent_now = now->known;

	featset_subtract(&absent, &all->has);
	featset_subtract(&absent_now, &now->has);
	featset_union(&absent, &absent_now);
	featset_intersect(&all->has, &now->has);
	all->known = all->has;
	featset_union(&all->known, &absent);
}
