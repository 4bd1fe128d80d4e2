/*
 * The launcher: what engines exec instead of Node.
 *
 * Node needs 60 ms to start, this program less than one. It sends its arguments, the environment that matters, its
 * folder and standard input to tsnetd, relays what comes back, and ends with the exit code it is told. It opens the
 * sandbox itself and keeps it open, so that the daemon works on the very namespace the caller meant
 * (/proc/PID/fd/N), whatever becomes of the path meanwhile.
 *
 * Whatever goes wrong, it runs the Node program: slower, same result. That is so when there is no daemon and none can
 * be started, when the daemon refuses (another version, other namespaces), and when it is silent before it has
 * accepted the call. One that ends half-way is asked again, or the next one is: calls are made so that they can be
 * repeated. Every wait has a limit, below.
 *
 * Frames and words are those of lib/daemon/{frames,invocation,api}.ts; PROTOCOL is their version.
 *
 * Built by .config/launcher.mjs with
 *   TSNET_NODE    path of node              TSNET_DIST  path of dist/
 *   TSNET_KIND    "" for commands, called by their own name; "cni/" for CNI plugins; "podman/" for what podman calls
 *                 its network backend; "hooks/" for OCI hooks
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROTOCOL "1"
/* Known when it is compiled: the branches of other kinds are not in the program. */
#define IS(kind) (!__builtin_strcmp(TSNET_KIND, kind))
#define NSFS_MAGIC 0x6e736673

/* All in ms; tests build it with shorter ones. */
#ifndef START_LIMIT
#define START_LIMIT 10000   /* until a daemon that we, or somebody else, started answers */
#define ACCEPT_LIMIT 10000  /* until it says that it has our call; without it we serve ourselves */
#define SILENCE_LIMIT 30000 /* it says every 2 s that it is at work; longer silence: it is stuck */
#define INPUT_LIMIT 30000   /* between two pieces of standard input */
#define OUTPUT_LIMIT 30000  /* until somebody reads what we print */
#define TOTAL_LIMIT 600000  /* of one call; then it is cancelled ... */
#define UNDO_LIMIT 60000    /* ... and has so long to take back what it did */
#endif
#define ATTEMPTS 4          /* daemons that may end while they work on our call */
#define PAUSE 2             /* between two looks for a daemon */
#define FRAME_LIMIT (64u << 20)

struct buffer {
  char *at;
  size_t length, room;
};

static struct buffer input;  /* standard input, as far as it was read */
static int input_read;
static char **arguments;
static const char *program;  /* the name we were called by, without folder */
static char socket_path[PATH_MAX];
static char folder[PATH_MAX];
static const char *state_dir;
static int sandbox = -1;
static const char *sandbox_path = "";
static char sandbox_text[PATH_MAX];
static int asked; /* a daemon, in vain */
static volatile sig_atomic_t caught;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void put(struct buffer *buffer, const void *bytes, size_t length) {
  if (buffer->length + length > buffer->room) {
    buffer->room = (buffer->length + length) * 2 + 4096;
    buffer->at = realloc(buffer->at, buffer->room);
    if (!buffer->at) _exit(1);
  }
  memcpy(buffer->at + buffer->length, bytes, length);
  buffer->length += length;
}

static void put_word(struct buffer *buffer, const char *word) { put(buffer, word, strlen(word) + 1); }

static void put_number(struct buffer *buffer, long number) {
  char text[24];
  snprintf(text, sizeof text, "%ld", number);
  put_word(buffer, text);
}

/* Waits for `events`; a caught signal ends the wait too. Returns what poll returns. */
static int wait_for(int fd, short events, int64_t limit) {
  struct pollfd one = {.fd = fd, .events = events};
  struct timespec time = {limit / 1000, limit % 1000 * 1000000};
  sigset_t none;
  sigemptyset(&none);
  return ppoll(&one, 1, limit < 0 ? &(struct timespec){0, 0} : &time, &none);
}

static int write_all(int fd, const char *bytes, size_t length, int64_t limit) {
  int64_t deadline = now() + limit;
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written > 0) {
      bytes += written;
      length -= written;
    } else if (errno == EAGAIN) {
      if (wait_for(fd, POLLOUT, deadline - now()) == 0) return -1;
    } else if (errno != EINTR)
      return -1;
  }
  return 0;
}

/* Ours to print on: a pipe nobody reads must not keep us. */
static void print_all(int fd, const char *bytes, size_t length) {
  while (length > 0 && wait_for(fd, POLLOUT, OUTPUT_LIMIT) != 0) {
    ssize_t written = write(fd, bytes, length > PIPE_BUF ? PIPE_BUF : length);
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    if (written < 0) continue;
    bytes += written;
    length -= written;
  }
}

