/*
 * What the parts of the launcher share; launcher.c tells what it is.
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL "1"
/* Known when it is compiled: the branches of other kinds are not in the program. */
#define IS(kind) (!__builtin_strcmp(TSNET_KIND, kind))

/* All in ms; tests build it with shorter ones. */
#ifndef START_LIMIT
#define START_LIMIT 10000   /* until a daemon that we, or somebody else, started answers */
#define ACCEPT_LIMIT 10000  /* until it says that it has our call; where it is stopped we serve ourselves then */
#define SILENCE_LIMIT 30000 /* it says every 2 s that it is at work; longer silence, from the start too: it is stuck */
#define INPUT_LIMIT 30000   /* between two pieces of standard input */
#define OUTPUT_LIMIT 30000  /* until somebody reads what we print */
#define TOTAL_LIMIT 600000  /* of one call; then it is cancelled ... */
#define UNDO_LIMIT 60000    /* ... and has so long to take back what it did */
#endif
#define ATTEMPTS 4          /* daemons that may end while they work on our call */
#define PAUSE 2             /* between two looks for a daemon ... */
#define SOON 300            /* ... until it should be there, and from then on, where somebody else starts it: */
#define CROWD_PAUSE 20
#ifndef FRAME_LIMIT
#define FRAME_LIMIT (64u << 20) /* of what follows its length; the daemon takes no longer one */
#endif

struct buffer {
  char *at;
  size_t length, room;
};

/* The call. */
extern char **arguments;
extern const char *program; /* the name we were called by, without folder */
extern struct buffer input; /* standard input, as far as it was read */
extern int input_read;
extern const char *state_dir;
extern int sandbox;
extern const char *sandbox_path;
extern int asked; /* a daemon, in vain */
extern int unstoppable; /* SIGINT and SIGTERM are ignored: podman would give the addresses to others meanwhile */
extern volatile sig_atomic_t caught;

/* bytes.c */
int64_t now(void);
void put(struct buffer *buffer, const void *bytes, size_t length);
void put_word(struct buffer *buffer, const char *word);
void put_number(struct buffer *buffer, long number);
void put_frame(struct buffer *out, char kind, const void *bytes, uint32_t length);
int wait_for(int fd, short events, int64_t limit);
int write_all(int fd, const char *bytes, size_t length, int64_t limit);
int print_all(int fd, const char *bytes, size_t length);

/* words.c */
int read_command_line(void);
int read_netavark_line(void);
void read_input(void);
void find_pid(void);
void open_sandbox(void);

/* reach.c */
int find_socket(void);
int reach_daemon(void);

/* call.c */
enum outcome { ENDED, LOST, REFUSED, RETIRED };
void build_call(struct buffer *call);
enum outcome converse(int fd, const struct buffer *call, struct buffer *output, int *code);

/* node.c */
__attribute__((noreturn)) void serve_yourself(void);
__attribute__((noreturn, format(printf, 2, 3))) void give_up(const char *hint, const char *format, ...);

#endif
