/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asker SECONDS WHAT [ARG]...: cpumap/libvirt/libvirtask.h and maptrial.h by hand.
 *	versions [URI]		the library's and the daemon's release
 *	models URI ARCH		their names, one a line
 *	baseline URI CPU...	the CPU that they have in common
 *	expanded URI CPU...	with all features
 *	compare URI CPU		0 incompatible, 1 identical, 2 superset
 *	native URI DOMAIN	QEMU's command line
 *	capabilities URI EMULATOR ARCH MACHINE VIRTTYPE		empty: libvirt's choice
 *	domains URI		AS NAME UUID SNAPSHOT and its <model>, one a line
 *	trial [STAGED PATH]...	the models of libvirt's map with these files
 *	tried CPU PATH STAGED	what that map takes a CPU for
 * A failure is "ERRNO WHERE: WHAT" on stderr, and exit status 1.
 */
#include <errno.h>

#include "cpumap/core/util.h"
#include "cpumap/libvirt/libvirtask.h"
#include "cpumap/libvirt/maptrial.h"

static const char *code_name(int code)
{
	static const struct {
		int code;
		const char *name;
	} codes[] = {{-ELIBACC, "ELIBACC"}, {-ECONNREFUSED, "ECONNREFUSED"}, {-ENOSYS, "ENOSYS"},
		     {-EINVAL, "EINVAL"},   {-ETIMEDOUT, "ETIMEDOUT"},       {-EIO, "EIO"},
		     {-EPERM, "EPERM"},     {-EDEADLK, "EDEADLK"},           {-ENOENT, "ENOENT"}};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "?";
}

static int print_strings(int r, const struct strv *v)
{
	for (size_t i = 0; r == 0 && i < v->n; i++)
		puts(v->item[i]);
	return r;
}

/* @string: a pointer, as the call that fills it may be made later than it is read */
static int print_string(int r, char *const *string)
{
	if (r == 0 && *string)
		puts(*string);
	return r;
}

static int versions(const struct libvirt_at *at, struct error *err)
{
	struct libvirt_versions v;
	int r = libvirt_ask_versions(at, &v, err);

	if (r == 0)
		printf("%lu %lu\n", v.library, v.daemon);
	return r;
}

static int compare(const struct libvirt_at *at, const char *cpu, struct error *err)
{
	enum libvirt_compared compared;
	int r = libvirt_ask_compare(at, cpu, &compared, err);

	if (r == 0)
		printf("%d\n", (int)compared);
	return r;
}

static int domains(const struct libvirt_at *at, struct error *err)
{
	static const char *const as[] = {"defined", "runs", "saved", "snapshot"};
	_cleanup_domains_ struct libvirt_domains found = {0};
	int r = libvirt_ask_domains(at, &found, err);

	for (size_t i = 0; i < found.n; i++) {
		const struct libvirt_domain *d = &found.domain[i];
		const char *model = strstr(d->xml, "<model fallback=");

		printf("%s %s %s %s %.*s\n", as[d->as], d->name, d->uuid,
		       *d->snapshot ? d->snapshot : "-",
		       model ? (int)strcspn(strchr(model, '>') + 1, "<") : 1,
		       model ? strchr(model, '>') + 1 : "-");
	}
	return r;
}

/* @arg: STAGED PATH ... */
static int trial(unsigned int seconds, char **arg, size_t n, struct error *err)
{
	struct map_binding file[8];
	const struct maptrial map = {.file = file, .n = n / 2, .seconds = seconds};
	_cleanup_strv_ struct strv models = {0};

	for (size_t i = 0; i < map.n && i < ARRAY_SIZE(file); i++)
		file[i] = (struct map_binding){.staged = arg[2 * i], .path = arg[2 * i + 1]};
	return print_strings(maptrial(&map, &models, err), &models);
}

static int tried(unsigned int seconds, char **arg, struct error *err)
{
	const struct map_binding file = {.staged = arg[2], .path = arg[1]};
	const struct maptrial map = {.file = &file, .n = 1, .seconds = seconds};
	const struct strv cpus = {.item = arg, .n = 1};
	_cleanup_free_ char *cpu = NULL;
	return print_string(maptrial_baseline(&map, &cpus, &cpu, err), &cpu);
}

static int ask(const char *what, const struct libvirt_at *at, char **arg, size_t n,
	       struct error *err)
{
	const struct libvirt_emulator emulator = {.path = n == 4 && *arg[0] ? arg[0] : NULL,
						  .arch = n == 4 && *arg[1] ? arg[1] : NULL,
						  .machine = n == 4 && *arg[2] ? arg[2] : NULL,
						  .virttype = n == 4 && *arg[3] ? arg[3] : NULL};
	const struct strv cpus = {.item = arg, .n = n};
	_cleanup_strv_ struct strv names = {0};
	_cleanup_free_ char *string = NULL;
	bool expand = strcmp(what, "expanded") == 0;

	if (strcmp(what, "versions") == 0)
		return versions(at, err);
	if (strcmp(what, "domains") == 0)
		return domains(at, err);
	if (strcmp(what, "models") == 0 && n == 1)
		return print_strings(libvirt_ask_models(at, arg[0], &names, err), &names);
	if (expand || strcmp(what, "baseline") == 0)
		return print_string(libvirt_ask_baseline(at, &cpus, expand, &string, err), &string);
	if (strcmp(what, "compare") == 0 && n == 1)
		return compare(at, arg[0], err);
	if (strcmp(what, "native") == 0 && n == 1)
		return print_string(libvirt_ask_native(at, arg[0], &string, err), &string);
	if (strcmp(what, "capabilities") == 0 && n == 4)
		return print_string(libvirt_ask_capabilities(at, &emulator, &string, err), &string);
	return error_set(err, -ENOENT, what, 0, "no such question");
}

int main(int argc, char **argv)
{
	struct error err = {0};
	struct libvirt_at at = {0};
	size_t n = argc > 4 ? (size_t)argc - 4 : 0;
	int r;

	if (argc == 2 && strcmp(argv[1], LIBVIRT_ASK) == 0)
		return libvirt_answer() < 0;
	if (argc < 3)
		return 2;
	at.seconds = (unsigned int)strtoul(argv[1], NULL, 10);
	at.uri = argc > 3 ? argv[3] : NULL;
	if (strcmp(argv[2], "trial") == 0)
		r = trial(at.seconds, argv + 3, (size_t)argc - 3, &err);
	else if (strcmp(argv[2], "tried") == 0 && argc == 6)
		r = tried(at.seconds, argv + 3, &err);
	else
		r = ask(argv[2], &at, argv + 4, n, &err);
	if (r == 0)
		return 0;
	fprintf(stderr, "%s %s: %s\n", code_name(r), err.where, err.what);
	return 1;
}
