/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

#include "cpumap/core/util.h"
#include "cpumap/fleet/read.h"

#define HOSTS_MAX 16
#define PARTS     8

struct seen {
	struct host_view view[HOSTS_MAX][HOST_ACCELS];
	size_t n;
	const char *what;
};

static struct featset absent_in(const struct host_view *view)
{
	struct featset absent = view->known;

	featset_subtract(&absent, &view->has);
	return absent;
}

static const char *judge_view(const struct host_view *view)
{
	struct featset unknown = view->has;

	featset_subtract(&unknown, &view->known);
	if (featset_count(&unknown))
		return "a feature is there and not known";
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&view->known, i) && features[i].kind == FEATURE_OTHER)
			return "a feature is told that the CPU doesn't decide";
	return NULL;
}

static const char *judge(const struct host *h)
{
	bool tells = false;

	if (!h->name || !*h->name || !h->origin || !h->format)
		return "a host without a name, an origin or a format";
	for (int accel = 0; accel < HOST_ACCELS; accel++) {
		const char *what = judge_view(&h->view[accel]);

		if (what)
			return what;
		tells |= host_tells(h, (enum host_accel)accel);
	}
	return tells ? NULL : "a host that tells nothing";
}

static int take(struct host *h, void *data)
{
	struct seen *seen = data;

	if (!seen->what)
		seen->what = judge(h);
	if (seen->n < HOSTS_MAX)
		memcpy(seen->view[seen->n++], h->view, sizeof(h->view));
	host_free(h);
	return 0;
}

static void read_part(struct seen *seen, const uint8_t *data, size_t size)
{
	struct read r = {.take = take, .data = seen};
	struct error err = {0};
	int result = read_text(&r, "fuzz", (const char *)data, size, &err);

	if (result < 0 && (!*err.where || !*err.what || err.code >= 0))
		seen->what = "an error that doesn't say where or what";
	if (result == 0 && seen->n == 0)
		seen->what = "no host, and no error";
}

static const char *compare(const struct seen *part, const struct seen *whole)
{
	for (size_t i = 0; i < part->n && i < whole->n; i++)
		for (size_t accel = 0; accel < HOST_ACCELS; accel++) {
			struct featset lost = absent_in(&part->view[i][accel]);

			featset_intersect(&lost, &whole->view[i][accel].has);
			if (featset_count(&lost))
				return "a part of the text lacks what the whole has";
		}
	return NULL;
}

const char *hosts_difference(const uint8_t *data, size_t size)
{
	struct seen whole = {0};

	/* no map of this machine */
	(void)setenv("CPUSHIM_ROOT", "/nonexistent", 1);
	read_part(&whole, data, size);
	for (size_t i = 1; i < PARTS && !whole.what; i++) {
		struct seen part = {0};

		read_part(&part, data, size * i / PARTS);
		whole.what = part.what ? part.what : compare(&part, &whole);
	}
	return whole.what;
}
