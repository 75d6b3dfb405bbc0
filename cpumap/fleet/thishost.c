/* SPDX-License-Identifier: Apache-2.0 */
#include "thishost.h"

#include <errno.h>
#include <sched.h>
#include <sys/utsname.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/libvirt/libvirtask.h"
#include "cpumap/qemu/kvm.h"
#include "rawcpu.h"

#define CPU_DIR         "/sys/devices/system/cpu"
#define CPUINFO         "/proc/cpuinfo"
#define LIST_LIMIT      ((size_t)1 << 16)
#define CPUINFO_LIMIT   ((size_t)64 << 20)
#define LIBVIRT_SECONDS 5

void thishost_free(struct thishost *h)
{
	for (size_t i = 0; i < h->n_groups; i++)
		answers_free(&h->group[i].answers);
	free(h->group);
	free(h->code_name);
	free(h->emulator);
	qemu_free(&h->qemu);
	host_free(&h->host);
	*h = THISHOST_NONE;
}

/* ---- its CPUs ---- */

int thishost_add(struct thishost *h, size_t cpu, struct answers *answers)
{
	struct cpu_group *group;
	size_t i = 0;

	while (i < h->n_groups && !rawcpu_alike(&h->group[i].answers, answers))
		i++;
	if (i < h->n_groups) {
		answers_free(answers);
		cpulist_add(&h->group[i].cpus, cpu);
		return 0;
	}
	group = realloc(h->group, (h->n_groups + 1) * sizeof(*group));
	if (!group) {
		answers_free(answers);
		return -ENOMEM;
	}
	h->group = group;
	group[h->n_groups] = (struct cpu_group){.answers = *answers};
	cpulist_add(&group[h->n_groups++].cpus, cpu);
	*answers = (struct answers){0};
	return 0;
}

/* What the groups' views come to. */
struct views {
	struct host_view all;         /* of all CPUs */
	struct featset some, lacking; /* some CPU has it; some CPU lacks it */
};

static void merge_view(struct views *v, const struct host_view *one, bool first)
{
	struct featset lacks = one->known;

	if (first)
		v->all = *one;
	featset_intersect(&v->all.has, &one->has);
	featset_intersect(&v->all.known, &one->known);
	featset_union(&v->some, &one->has);
	featset_subtract(&lacks, &one->has);
	featset_union(&v->lacking, &lacks);
}

static bool same_features(const struct host *a, const struct host *b)
{
	return featset_equal(&a->view[HOST_CPU].has, &b->view[HOST_CPU].has) &&
	       featset_equal(&a->view[HOST_CPU].known, &b->view[HOST_CPU].known) &&
	       memcmp(&a->id, &b->id, sizeof(a->id)) == 0;
}

/* @h is the first one, and becomes what all have. */
static void merge_host(struct host *h, struct host *one, bool first)
{
	if (first) {
		h->view[HOST_CPU] = one->view[HOST_CPU];
		h->id = one->id;
		h->physbits = one->physbits;
		free(h->brand);
		h->brand = steal_pointer(&one->brand);
	}
	h->uneven |= !same_features(h, one);
	if (one->physbits < h->physbits)
		h->physbits = one->physbits;
}

/* A feature that one CPU lacks, the host lacks, also if nothing is known of the others. */
void thishost_judge(struct thishost *h)
{
	struct views v = {0};

	h->host.cpus = 0;
	h->host.uneven = false;
	for (size_t i = 0; i < h->n_groups; i++) {
		_cleanup_host_ struct host one = HOST_UNKNOWN;

		answers_host(&h->group[i].answers, &one);
		merge_view(&v, &one.view[HOST_CPU], i == 0);
		merge_host(&h->host, &one, i == 0);
		h->host.cpus += (unsigned int)cpulist_count(&h->group[i].cpus);
	}
	featset_union(&v.all.known, &v.lacking);
	h->partly = v.some;
	featset_intersect(&h->partly, &v.lacking);
	h->host.view[HOST_CPU] = v.all;
}

/* The CPUs that a file of CPU_DIR lists; none, if there is no such file. */
static int read_list(struct cpulist *l, const char *name)
{
	_cleanup_free_ char *path = root_path(name), *text = NULL;
	size_t len = 0;

	*l = (struct cpulist){0};
	if (!path)
		return -ENOMEM;
	if (file_read(path, TRUST_ANY, LIST_LIMIT, &text, &len, NULL) < 0)
		return -ENOENT;
	return cpulist_parse(l, text, len);
}

