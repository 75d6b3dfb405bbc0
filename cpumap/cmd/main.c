/* SPDX-License-Identifier: Apache-2.0 */
/* The program cpushim: its commands are a table, and each has its file. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>

#include "cmd.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: people don't call it */
} commands[] = {
	{"ready", cmd_ready, "make this node right"},
	{"remove", cmd_remove, "take cpushim off this node"},
	{"list", cmd_list, "the models, and what they lack here"},
	{"show", cmd_show, "a model's features"},
	{"expand", cmd_expand, "the -cpu argument that makes a model"},
	{"rewrite", cmd_rewrite, "a domain XML with its model expanded"},
	{"host", cmd_host, "this host's CPU, and what it can give"},
	{"check", cmd_check, "which hosts can run a model, and what each lacks"},
	{"baseline", cmd_baseline, "the model that many hosts can run, as a definition"},
	{"rollover", cmd_rollover, "which guests still have a model that is to retire"},
	{"try", cmd_try, "what would become of a model here, nothing installed"},
	{"import", cmd_import, "a definition of a CPU that libvirt tells"},
	{"compile", cmd_compile, "write the table from the definitions"},
	{"probe", cmd_probe, "what a QEMU binary knows and can do here"},
	{"verify", cmd_verify, "start the real QEMU and compare what a guest reads"},
	{"guests", cmd_guests,
	 "the guests that run here, and whether they have what they asked for"},
	{"why", cmd_why, "one guest's way: what was asked, what became of it, what blocks it"},
	{"doctor", cmd_doctor, "is this node right, and what mends it"},
	{"hook", cmd_hook, NULL},
	{"mark", cmd_mark, NULL},
	{"ask", cmd_ask, NULL},
};

static int print_help(void)
{
	printf("Usage: cpushim COMMAND [OPTION]...\n"
	       "CPU models of your own for libvirt and QEMU.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].help)
			printf("  %-10s %s\n", commands[i].name, commands[i].help);
	printf("\n`cpushim COMMAND --help` tells a command's options; `cpushim --version` the\n"
	       "release.\n"
	       "Exit status: 0 yes or done; 1 no: refused or different; 2 could not tell.\n"
	       "CPUSHIM_ROOT=DIR moves every path that is read or written.\n");
	return cmd_flush(EXIT_YES);
}

/* KubeVirt's sidecar calls a program of that name. */
static bool is_kubevirt_hook(const char *program)
{
	const char *base = program ? strrchr(program, '/') : NULL;

	return program && strcmp(base ? base + 1 : program, "onDefineDomain") == 0;
}

/* What the caller has closed or ignores would be taken for another file, or for a program's failure. A closed
 * output stays one that can't be written to. */
static void begin_anew(void)
{
	open_standard_files(O_RDONLY);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error to tell */
}

int main(int argc, char **argv)
{
	static char rewrite[] = "cpushim: rewrite";
	const char *name = argc > 1 ? argv[1] : "";
	char title[64];

	begin_anew();
	/* decides how text is shown; messages and numbers stay the same */
	(void)setlocale(LC_CTYPE, "");
	if (is_kubevirt_hook(argv[0])) {
		argv[0] = rewrite;
		return cmd_rewrite(argc, argv);
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts("cpushim " CPUSHIM_VERSION);
		return cmd_flush(EXIT_YES);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return print_help();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0) {
			/* getopt's own errors begin with it */
			(void)snprintf(title, sizeof(title), "cpushim: %s", name);
			argv[1] = title;
			return commands[i].run(argc - 1, argv + 1);
		}
	if (!*name)
		return usage_error(NULL, "which command?");
	return usage_error(NULL, "there is no command '%s'", name);
}
