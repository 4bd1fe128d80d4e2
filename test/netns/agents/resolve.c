/* Prints what getaddrinfo says, one address a line, or its error: built with gcc and with musl-gcc. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  struct addrinfo hints, *all;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  int failed = getaddrinfo(argv[argc - 1], 0, &hints, &all);
  if (failed) return puts(gai_strerror(failed)) < 0;
  for (; all; all = all->ai_next) {
    char text[64];
    const void *address = all->ai_family == AF_INET6
      ? (void *)&((struct sockaddr_in6 *)all->ai_addr)->sin6_addr
      : (void *)&((struct sockaddr_in *)all->ai_addr)->sin_addr;
    puts(inet_ntop(all->ai_family, address, text, sizeof text));
  }
  return 0;
}