/* A CPU that this thread may not run on is noted. */
static int read_cpu(struct thishost *h, size_t cpu, struct error *err)
{
	_cleanup_answers_ struct answers answers = {0};
	cpu_set_t *set = CPU_ALLOC(CPULIST_MAX);
	size_t size = CPU_ALLOC_SIZE(CPULIST_MAX);
	int r;

	if (!set)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	r = sched_setaffinity(0, size, set);
	CPU_FREE(set);
	if (r < 0) {
		cpulist_add(&h->unbound, cpu);
		return 0;
	}
	r = rawcpu_read(&answers);
	if (r == 0)
		r = thishost_add(h, cpu, &answers);
	return r < 0 ? error_set(err, r, "CPUID", 0, "can't be read: %s", strerror(-r)) : 0;
}

static int read_cpus_bound(struct thishost *h, const struct cpulist *online, struct error *err)
{
	int r = 0;

	for (size_t cpu = 0; cpu < CPULIST_MAX && r == 0; cpu++)
		if (cpulist_has(online, cpu))
			r = read_cpu(h, cpu, err);
	if (r == 0 && h->n_groups == 0)
		r = error_set(err, -EPERM, CPU_DIR "/online", 0,
			      "this process may run on none of the CPUs that are online");
	return r;
}

/* Without sysfs, those that this thread may run on are all that are known. */
static int read_cpus(struct thishost *h, struct error *err)
{
	cpu_set_t *before = CPU_ALLOC(CPULIST_MAX);
	size_t size = CPU_ALLOC_SIZE(CPULIST_MAX);
	struct cpulist online;
	int r;

	if (!before || sched_getaffinity(0, size, before) < 0) {
		r = error_set(err, before ? -errno : -ENOMEM, NULL, 0,
			      "this process's CPU affinity can't be read: %s",
			      strerror(before ? errno : ENOMEM));
		CPU_FREE(before);
		return r;
	}
	(void)read_list(&h->offline, CPU_DIR "/offline");
	if (read_list(&online, CPU_DIR "/online") < 0 || cpulist_count(&online) == 0)
		for (size_t cpu = 0; cpu < CPULIST_MAX; cpu++)
			if (CPU_ISSET_S(cpu, size, before))
				cpulist_add(&online, cpu);
	r = read_cpus_bound(h, &online, err);
	if (sched_setaffinity(0, size, before) < 0 && r == 0)
		r = error_set(err, -errno, NULL, 0,
			      "this process's CPU affinity can't be restored: %s", strerror(errno));
	CPU_FREE(before);
	return r;
}

static bool has_msr(const struct answers *l, uint32_t number)
{
	for (size_t i = 0; i < l->n_msrs; i++)
		if (l->msr[i].number == number)
			return true;
	return false;
}

/* KVM tells the same of all CPUs. It has such MSRs for guests also where the CPU lacks them, as by CPUID AMD's
 * lack IA32_ARCH_CAPABILITIES. */
static void read_msrs(struct thishost *h)
{
	const struct host_view *view = &h->host.view[HOST_CPU];

	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];
		uint64_t value;

		if (f->kind != FEATURE_MSR || featset_has(&view->known, i) ||
		    has_msr(&h->group[0].answers, f->leaf) ||
		    kvm_msr(f->leaf, &value, &h->no_msrs) < 0)
			continue;
		for (size_t g = 0; g < h->n_groups; g++)
			(void)answers_add_msr(&h->group[g].answers, f->leaf, value);
	}
	for (size_t g = 0; g < h->n_groups; g++)
		(void)answers_sort(&h->group[g].answers);
	/* a KVM that lacks one has answered */
	if (h->no_msrs.code == -ENOENT)
		h->no_msrs = (struct error){0};
}

/* ---- its system ---- */

/* The value of a line "microcode\t: 0x0800126e". */
static size_t microcode_of(const char *line, size_t len, const char **value)
{
	static const char key[] = "microcode";
	size_t at = sizeof(key) - 1;

	if (len <= at || strncmp(line, key, at) != 0)
		return 0;
	at += strspn(line + at, " \t");
	if (at >= len || line[at] != ':')
		return 0;
	at++;
	at += strspn(line + at, " \t");
	*value = line + at;
	return at < len ? len - at : 0;
}