/* The last resort: something is wrong that the Node program could not mend either. */
__attribute__((noreturn, format(printf, 2, 3))) static void give_up(const char *hint, const char *format, ...) {
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
__attribute__((noreturn)) static void serve_yourself(void) {
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
  if (!getenv("PATH")) setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
  execvp("node", list);
  give_up("install tsnet anew: the path of node is set when it is built", "starting %s: %s", TSNET_NODE, strerror(errno));
}

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
static int read_command_line(void) {
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
static int read_netavark_line(void) {
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
  sandbox_path = last;
  input_read = 1;
  return 1;
}

/*
 * `"pid": 4242` in the state of an OCI container: the namespace it has right now. A value that is no number is another
 * member's; whatever is found wrongly, the daemon compares it with what it reads itself.
 */
static void find_pid(void) {
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
static void open_sandbox(void) {
  struct statfs about;
  if (!*sandbox_path) return;
  sandbox = open(sandbox_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (sandbox >= 0 && (fstatfs(sandbox, &about) != 0 || about.f_type != NSFS_MAGIC)) {
    close(sandbox);
    sandbox = -1;
  }
}

static void read_input(void) {
  char piece[65536];
  for (;;) {
    if (wait_for(0, POLLIN, INPUT_LIMIT) == 0)
      give_up("close standard input, or put the document into a file", "reading standard input: no end after %d s",
              INPUT_LIMIT / 1000);
    if (caught) _exit(128 + caught);
    ssize_t length = read(0, piece, sizeof piece);
    if (length == 0 || (length < 0 && errno != EINTR && errno != EAGAIN)) break;
    if (length > 0) put(&input, piece, length);
    if (input.length > FRAME_LIMIT / 2) break;
  }
  input_read = 1;
}

static void put_identity(struct buffer *frame, const char *path) {
  struct stat about;
  char text[64] = "";
  if (stat(path, &about) == 0)
    snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)about.st_dev, (unsigned long long)about.st_ino);
  put_word(frame, text);
}

static int matters(const char *variable) {
  static const char *const prefixes[] = {"CNI_", "TSNET_", "NETAVARK_", "RUST_LOG=", "LC_", "LANG=", "NO_COLOR=", "FORCE_COLOR=",
                                         "TERM=", "COLUMNS=", "PATH=", "HOME=", NULL};
  for (const char *const *one = prefixes; *one; one++)
    if (!strncmp(variable, *one, strlen(*one))) return 1;
  return 0;
}

static long columns(int fd) {
  struct winsize size;
  if (!isatty(fd)) return 0;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void put_frame(struct buffer *out, char kind, const void *bytes, uint32_t length) {
  uint32_t rest = length + 1;
  unsigned char head[5] = {rest, rest >> 8, rest >> 16, rest >> 24, kind};
  put(out, head, 5);
  put(out, bytes, length);
}

static void build_call(struct buffer *call) {
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
  put_frame(call, 'I', words.at, words.length);
  free(words.at);
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
  close_range(3, ~0U, 0);
  if (chdir("/") != 0) _exit(127);
  execve(TSNET_NODE, list, environment);
  _exit(127);
}

/*
 * A connection, to a daemon that is started if need be: one of all callers starts it (a lock on the folder, which the
 * kernel frees when its holder is killed), the others wait.
 */
static int reach_daemon(void) {
  int fd = connect_daemon();
  if (fd >= 0) return fd;
  const char *via = getenv("TSNET_VIA");
  if (geteuid() != 0 || (via && !strcmp(via, "auto"))) serve_yourself();
  make_folder();
  int64_t deadline = now() + START_LIMIT;
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
      usleep(PAUSE * 1000);
    if (caught) _exit(128 + caught);
    fd = connect_daemon();
    if (fd < 0 && now() > deadline) serve_yourself();
  }
  if (lock >= 0) close(lock);
  return fd;
}

enum outcome { ENDED, LOST, REFUSED, RETIRED };

/* One call on one connection. On ENDED the exit code is in `code`, and what is to be printed in `output`. */
static enum outcome converse(int fd, const struct buffer *call, struct buffer *output, int *code) {
  struct buffer in = {0};
  char piece[65536];
  int accepted = 0, told = 0;
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
    int64_t quiet = heard + (accepted ? SILENCE_LIMIT : ACCEPT_LIMIT);
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

static void on_signal(int number) { caught = number; }

static void catch_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  sigset_t blocked;
  sigemptyset(&blocked);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigaction(numbers[i], NULL, &before);
    if (before.sa_handler == SIG_IGN) continue; /* nohup */
    sigaction(numbers[i], &action, NULL);
    sigaddset(&blocked, numbers[i]);
  }
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/* Where the daemon listens: TSNET_SOCKET, else below the state folder. */
static int find_socket(void) {
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

int main(int count, char **words) {
  static char *nothing[] = {"tsnet", NULL};
  arguments = count > 0 ? words : nothing;
  program = strrchr(arguments[0], '/') ? strrchr(arguments[0], '/') + 1 : arguments[0];
  const char *via = getenv("TSNET_VIA");
  if (via && !strcmp(via, "local")) serve_yourself();
  if (IS("podman/")) {
    if (!read_netavark_line()) serve_yourself();
  } else if (IS("hooks/")) {
    program = "tsnet-hook"; /* runtimes take its name from the bundle, which may say anything */
    input_read = 1;
  } else if (IS("cni/")) {
    const char *command = getenv("CNI_COMMAND");
    /* What these say is known without a host. */
    if (!command || !*command || !strcmp(command, "VERSION")) serve_yourself();
    sandbox_path = getenv("CNI_NETNS") ? getenv("CNI_NETNS") : "";
    input_read = 1;
  } else if (!read_command_line())
    serve_yourself();
  int has_input = input_read;
  input_read = 0;
  if (find_socket() != 0) serve_yourself();
  catch_signals();
  if (has_input) read_input();
  asked = 1;
  if (IS("hooks/")) find_pid();
  open_sandbox();

  struct buffer call = {0};
  build_call(&call);
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    struct buffer output = {0};
    int code = 1;
    enum outcome outcome = converse(reach_daemon(), &call, &output, &code);
    if (outcome == ENDED) {
      print_all(1, output.at, output.length);
      return code;
    }
    if (outcome == REFUSED) break;
    if (outcome == RETIRED) usleep(10 * PAUSE * 1000); /* its name is gone by then */
    free(output.at);
  }
  serve_yourself();
}
