/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU: the wrapper, the real QEMU behind it, and what libvirt knows of them. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/elfnote.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/show.h"
#include "cpumap/libvirt/xml.h"
#include "hook/guests/package.h"
#include "condition.h"
#include "emulators.h"

#define NOTE_RELEASE 2 /* wrapper/note.c */
#define CACHE_DIR    "/var/cache/libvirt/qemu/capabilities"
#define NATIVE       "this node was installed without the wrapper"
#define SHOWN        128

void look_wrapper(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (c->state.native)
		fault_add(f, it->id, WEIGHT_SKIPPED, NATIVE);
	else
		look_told(c, it, f);
}

static void read_release(const char *path, char *release, size_t size)
{
	_cleanup_free_ char *here = root_path(path);
	_cleanup_close_ int fd = -1;
	int len = here && file_open(here, TRUST_ANY, &fd, NULL) == 0
			  ? elfnote_read(fd, "cpushim", NOTE_RELEASE, release, size - 1)
			  : -1;

	release[len > 0 && (size_t)len < size ? len : 0] = '\0';
}

void look_wrapper_release(struct checkup *c, const struct condition *it, struct faults *f)
{
	for (size_t i = 0; i < c->state.n_emulators; i++) {
		const char *path = c->state.emulator[i].path;
		char release[64] = "", shown[SHOWN];

		read_release(path, release, sizeof(release));
		if (strcmp(release, CPUSHIM_VERSION) == 0)
			continue;
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: is the wrapper of cpushim %s, and this is " CPUSHIM_VERSION, path,
			  text_escape(shown, sizeof(shown), release, strlen(release)));
		fault_cure(f, CURE_READY);
	}
}

static bool is_wrapper(const char *path)
{
	_cleanup_free_ char *here = root_path(path);

	return here && emulator_is_wrapper(here);
}

/* Those of the table are told by the condition `wrapper`. */
static bool is_known(const struct checkup *c, const char *path)
{
	for (size_t i = 0; i < c->state.n_emulators; i++)
		if (strcmp(c->state.emulator[i].path, path) == 0)
			return true;
	return false;
}

/* The emulators that had the wrapper: by the receipt, and by the real QEMU that stands beside one of the
 * usual names. */
static int once_wrapped(struct strv *paths, const struct checkup *c)
{
	_cleanup_strv_ struct strv reals = {0};
	int r = receipt_paths(&c->receipt, RECEIPT_REAL, &reals);

	for (size_t i = 0; emulators_usual[i] && r == 0; i++) {
		_cleanup_free_ char *real = NULL;

		r = asprintf(&real, "%s" EMULATOR_REAL, emulators_usual[i]) < 0 ? -ENOMEM : 0;
		if (r == 0 && checkup_has(real))
			r = strv_add(&reals, real, strlen(real));
	}
	for (size_t i = 0; i < reals.n && r == 0; i++) {
		size_t len = strlen(reals.item[i]), end = strlen(EMULATOR_REAL);

		if (len > end)
			r = strv_add(paths, reals.item[i], len - end);
	}
	strv_sort(paths);
	return r;
}

void look_wrapper_lost(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_strv_ struct strv paths = {0};

	if (once_wrapped(&paths, c) < 0)
		f->lost = true;
	for (size_t i = 0; i < paths.n && !c->state.native; i++) {
		if (is_known(c, paths.item[i]) || is_wrapper(paths.item[i]))
			continue;
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: had cpushim's wrapper and has lost it, so guests of it get no site "
			  "model",
			  paths.item[i]);
		fault_cure(f, CURE_READY);
	}
}

void look_real_executable(struct checkup *c, const struct condition *it, struct faults *f)
{
	look_told(c, it, f);
	for (size_t i = 0; i < c->state.n_emulators && c->has_user && f->n == 0; i++) {
		_cleanup_free_ char *real = NULL, *forbids = NULL;

		if (asprintf(&real, "%s%s", c->state.emulator[i].path,
			     c->state.native ? "" : EMULATOR_REAL) < 0) {
			real = NULL;
			continue;
		}
		forbids = user_may_not(&c->user, real, X_OK);
		if (!forbids)
			continue;
		fault_add(f, it->id, WEIGHT_BLOCKS,
			  "%s: user %s may not run it, by the mode of %s, so no guest starts", real,
			  c->user.name, forbids);
		fault_cure(f, "`chmod a+x %s`", forbids);
	}
}

void look_real_answers(struct checkup *c, const struct condition *it, struct faults *f)
{
	size_t n;
	const struct checkup_qemu *qemu = checkup_qemus(c, &n);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *cure = NULL;

		if (!qemu[i].error.code)
			continue;
		cure = package_cure(qemu[i].emulator);
		fault_error(f, it->id, WEIGHT_BLOCKS, &qemu[i].error, NULL);
		fault_cure(f, "%s", cure ? cure : EMULATOR_REINSTALL);
	}
}

/* ---- dpkg ---- */

