/*
 * What of the command line, the environment and standard input matters here: whether the call is worth it, and which
 * sandbox it is about.
 */
#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NSFS_MAGIC 0x6e736673

static char sandbox_text[PATH_MAX];

static int is_one_of(const char *word, const char *const *list) {
  for (; *list; list++)
    if (!strcmp(word, *list)) return 1;
  return 0;
}

/* The value of `--NAME VALUE` or `--NAME=VALUE`; `at` goes on to the value. */
static const char *value_of(const char *name, int *at) {
  size_t length = strlen(name);
  const char *word = arguments[*at];
  if (strncmp(word, name, length)) return NULL;
  if (word[length] == '=') return word + length + 1;
  return word[length] == 0 && arguments[*at + 1] ? arguments[++*at] : NULL;
}

/*
 * What of tsnet's command line matters here. Returns whether it is one of the verbs that are worth it: all others
 * are typed by people, who do not notice 60 ms, and may want the terminal.
 */
int read_command_line(void) {
  static const char *const hot[] = {"setup", "teardown", "port", "ls", NULL};
  const char *verb = NULL, *value;
  for (int i = 1; arguments[i]; i++) {
    const char *word = arguments[i];
    if (!strcmp(word, "--")) break;
    if ((value = value_of("--state-dir", &i))) state_dir = value;
    else if ((value = value_of("--netns", &i))) sandbox_path = value;
    else if ((value = value_of("--pid", &i))) {
      snprintf(sandbox_text, sizeof sandbox_text, "/proc/%.20s/ns/net", value);
      sandbox_path = sandbox_text;
    } else if ((value = value_of("--name", &i))) {
      snprintf(sandbox_text, sizeof sandbox_text, "/run/netns/%.255s", value);
      sandbox_path = sandbox_text;
    } else if (value_of("--firewall", &i) || *word == '-') {
      size_t length = strlen(word);
      if ((length >= 2 && !strcmp(word + length - 2, "=-")) || !strcmp(word, "-")) input_read = 1;
    } else if (!verb)
      verb = word;
  }
  return verb && is_one_of(verb, hot);
}

/*
 * podman calls `netavark [OPTIONS] setup|teardown|update NETNS` and writes the container's networks to standard input.
 * Returns whether it is one of those; a user namespace is the Node program's to refuse.
 */
int read_netavark_line(void) {
  static const char *const hot[] = {"setup", "teardown", "update", NULL};
  const char *verb = NULL, *last = NULL;
  for (int i = 1; arguments[i]; i++) {
    if (strstr(arguments[i], "rootless") || !strncmp(arguments[i], "-r", 2)) {
      const char *value = strchr(arguments[i], '=') ? strchr(arguments[i], '=') + 1 : arguments[i + 1];
      if (!value || strcmp(value, "false")) return 0;
    }
    if (!strcmp(arguments[i], "-f") || !strncmp(arguments[i], "--file", 6)) return 0;
    if (!verb && is_one_of(arguments[i], hot)) verb = arguments[i];
    last = arguments[i];
  }
  if (!verb || *last != '/') return 0;
  unstoppable = !strcmp(verb, "teardown");
  sandbox_path = last;
  input_read = 1;
  return 1;
}

/*
 * `"pid": 4242` in the state of an OCI container: the namespace it has right now. A value that is no number is another
 * member's; whatever is found wrongly, the daemon compares it with what it reads itself.
 */
void find_pid(void) {
  const char *at = input.at, *end = input.at + input.length;
  while (at && (at = memmem(at, end - at, "\"pid\"", 5))) {
    for (at += 5; at < end && strchr(" \t\r\n:", *at) && *at;) at++;
    int digits = 0;
    while (at + digits < end && at[digits] >= '0' && at[digits] <= '9') digits++;
    if (digits == 0 || digits > 20) continue;
    snprintf(sandbox_text, sizeof sandbox_text, "/proc/%.*s/ns/net", digits, at);
    sandbox_path = sandbox_text;
    return;
  }
}

/* Kept open, close-on-exec, until we end. What is no namespace the daemon is left to complain about. */
void open_sandbox(void) {
  struct statfs about;
  if (!*sandbox_path) return;
  sandbox = open(sandbox_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (sandbox >= 0 && (fstatfs(sandbox, &about) != 0 || about.f_type != NSFS_MAGIC)) {
    close(sandbox);
    sandbox = -1;
  }
}

void read_input(void) {
  char piece[65536];
  for (;;) {
    if (wait_for(0, POLLIN, INPUT_LIMIT) == 0)
      give_up("close standard input, or put the document into a file", "reading standard input: no end after %d s",
              INPUT_LIMIT / 1000);
    if (caught) _exit(128 + caught);
    ssize_t length = read(0, piece, sizeof piece);
    if (length == 0 || (length < 0 && errno != EINTR && errno != EAGAIN)) break;
    if (length > 0) put(&input, piece, length);
    if (input.length > FRAME_LIMIT / 2)
      give_up("give it the document alone", "reading standard input: it has more than %u bytes", FRAME_LIMIT / 2);
  }
  input_read = 1;
}
