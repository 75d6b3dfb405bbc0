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

#define INDEX_PATH   LIBVIRTMAP_DIR "/index.xml"
#define INCLUDE_PATH LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS
#define HOOK_LIMIT   ((size_t)16 << 20)
#define INDEX_LIMIT  ((size_t)16 << 20)

/* So many seconds after its start the daemon may still read a file that was just written. */
#define START_SECONDS 1

#define REINSTALL "run install.sh again"

void nodestate_free(struct nodestate *s)
{
	strv_free(&s->map.unknown);
	strv_free(&s->map.wanting);
	free(s->emulator);
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

/* Is the hook ours, or a script that runs ours? Ours contains the word that it looks for in the
 * include; install.sh knows it by that, too. */
static bool is_our_hook(const char *path)
{
	static const char *const words[] = {MAPINCLUDE_NAMES, HOOK_SOURCE, NULL};

	return contains(path, HOOK_LIMIT, words);
}

static enum hook_state look_at_hook(void)
{
	static const char *const places[] = {HOOK_PATH, HOOK_BESIDE};
	enum hook_state state = can_access(HOOK_PATH, F_OK) ? HOOK_FOREIGN : HOOK_MISSING;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!is_our_hook(places[i]))
			continue;
		if (can_access(places[i], X_OK))
			return HOOK_OURS;
		state = HOOK_NOT_EXECUTABLE;
	}
	return state;
}

static int add_emulator(struct nodestate *s, const char *path, const struct table_qemu *noted)
{
	_cleanup_free_ char *here = root_path(path), *real = NULL;
	struct emulator_state *grown;
	bool wrapper;

	for (size_t i = 0; i < s->n_emulators; i++)
		if (strcmp(s->emulator[i].path, path) == 0)
			return 0;
	grown = reallocarray(s->emulator, s->n_emulators + 1, sizeof(*grown));
	if (!grown || !here || asprintf(&real, "%s" EMULATOR_REAL, here) < 0) {
		real = NULL;
		s->emulator = grown ? grown : s->emulator;
		return -ENOMEM;
	}
	s->emulator = grown;
	wrapper = emulator_is_wrapper(here);
	grown += s->n_emulators++;
	*grown = (struct emulator_state){
		.path = path, .wrapper = wrapper, .no_real = access(real, X_OK) < 0 ? errno : 0};
	if (noted && (wrapper || s->native) &&
	    emulator_compare(noted, wrapper ? real : here) == EMULATOR_OTHER)
		grown->was = noted;
	return 0;
}

static void note_time(struct nodestate *s, const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	if (here && stat(here, &st) == 0 && time_later(&st.st_ctim, &s->map.time))
		s->map.time = st.st_ctim;
}

/* Looks in libvirt's map for the model of a row. Models of refused rows aren't in the include. */
static void look_for_model(struct nodestate *s, const struct table_row *row,
			   const struct libvirtmap *map)
{
	_cleanup_text_ struct text names = {0};
	struct featset wanting;

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

static void look_at_map(struct nodestate *s, const struct table *t)
{
	static const char *const ours[] = {LIBVIRTMAP_OURS, NULL}, *const block[] = {MAPSINGLE_END,
										     NULL};
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);

	s->map.single = !can_access(INDEX_PATH, F_OK);
	s->libvirt = !s->map.single || can_access(MAPSINGLE_PATH, F_OK);
	if (!s->libvirt || !dir)
		return;
	s->map.named = s->map.single ? contains(MAPSINGLE_PATH, INDEX_LIMIT, block)
				     : contains(INDEX_PATH, INDEX_LIMIT, ours);
	s->map.include = s->map.single || can_access(INCLUDE_PATH, F_OK);
	note_time(s, s->map.single ? MAPSINGLE_PATH : INDEX_PATH);
	note_time(s, INCLUDE_PATH);
	if (libvirtmap_load(&map, dir, NULL, &s->map.error) < 0)
		return;
	for (size_t i = 0; i < t->n; i++)
		look_for_model(s, &t->row[i], &map);
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

/* Finds the oldest libvirt daemon of this node. With CPUSHIM_ROOT the node isn't this machine. */
static void look_for_daemon(struct nodestate *s)
{
	DIR *dir = getenv("CPUSHIM_ROOT") ? NULL : opendir("/proc");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct daemon d;
		uint64_t pid;

		if (number_parse(entry->d_name, strlen(entry->d_name), 10, INT32_MAX, &pid) < 0 ||
		    !daemon_is(pid, &d) || !has_our_map(pid, s) ||
		    (s->daemon.id.pid && s->daemon.id.start <= d.start))
			continue;
		s->daemon.id = d;
		s->daemon.started = start_of(&d);
	}
	if (dir)
		(void)closedir(dir);
}

void nodestate_read(struct nodestate *s, const struct table *t)
{
	*s = (struct nodestate){.native = native_node()};
	for (size_t i = 0; i < t->n; i++)
		if (*t->row[i].emulator &&
		    add_emulator(s, t->row[i].emulator, table_qemu_of(t, t->row[i].emulator)) < 0)
			break;
	look_at_map(s, t);
	if (!s->libvirt)
		return;
	s->hook = look_at_hook();
	s->worker = can_access(COMMAND_PATH, X_OK);
	s->proxy = can_access(PROXY_PATH, X_OK);
	look_for_daemon(s);
}

/* ---- telling ---- */