static void look_at_diversion(const char *path, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *real = NULL, *package = package_of(path, "qemu");
	_cleanup_diversion_ struct diversion d = {0};

	if (!package || diversion_of(&d, path) < 0 || asprintf(&real, "%s" EMULATOR_REAL, path) < 0)
		return;
	if (!d.to) {
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: isn't diverted, so that the next upgrade of %s puts QEMU over the "
			  "wrapper",
			  path, package);
		fault_cure(f, CURE_READY);
	} else if (strcmp(d.to, real) != 0) {
		fault_add(f, it->id, WEIGHT_WARNS,
			  "%s: dpkg diverts it to %s, so that an upgrade of %s doesn't reach the "
			  "QEMU "
			  "behind the wrapper, %s",
			  path, d.to, package, real);
		fault_cure(f, "`dpkg-divert --list %s` says for whom", path);
	}
}

void look_diversion(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (!checkup_has("/var/lib/dpkg/info")) {
		fault_add(f, it->id, WEIGHT_SKIPPED, "there is no dpkg here");
		return;
	}
	for (size_t i = 0; i < c->state.n_emulators; i++)
		look_at_diversion(c->state.emulator[i].path, it, f);
}

/* ---- libvirt's probe ---- */

/* What libvirt remembers of an emulator that it has probed (virQEMUCapsFormatCache,
 * src/qemu/qemu_capabilities.c, 7.0 to 11.3). */
struct probe {
	char *emulator;
	uint64_t
		ctime; /* the emulator's, in whole seconds: libvirt probes again if it is another */
	struct strv models;
};

static void probe_free(struct probe *p)
{
	if (p->emulator)
		xmlFree(p->emulator);
	strv_free(&p->models);
}

static void read_part(struct probe *p, const xmlNode *node)
{
	_cleanup_xml_ char *name = NULL, *text = NULL;

	if (xml_is(node, NULL, "emulator") && !p->emulator)
		p->emulator = (char *)xmlNodeGetContent((xmlNode *)node);
	if (xml_is(node, NULL, "qemuctime") &&
	    (text = (char *)xmlNodeGetContent((xmlNode *)node)) &&
	    number_parse(text, strlen(text), 10, UINT64_MAX, &p->ctime) < 0)
		p->ctime = 0;
	if (xml_is(node, NULL, "cpu") && (name = xml_attr(node, "name")))
		(void)strv_add(&p->models, name, strlen(name));
	/* <accel type='kvm'> holds them since 7.10 */
	if (xml_is(node, NULL, "accel"))
		for (const xmlNode *n = node->children; n; n = n->next)
			read_part(p, n);
}

static int read_probe(struct probe *p, const char *path)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	int r = xml_read(&doc, path, TRUST_ANY, "qemuCaps", NULL);

	if (r < 0)
		return r;
	for (const xmlNode *n = xmlDocGetRootElement(doc)->children; n; n = n->next)
		read_part(p, n);
	return 0;
}

static bool is_newer(const char *path, const struct stat *than)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && stat(here, &st) == 0 && time_later(&st.st_ctim, &than->st_ctim);
}

/* What decides the probe's answer and is newer than the wrapper? NULL: nothing */
static const char *newer_than(const char *emulator, const struct stat *wrapper)
{
	_cleanup_free_ char *real = NULL;

	if (is_newer(TABLE_PATH, wrapper))
		return "the table";
	if (is_newer(PROXY_PATH, wrapper))
		return "qmp-proxy";
	if (asprintf(&real, "%s" EMULATOR_REAL, emulator) < 0) {
		real = NULL;
		return NULL;
	}
	return is_newer(real, wrapper) ? "its QEMU" : NULL;
}

/* The models of the emulator's rows that libvirt wasn't told of. */
static void unheard_of(struct text *names, const struct checkup *c, const struct probe *p)
{
	for (size_t i = 0; i < c->table.n; i++) {
		const struct table_row *row = &c->table.row[i];

		if (!*row->refused && strcmp(row->emulator, p->emulator) == 0 &&
		    !strv_has(&p->models, row->model))
			text_addf(names, " %s", row->model);
	}
}

static void judge_probe(struct checkup *c, const struct probe *p, const struct condition *it,
			struct faults *f)
{
	_cleanup_free_ char *here = NULL;
	_cleanup_text_ struct text names = {0};
	const char *newer;
	struct stat st;

	if (!p->emulator || !is_known(c, p->emulator))
		return;
	here = root_path(p->emulator);
	/* an emulator that was changed since is probed again by itself */
	if (!here || stat(here, &st) < 0 || (uint64_t)st.st_ctim.tv_sec != p->ctime)
		return;
	newer = newer_than(p->emulator, &st);
	unheard_of(&names, c, p);
	if (newer) {
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: %s was changed after libvirt probed it, and libvirt goes by what it "
			  "heard then",
			  p->emulator, newer);
		fault_cure(f, CURE_COMPILE);
	} else if (names.len && !names.failed) {
		fault_add(
			f, it->id, WEIGHT_FAILS,
			"%s: libvirt wasn't told of%s when it probed it, so it makes of that what "
			"it likes, which the hook refuses",
			p->emulator, names.data);
		fault_cure(f, "`touch %s`", p->emulator);
	}
}

