/* SPDX-License-Identifier: Apache-2.0 */
#include "nodestate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/libvirt/libvirtmap.h"
#include "cpumap/libvirt/mapinclude.h"
#include "cpumap/libvirt/mapsingle.h"
#include "hook/worker/native.h"
#include "access.h"
#include "package.h"

#define INDEX_PATH   LIBVIRTMAP_DIR "/index.xml"
#define INCLUDE_PATH LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS
#define HOOK_LIMIT   ((size_t)16 << 20)
#define INDEX_LIMIT  ((size_t)16 << 20)

#define UNIT_DIR "/usr/lib/systemd/system/"

/* So many seconds after its start the daemon may still read a file that was just written. */
#define START_SECONDS 1

void nodestate_free(struct nodestate *s)
{
	strv_free(&s->map.unknown);
	strv_free(&s->map.wanting);
	strv_free(&s->map.other);
	strv_free(&s->unreadable);
	free(s->emulator);
}

char *nodestate_restart(const struct nodestate *s, char *buf, size_t size)
{
	_cleanup_free_ char *modular = root_path(UNIT_DIR "virtqemud.service");
	_cleanup_free_ char *whole = root_path(UNIT_DIR "libvirtd.service");
	const char *name = "libvirtd";

	if (s->n_daemons)
		name = s->daemon[0].name;
	else if (modular && whole && access(modular, F_OK) == 0 && access(whole, F_OK) < 0)
		name = "virtqemud";
	(void)snprintf(buf, size, "`systemctl restart %s`", name);
	return buf;
}

/* ---- looking ---- */

static bool can_access(const char *path, int mode)
{
	_cleanup_free_ char *here = root_path(path);

	/* another errno: not known, which counts as right */
	return !here || access(here, mode) == 0 || (errno != ENOENT && errno != EACCES);
}

static bool contains(const char *path, size_t limit, const char *const *words)
{
	_cleanup_free_ char *here = root_path(path), *text = NULL;
	size_t len = 0;

	if (!here || file_read(here, TRUST_ANY, limit, &text, &len, NULL) < 0)
		return false;
	for (; *words; words++)
		if (memmem(text, len, *words, strlen(*words)))
			return true;
	return false;
}

/* Ours contains the word that it looks for in the include; `cpushim ready` knows it by that, too. */
static void look_at_hook(struct hook_file *h, const char *path)
{
	static const char *const front[] = {MAPINCLUDE_NAMES, NULL}, *const script[] = {HOOK_SOURCE,
											NULL};
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	*h = (struct hook_file){.path = path, .there = can_access(path, F_OK)};
	h->script = contains(path, HOOK_LIMIT, script);
	h->ours = h->script || contains(path, HOOK_LIMIT, front);
	h->runs = can_access(path, X_OK);
	if (here && stat(here, &st) == 0)
		h->time = st.st_ctim;
}

/* The table's note of the QEMU behind an emulator, if by now that is another one. */
static const struct table_qemu *former_qemu(const char *real, const char *emulator,
					    const struct table *t)
{
	const struct table_qemu *noted = table_qemu_of(t, emulator);

	return noted && emulator_compare(noted, real) == EMULATOR_OTHER ? noted : NULL;
}

static int add_emulator(struct nodestate *s, const char *path, const struct table *t)
{
	_cleanup_free_ char *here = root_path(path), *real = NULL;
	struct emulator_state *grown;
	bool wrapper;

	for (size_t i = 0; i < s->n_emulators; i++)
		if (strcmp(s->emulator[i].path, path) == 0)
			return 0;
	grown = reallocarray(s->emulator, s->n_emulators + 1, sizeof(*grown));
	s->emulator = grown ? grown : s->emulator;
	if (!grown || !here || asprintf(&real, "%s%s", here, s->native ? "" : EMULATOR_REAL) < 0) {
		real = NULL;
		return -ENOMEM;
	}
	wrapper = emulator_is_wrapper(here);
	/* what compile noted where the wrapper is lost isn't the QEMU that was behind it */
	grown[s->n_emulators++] = (struct emulator_state){
		.path = path,
		.wrapper = wrapper,
		.there = access(real, F_OK) == 0,
		.runs = access(real, X_OK) == 0,
		.was = wrapper || s->native ? former_qemu(real, path, t) : NULL};
	return 0;
}

