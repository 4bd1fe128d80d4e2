/*
 * Starts programs and takes the time until they have ended, one or many at
 * once: as cheap as a runtime can do it (vfork), so that what starts a program
 * is not measured with it. Node's spawnSync alone costs 2 ms.
 *
 * Standard input, again and again: a line `COUNT`, then for each program a line
 * `ARGUMENTS VARIABLES INPUT_BYTES`, the arguments and the variables each ended
 * by a NUL byte, and the bytes for its standard input. All of one order are
 * started before the first is waited for. Answer: a line with the microseconds
 * from the first start to the last end, then for each program a line
 * `WAIT_STATUS MICROSECONDS OUTPUT_BYTES` and what it has printed, both streams.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct program {
  char **argv, **envp;
  int input, output, status;
  pid_t pid;
  double begun, ended;
};

static void fail(const char *what) {
  fprintf(stderr, "starter: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static char **read_strings(int count) {
  char **all = calloc(count + 1, sizeof *all);
  for (int i = 0; i < count; i++) {
    size_t room = 0;
    if (getdelim(&all[i], &room, 0, stdin) < 0) fail("read");
  }
  return all;
}

static void free_strings(char **all) {
  for (int i = 0; all[i] != NULL; i++) free(all[i]);
  free(all);
}

static int memory(void) {
  int fd = memfd_create("starter", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create");
  return fd;
}

static void read_program(struct program *p) {
  int arguments, variables, bytes;
  if (scanf("%d %d %d", &arguments, &variables, &bytes) != 3 || getchar() != '\n') fail("order");
  p->argv = read_strings(arguments);
  p->envp = read_strings(variables);
  p->input = memory();
  p->output = memory();
  char *input = malloc(bytes + 1);
  if (fread(input, 1, bytes, stdin) != (size_t)bytes || write(p->input, input, bytes) != bytes) fail("input");
  free(input);
  lseek(p->input, 0, SEEK_SET);
}

static void start(struct program *p) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, p->input, 0);
  posix_spawn_file_actions_adddup2(&files, p->output, 1);
  posix_spawn_file_actions_adddup2(&files, p->output, 2);
  p->begun = now_us();
  errno = posix_spawn(&p->pid, p->argv[0], &files, NULL, p->argv, p->envp);
  if (errno != 0) fail(p->argv[0]);
  posix_spawn_file_actions_destroy(&files);
}

static void await(struct program *all, int count) {
  for (int left = count; left > 0; left--) {
    int status;
    pid_t pid = wait(&status);
    double now = now_us();
    if (pid < 0) fail("wait");
    for (int i = 0; i < count; i++) {
      if (all[i].pid != pid) continue;
      all[i].status = status;
      all[i].ended = now;
    }
  }
}

static void answer(struct program *p) {
  off_t bytes = lseek(p->output, 0, SEEK_END);
  char *output = malloc(bytes + 1);
  if (pread(p->output, output, bytes, 0) != bytes) fail("output");
  printf("%d %.1f %lld\n", p->status, p->ended - p->begun, (long long)bytes);
  fwrite(output, 1, bytes, stdout);
  free(output);
  close(p->input);
  close(p->output);
  free_strings(p->argv);
  free_strings(p->envp);
}

int main(void) {
  int count;
  while (scanf("%d", &count) == 1) {
    struct program *all = calloc(count, sizeof *all);
    for (int i = 0; i < count; i++) read_program(&all[i]);
    for (int i = 0; i < count; i++) start(&all[i]);
    await(all, count);
    double last = 0;
    for (int i = 0; i < count; i++)
      if (all[i].ended > last) last = all[i].ended;
    printf("%.1f\n", last - all[0].begun);
    for (int i = 0; i < count; i++) answer(&all[i]);
    fflush(stdout);
    free(all);
  }
  return 0;
}
