/* SPDX-License-Identifier: Apache-2.0 */
#include "made.h"

#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "cpumap/define/unasked.h"
#include "hook/worker/native.h"
#include "cmd.h"

static void one_free(struct one *one)
{
	free(one->real);
	qemu_free(&one->qemu);
	compiled_free(&one->compiled);
}

void made_free(struct made *m)
{
	for (size_t i = 0; i < m->n_silent; i++)
		compiled_free(&m->silent[i].rows);
	for (size_t i = 0; i < m->n; i++)
		one_free(&m->one[i]);
	free(m->silent);
	free(m->one);
	strv_free(&m->emulators);
}

/* A path as the node will see it: a table that is made for another root is used inside that
 * root. */
static const char *path_within(const char *path)
{
	const char *root = getenv("CPUSHIM_ROOT");
	size_t len = root ? strlen(root) : 0;

	return len && strncmp(path, root, len) == 0 && path[len] == '/' ? path + len : path;
}

/* ---- which emulators ---- */

/* An emulator of the former table, where no wrapper stands any more. */
static int take_lost(struct made *m, const char *emulator)
{
	_cleanup_free_ char *real = emulator_real(emulator, NULL);
	struct error err = {0};

	if (real)
		return strv_add(&m->emulators, emulator, strlen(emulator));
	m->left_out = true;
	error_set(&err, -ENOENT, emulator, 0,
		  "neither cpushim's wrapper nor a QEMU is there any more; left out");
	(void)cmd_fail(&err);
	return 0;
}

/* What is asked first has the last word about the include. */
static void put_usual_first(struct strv *emulators)
{
	for (size_t i = 1; i < emulators->n; i++) {
		char *usual = emulators->item[i];

		if (strcmp(usual, EMULATOR_DEFAULT) != 0)
			continue;
		memmove(emulators->item + 1, emulators->item, i * sizeof(usual));
		emulators->item[0] = usual;
		return;
	}
}

/* Which one it is the node's state tells (hook/guests/nodestate.h). */
static bool has_unwrapped(const struct strv *emulators, const struct strv *named)
{
	for (size_t i = 0; i < emulators->n; i++) {
		_cleanup_free_ char *here = root_path(emulators->item[i]);

		if (here && !strv_has(named, emulators->item[i]) && !emulator_is_wrapper(here))
			return true;
	}
	return false;
}

int made_choose(struct made *m, const struct strv *named, const struct table *former,
		struct error *err)
{
	struct strv *chosen = &m->emulators;
	_cleanup_strv_ struct strv lost = {0};
	bool native = native_node();
	int r = emulators_installed(chosen, former, &lost);

	for (size_t i = 0; i < named->n && r == 0; i++)
		if (!strv_has(chosen, named->item[i]))
			r = strv_add(chosen, named->item[i], strlen(named->item[i]));
	/* without the wrapper it is the one that `cpushim ready` names, whatever was wrapped before */
	for (size_t i = 0; i < lost.n && r == 0 && !(native && named->n); i++)
		if (!strv_has(chosen, lost.item[i]))
			r = take_lost(m, lost.item[i]);
	if (r == 0 && chosen->n == 0)
		r = strv_add(chosen, EMULATOR_DEFAULT, strlen(EMULATOR_DEFAULT));
	if (r < 0)
		return error_set(err, r, NULL, 0, "out of memory");
	put_usual_first(chosen);
	m->unwrapped = !native && has_unwrapped(chosen, named);
	return 0;
}

/* ---- asking ---- */

