/*
 * One call: what is sent of it, and what comes back.
 */
#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_identity(struct buffer *frame, const char *path) {
  struct stat about;
  char text[64] = "";
  if (stat(path, &about) == 0)
    snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)about.st_dev, (unsigned long long)about.st_ino);
  put_word(frame, text);
}

/* Plugins of others, which ours start for this call, get all of what we have got. */
static int matters(const char *variable) {
  static const char *const prefixes[] = {"TSNET_", "LC_", "LANG=", "NO_COLOR=", "FORCE_COLOR=", "TERM=", "COLUMNS=",
                                         "PATH=", "HOME=", NULL};
  if (IS("cni/") || IS("podman/")) return 1;
  for (const char *const *one = prefixes; *one; one++)
    if (!strncmp(variable, *one, strlen(*one))) return 1;
  return 0;
}

static long columns(int fd) {
  struct winsize size;
  if (!isatty(fd)) return 0;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

void build_call(struct buffer *call) {
  extern char **environ;
  static char name[NAME_MAX + 32], cwd[PATH_MAX], self[32];
  struct buffer words = {0};
  snprintf(name, sizeof name, "%s%s", TSNET_KIND, program);
  /* Our pid as this /proc has it, which is the daemon's too. */
  ssize_t length = readlink("/proc/self", self, sizeof self - 1);
  self[length > 0 ? length : 0] = 0;
  put_word(&words, PROTOCOL);
  put_word(&words, name);
  put_word(&words, getcwd(cwd, sizeof cwd) ? cwd : "/");
  put_identity(&words, "/proc/self/ns/net");
  put_identity(&words, "/proc/self/ns/mnt");
  put_word(&words, self);
  put_word(&words, sandbox_path);
  if (sandbox >= 0) put_number(&words, sandbox);
  else put_word(&words, "");
  put_number(&words, columns(1));
  put_number(&words, columns(2));
  int count = 0, relevant = 0;
  while (arguments[count]) count++;
  put_number(&words, count > 0 ? count - 1 : 0);
  for (int i = 1; i < count; i++) put_word(&words, arguments[i]);
  for (char **one = environ; *one; one++) relevant += matters(*one);
  put_number(&words, relevant);
  for (char **one = environ; *one; one++)
    if (matters(*one)) put_word(&words, *one);
  put(&words, input.at, input.length);
  if (words.length >= FRAME_LIMIT) serve_yourself();
  put_frame(call, 'I', words.at, words.length);
  free(words.at);
}

/*
 * Whether who listens is stopped, or gone. Whoever has a crowd to serve, or waits for the kernel, is waited for: all who
 * would serve themselves instead start Node at the same moment, and then nobody gets on. (A socket of systemd's is its
 * own, so there the daemon counts as at work.)
 */
static int is_stopped(int fd) {
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  char path[32], text[512];
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return 1;
  snprintf(path, sizeof path, "/proc/%d/stat", peer.pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 1;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = 0;
  const char *name = strrchr(text, ')'); /* proc_pid_stat(5): the state comes behind the name */
  return !name || strlen(name) < 3 || strchr("TtZXx", name[2]);
}

/* One call on one connection. On ENDED the exit code is in `code`, and what is to be printed in `output`. */
enum outcome converse(int fd, const struct buffer *call, struct buffer *output, int *code) {
  struct buffer in = {0};
  char piece[65536];
  int accepted = 0, told = 0;
  int64_t patience = ACCEPT_LIMIT;
  int64_t end = now() + TOTAL_LIMIT, heard = now();
  enum outcome outcome = LOST;
  if (write_all(fd, call->at, call->length, ACCEPT_LIMIT) != 0) goto done;
  for (;;) {
    if ((caught || now() > end) && !told) {
      struct buffer frame = {0};
      char number = caught ? caught : SIGTERM;
      told = caught ? caught : -1;
      put_frame(&frame, 'c', &number, 1);
      if (write_all(fd, frame.at, frame.length, ACCEPT_LIMIT) != 0) goto done;
      end = now() + UNDO_LIMIT;
    }
    int64_t quiet = heard + (accepted ? SILENCE_LIMIT : patience);
    if (now() > quiet && !accepted && patience < SILENCE_LIMIT && !is_stopped(fd)) {
      patience = SILENCE_LIMIT;
      continue;
    }
    if (now() > quiet && !accepted) {
      outcome = REFUSED;
      goto done;
    }
    if (now() > quiet)
      give_up("kill -9 it, nothing is lost by that, and call again; tsnet daemon logs tells what it was at",
              "waiting for tsnetd: nothing heard for %d s", SILENCE_LIMIT / 1000);
    if (told && now() > end) {
      if (told > 0) _exit(128 + told);
      give_up("tsnet daemon status shows what it is at; call again", "waiting for tsnetd: no answer after %d s",
              (TOTAL_LIMIT + UNDO_LIMIT) / 1000);
    }
    int64_t limit = quiet < end ? quiet : end;
    if (wait_for(fd, POLLIN, limit - now() + 1) <= 0) continue;
    ssize_t length = read(fd, piece, sizeof piece);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (length <= 0) goto done;
    heard = now();
    put(&in, piece, length);
    size_t at = 0;
    while (in.length - at >= 5) {
      unsigned char *head = (unsigned char *)in.at + at;
      uint32_t size = head[0] | head[1] << 8 | head[2] << 16 | (uint32_t)head[3] << 24;
      if (size == 0 || size > FRAME_LIMIT) {
        outcome = REFUSED;
        goto done;
      }
      if (in.length - at < 4 + (size_t)size) break;
      const char *payload = in.at + at + 5;
      switch (head[4]) {
        case 'h': accepted = 1; break;
        case 'o': put(output, payload, size - 1); break;
        case 'e': print_all(2, payload, size - 1); break;
        case 'd': outcome = REFUSED; goto done;
        case 'r': outcome = RETIRED; goto done;
        case 'x':
          *code = size > 1 ? (unsigned char)*payload : 1;
          outcome = ENDED;
          goto done;
      }
      at += 4 + (size_t)size;
    }
    memmove(in.at, in.at + at, in.length - at);
    in.length -= at;
  }
done:
  free(in.at);
  close(fd);
  /* Whoever has been told to stop has no use for another attempt. */
  if (outcome != ENDED && told > 0) _exit(128 + told);
  return outcome;
}
