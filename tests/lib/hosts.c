/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts [--skip-bad] [--quiet] PATH...: what cpumap/fleet/read.h reads, for tests. A host's lines:
 *
 *	host NAME
 *	origin FILE:LINE
 *	format libcpuid raw
 *	id GenuineIntel 6 85 4
 *	brand Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz
 *	cpus 40 physbits 46 tsc 0 scaling -1 uneven no
 *	cpu has aes apic ...
 *	cpu lacks ...			(and tcg and kvm, where they are told)
 *
 * At the end "N hosts". Text is escaped. --quiet prints that line alone.
 */
#include "cpumap/core/util.h"
#include "cpumap/fleet/read.h"

static void print_text(const char *key, const char *value)
{
	char shown[1024];

	if (value)
		printf("%s %s\n", key, text_escape(shown, sizeof(shown), value, strlen(value)));
}

static void print_view(const struct host *h, enum host_accel accel)
{
	_cleanup_text_ struct text has = {0}, lacks = {0};
	struct featset absent = h->view[accel].known;

	featset_subtract(&absent, &h->view[accel].has);
	text_adds(&has, "");
	text_adds(&lacks, "");
	featset_print(&has, &h->view[accel].has, " ");
	featset_print(&lacks, &absent, " ");
	printf("%s has %s\n%s lacks %s\n", host_accel_name(accel), has.data, host_accel_name(accel),
	       lacks.data);
}

static int print_host(struct host *h, void *data)
{
	char shown[64];

	if (*(bool *)data) {
		host_free(h);
		return 0;
	}
	print_text("host", h->name);
	print_text("origin", h->origin);
	print_text("format", h->format);
	printf("id %s %d %d %d\n",
	       text_escape(shown, sizeof(shown), h->id.vendor, strlen(h->id.vendor)), h->id.family,
	       h->id.model, h->id.stepping);
	print_text("brand", h->brand);
	print_text("kernel", h->kernel);
	print_text("microcode", h->microcode);
	print_text("qemu", h->qemu_version);
	print_text("libvirt", h->libvirt_version);
	printf("cpus %u physbits %u tsc %llu scaling %d uneven %s\n", h->cpus, h->physbits,
	       (unsigned long long)h->tsc_hz, h->tsc_scaling, h->uneven ? "yes" : "no");
	for (int accel = 0; accel < HOST_ACCELS; accel++)
		if (host_tells(h, (enum host_accel)accel))
			print_view(h, (enum host_accel)accel);
	host_free(h);
	return 0;
}

static void print_bad(const struct error *err, void *data)
{
	char line[2048];

	(void)data;
	error_line(err, line, sizeof(line));
	(void)fputs(line, stderr);
}

int main(int argc, char **argv)
{
	bool quiet = false;
	struct read r = {.take = print_host, .data = &quiet};
	struct error err = {0};
	int result = 0;

	for (int i = 1; i < argc && result == 0; i++) {
		if (strcmp(argv[i], "--skip-bad") == 0)
			r.bad = print_bad;
		else if (strcmp(argv[i], "--quiet") == 0)
			quiet = true;
		else
			result = read_path(&r, argv[i], &err);
	}
	if (result < 0)
		print_bad(&err, NULL);
	printf("%zu hosts\n", r.n_hosts);
	return result ? 2 : 0;
}
