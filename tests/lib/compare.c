/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare RUNS INPUT A... -- B...: run two programs in turn, RUNS times each, with the file INPUT as
 * their standard input, and print the medians of both in microseconds and the median of the ratios
 * B/A. Machines are noisy: only the ratio of neighbours tells. A program may have NAME=VALUE in
 * front, which goes into its environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MAX 100000

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "compare: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void __attribute__((noreturn)) become(char **argv, const char *input)
{
	int in = open(input, O_RDONLY), null = open("/dev/null", O_WRONLY);

	while (*argv && strchr(*argv, '='))
		(void)putenv(*argv++);
	if (in < 0 || null < 0 || dup2(in, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(127);
	(void)execv(*argv, argv);
	_exit(127);
}

/* How long one run takes, from the fork until it was reaped. */
static double time_of(char **argv, const char *input)
{
	struct timespec begin, end;
	int status;
	pid_t pid;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (pid == 0)
		become(argv, input);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fail("fork");
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 127) {
		fprintf(stderr, "compare: %s can't be run\n", *argv);
		exit(2);
	}
	return (double)(end.tv_sec - begin.tv_sec) * 1e6 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *numbers, size_t n)
{
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	return numbers[n / 2];
}

static void run(char **a, char **b, const char *input, size_t runs)
{
	double *times[3] = {NULL};

	for (int k = 0; k < 3; k++) {
		times[k] = calloc(runs, sizeof(*times[k]));
		if (!times[k])
			fail("memory");
	}
	(void)time_of(a, input);
	(void)time_of(b, input);
	for (size_t i = 0; i < runs; i++) {
		times[0][i] = time_of(a, input);
		times[1][i] = time_of(b, input);
		times[2][i] = times[1][i] / times[0][i];
	}
	printf("%.0f %.0f %.2f\n", median(times[0], runs), median(times[1], runs),
	       median(times[2], runs));
	for (int k = 0; k < 3; k++)
		free(times[k]);
}

int main(int argc, char **argv)
{
	unsigned long runs = argc > 4 ? strtoul(argv[1], NULL, 10) : 0;
	char **a = argv + 3, **b = a;

	while (runs && *b && strcmp(*b, "--") != 0)
		b++;
	if (runs == 0 || runs > RUNS_MAX || !*b || b == a || !b[1]) {
		fputs("usage: compare RUNS INPUT [NAME=VALUE]... A... -- [NAME=VALUE]... B...\n",
		      stderr);
		return 2;
	}
	*b = NULL;
	run(a, b + 1, argv[2], runs);
	return 0;
}
