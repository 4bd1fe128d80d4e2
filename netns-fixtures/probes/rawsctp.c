/*
 * Packets of IP protocol 132 in and out of a namespace, as lines of text.
 *
 * Kernels may be built without SCTP sockets (CONFIG_IP_SCTP), and still route,
 * track and translate SCTP: what a firewall does is seen with raw sockets.
 * Knows nothing of SCTP itself; sctp.ts writes and reads the packets.
 *
 *   in:   FROM TO HEX        send one packet; FROM may be -
 *   out:  FROM TO HEX        one packet came
 *   out:  ! TO ERRNO         it could not be sent
 *
 * Ends with its input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { sctp = 132, largest = 2048 };

static int open_raw(int family)
{
	int one = 1, fd = socket(family, SOCK_RAW, sctp);
	if (fd < 0) return -1;
	if (family == AF_INET) setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
	else setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
	return fd;
}

static void tell(int family, const void *from, const void *to, const unsigned char *data, ssize_t size)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	inet_ntop(family, from, a, sizeof a);
	inet_ntop(family, to, b, sizeof b);
	printf("%s %s ", a, b);
	for (ssize_t i = 0; i < size; i++) printf("%02x", data[i]);
	putchar('\n');
	fflush(stdout);
}

static void receive4(int fd)
{
	unsigned char data[largest];
	ssize_t size = recv(fd, data, sizeof data, 0);
	struct iphdr *ip = (struct iphdr *)data;
	if (size < (ssize_t)sizeof *ip || size < ip->ihl * 4) return;
	tell(AF_INET, &ip->saddr, &ip->daddr, data + ip->ihl * 4, size - ip->ihl * 4);
}

static void receive6(int fd)
{
	unsigned char data[largest], control[256];
	struct sockaddr_in6 from;
	struct iovec part = { data, sizeof data };
	struct msghdr message = { &from, sizeof from, &part, 1, control, sizeof control, 0 };
	ssize_t size = recvmsg(fd, &message, 0);
	if (size < 0) return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_type != IPV6_PKTINFO) continue;
		tell(AF_INET6, &from.sin6_addr, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, data, size);
	}
}

static void send_line(const int fds[2], char *line)
{
	char *from = strtok(line, " "), *to = strtok(NULL, " "), *hex = strtok(NULL, "\n");
	if (!from || !to || !hex) return;
	int six = strchr(to, ':') != NULL;
	unsigned char data[largest], control[256] = { 0 };
	size_t size = 0;
	for (; hex[0] && hex[1] && size < sizeof data; hex += 2) {
		char byte[3] = { hex[0], hex[1], 0 };
		data[size++] = (unsigned char)strtoul(byte, NULL, 16);
	}
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	inet_pton(six ? AF_INET6 : AF_INET, to, six ? (void *)&to6.sin6_addr : (void *)&to4.sin_addr);
	struct iovec part = { data, size };
	struct msghdr message = { six ? (void *)&to6 : (void *)&to4, six ? sizeof to6 : sizeof to4, &part, 1, NULL, 0, 0 };
	if (strcmp(from, "-")) {
		message.msg_control = control;
		message.msg_controllen = six ? CMSG_SPACE(sizeof(struct in6_pktinfo)) : CMSG_SPACE(sizeof(struct in_pktinfo));
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP;
		c->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
		c->cmsg_len = six ? CMSG_LEN(sizeof(struct in6_pktinfo)) : CMSG_LEN(sizeof(struct in_pktinfo));
		if (six) inet_pton(AF_INET6, from, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr);
		else inet_pton(AF_INET, from, &((struct in_pktinfo *)CMSG_DATA(c))->ipi_spec_dst);
	}
	if (sendmsg(fds[six], &message, 0) < 0) {
		printf("! %s %s\n", to, strerrorname_np(errno));
		fflush(stdout);
	}
}

int main(void)
{
	int fds[2] = { open_raw(AF_INET), open_raw(AF_INET6) };
	if (fds[0] < 0) {
		perror("raw socket of protocol 132");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	static char text[3 * largest];
	size_t held = 0;
	for (;;) {
		struct pollfd wanted[] = { { 0, POLLIN, 0 }, { fds[0], POLLIN, 0 }, { fds[1], POLLIN, 0 } };
		if (poll(wanted, 3, -1) < 0 && errno != EINTR) return 1;
		if (wanted[1].revents) receive4(fds[0]);
		if (wanted[2].revents) receive6(fds[1]);
		if (!wanted[0].revents) continue;
		ssize_t got = read(0, text + held, sizeof text - 1 - held);
		if (got <= 0) return 0;
		held += (size_t)got;
		text[held] = 0;
		char *start = text;
		for (char *end; (end = strchr(start, '\n')); start = end + 1) {
			*end = 0;
			send_line(fds, start);
		}
		held -= (size_t)(start - text);
		memmove(text, start, held + 1);
	}
}
