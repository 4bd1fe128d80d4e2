/*
 * The launcher: what engines exec instead of Node.
 *
 * Node needs 60 ms to start, this program less than one. It sends its arguments, its environment (plugins: all of it,
 * others: what matters), its folder and standard input to tsnetd, relays what comes back, and ends with the exit code
 * it is told. It opens the sandbox itself and keeps it open, so that the daemon works on the very namespace the caller
 * meant (/proc/PID/fd/N), whatever becomes of the path meanwhile.
 *
 * Whatever goes wrong, it runs the Node program: slower, same result. That is so when there is no daemon and none can
 * be started, when the daemon refuses (another version, other namespaces), and when it is silent before it has
 * accepted the call. One that ends half-way is asked again, or the next one is: calls are made so that they can be
 * repeated. Every wait has a limit (launcher.h).
 *
 *   words.c  what of the call matters here     reach.c  the daemon, started if need be
 *   call.c   one call, there and back          node.c   the Node program in our place
 *   bytes.c  buffers, frames, waits            launcher.h  limits, and what they share
 *
 * Frames and words are those of lib/daemon/{frames,invocation,api}.ts; PROTOCOL is their version.
 *
 * Built by .config/launcher.mjs with
 *   TSNET_NODE    path of node              TSNET_DIST  path of dist/
 *   TSNET_KIND    "" for commands, called by their own name; "cni/" for CNI plugins; "podman/" for what podman calls
 *                 its network backend; "hooks/" for OCI hooks
 */
#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char **arguments;
const char *program;
struct buffer input;
int input_read;
const char *state_dir;
int sandbox = -1;
const char *sandbox_path = "";
int asked;
int unstoppable;
volatile sig_atomic_t caught;

static void on_signal(int number) { caught = number; }

static void catch_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  sigset_t blocked;
  sigemptyset(&blocked);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigaction(numbers[i], NULL, &before);
    if (before.sa_handler == SIG_IGN) continue; /* nohup */
    if (unstoppable && numbers[i] != SIGHUP) {
      signal(numbers[i], SIG_IGN);
      continue;
    }
    sigaction(numbers[i], &action, NULL);
    sigaddset(&blocked, numbers[i]);
  }
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
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
      if (print_all(1, output.at, output.length) == 0 || errno == EPIPE) return code;
      dprintf(2, "tsnet: writing the output: %s\n  hint: give it room and run it again: what has been done is found done\n",
              strerror(errno));
      return 1;
    }
    if (outcome == REFUSED) break;
    if (outcome == RETIRED) usleep(10 * PAUSE * 1000); /* its name is gone by then */
    free(output.at);
  }
  serve_yourself();
}