static void tell_map(const struct nodestate *s, struct strv *lines)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);

	if (!s->map.named)
		(void)strv_addf(lines,
				"%s: %s " LIBVIRTMAP_OURS " any more, so libvirt won't know the "
				"site's models once it restarts; " REINSTALL,
				dir ? dir : LIBVIRTMAP_DIR,
				s->map.single ? "cpu_map.xml has no block of"
					      : "index.xml doesn't name");
	else if (!s->map.include)
		(void)strv_addf(lines,
				"%s: " LIBVIRTMAP_OURS " is missing, and index.xml names it, so "
				"every CPU call of libvirt fails once it restarts, for all guests; "
				"`cpushim compile` writes it",
				dir ? dir : LIBVIRTMAP_DIR);
	else if (s->map.error.code)
		(void)strv_addf(lines,
				"%s: %s, so every CPU call of libvirt fails once it restarts, for "
				"all guests; `cpushim compile` writes what is cpushim's",
				s->map.error.where, s->map.error.what);
}

static bool ends_in(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len >= end_len && strcmp(path + len - end_len, end) == 0;
}

static void tell_emulators(const struct nodestate *s, const char *emulator, struct strv *lines)
{
	for (size_t i = 0; i < s->n_emulators; i++) {
		const struct emulator_state *e = &s->emulator[i];

		if (emulator && !ends_in(emulator, e->path))
			continue;
		if (!e->wrapper && !s->native && !emulator)
			(void)strv_addf(lines,
					"%s: isn't cpushim's wrapper, so QEMU won't know the "
					"site's models; " REINSTALL,
					e->path);
		else if (e->wrapper && e->no_real == ENOENT)
			(void)strv_addf(lines,
					"%s: there is no QEMU behind this wrapper, at "
					"%s" EMULATOR_REAL "; " EMULATOR_REINSTALL,
					e->path, e->path);
		else if (e->wrapper && e->no_real)
			(void)strv_addf(lines,
					"%s" EMULATOR_REAL
					": QEMU can't be run: %s; " EMULATOR_REINSTALL,
					e->path, strerror(e->no_real));
	}
}

void nodestate_changed(const struct nodestate *s, const char *emulator, struct strv *lines)
{
	for (size_t i = 0; i < s->n_emulators; i++) {
		const struct emulator_state *e = &s->emulator[i];

		if (e->was && (!emulator || ends_in(emulator, e->path)))
			(void)strv_addf(lines,
					"%s: its QEMU isn't the one that the table was made from "
					"(%s)%s; " EMULATOR_COMPILE,
					e->path, e->was->version,
					s->native ? ""
						  : ", so models on base max, host or base are "
						    "refused");
	}
}

void nodestate_blocks(const struct nodestate *s, const char *emulator, struct strv *lines)
{
	if (s->libvirt)
		tell_map(s, lines);
	tell_emulators(s, emulator, lines);
	if (s->libvirt && !s->worker)
		(void)strv_addf(lines,
				COMMAND_PATH ": is missing or can't be run, and the hook refuses "
					     "site models without it; " REINSTALL);
}

void nodestate_unknown(const struct nodestate *s, struct strv *lines)
{
	_cleanup_text_ struct text names = {0};

	for (size_t i = 0; i < s->map.unknown.n; i++)
		text_addf(&names, "%s%s", i ? " " : "", s->map.unknown.item[i]);
	if (s->map.named && s->map.include && names.data)
		(void)strv_addf(lines,
				LIBVIRTMAP_DIR ": has no model %s, so libvirt won't start a guest "
					       "of it; `cpushim compile`, and restart libvirt",
				names.data);
}

static void tell_hook(const struct nodestate *s, struct strv *lines)
{
	static const char *const wrong[] = {
		[HOOK_MISSING] = "isn't there",
		[HOOK_FOREIGN] = "is another tool's",
		[HOOK_NOT_EXECUTABLE] = "isn't executable",
	};

	if (wrong[s->hook])
		(void)strv_addf(lines,
				HOOK_PATH ": libvirt's hook %s, so nothing checks what guests of "
					  "site models get; " REINSTALL ", and restart libvirt",
				wrong[s->hook]);
}

static void time_words(char *buf, size_t size, const struct timespec *t)
{
	struct tm tm;

	if (!localtime_r(&t->tv_sec, &tm) || strftime(buf, size, "%F %T", &tm) == 0)
		*buf = '\0';
}

/* Tells if libvirt's daemon must be restarted: it still uses what it read when it started. */
static void tell_daemon(const struct nodestate *s, struct strv *lines)
{
	struct timespec read_by = s->daemon.started;
	char started[32], changed[32];

	read_by.tv_sec += START_SECONDS;
	if (!s->daemon.id.pid || !time_later(&s->map.time, &read_by))
		return;
	time_words(started, sizeof(started), &s->daemon.started);
	time_words(changed, sizeof(changed), &s->map.time);
	(void)strv_addf(lines,
			"libvirt (process %d) was started at %s and goes by the CPU map that it "
			"read then; the map was changed at %s: restart libvirt",
			(int)s->daemon.id.pid, started, changed);
}

void nodestate_doubts(const struct nodestate *s, struct strv *lines)
{
	if (!s->libvirt)
		return;
	tell_hook(s, lines);
	if (!s->proxy && !s->native)
		(void)strv_addf(lines, PROXY_PATH
				": is missing or can't be run, so that libvirt won't "
				"know the site's models when it probes QEMU next; " REINSTALL);
	tell_daemon(s, lines);
}

char *nodestate_lacks_model(const struct nodestate *s, const char *model)
{
	size_t len = strlen(model);
	char *line = NULL;

	/* then no model is known, and the lines about the map say why */
	if (!s->map.named || !s->map.include)
		return NULL;
	if (strv_has(&s->map.unknown, model)) {
		if (asprintf(&line,
			     "libvirt's CPU map has no model '%s'; `cpushim compile`, and restart "
			     "libvirt",
			     model) < 0)
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
