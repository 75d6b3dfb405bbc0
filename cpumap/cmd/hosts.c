/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

#include <errno.h>

#include "cpumap/fleet/read.h"
#include "cpumap/core/show.h"

/* The terminal is told that often. */
#define PROGRESS_MS  200
#define UNEVEN_NAMED 6

/* ---- reading ---- */

struct reading {
	struct fleet *fleet;
	const struct hosts_wish *wish;
	bool *left_out; /* for each name of the wish: was there such a host? */
	size_t n_left_out, n_bad;
	bool progress, shown;
	struct timespec last;
	struct error *err;
};

static long ms_since(const struct timespec *then, const struct timespec *now)
{
	return (now->tv_sec - then->tv_sec) * 1000 + (now->tv_nsec - then->tv_nsec) / 1000000;
}

static void show_progress(struct reading *r)
{
	struct timespec now;

	/* the clock costs more than a host */
	if (!r->progress || r->fleet->n_hosts % 64 != 0)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (ms_since(&r->last, &now) < PROGRESS_MS)
		return;
	r->last = now;
	fprintf(stderr, "\r%zu hosts", r->fleet->n_hosts);
	r->shown = true;
}

static void end_progress(struct reading *r)
{
	if (r->shown)
		fputs("\r                    \r", stderr);
	r->shown = false;
}

static int take(struct host *h, void *data)
{
	struct reading *r = data;
	const struct strv *names = &r->wish->leave_out;

	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->item[i], h->name) == 0) {
			r->left_out[i] = true;
			r->n_left_out++;
			return 0;
		}
	show_progress(r);
	return fleet_add(r->fleet, h, r->err);
}

static void tell_bad(const struct error *err, void *data)
{
	struct reading *r = data;

	end_progress(r);
	r->n_bad++;
	(void)cmd_fail(err);
}

static int read_all(struct reading *r, struct error *err)
{
	struct read read = {.take = take, .bad = r->wish->skip_bad ? tell_bad : NULL, .data = r};
	int result = 0;

	for (int i = 0; i < r->wish->n_paths && result == 0; i++)
		result = read_path(&read, r->wish->path[i], err);
	end_progress(r);
	return result;
}

static int check_left_out(const struct reading *r, struct error *err)
{
	const struct strv *names = &r->wish->leave_out;

	for (size_t i = 0; i < names->n; i++)
		if (!r->left_out[i])
			return error_set(err, -EINVAL, NULL, 0,
					 "no host is called '%s', which --leave-out names",
					 names->item[i]);
	if (r->fleet->n_hosts)
		return 0;
	return error_set(err, -EINVAL, NULL, 0, "no host is left%s",
			 r->n_bad ? ": no file could be read" : "");
}

static void tell_doubled(const struct fleet *f)
{
	_cleanup_text_ struct text t = {0};
	size_t n;
	const char *name = fleet_doubled(f, &n);

	if (!name)
		return;
	text_adds(&t, "");
	(void)show(&t, name, strlen(name), 64);
	fprintf(stderr, "cpushim: %zu hosts are called %s; each counts\n", n,
		t.failed ? "" : t.data);
}

int hosts_read(struct fleet *f, const struct hosts_wish *wish, size_t *n_bad, struct error *err)
{
	_cleanup_free_ bool *left_out = calloc(wish->leave_out.n + 1, sizeof(*left_out));
	struct reading r = {.fleet = f,
			    .wish = wish,
			    .left_out = left_out,
			    .progress = isatty(STDERR_FILENO),
			    .err = err};
	int result;

	if (!left_out)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	(void)clock_gettime(CLOCK_MONOTONIC, &r.last);
	result = read_all(&r, err);
	*n_bad = r.n_bad;
	if (result == 0)
		result = check_left_out(&r, err);
	if (result == 0)
		tell_doubled(f);
	return result;
}

int hosts_see(struct fleet_rows *rows, const struct fleet *f, const struct hosts_wish *wish,
	      struct error *err)
{
	enum host_accel accel = wish->accel < 0 ? fleet_accel(f) : (enum host_accel)wish->accel;

	return fleet_rows(rows, f, accel, err);
}

/* ---- saying ---- */

static const char *const accel_said[HOST_ACCELS] = {
	[HOST_CPU] = "what the CPUs have",
	[HOST_TCG] = "what QEMU emulates",
	[HOST_KVM] = "what QEMU gives under KVM",
};

void hosts_accel_said(struct text *out, const struct fleet_rows *rows)
{
	text_addf(out, "%s: %s", host_accel_name(rows->accel), accel_said[rows->accel]);
	if (rows->n_guessed)
		text_addf(out,
			  "; %zu of %zu %s don't tell it: their CPUs' features count, without what "
			  "no KVM gives",
			  rows->n_guessed, HOSTS(rows->n_hosts));
	if (rows->n_silent)
		text_addf(out, "; %zu of %zu %s tell nothing of it", rows->n_silent,
			  HOSTS(rows->n_hosts));
}

void hosts_names(struct text *out, const struct fleet *f, const struct fleet_host *const *host,
		 size_t n, size_t max)
{
	/* nobody is left out for a few letters */
	size_t named = n > max + 1 ? max : n;

	for (size_t i = 0; i < named; i++)
		text_addf(out, "%s%s", i ? ", " : "", fleet_text(f, host[i]->name));
	if (named < n)
		text_addf(out, " and %zu more", n - named);
}

json_t *hosts_json(const struct fleet *f, const struct fleet_host *const *host, size_t n)
{
	json_t *names = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(names, cmd_foreign(fleet_text(f, host[i]->name)));
	return names;
}

void hosts_tell_uneven(const struct fleet_rows *rows)
{
	_cleanup_free_ const struct fleet_host **uneven =
		calloc(rows->n_hosts + 1, sizeof(*uneven));
	_cleanup_text_ struct text names = {0}, shown = {0};
	size_t n = 0;

	for (size_t i = 0; uneven && i < rows->n_hosts; i++)
		if (rows->host[i]->uneven)
			uneven[n++] = rows->host[i];
	if (n == 0)
		return;
	hosts_names(&names, rows->fleet, uneven, n, UNEVEN_NAMED);
	(void)show(&shown, names.data ? names.data : "", names.len, SHOWN_WHOLE);
	fprintf(stderr, "cpushim: %zu %s unlike CPUs, what all of them share counts: %s\n", n,
		n == 1 ? "host has" : "hosts have", shown.data ? shown.data : "");
}
