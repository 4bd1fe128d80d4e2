/*
 * Doing without the daemon: the Node program in our place, or the error that is left.
 */
#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The last resort: something is wrong that the Node program could not mend either. */
void give_up(const char *hint, const char *format, ...) {
  char why[512], text[1400];
  va_list list;
  va_start(list, format);
  vsnprintf(why, sizeof why, format, list);
  va_end(list);
  const char *shape = IS("cni/")      ? "{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"%s\",\"details\":\"%s\"}\n"
                      : IS("podman/") ? "{\"error\":\"%s (%s)\"}\n"
                                      : "tsnet: %s\n  hint: %s\n";
  int length = snprintf(text, sizeof text, shape, why, hint);
  print_all(IS("cni/") || IS("podman/") ? 1 : 2, text, length);
  exit(*TSNET_KIND ? 1 : 75);
}

/* Runs the Node program in our place, with the standard input we may have read. */
void serve_yourself(void) {
  static char script[PATH_MAX], own[PATH_MAX];
  if (input_read) {
    int file = memfd_create("stdin", MFD_CLOEXEC);
    if (file >= 0 && write_all(file, input.at, input.length, INPUT_LIMIT) == 0 && lseek(file, 0, SEEK_SET) == 0)
      dup2(file, 0);
  }
  if (asked) setenv("TSNET_VIA", "local", 1);
  const char *place = *TSNET_KIND ? "launcher/node" : "bin";
  snprintf(script, sizeof script, "%s/%s/%s", TSNET_DIST, place, program);
  if (access(script, R_OK) != 0) {
    /* dist/ was moved: we lie in dist/launcher, dist/cni and so on. */
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = 0;
    for (int up = 2; up > 0; up--)
      if (strrchr(own, '/')) *strrchr(own, '/') = 0;
    snprintf(script, sizeof script, "%.3000s/%s/%.250s", own, place, program);
  }
  int count = 0;
  while (arguments[count]) count++;
  char **list = calloc(count + 2, sizeof *list);
  if (!list) _exit(1);
  list[0] = "node";
  list[1] = script;
  for (int i = 1; i < count; i++) list[i + 1] = arguments[i];
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  execv(TSNET_NODE, list);
  /* A release does not know where Node is. */
  if (errno == ENOENT) execvp("node", list);
  if (!getenv("PATH")) setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
  execvp("node", list);
  give_up("install tsnet anew: the path of node is set when it is built", "starting %s: %s", TSNET_NODE, strerror(errno));
}