void look_probe(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *path = root_path(CACHE_DIR);
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry;

	if (!dir && errno == EACCES)
		fault_add(f, it->id, WEIGHT_UNKNOWN, CACHE_DIR ": %s; run this as root",
			  strerror(EACCES));
	else if (!dir)
		fault_add(f, it->id, WEIGHT_SKIPPED, "libvirt hasn't probed QEMU yet");
	while (dir && (entry = readdir(dir))) {
		__attribute__((cleanup(probe_free))) struct probe p = {0};
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
			file = NULL;
		else if (strstr(entry->d_name, ".xml") && read_probe(&p, file) == 0)
			judge_probe(c, &p, it, f);
	}
	if (dir)
		(void)closedir(dir);
}

/* ---- which emulators are used ---- */

/* The PATH of libvirt's daemon, or the one that systemd gives it (systemd.exec(5)). Allocated. */
static char *search_path(const struct checkup *c)
{
	_cleanup_free_ char *file = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len = 0;

	if (c->state.n_daemons &&
	    asprintf(&file, "/proc/%d/environ", (int)c->state.daemon[0].id.pid) < 0)
		file = NULL;
	if (file && file_open(file, TRUST_ANY, &fd, NULL) == 0)
		(void)fd_read_all(fd, 1 << 20, &text, &len);
	for (char *at = text; at && at < text + len; at += strlen(at) + 1)
		if (strncmp(at, "PATH=", strlen("PATH=")) == 0)
			return strdup(at + strlen("PATH="));
	return strdup("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

static bool is_program(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && stat(here, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* The first of that name in the path (virFindFileInPath, src/util/virfile.c, 7.0 to 11.3). */
static char *find_program(char *path, const char *name)
{
	char *rest = path, *dir;

	while (rest && (dir = strsep(&rest, ":"))) {
		char *file;

		if (asprintf(&file, "%s/%s", dir, name) < 0)
			return NULL;
		if (is_program(file))
			return file;
		free(file);
	}
	return NULL;
}

void look_default_emulator(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *path = search_path(c);
	_cleanup_free_ char *found =
		path ? find_program(path, strrchr(EMULATOR_DEFAULT, '/') + 1) : NULL;

	if (!found) {
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  "libvirt finds no qemu-system-x86_64 by itself");
		return;
	}
	if (is_wrapper(found))
		return;
	fault_add(f, it->id, WEIGHT_FAILS,
		  "%s: is the first of that name in libvirt's PATH and isn't cpushim's wrapper, so "
		  "a domain that names no <emulator> gets no site model",
		  found);
	if (emulators_may_have_wrapper(found))
		fault_cure(f, "`cpushim ready --emulator %s`", found);
	else
		fault_cure(f, "move it to /usr/bin, or name " EMULATOR_DEFAULT " in the domains");
}

struct judging {
	const struct condition *it;
	struct faults *faults;
};

static void judge_domain(struct checkup *c, const char *name, const struct domain *d, void *data)
{
	const struct judging *j = data;
	_cleanup_free_ char *here = d->emulator ? root_path(d->emulator) : NULL;
	_cleanup_free_ char *file = here ? realpath(here, NULL) : NULL;
	char shown[SHOWN], emulator[4 * SHOWN];

	if (!d->emulator || !d->model || !table_find(&c->table, d->model, strlen(d->model), NULL))
		return;
	(void)text_escape(shown, sizeof(shown), name, strlen(name));
	(void)text_escape(emulator, sizeof(emulator), d->emulator, strlen(d->emulator));
	if (!file || !emulator_is_wrapper(file)) {
		fault_add(j->faults, j->it->id, WEIGHT_FAILS,
			  "domain %s: asks for %s, and its emulator %s isn't cpushim's wrapper",
			  shown, d->model, emulator);
		if (emulators_may_have_wrapper(d->emulator))
			fault_cure(j->faults,
				   "`cpushim ready --emulator %s`, or let it name one of the table",
				   emulator);
		else
			fault_cure(j->faults, "let it name one of the table");
	} else if (!table_has_emulator(&c->table, file)) {
		fault_add(j->faults, j->it->id, WEIGHT_FAILS,
			  "domain %s: asks for %s, and the table has no models for its emulator %s",
			  shown, d->model, emulator);
		fault_cure(j->faults, "`cpushim compile --emulator %s`", emulator);
	}
}

void look_domain_emulators(struct checkup *c, const struct condition *it, struct faults *f)
{
	struct judging j = {.it = it, .faults = f};

	if (c->state.native)
		fault_add(f, it->id, WEIGHT_SKIPPED, NATIVE);
	else
		checkup_domains(c, DOMAINFILE_DEFINITION, judge_domain, &j);
}
