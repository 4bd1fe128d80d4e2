/*
 * What the kernel itself needs to attach one container and to detach it: the
 * messages tsnet ends up sending, prepared by hand, and nothing around them.
 * No decisions, no checks, no state on disk.
 *
 * Kernel effects of an attach: a veth pair whose peer is born in the sandbox,
 * host end in the bridge, up, with alias and hairpin mode and without an address
 * of its own; in the sandbox lo up, an IPv4, a link-local and an IPv6 address
 * without duplicate address detection, the link up, two default routes; two map
 * elements in a table that exists. Of a detach: the elements deleted, the link
 * deleted.
 *
 * usage: kernel-cost BRIDGE GATEWAY4 GATEWAY6
 * Reads `attach NUMBER PID` and `detach NUMBER` from standard input, a line
 * each, and answers with the microseconds it took. Ends at the first error.
 *
 * The caller makes the bridge, and a table `inet kernelcost` with the maps
 * ports4 and ports6 (inet_proto . inet_service : address . inet_service).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH_BYTES 4096
#define FIRST_PORT 20000
#define CONTAINER_PORT 80

struct batch {
  char bytes[BATCH_BYTES];
  size_t used;
  struct nlmsghdr *last;
};

static void fail(const char *what) {
  fprintf(stderr, "kernel-cost: %s: %s\n", what, strerror(errno));
  exit(1);
}

static struct nlmsghdr *message(struct batch *b, int type, int flags, const void *head, size_t length) {
  struct nlmsghdr *h = (struct nlmsghdr *)(b->bytes + b->used);
  memset(h, 0, NLMSG_SPACE(length));
  h->nlmsg_len = NLMSG_LENGTH(length);
  h->nlmsg_type = type;
  h->nlmsg_flags = NLM_F_REQUEST | flags;
  memcpy(NLMSG_DATA(h), head, length);
  b->used += NLMSG_SPACE(length);
  b->last = h;
  return h;
}

static void *append(struct batch *b, const void *value, size_t length) {
  void *at = b->bytes + b->used;
  memcpy(at, value, length);
  memset((char *)at + length, 0, NLMSG_ALIGN(length) - length);
  b->used += NLMSG_ALIGN(length);
  b->last->nlmsg_len = b->bytes + b->used - (char *)b->last;
  return at;
}

static struct nlattr *attribute(struct batch *b, int type, const void *value, size_t length) {
  struct nlattr header = {.nla_len = NLA_HDRLEN + length, .nla_type = type};
  struct nlattr *at = append(b, &header, sizeof header);
  if (length > 0) append(b, value, length);
  return at;
}

static void text(struct batch *b, int type, const char *value) {
  attribute(b, type, value, strlen(value) + 1);
}

static struct nlattr *nest(struct batch *b, int type) {
  return attribute(b, type, NULL, 0);
}

static void end(struct batch *b, struct nlattr *at) {
  at->nla_len = b->bytes + b->used - (char *)at;
}

/* One trip: all messages, one acknowledgement for the last; errors come in any case. */
static void transact(int fd, struct batch *b, struct nlmsghdr *acknowledged) {
  static unsigned sequence = 1;
  char answer[8192];
  unsigned wanted = 0;
  for (size_t at = 0; at < b->used;) {
    struct nlmsghdr *h = (struct nlmsghdr *)(b->bytes + at);
    h->nlmsg_seq = sequence++;
    if (h == acknowledged) {
      h->nlmsg_flags |= NLM_F_ACK;
      wanted = h->nlmsg_seq;
    }
    at += NLMSG_ALIGN(h->nlmsg_len);
  }
  if (send(fd, b->bytes, b->used, 0) < 0) fail("send");
  for (;;) {
    int length = recv(fd, answer, sizeof answer, 0);
    if (length < 0) fail("recv");
    for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      struct nlmsgerr *e = NLMSG_DATA(h);
      if (e->error != 0) {
        errno = -e->error;
        fprintf(stderr, "kernel-cost: message type %d refused\n", e->msg.nlmsg_type);
        fail("netlink");
      }
      if (h->nlmsg_seq == wanted) return;
    }
  }
}

static int netlink_socket(int protocol) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) fail("socket");
  return fd;
}

static void link_message(struct batch *b, int type, int flags, unsigned link_flags, const char *name) {
  struct ifinfomsg head = {.ifi_flags = link_flags, .ifi_change = link_flags};
  message(b, type, flags, &head, sizeof head);
  text(b, IFLA_IFNAME, name);
}

