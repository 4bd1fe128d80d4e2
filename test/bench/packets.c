/*
 * Packets through a published port, as a client sees them.
 *
 * usage: packets serve PORT
 *          answers a byte with a byte, and takes whatever comes after it
 *        packets ask ADDRESS PORT CONNECTIONS MILLISECONDS
 *          prints the median microseconds of a new connection with one byte
 *          there and back, and the megabytes per second of one connection
 *        packets load ADDRESS PORT PER_SECOND SECONDS
 *          as many new connections, one after the other, each with a byte there
 *          and back; prints how many there were, how many failed, and the
 *          milliseconds of the slowest
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_SECONDS 2

static char block[65536];

static void fail(const char *what) {
  fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void *answer(void *argument) {
  int fd = (int)(long)argument;
  char byte, taken[65536];
  if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
    while (read(fd, taken, sizeof taken) > 0)
      ;
  close(fd);
  return NULL;
}

__attribute__((noreturn)) static void serve(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0) fail("listen");
  printf("serving\n");
  fflush(stdout);
  for (;;) {
    int one = accept(fd, NULL, NULL);
    pthread_t thread;
    if (one >= 0 && pthread_create(&thread, NULL, answer, (void *)(long)one) == 0) pthread_detach(thread);
  }
}

/* A connection over which one byte went there and back, or -1. */
static int open_one(const struct sockaddr_in *to) {
  struct timeval limit = {LIMIT_SECONDS, 0};
  char byte = 'x';
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 && write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1)
    return fd;
  close(fd);
  return -1;
}

/* Without a TIME_WAIT that would use up the client's ports. */
static void close_at_once(int fd) {
  struct linger none = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close(fd);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int ask(const struct sockaddr_in *to, int connections, int milliseconds) {
  double *took = calloc(connections, sizeof *took);
  for (int i = 0; i < connections; i++) {
    double before = now_us();
    int fd = open_one(to);
    took[i] = now_us() - before;
    if (fd < 0) fail("connection");
    close_at_once(fd);
  }
  qsort(took, connections, sizeof *took, compare);
  int fd = open_one(to);
  if (fd < 0) fail("connection");
  double begun = now_us(), bytes = 0;
  while (now_us() - begun < milliseconds * 1e3) {
    ssize_t sent = write(fd, block, sizeof block);
    if (sent < 0) fail("write");
    bytes += sent;
  }
  printf("%.2f %.2f\n", took[connections / 2], bytes / (now_us() - begun));
  close_at_once(fd);
  return 0;
}

static int load(const struct sockaddr_in *to, int per_second, int seconds) {
  int sent = 0, failed = 0;
  double begun = now_us(), slowest = 0;
  for (; sent < per_second * seconds; sent++) {
    double due = begun + sent * 1e6 / per_second, before = now_us();
    if (due > before) usleep(due - before);
    before = now_us();
    int fd = open_one(to);
    if (fd < 0) failed++;
    else close_at_once(fd);
    if (now_us() - before > slowest) slowest = now_us() - before;
  }
  printf("%d %d %.1f\n", sent, failed, slowest / 1e3);
  return 0;
}

int main(int count, char **words) {
  if (count == 3 && !strcmp(words[1], "serve")) serve(atoi(words[2]));
  if (count != 6) return 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(words[3]))};
  if (inet_pton(AF_INET, words[2], &to.sin_addr) != 1) return 2;
  int (*work)(const struct sockaddr_in *, int, int) = !strcmp(words[1], "ask") ? ask : load;
  return work(&to, atoi(words[4]), atoi(words[5]));
}
