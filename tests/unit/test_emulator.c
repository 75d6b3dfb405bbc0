/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file the QEMU that the table was made from? By its stat, and where that differs by its build-id. */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/model.h"
#include "cpumap/core/util.h"
#include "check.h"

#define EMULATOR "/usr/bin/qemu-system-i386"

static char dir[] = "/tmp/cpushim-emulator.XXXXXX";

/* A program with a build-id of one byte. */
struct program {
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
	Elf64_Nhdr note;
	char owner[4], id[4];
};

static char *in_dir(const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s%s", dir, name) < 0 ? NULL : path;
}

static void put(const char *path, const void *data, size_t len, time_t mtime)
{
	const struct timespec times[] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
	FILE *f = fopen(path, "w");

	CHECK(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
	CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void put_program(const char *path, char id, time_t mtime, size_t more)
{
	char file[sizeof(struct program) + 64] = {0};
	struct program p = {
		.elf = {.e_ident = ELFMAG, .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1},
		.segment = {.p_type = PT_NOTE, .p_filesz = 20},
		.note = {.n_namesz = 4, .n_descsz = 1, .n_type = NT_GNU_BUILD_ID},
		.owner = "GNU",
		.id = {id},
	};

	p.elf.e_ident[EI_CLASS] = ELFCLASS64;
	p.elf.e_phoff = offsetof(struct program, segment);
	p.segment.p_offset = offsetof(struct program, note);
	memcpy(file, &p, sizeof(p));
	put(path, file, sizeof(p) + more, mtime);
}

/* The note of a file, as compile makes it. */
static struct table_qemu note(struct emulator_file *f, const char *path)
{
	CHECK(emulator_describe(f, path, NULL) == 0);
	return (struct table_qemu){.emulator = EMULATOR,
				   .script = "",
				   .real = path,
				   .size = f->size,
				   .mtime = f->mtime,
				   .build_id = f->build_id,
				   .version = "7.2.22"};
}

static void test_a_program(void)
{
	_cleanup_free_ char *path = in_dir("/qemu");
	struct emulator_file f;
	struct table_qemu noted;

	put_program(path, 7, 1000, 0);
	noted = note(&f, path);
	CHECK_STR(noted.mtime, "1000.000000000");
	CHECK_STR(noted.build_id, "07");
	CHECK(emulator_compare(&noted, path) == EMULATOR_SAME);
	/* a clone's or a reinstall's times, and a stripped one's size */
	put_program(path, 7, 2000, 0);
	CHECK(emulator_compare(&noted, path) == EMULATOR_SAME);
	put_program(path, 7, 1000, 8);
	CHECK(emulator_compare(&noted, path) == EMULATOR_SAME);
	/* another build, newer or older */
	put_program(path, 8, 2000, 0);
	CHECK(emulator_compare(&noted, path) == EMULATOR_OTHER);
	put_program(path, 8, 500, 0);
	CHECK(emulator_compare(&noted, path) == EMULATOR_OTHER);
	put(path, "no program", 10, 2000);
	CHECK(emulator_compare(&noted, path) == EMULATOR_OTHER);
	CHECK(unlink(path) == 0);
	CHECK(emulator_compare(&noted, path) == EMULATOR_GONE);
}

static void test_without_a_build_id_size_and_mtime_decide(void)
{
	_cleanup_free_ char *path = in_dir("/qemu");
	const struct table_qemu empty = {"", "", "", "", "", "", ""};
	struct emulator_file f;
	struct table_qemu noted;

	put(path, "program", 7, 1000);
	noted = note(&f, path);
	CHECK_STR(noted.build_id, "");
	CHECK(emulator_compare(&noted, path) == EMULATOR_SAME);
	put(path, "program", 7, 1001);
	CHECK(emulator_compare(&noted, path) == EMULATOR_OTHER);
	put(path, "program.", 8, 1000);
	CHECK(emulator_compare(&noted, path) == EMULATOR_OTHER);
	/* a note that says nothing fits nothing */
	CHECK(emulator_compare(&empty, path) == EMULATOR_OTHER);
	put_program(path, 7, 1000, 0);
	CHECK(emulator_compare(&empty, path) == EMULATOR_OTHER);
	CHECK(unlink(path) == 0);
}

/* Debian 12's qemu-system-i386: the script stays as it is when the QEMU that it starts is upgraded. */
static void test_a_script(void)
{
	_cleanup_free_ char *script = in_dir(EMULATOR EMULATOR_REAL), *program = in_dir("/libexec");
	char script_is[EMULATOR_SCRIPT_MAX];
	struct emulator_file f, s;
	struct table_qemu noted;

	put(script, "#!", 2, 1000);
	put_program(program, 7, 1000, 0);
	noted = note(&f, program);
	CHECK(emulator_describe(&s, script, NULL) == 0);
	emulator_script(script_is, &s);
	CHECK_STR(script_is, "2@1000.000000000");
	noted.script = script_is;
	noted.real = "/libexec";
	CHECK(emulator_compare(&noted, script) == EMULATOR_SAME);
	put_program(program, 7, 2000, 0);
	CHECK(emulator_compare(&noted, script) == EMULATOR_SAME);
	put_program(program, 8, 1000, 8);
	CHECK(emulator_compare(&noted, script) == EMULATOR_OTHER);
	put_program(program, 7, 1000, 0);
	put(script, "#!", 2, 1001);
	CHECK(emulator_compare(&noted, script) == EMULATOR_OTHER);
	/* a process is the program alone */
	CHECK(emulator_compare_program(&noted, program) == EMULATOR_SAME);
	/* in a staged root it may be in / */
	put(script, "#!", 2, 1000);
	noted.real = program;
	CHECK(emulator_compare(&noted, script) == EMULATOR_SAME);
	CHECK(unlink(program) == 0);
	/* it is there, and may start another one */
	CHECK(emulator_compare(&noted, script) == EMULATOR_OTHER);
	CHECK(unlink(script) == 0);
	CHECK(emulator_compare(&noted, script) == EMULATOR_GONE);
}

static void test_which_bases_are_computed(void)
{
	CHECK(model_is_computed("max") && model_is_computed("host") && model_is_computed("base"));
	CHECK(!model_is_computed("kvm64") && !model_is_computed("EPYC") && !model_is_computed(""));
	CHECK(!model_is_computed("max1") && !model_is_computed("ma"));
}

/* The directories below @dir, made or removed. */
static void each_directory(bool make)
{
	_cleanup_free_ char *usr = in_dir("/usr"), *bin = in_dir("/usr/bin");

	CHECK(make ? mkdir(usr, 0755) == 0 && mkdir(bin, 0755) == 0
		   : rmdir(bin) == 0 && rmdir(usr) == 0);
}

int main(void)
{
	if (!CHECK(mkdtemp(dir)))
		return check_done();
	each_directory(true);
	test_a_program();
	test_without_a_build_id_size_and_mtime_decide();
	test_a_script();
	test_which_bases_are_computed();
	each_directory(false);
	CHECK(rmdir(dir) == 0);
	return check_done();
}