static void add_veth(int fd, unsigned number, int netns, unsigned bridge) {
  struct batch b = {.used = 0};
  unsigned mtu = 1500;
  char name[IFNAMSIZ], alias[64];
  unsigned char mac[6] = {0xfe, 0x42, 0x0a, 0x63, number >> 8, number};
  snprintf(name, sizeof name, "kc%u", number);
  snprintf(alias, sizeof alias, "kernel-cost: container %u eth0", number);

  link_message(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, IFF_UP, name);
  attribute(&b, IFLA_ADDRESS, mac, sizeof mac);
  attribute(&b, IFLA_MTU, &mtu, sizeof mtu);
  attribute(&b, IFLA_MASTER, &bridge, sizeof bridge);
  struct nlattr *info = nest(&b, IFLA_LINKINFO);
  text(&b, IFLA_INFO_KIND, "veth");
  struct nlattr *data = nest(&b, IFLA_INFO_DATA);
  struct nlattr *peer = nest(&b, VETH_INFO_PEER);
  struct ifinfomsg peer_head = {0};
  append(&b, &peer_head, sizeof peer_head);
  text(&b, IFLA_IFNAME, "eth0");
  mac[0] = 0x02;
  attribute(&b, IFLA_ADDRESS, mac, sizeof mac);
  attribute(&b, IFLA_MTU, &mtu, sizeof mtu);
  attribute(&b, IFLA_NET_NS_FD, &netns, sizeof netns);
  end(&b, peer);
  end(&b, data);
  end(&b, info);

  link_message(&b, RTM_SETLINK, 0, 0, name);
  attribute(&b, IFLA_IFALIAS, alias, strlen(alias));
  struct nlattr *spec = nest(&b, IFLA_AF_SPEC);
  struct nlattr *six = nest(&b, AF_INET6);
  attribute(&b, IFLA_INET6_ADDR_GEN_MODE, &(unsigned char){IN6_ADDR_GEN_MODE_NONE}, 1);
  end(&b, six);
  end(&b, spec);

  unsigned char on = 1, off = 0;
  link_message(&b, RTM_NEWLINK, 0, 0, name);
  info = nest(&b, IFLA_LINKINFO);
  struct nlattr *port = nest(&b, IFLA_INFO_SLAVE_DATA);
  attribute(&b, IFLA_BRPORT_MODE, &on, 1);
  attribute(&b, IFLA_BRPORT_ISOLATED, &off, 1);
  end(&b, port);
  end(&b, info);
  transact(fd, &b, b.last);
}