/* The same on a node before and after the wrapper is put there: so is the table. */
static int name_real(struct one *one, struct error *err)
{
	if (asprintf(&one->real, "%s%s", one->emulator, native_node() ? "" : EMULATOR_REAL) >= 0)
		return 0;
	one->real = NULL;
	return error_set(err, -ENOMEM, one->emulator, 0, "out of memory");
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* If what stands at @path starts another program, a script say, that one is the QEMU. It may be one that
 * gets the wrapper in this run, and its second name with it. */
static int look_through_script(struct one *one, const char *path, const struct strv *emulators,
			       struct error *err)
{
	const char *program = one->qemu.program, *within;
	bool moves;

	if (!program || same_file(path, program))
		return 0;
	within = path_within(program);
	moves = !native_node() && strv_has(emulators, within);
	emulator_script(one->script, &one->file);
	free(one->real);
	if (asprintf(&one->real, "%s%s", within, moves ? EMULATOR_REAL : "") < 0)
		one->real = NULL;
	return one->real ? emulator_describe(&one->file, program, err)
			 : error_set(err, -ENOMEM, path, 0, "out of memory");
}

/* Compares with the former table's note. If only the file's times changed the note stays as it was, and
 * with it the table: nobody has to restart libvirt for that. */
static void compare_with(struct one *one, const struct table_qemu *noted)
{
	struct emulator_file *f = &one->file;
	bool same = noted && strcmp(noted->script, one->script) == 0 &&
		    strcmp(noted->build_id, f->build_id) == 0 &&
		    (*f->build_id ||
		     (strcmp(noted->size, f->size) == 0 && strcmp(noted->mtime, f->mtime) == 0));

	if (!same) {
		one->was = noted;
		return;
	}
	(void)snprintf(f->size, sizeof(f->size), "%s", noted->size);
	(void)snprintf(f->mtime, sizeof(f->mtime), "%s", noted->mtime);
}

static int ask(struct one *one, const struct strv *emulators, const struct table *former,
	       struct error *err)
{
	_cleanup_free_ char *path = emulator_real(one->emulator, err);
	int r = path ? emulator_describe(&one->file, path, err) : -ENOENT;

	if (r == 0)
		r = name_real(one, err);
	if (r == 0)
		r = qemu_probe(&one->qemu, path, err);
	if (r == 0)
		r = look_through_script(one, path, emulators, err);
	if (r == 0)
		compare_with(one, table_qemu_of(former, one->emulator));
	return r;
}

/* Nobody answered: the usual emulator's error is the caller's. */
static int give_up(const struct made *m, struct error *err)
{
	for (size_t i = 1; i < m->n_silent; i++)
		(void)cmd_fail(&m->silent[i].why);
	*err = m->silent[0].why;
	return err->code;
}

int made_ask(struct made *m, const struct table *former, struct error *err)
{
	m->one = calloc(m->emulators.n, sizeof(*m->one));
	m->silent = calloc(m->emulators.n, sizeof(*m->silent));
	if (!m->one || !m->silent)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < m->emulators.n; i++) {
		struct silent *silent = &m->silent[m->n_silent];
		struct one *one = &m->one[m->n];

		one->emulator = silent->emulator = m->emulators.item[i];
		if (ask(one, &m->emulators, former, &silent->why) == 0) {
			m->n++;
			continue;
		}
		one_free(one);
		*one = (struct one){0};
		silent->was = table_qemu_of(former, silent->emulator);
		m->n_silent++;
		if (silent->why.code == -ENOMEM)
			return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	}
	return m->n ? 0 : give_up(m, err);
}

int made_keep(struct made *m, const struct history *before, struct error *err)
{
	for (size_t i = 0; i < m->n_silent; i++) {
		struct silent *s = &m->silent[i];
		struct error line = {0};

		if (unasked_rows(&s->rows, s->emulator, &m->one[0].compiled, before) < 0)
			return error_set(err, -ENOMEM, s->emulator, 0, "out of memory");
		error_set(&line, s->why.code, s->why.where, 0, "%s; %s %s", s->why.what,
			  s->emulator,
			  s->was ? "keeps the models that it has, where they still mean the same"
				 : "is left out");
		(void)cmd_fail(&line);
	}
	return 0;
}

/* ---- the table ---- */

static struct table_qemu note_of(const struct one *one)
{
	return (struct table_qemu){.emulator = one->emulator,
				   .script = one->script,
				   .real = one->real,
				   .size = one->file.size,
				   .mtime = one->file.mtime,
				   .build_id = one->file.build_id,
				   .version = one->qemu.version};
}

static void add_rows(struct table *t, struct table_qemu noted, const struct compiled *c)
{
	t->qemu[t->n_qemus++] = noted;
	for (size_t i = 0; i < c->n; i++) {
		t->row[t->n] = c->row[i];
		t->row[t->n].origin = path_within(t->row[t->n].origin);
		t->n++;
	}
}

int made_table(struct table *t, const struct made *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->one[i].compiled.n;
	for (size_t i = 0; i < m->n_silent; i++)
		n += m->silent[i].rows.n;
	t->row = calloc(n + 1, sizeof(*t->row));
	t->qemu = calloc(m->n + m->n_silent + 1, sizeof(*t->qemu));
	if (!t->row || !t->qemu)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++)
		add_rows(t, note_of(&m->one[i]), &m->one[i].compiled);
	for (size_t i = 0; i < m->n_silent; i++)
		if (m->silent[i].was)
			add_rows(t, *m->silent[i].was, &m->silent[i].rows);
	return 0;
}