char *thishost_microcode(const char *cpuinfo)
{
	_cleanup_strv_ struct strv seen = {0};
	struct text all = {0};

	while (*cpuinfo) {
		size_t len = strcspn(cpuinfo, "\n");
		const char *value = NULL;
		size_t n = microcode_of(cpuinfo, len, &value);
		_cleanup_free_ char *copy = n ? strndup(value, n) : NULL;

		if (copy && !strv_has(&seen, copy))
			(void)strv_add(&seen, copy, n);
		cpuinfo += len + (cpuinfo[len] == '\n');
	}
	for (size_t i = 0; i < seen.n; i++)
		text_addf(&all, "%s%s", i ? " " : "", seen.item[i]);
	if (all.failed)
		text_free(&all);
	return all.data;
}

static int ask_system(struct host *h)
{
	_cleanup_free_ char *path = root_path(CPUINFO), *cpuinfo = NULL;
	struct utsname uts;
	size_t len;

	if (!path || uname(&uts) < 0)
		return -ENOMEM;
	h->name = strdup(uts.nodename);
	h->kernel = strdup(uts.release);
	h->origin = strdup("this host");
	h->format = "this host";
	if (!h->name || !h->kernel || !h->origin)
		return -ENOMEM;
	if (file_read(path, TRUST_ANY, CPUINFO_LIMIT, &cpuinfo, &len, NULL) == 0)
		h->microcode = thishost_microcode(cpuinfo);
	return 0;
}

/* ---- its programs ---- */

/* The real QEMU behind the first emulator that there is. */
static char *find_emulator(const char *named, struct error *err)
{
	char *real = emulator_real(named ? named : EMULATOR_DEFAULT, err);

	for (size_t i = 0; !real && !named && emulators_usual[i]; i++)
		real = emulator_real(emulators_usual[i], NULL);
	if (real)
		*err = (struct error){0};
	else if (err->code == -ENOENT && !named)
		error_set(err, -ENOENT, EMULATOR_DEFAULT, 0, "there is no QEMU for x86 here");
	return real;
}

/* What an accelerator gives: of a feature that QEMU has no property for it gives nothing. */
static void set_view(struct host_view *view, const struct featset *provided)
{
	*view = (struct host_view){0};
	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind != FEATURE_OTHER)
			featset_add(&view->known, i);
	view->has = *provided;
	featset_intersect(&view->has, &view->known);
}

static void ask_qemu(struct thishost *h, const char *emulator)
{
	struct featset kvm;

	h->emulator = find_emulator(emulator, &h->no_qemu);
	if (!h->emulator) {
		h->no_kvm = h->no_qemu;
		return;
	}
	if (qemu_probe(&h->qemu, h->emulator, &h->no_qemu) == 0) {
		set_view(&h->host.view[HOST_TCG], &h->qemu.tcg);
		h->host.qemu_version = strdup(h->qemu.version);
	}
	if (qemu_kvm(h->emulator, &kvm, NULL, &h->no_kvm) == 0)
		set_view(&h->host.view[HOST_KVM], &kvm);
}

static void ask_libvirt(struct thishost *h)
{
	const struct libvirt_at library = {.seconds = LIBVIRT_SECONDS};
	struct libvirt_versions versions = {0};
	char version[LIBVIRT_VERSION_TEXT];

	if (libvirt_ask_versions(&library, &versions, &h->no_libvirt) < 0)
		return;
	libvirt_version_print(version, versions.library);
	h->host.libvirt_version = strdup(version);
}

int thishost_read(struct thishost *h, const char *emulator, struct error *err)
{
	bool scaling = false;
	int r = read_cpus(h, err);

	if (r < 0)
		return r;
	thishost_judge(h);
	read_msrs(h);
	thishost_judge(h);
	if (ask_system(&h->host) < 0)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	if (kvm_tsc(&h->host.tsc_hz, &scaling, &h->no_tsc) == 0)
		h->host.tsc_scaling = scaling;
	h->code_name = rawcpu_code_name();
	ask_qemu(h, emulator);
	ask_libvirt(h);
	return 0;
}