/* What the user that QEMU runs as needs each file for. */
static const struct need {
	const char *path, *id;
	int bits;
	enum weight weight;
	const char *effect, *cure;
} needs[] = {
	{TABLE_PATH, "table-readable", R_OK, WEIGHT_BLOCKS, "so no guest of a site model starts",
	 CURE_COMPILE},
	{PROXY_PATH, "proxy-readable", R_OK | X_OK, WEIGHT_FAILS,
	 "so libvirt won't know the site's models when it probes QEMU next",
	 "`chmod 755 " PROXY_PATH "`"},
	{COMMAND_PATH, "command-readable", R_OK | X_OK, WEIGHT_FAILS,
	 "so nothing that runs as this user can ask what a model is",
	 "`chmod 755 " COMMAND_PATH "`"},
};

/* Looks whether the user that QEMU runs as may use what it has to. */
static void look_at_access(struct nodestate *s)
{
	_cleanup_user_ struct user user = {0};

	if (s->native || user_of_qemu(&user) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		_cleanup_free_ char *forbids = user_may_not(&user, needs[i].path, needs[i].bits);

		if (forbids &&
		    strv_add(&s->unreadable, needs[i].path, strlen(needs[i].path)) == 0 &&
		    strv_add(&s->unreadable, forbids, strlen(forbids)) == 0)
			(void)strv_add(&s->unreadable, user.name, strlen(user.name));
	}
}

static void note_time(struct nodestate *s, const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	if (here && stat(here, &st) == 0 && time_later(&st.st_ctim, &s->map.time))
		s->map.time = st.st_ctim;
}

/* Has our include a model with other features than its row? */
static void compare_model(struct nodestate *s, const struct table_row *row,
			  const struct libvirtmap *map)
{
	const struct model *m = model_named(&map->models, row->model);
	struct featset wanted;

	if (m && strv_has(&map->ours, row->model) && !strv_has(&s->map.other, row->model) &&
	    featset_parse(&wanted, row->features, strlen(row->features), ',', NULL) == 0 &&
	    featset_count(&wanted) && !featset_equal(&wanted, &m->features))
		(void)strv_add(&s->map.other, row->model, strlen(row->model));
}

/* Looks in libvirt's map for the model of a row. Models of refused rows aren't in the include. */
static void look_for_model(struct nodestate *s, const struct table_row *row,
			   const struct libvirtmap *map)
{
	_cleanup_text_ struct text names = {0};
	struct featset wanting;

	compare_model(s, row, map);
	if (*row->refused || model_named(&map->models, row->model) ||
	    strv_has(&map->odd, row->model) || strv_has(&map->ours, row->model) ||
	    featset_parse(&wanting, row->features, strlen(row->features), ',', NULL) < 0)
		return;
	featset_subtract(&wanting, &map->features);
	if (featset_count(&wanting) == 0) {
		if (!strv_has(&s->map.unknown, row->model))
			(void)strv_add(&s->map.unknown, row->model, strlen(row->model));
		return;
	}
	featset_print(&names, &wanting, " ");
	(void)strv_addf(&s->map.wanting, "%s: %s", row->model, names.data ? names.data : "");
}

/* Looks for models that our include has and the table hasn't. */
static void look_for_others(struct nodestate *s, const struct table *t,
			    const struct libvirtmap *map)
{
	for (size_t i = 0; i < map->ours.n; i++) {
		const char *model = map->ours.item[i];

		if (!table_find(t, model, strlen(model), NULL))
			(void)strv_add(&s->map.other, model, strlen(model));
	}
}

/* How often libvirt's map names our include. @map: empty if it couldn't be read */
static unsigned int count_named(const struct nodestate *s, const struct libvirtmap *map)
{
	static const char *const ours[] = {LIBVIRTMAP_OURS, NULL}, *const block[] = {MAPSINGLE_END,
										     NULL};

	if (s->map.single)
		return contains(MAPSINGLE_PATH, INDEX_LIMIT, block);
	return s->map.error.code ? contains(INDEX_PATH, INDEX_LIMIT, ours) : map->named;
}

static void look_at_map(struct nodestate *s, const struct table *t)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);

	s->map.single = !can_access(INDEX_PATH, F_OK);
	s->libvirt = !s->map.single || can_access(MAPSINGLE_PATH, F_OK);
	if (!s->libvirt || !dir)
		return;
	(void)libvirtmap_load(&map, dir, NULL, &s->map.error);
	s->map.named = count_named(s, &map);
	s->map.include = s->map.single || can_access(INCLUDE_PATH, F_OK);
	note_time(s, s->map.single ? MAPSINGLE_PATH : INDEX_PATH);
	note_time(s, INCLUDE_PATH);
	for (size_t i = 0; i < t->n && !s->map.error.code; i++)
		look_for_model(s, &t->row[i], &map);
	if (!s->map.error.code)
		look_for_others(s, t, &map);
}

