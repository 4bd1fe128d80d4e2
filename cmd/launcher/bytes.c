/*
 * Buffers, frames, and reading and writing with a limit.
 */
#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

void put(struct buffer *buffer, const void *bytes, size_t length) {
  if (buffer->length + length > buffer->room) {
    buffer->room = (buffer->length + length) * 2 + 4096;
    buffer->at = realloc(buffer->at, buffer->room);
    if (!buffer->at) _exit(1);
  }
  memcpy(buffer->at + buffer->length, bytes, length);
  buffer->length += length;
}

void put_word(struct buffer *buffer, const char *word) { put(buffer, word, strlen(word) + 1); }

void put_number(struct buffer *buffer, long number) {
  char text[24];
  snprintf(text, sizeof text, "%ld", number);
  put_word(buffer, text);
}

void put_frame(struct buffer *out, char kind, const void *bytes, uint32_t length) {
  uint32_t rest = length + 1;
  unsigned char head[5] = {rest, rest >> 8, rest >> 16, rest >> 24, kind};
  put(out, head, 5);
  put(out, bytes, length);
}

/* Waits for `events`; a caught signal ends the wait too. Returns what poll returns. */
int wait_for(int fd, short events, int64_t limit) {
  struct pollfd one = {.fd = fd, .events = events};
  struct timespec time = {limit / 1000, limit % 1000 * 1000000};
  sigset_t none;
  sigemptyset(&none);
  return ppoll(&one, 1, limit < 0 ? &(struct timespec){0, 0} : &time, &none);
}

int write_all(int fd, const char *bytes, size_t length, int64_t limit) {
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

/* Ours to print on: a pipe nobody reads must not keep us. Returns -1 and errno where it cannot be written. */
int print_all(int fd, const char *bytes, size_t length) {
  while (length > 0 && wait_for(fd, POLLOUT, OUTPUT_LIMIT) != 0) {
    ssize_t written = write(fd, bytes, length > PIPE_BUF ? PIPE_BUF : length);
    if (written < 0 && errno != EINTR && errno != EAGAIN) return -1;
    if (written < 0) continue;
    bytes += written;
    length -= written;
  }
  return 0;
}
