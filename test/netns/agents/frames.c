/*
 * Ethernet frames out of an interface as they are given, hexadecimal, one a line.
 *
 * Usage: frames IFNAME < lines
 *
 * A line may begin with `REPEAT:OFFSET `: the frame goes out that often, its two
 * bytes at the offset counted up each time (a flood of ports). Needs CAP_NET_RAW,
 * as a container has it.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 128 /* frames between two looks at the queues */
#define ROOM 500  /* of a processor's queue, which takes 1,000 and drops the rest (net.core.netdev_max_backlog) */

/* A flood goes as fast as it is taken: while a processor is busy otherwise, frames wait in its queue. */
static void wait_for_room(void)
{
	for (int tries = 0; tries < 10000; tries++) {
		char line[512];
		int full = 0;
		FILE *queues = fopen("/proc/net/softnet_stat", "r");
		if (!queues)
			return;
		while (fgets(line, sizeof line, queues)) {
			unsigned length = 0;
			/* the twelfth column, since Linux 5.10 */
			if (sscanf(line, "%*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %x", &length) == 1 && length > ROOM)
				full = 1;
		}
		fclose(queues);
		if (!full)
			return;
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	static char line[8192];
	if (argc < 2 || fd < 0 || !(to.sll_ifindex = (int)if_nametoindex(argv[1]))) {
		perror("packet socket");
		return 1;
	}
	while (fgets(line, sizeof line, stdin)) {
		unsigned char frame[4096];
		unsigned long repeat = 1, offset = 0;
		size_t size = 0;
		char *hex = strchr(line, ' ');
		if (hex) {
			repeat = strtoul(line, &hex, 10);
			offset = strtoul(hex + 1, &hex, 10);
			hex++;
		} else {
			hex = line;
		}
		for (; hex[0] && hex[1] && hex[0] != '\n' && size < sizeof frame; hex += 2) {
			char byte[3] = { hex[0], hex[1], 0 };
			frame[size++] = (unsigned char)strtoul(byte, NULL, 16);
		}
		memcpy(to.sll_addr, frame, 6);
		for (unsigned long i = 0; i < repeat; i++) {
			if (i % PIECE == 0)
				wait_for_room();
			if (sendto(fd, frame, size, 0, (struct sockaddr *)&to, sizeof to) < 0) {
				perror("sendto");
				return 1;
			}
			if (repeat > 1 && !++frame[offset + 1]) frame[offset]++;
		}
	}
	return 0;
}