static void address(struct batch *b, int index, int family, int prefix, const void *bytes, size_t length) {
  struct ifaddrmsg head = {.ifa_family = family, .ifa_prefixlen = prefix, .ifa_index = index};
  unsigned no_dad = IFA_F_NODAD;
  message(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
  attribute(b, IFA_LOCAL, bytes, length);
  attribute(b, IFA_ADDRESS, bytes, length);
  if (family == AF_INET6) attribute(b, IFA_FLAGS, &no_dad, sizeof no_dad);
}

static void route(struct batch *b, int index, int family, const void *gateway, size_t length) {
  struct rtmsg head = {
      .rtm_family = family,
      .rtm_table = RT_TABLE_MAIN,
      .rtm_protocol = RTPROT_STATIC,
      .rtm_scope = RT_SCOPE_UNIVERSE,
      .rtm_type = RTN_UNICAST,
  };
  message(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
  attribute(b, RTA_GATEWAY, gateway, length);
  attribute(b, RTA_OIF, &index, sizeof index);
}

static int index_of(int fd, const char *name) {
  struct batch b = {.used = 0};
  char answer[8192];
  link_message(&b, RTM_GETLINK, 0, 0, name);
  if (send(fd, b.bytes, b.used, 0) < 0) fail("send");
  if (recv(fd, answer, sizeof answer, 0) < 0) fail("recv");
  struct nlmsghdr *h = (struct nlmsghdr *)answer;
  if (h->nlmsg_type != RTM_NEWLINK) fail("no link");
  return ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
}

struct network {
  unsigned bridge;
  struct in_addr gateway4;
  struct in6_addr gateway6;
};

static void addresses_of(const struct network *n, unsigned number, struct in_addr *v4, struct in6_addr *v6) {
  *v4 = n->gateway4;
  *v6 = n->gateway6;
  v4->s_addr = htonl(ntohl(v4->s_addr) + 1 + number);
  v6->s6_addr[14] = (2 + number) >> 8;
  v6->s6_addr[15] = 2 + number;
}

static void fill_sandbox(int fd, const struct network *n, unsigned number) {
  struct batch b = {.used = 0};
  struct in_addr v4;
  struct in6_addr v6, local = {.s6_addr = {0xfe, 0x80, [9] = 0x42, 0x0a, 0xff, 0xfe, 0x63}};
  local.s6_addr[14] = number >> 8;
  local.s6_addr[15] = number;
  addresses_of(n, number, &v4, &v6);
  int index = index_of(fd, "eth0");
  link_message(&b, RTM_SETLINK, 0, IFF_UP, "lo");
  address(&b, index, AF_INET6, 64, &local, sizeof local);
  address(&b, index, AF_INET, 16, &v4, sizeof v4);
  address(&b, index, AF_INET6, 64, &v6, sizeof v6);
  link_message(&b, RTM_SETLINK, 0, IFF_UP, "eth0");
  route(&b, index, AF_INET, &n->gateway4, sizeof n->gateway4);
  route(&b, index, AF_INET6, &n->gateway6, sizeof n->gateway6);
  transact(fd, &b, b.last);
}

/* Each field of a concatenation begins at four bytes. */
static void element(struct batch *b, int type, int family, unsigned number, const void *bytes, size_t length) {
  struct nfgenmsg head = {.nfgen_family = NFPROTO_INET};
  unsigned short port = htons(FIRST_PORT + number), to = htons(CONTAINER_PORT);
  unsigned char key[8] = {IPPROTO_TCP}, value[20] = {0}, comment[34] = {0, 32};
  memcpy(key + 4, &port, sizeof port);
  memcpy(value, bytes, length);
  memcpy(value + length, &to, sizeof to);
  snprintf((char *)comment + 2, sizeof comment - 2, "kernel-cost container %u", number);

  int flags = type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE | NLM_F_EXCL : 0;
  message(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &head, sizeof head);
  text(b, NFTA_SET_ELEM_LIST_TABLE, "kernelcost");
  text(b, NFTA_SET_ELEM_LIST_SET, family == AF_INET ? "ports4" : "ports6");
  struct nlattr *list = nest(b, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
  struct nlattr *one = nest(b, NFTA_LIST_ELEM | NLA_F_NESTED);
  struct nlattr *at = nest(b, NFTA_SET_ELEM_KEY | NLA_F_NESTED);
  attribute(b, NFTA_DATA_VALUE, key, sizeof key);
  end(b, at);
  if (type == NFT_MSG_NEWSETELEM) {
    at = nest(b, NFTA_SET_ELEM_DATA | NLA_F_NESTED);
    attribute(b, NFTA_DATA_VALUE, value, length + 4);
    end(b, at);
    attribute(b, NFTA_SET_ELEM_USERDATA, comment, sizeof comment);
  }
  end(b, one);
  end(b, list);
}

static void elements(int fd, int type, const struct network *n, unsigned number) {
  struct batch b = {.used = 0};
  struct nfgenmsg head = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};
  struct in_addr v4;
  struct in6_addr v6;
  addresses_of(n, number, &v4, &v6);
  message(&b, NFNL_MSG_BATCH_BEGIN, 0, &head, sizeof head);
  element(&b, type, AF_INET, number, &v4, sizeof v4);
  element(&b, type, AF_INET6, number, &v6, sizeof v6);
  struct nlmsghdr *last = b.last;
  message(&b, NFNL_MSG_BATCH_END, 0, &head, sizeof head);
  transact(fd, &b, last);
}

static void enter(int fd) {
  if (setns(fd, CLONE_NEWNET) < 0) fail("setns");
}

static void attach(int host, int rules, int own, const struct network *n, unsigned number, unsigned pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%u/ns/net", pid);
  int netns = open(path, O_RDONLY | O_CLOEXEC);
  if (netns < 0) fail(path);
  add_veth(host, number, netns, n->bridge);
  enter(netns);
  int inside = netlink_socket(NETLINK_ROUTE);
  enter(own);
  fill_sandbox(inside, n, number);
  elements(rules, NFT_MSG_NEWSETELEM, n, number);
  close(inside);
  close(netns);
}

static void detach(int host, int rules, const struct network *n, unsigned number) {
  struct batch b = {.used = 0};
  char name[IFNAMSIZ];
  snprintf(name, sizeof name, "kc%u", number);
  elements(rules, NFT_MSG_DELSETELEM, n, number);
  link_message(&b, RTM_DELLINK, 0, 0, name);
  transact(host, &b, b.last);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  struct network n = {.bridge = if_nametoindex(argv[1])};
  inet_pton(AF_INET, argv[2], &n.gateway4);
  inet_pton(AF_INET6, argv[3], &n.gateway6);
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int host = netlink_socket(NETLINK_ROUTE), rules = netlink_socket(NETLINK_NETFILTER);
  char line[128];
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned number, pid;
    double before = now_us();
    if (sscanf(line, "attach %u %u", &number, &pid) == 2) attach(host, rules, own, &n, number, pid);
    else if (sscanf(line, "detach %u", &number) == 1) detach(host, rules, &n, number);
    else return 2;
    printf("%.1f\n", now_us() - before);
    fflush(stdout);
  }
  return 0;
}
