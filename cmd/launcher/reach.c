/*
 * Where the daemon listens, and starting one that does not.
 */
#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char socket_path[PATH_MAX];
static char folder[PATH_MAX];

/* Where the daemon listens: TSNET_SOCKET, else below the state folder. */
int find_socket(void) {
  const char *given = getenv("TSNET_SOCKET");
  if ((!*TSNET_KIND || IS("hooks/")) && !state_dir) state_dir = getenv("TSNET_STATE_DIR");
  if (state_dir && !*state_dir) state_dir = NULL;
  static char absolute[PATH_MAX];
  if (state_dir && *state_dir != '/') {
    if (!getcwd(absolute, sizeof absolute) || strlen(absolute) + strlen(state_dir) + 2 > sizeof absolute) return -1;
    strcat(strcat(absolute, "/"), state_dir);
    state_dir = absolute;
  }
  int length = given && *given == '/' ? snprintf(socket_path, sizeof socket_path, "%s", given)
                                      : snprintf(socket_path, sizeof socket_path, "%s/tsnetd.sock",
                                                 state_dir ? state_dir : "/run/tsnet");
  if (length < 7 || length >= (int)sizeof socket_path || strcmp(socket_path + length - 5, ".sock")) return -1;
  strcpy(folder, socket_path);
  *strrchr(folder, '/') = 0;
  return *folder ? 0 : -1;
}

/* Returns the socket, -1 when nobody listens; a refusal is final: we are not allowed, or never will be. */
static int connect_daemon(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* sun_path is short, state folders need not be. */
  int place = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0 && errno == EACCES) serve_yourself();
  if (place < 0) return -1;
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.80s", place, strrchr(socket_path, '/') + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) serve_yourself();
  int64_t deadline = now() + ACCEPT_LIMIT;
  int result;
  /* EAGAIN: many callers, and the daemon has not come to accept them yet. */
  while ((result = connect(fd, (struct sockaddr *)&address, sizeof address)) != 0 && errno == EAGAIN &&
         now() < deadline && !caught)
    usleep(1000);
  int failure = errno;
  close(place);
  if (result == 0) return fd;
  close(fd);
  if (failure != ENOENT && failure != ECONNREFUSED) serve_yourself();
  return -1;
}

static void make_folder(void) {
  char path[PATH_MAX];
  strcpy(path, folder);
  for (char *at = path + 1;; at++) {
    if (*at && *at != '/') continue;
    char end = *at;
    *at = 0;
    mkdir(path, 0700);
    if (!end) return;
    *at = end;
  }
}

/* A process of its own, that outlives us and has nothing of ours. Returns its pid. */
static pid_t start_daemon(void) {
  static char script[PATH_MAX], log[PATH_MAX];
  snprintf(script, sizeof script, "%s/bin/tsnet", TSNET_DIST);
  snprintf(log, sizeof log, "%.*s.log", (int)(strlen(socket_path) - strlen(".sock")), socket_path);
  if (access(script, R_OK) != 0) serve_yourself();
  pid_t child = fork();
  if (child < 0) serve_yourself();
  if (child > 0) return child;
  char *list[] = {"node", script, "daemon", "run", "--on-demand", "--socket", socket_path, NULL, NULL, NULL};
  if (state_dir) {
    list[7] = "--state-dir";
    list[8] = (char *)state_dir;
  }
  char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  setsid();
  int in = open("/dev/null", O_RDONLY);
  int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  syscall(SYS_close_range, 3, ~0U, 0); /* musl 1.2.3 has no word for it */
  if (chdir("/") != 0) _exit(127);
  execve(TSNET_NODE, list, environment);
  _exit(127);
}

/*
 * A connection, to a daemon that is started if need be: one of all callers starts it (a lock on the folder, which the
 * kernel frees when its holder is killed), the others wait.
 */
int reach_daemon(void) {
  int fd = connect_daemon();
  if (fd >= 0) return fd;
  const char *via = getenv("TSNET_VIA");
  if (geteuid() != 0 || (via && !strcmp(via, "auto"))) serve_yourself();
  make_folder();
  int64_t begun = now();
  int lock = -1, locked = 0;
  pid_t child = 0;
  while (fd < 0) {
    int status;
    if (lock < 0) lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 && access(folder, F_OK) != 0) serve_yourself(); /* nobody can make it */
    if (!locked && lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) locked = 1; /* and look once more */
    else if (locked && !child) child = start_daemon();
    else if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) serve_yourself();
      child = -1; /* another one was quicker, so it listens soon */
    } else
      /* A crowd that looks all the time would keep the daemon from coming up. */
      usleep((locked || now() - begun < SOON ? PAUSE : CROWD_PAUSE) * 1000);
    if (caught) _exit(128 + caught);
    fd = connect_daemon();
    if (fd < 0 && now() - begun > START_LIMIT) serve_yourself();
  }
  if (lock >= 0) close(lock);
  return fd;
}
