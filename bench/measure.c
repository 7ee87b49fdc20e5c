// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Runs a program with its output thrown away and tells what it took: nanoseconds from fork to exit, peak resident memory
 * in KiB, exit status. (Node tells neither of a child; a child of Node's begins life with Node's peak memory.)
 *
 *     measure PROGRAM [ARGUMENT…]
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + time.tv_nsec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	uint64_t start;
	pid_t child;
	int status;

	if (argc < 2)
		return 2;
	start = now();
	child = fork();
	if (child == 0) {
		int nowhere = open("/dev/null", O_RDWR);

		dup2(nowhere, 0);
		dup2(nowhere, 1);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
		perror("measure");
		return 1;
	}
	printf("%llu %ld %d\n", (unsigned long long)(now() - start), usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
