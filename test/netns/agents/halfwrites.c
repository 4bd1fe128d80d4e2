/*
 * For LD_PRELOAD: every write of more than one byte to a file, socket or (above 4 KiB) pipe writes half of what it was asked to, as
 * the kernel may. strace cannot do that: it lies about what was written.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/uio.h>
#include <unistd.h>

/* Events and settings are written at once, and so are up to PIPE_BUF bytes to a pipe: pipe(7). libuv counts on it. */
static size_t half(int fd, size_t length) {
  struct stat about;
  struct statfs system;
  if (length < 2 || fstat(fd, &about) != 0) return length;
  if (fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC) return length;
  int isWhole = S_ISFIFO(about.st_mode) ? length <= PIPE_BUF : !S_ISREG(about.st_mode) && !S_ISSOCK(about.st_mode);
  return isWhole ? length : (length + 1) / 2;
}

ssize_t write(int fd, const void *bytes, size_t length) { return syscall(SYS_write, fd, bytes, half(fd, length)); }

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  return syscall(SYS_pwrite64, fd, bytes, half(fd, length), at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

/* Of many pieces the first, and of that one half. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
  while (count > 1 && pieces->iov_len == 0) pieces++, count--;
  return write(fd, pieces->iov_base, count > 0 ? pieces->iov_len : 0);
}