/* When a process was started, from /proc's clock ticks since boot. */
static struct timespec start_of(const struct daemon *d)
{
	struct timespec now, up;
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	int64_t ns;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	ns = (int64_t)(now.tv_sec - up.tv_sec) * 1000000000 + (now.tv_nsec - up.tv_nsec);
	ns += (int64_t)(d->start * (1000000000 / hz));
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Does root's process @pid see the same map as we? In a container or a throwaway root it sees
 * another. */
static bool has_our_map(uint64_t pid, const struct nodestate *s)
{
	const char *path = s->map.single ? MAPSINGLE_PATH : INDEX_PATH;
	_cleanup_free_ char *its = NULL, *dir = NULL;
	struct stat a, b, process;

	if (asprintf(&dir, "/proc/%llu", (unsigned long long)pid) < 0) {
		dir = NULL;
		return false;
	}
	if (asprintf(&its, "%s/root%s", dir, path) < 0) {
		its = NULL;
		return false;
	}
	return stat(dir, &process) == 0 && process.st_uid == 0 && stat(its, &a) == 0 &&
	       stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Adds one behind those that are older. */
static void add_daemon(struct nodestate *s, const struct daemon *d)
{
	struct node_daemon new = {.id = *d, .started = start_of(d)};
	size_t i = s->n_daemons;

	if (i == DAEMONS_MAX)
		return;
	daemon_name(d, new.name, sizeof(new.name));
	for (; i > 0 && s->daemon[i - 1].id.start > d->start; i--)
		s->daemon[i] = s->daemon[i - 1];
	s->daemon[i] = new;
	s->n_daemons++;
}

/* Finds the libvirt daemons of this node. With CPUSHIM_ROOT the node isn't this machine. */
static void look_for_daemons(struct nodestate *s)
{
	DIR *dir = getenv("CPUSHIM_ROOT") ? NULL : opendir("/proc");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct daemon d;
		uint64_t pid;

		if (number_parse(entry->d_name, strlen(entry->d_name), 10, INT32_MAX, &pid) == 0 &&
		    daemon_is(pid, &d) && has_our_map(pid, s))
			add_daemon(s, &d);
	}
	if (dir)
		(void)closedir(dir);
}

void nodestate_read(struct nodestate *s, const struct table *t)
{
	*s = (struct nodestate){.native = native_node()};
	for (size_t i = 0; i < t->n; i++)
		if (*t->row[i].emulator && add_emulator(s, t->row[i].emulator, t) < 0)
			break;
	look_at_map(s, t);
	if (!s->libvirt)
		return;
	look_at_hook(&s->hook[0], HOOK_PATH);
	look_at_hook(&s->hook[1], HOOK_BESIDE);
	s->worker = can_access(COMMAND_PATH, X_OK);
	s->proxy = can_access(PROXY_PATH, X_OK);
	look_at_access(s);
	look_for_daemons(s);
}

/* ---- telling ---- */

bool nodestate_spoils_map(const struct nodestate *s)
{
	return s->map.error.code && strstr(s->map.error.where, LIBVIRTMAP_OURS);
}

/* What mends a map that can't be loaded. */
static const char *map_cure(const struct nodestate *s)
{
	return nodestate_spoils_map(s) ? CURE_COMPILE
				       : "reinstall libvirt's package, if the file is its own";
}

static void tell_index(const struct nodestate *s, const char *dir, struct faults *f)
{
	if (s->map.named == 0 && s->map.error.code) {
		fault_add(f, "index", WEIGHT_BLOCKS,
			  "%s: %s, and it doesn't name " LIBVIRTMAP_OURS ", so every CPU call of "
			  "libvirt fails once it restarts, for all guests",
			  s->map.error.where, s->map.error.what);
		fault_cure(f, "%s, then " CURE_READY, map_cure(s));
		return;
	}
	if (s->map.named == 0)
		fault_add(f, "index", WEIGHT_BLOCKS,
			  "%s: %s " LIBVIRTMAP_OURS " any more, so libvirt won't know the site's "
			  "models once it restarts",
			  dir,
			  s->map.single ? "cpu_map.xml has no block of" : "index.xml doesn't name");
	else if (s->map.named > 1)
		fault_add(f, "index", WEIGHT_BLOCKS,
			  "%s: index.xml names " LIBVIRTMAP_OURS " %u times, so every CPU call of "
			  "libvirt fails once it restarts, for all guests",
			  dir, s->map.named);
	else
		return;
	fault_cure(f, CURE_READY);
}

static void tell_map(const struct nodestate *s, struct faults *f)
{
	_cleanup_free_ char *root_dir = root_path(LIBVIRTMAP_DIR);
	const char *dir = root_dir ? root_dir : LIBVIRTMAP_DIR;

	tell_index(s, dir, f);
	if (s->map.named && !s->map.include) {
		fault_add(f, "include", WEIGHT_BLOCKS,
			  "%s: " LIBVIRTMAP_OURS " is missing, and index.xml names it, so every "
			  "CPU call of libvirt fails once it restarts, for all guests",
			  dir);
		fault_cure(f, CURE_COMPILE);
	} else if (s->map.named && s->map.error.code) {
		fault_add(f, "map", WEIGHT_BLOCKS,
			  "%s: %s, so every CPU call of libvirt fails once it restarts, for all "
			  "guests",
			  s->map.error.where, s->map.error.what);
		fault_cure(f, "%s", map_cure(s));
	}
}

/* What is wrong with the QEMU behind a wrapper, or on a node without it. */
static void tell_real(const struct nodestate *s, const struct emulator_state *e, struct faults *f)
{
	_cleanup_free_ char *cure = e->runs ? NULL : package_cure(e->path);
	const char *suffix = s->native ? "" : EMULATOR_REAL;

	if (e->runs)
		return;
	if (!e->there && s->native)
		fault_add(f, "real", WEIGHT_BLOCKS, "%s: there is no QEMU", e->path);
	else if (!e->there)
		fault_add(f, "real", WEIGHT_BLOCKS,
			  "%s: there is no QEMU behind this wrapper, at %s%s", e->path, e->path,
			  suffix);
	else
		fault_add(f, "real-executable", WEIGHT_BLOCKS,
			  "%s%s: this QEMU can't be run, by its mode", e->path, suffix);
	fault_cure(f, "%s", cure ? cure : EMULATOR_REINSTALL);
}

static void tell_emulators(const struct nodestate *s, const char *emulator, struct faults *f)
{
	for (size_t i = 0; i < s->n_emulators; i++) {
		const struct emulator_state *e = &s->emulator[i];

		if (emulator && !string_ends_in(emulator, e->path))
			continue;
		if (!e->wrapper && !s->native && !emulator) {
			fault_add(f, "wrapper", WEIGHT_BLOCKS,
				  can_access(e->path, F_OK)
					  ? "%s: isn't cpushim's wrapper, so QEMU won't "
					    "know the site's models"
					  : "%s: is gone, so no guest of it starts",
				  e->path);
			fault_cure(f, CURE_READY);
		} else if (e->wrapper || s->native) {
			tell_real(s, e, f);
		}
		if (!e->was)
			continue;
		fault_add(f, "qemu-table", WEIGHT_FAILS,
			  "%s: its QEMU isn't the one that the table was made from (%s)%s", e->path,
			  e->was->version,
			  s->native ? "" : ", so models on base max, host or base are refused");
		fault_cure(f, EMULATOR_COMPILE);
	}
}

static void tell_programs(const struct nodestate *s, struct faults *f)
{
	if (!s->worker) {
		fault_add(f, "command", WEIGHT_BLOCKS,
			  COMMAND_PATH ": is missing or can't be run, and the hook refuses site "
				       "models without it");
		fault_cure(f, CURE_REINSTALL);
	}
	if (!s->proxy && !s->native) {
		fault_add(f, "proxy", WEIGHT_FAILS,
			  PROXY_PATH
			  ": is missing or can't be run, so that libvirt won't know the site's "
			  "models when it probes QEMU next");
		fault_cure(f, CURE_REINSTALL);
	}
}

/* Tells what the user that QEMU runs as may not use. */
static void tell_access(const struct nodestate *s, struct faults *f)
{
	for (size_t i = 0; i + 2 < s->unreadable.n; i += 3) {
		const char *path = s->unreadable.item[i], *by = s->unreadable.item[i + 1];
		const struct need *need = needs;

		while (strcmp(need->path, path) != 0)
			need++;
		/* told already: nobody can run it */
		if ((need->bits & X_OK) && !can_access(path, X_OK))
			continue;
		fault_add(f, need->id, need->weight,
			  "%s: user %s may not use it, by the mode of %s, %s", path,
			  s->unreadable.item[i + 2], strcmp(by, path) == 0 ? "the file" : by,
			  need->effect);
		if (strcmp(by, path) == 0)
			fault_cure(f, "%s", need->cure);
		else
			fault_cure(f, "`chmod a+x %s`", by);
	}
}

static void tell_models(const struct nodestate *s, struct faults *f, enum weight weight,
			const struct strv *models, const char *before, const char *behind)
{
	_cleanup_text_ struct text names = {0};
	char restart[64];

	for (size_t i = 0; i < models->n; i++)
		text_addf(&names, "%s%s", i ? " " : "", models->item[i]);
	if (!names.data || names.failed)
		return;
	fault_add(f, "include", weight, "%s%s%s", before, names.data, behind);
	fault_cure(f, CURE_COMPILE ", then %s", nodestate_restart(s, restart, sizeof(restart)));
}

void nodestate_unknown(const struct nodestate *s, struct faults *f)
{
	if (!s->map.named || !s->map.include)
		return;
	tell_models(s, f, WEIGHT_BLOCKS, &s->map.unknown, LIBVIRTMAP_DIR ": has no model ",
		    ", so libvirt won't start a guest of it");
	tell_models(s, f, WEIGHT_FAILS, &s->map.other, INCLUDE_PATH ": has ",
		    " otherwise than the table, so libvirt compares with another CPU");
}

static void tell_hook(const struct nodestate *s, struct faults *f)
{
	const struct hook_file *own = &s->hook[0], *beside = &s->hook[1];
	const struct hook_file *ours = own->ours ? own : beside->ours ? beside : NULL;
	char restart[64];

	if (ours && ours->runs)
		return;
	if (ours)
		fault_add(f, "hook-executable", WEIGHT_FAILS,
			  "%s: libvirt's hook isn't executable, so nothing checks what guests of "
			  "site models get",
			  ours->path);
	else
		fault_add(f, own->there ? "hook-ours" : "hook", WEIGHT_FAILS,
			  "%s: libvirt's hook %s, so nothing checks what guests of site models get",
			  own->path, own->there ? "is another tool's" : "isn't there");
	fault_cure(f, CURE_READY ", then %s", nodestate_restart(s, restart, sizeof(restart)));
}

static void tell_twice(const struct nodestate *s, struct faults *f)
{
	if (!s->hook[0].ours || !s->hook[1].ours)
		return;
	fault_add(f, "hook-twice", WEIGHT_WARNS,
		  "%s: is cpushim's hook, and so is %s: libvirt runs both for each guest",
		  s->hook[0].path, s->hook[1].path);
	fault_cure(f, CURE_READY);
}

static void time_words(char *buf, size_t size, const struct timespec *t)
{
	struct tm tm;

	if (!localtime_r(&t->tv_sec, &tm) || strftime(buf, size, "%F %T", &tm) == 0)
		*buf = '\0';
}

/* Tells which of libvirt's daemons must be restarted: each still uses what it read when it
 * started. */
static void tell_daemons(const struct nodestate *s, struct faults *f)
{
	for (size_t i = 0; i < s->n_daemons; i++) {
		const struct node_daemon *d = &s->daemon[i];
		struct timespec read_by = d->started;
		char started[32], changed[32];

		read_by.tv_sec += START_SECONDS;
		if (!time_later(&s->map.time, &read_by))
			continue;
		time_words(started, sizeof(started), &d->started);
		time_words(changed, sizeof(changed), &s->map.time);
		fault_add(f, "daemon", WEIGHT_FAILS,
			  "libvirt (process %d) was started at %s and goes by the CPU map that it "
			  "read then; the map was changed at %s",
			  (int)d->id.pid, started, changed);
		fault_cure(f, "`systemctl restart %s`", d->name);
	}
}

void nodestate_faults(const struct nodestate *s, const char *emulator, struct faults *f)
{
	if (s->libvirt)
		tell_map(s, f);
	tell_emulators(s, emulator, f);
	if (!s->libvirt)
		return;
	tell_programs(s, f);
	tell_access(s, f);
	tell_hook(s, f);
	tell_twice(s, f);
	tell_daemons(s, f);
}

char *nodestate_lacks_model(const struct nodestate *s, const char *model)
{
	size_t len = strlen(model);
	char *line = NULL, restart[64];

	/* then no model is known, and the lines about the map say why */
	if (!s->map.named || !s->map.include)
		return NULL;
	if (strv_has(&s->map.unknown, model)) {
		if (asprintf(&line,
			     "libvirt's CPU map has no model '%s'; " CURE_COMPILE ", then %s",
			     model, nodestate_restart(s, restart, sizeof(restart))) < 0)
			return NULL;
		return line;
	}
	for (size_t i = 0; i < s->map.wanting.n; i++) {
		const char *it = s->map.wanting.item[i];

		if (strncmp(it, model, len) == 0 && it[len] == ':' &&
		    asprintf(&line,
			     "libvirt doesn't know model '%s', as its CPU map lacks%s; upgrade "
			     "libvirt, or choose a model without",
			     model, it + len + 1) >= 0)
			return line;
	}
	return NULL;
}
