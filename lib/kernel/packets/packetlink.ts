/**
 * IP packets over one link of a sandbox, past the kernel's own IP: for DHCP,
 * which speaks before there is an address.
 *
 * A filter lets only what goes to a DHCP client's port in, so that a busy
 * container does not fill the socket. Node cannot wait for such a socket:
 * whoever expects something looks again and again (`receive`).
 *
 * @see packet(7)
 * @module
 */

import { fail } from '../../errors/codes.ts'
import type { SandboxIdentity } from '../../model/sandbox.ts'
import { withNetns } from '../namespace/netns.ts'
import { type LinuxSandbox, openLinuxSandbox } from '../namespace/sandbox.ts'
import { linkSet } from '../netlink/link.ts'
import { errnoText, goneErrors, SystemError } from '../system/errno.ts'
import { closeDescriptor } from '../system/libc.ts'
import { openSocket, receiveFromNow, sendTo } from '../system/sockets.ts'
import { attachFilter, type BpfInstruction } from './packets.ts'

export interface PacketLink {
  readonly sandbox: SandboxIdentity
  /** Six bytes. */
  readonly mac: Buffer
  /** @param to a MAC; absent: everybody @throws SystemError where the link is gone */
  send(packet: Buffer, to?: Buffer): void
  /** A packet that has come in, and the MAC it came from; undefined where none waits, or the link is gone. */
  receive(): { readonly packet: Buffer; readonly from: Buffer } | undefined
  close(): void
}

const AF_PACKET = 17
const SOCK_DGRAM = 2
const ETH_P_IP = 0x0800
const CLIENT_PORT = 68
const everybody = Buffer.alloc(6, 0xff)
const packetBytes = 2048

/** Classic BPF: IPv4, UDP, no later fragment, to the client's port. Code, jump if true, if false, value. */
const filter: readonly BpfInstruction[] = [
  [0x30, 0, 0, 9],
  [0x15, 0, 6, 17],
  [0x28, 0, 0, 6],
  [0x45, 4, 0, 0x1fff],
  [0xb1, 0, 0, 0],
  [0x48, 0, 0, 2],
  [0x15, 0, 1, CLIENT_PORT],
  [0x06, 0, 0, 0xffff],
  [0x06, 0, 0, 0],
]

/**
 * Opens it, and sets the link up.
 *
 * @throws TSNET_NOT_A_NETNS (invalid) @throws TSNET_BAD_VALUE (invalid) where the sandbox has no such link
 */
export async function openPacketLink(netns: string, ifname: string): Promise<PacketLink> {
  const sandbox = await openLinuxSandbox(netns)
  try {
    const mac = (await sandbox.links()).find(({ name }) => name === ifname)?.mac
    const index = sandbox.indexes.get(ifname)
    if (index === undefined || mac === undefined) {
      throw fail('TSNET_BAD_VALUE', {
        message: `asking for an address by DHCP: there is no ${ifname} in ${netns}`,
        field: 'ifname',
        value: ifname,
        hint: 'the plugin that makes the interface must make it first',
      })
    }
    await setLink(sandbox, ifname, 'up')
    return linkOf(sandbox, index, Buffer.from(mac.replaceAll(':', ''), 'hex'))
  } catch (error) {
    sandbox.close()
    throw error
  }
}

/** The interface of a lease that has ended must not go on using its address. Silent where it is gone. */
export async function setLinkDown(netns: string, ifname: string, cookie: string): Promise<void> {
  const sandbox = await openLinuxSandbox(netns).catch(() => undefined)
  try {
    if (sandbox?.identity.cookie === cookie) await setLink(sandbox, ifname, 'down')
  } finally {
    sandbox?.close()
  }
}

async function setLink({ socket }: LinuxSandbox, ifname: string, state: 'up' | 'down'): Promise<void> {
  const [reply] = await socket.batch([linkSet(ifname, state)])
  const errno = reply?.errno ?? 0
  if (errno !== 0 && !(state === 'down' && goneErrors.includes(errno))) {
    throw fail('TSNET_STEP_FAILED', { message: `setting ${ifname} ${state}: ${errnoText(errno)}` })
  }
}

function linkOf(sandbox: LinuxSandbox, index: number, mac: Buffer): PacketLink {
  const fd = withNetns(sandbox.fd, () =>
    openSocket({ domain: AF_PACKET, type: SOCK_DGRAM, address: linkAddress(index) }, (socket) =>
      attachFilter(socket, filter),
    ),
  )
  const room = Buffer.alloc(packetBytes)
  const sender = Buffer.alloc(20)
  let open = true
  return {
    sandbox: sandbox.identity,
    mac,
    send: (packet, to = everybody) => sendTo(fd, packet, linkAddress(index, to)),
    receive: () => {
      try {
        const length = receiveFromNow(fd, room, sender)
        if (length === undefined) return undefined
        // Into fresh memory: the next packet takes the room.
        return {
          packet: Buffer.from(room.subarray(0, Math.min(length, packetBytes))),
          from: Buffer.from(sender.subarray(12, 18)),
        }
      } catch (error) {
        // A link that is down or gone is told once by its socket.
        if (error instanceof SystemError) return undefined
        throw error
      }
    },
    close: () => {
      if (!open) return
      open = false
      closeDescriptor(fd)
      sandbox.close()
    },
  }
}

/** struct sockaddr_ll */
function linkAddress(index: number, mac?: Buffer): Buffer {
  const address = Buffer.alloc(20)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(ETH_P_IP, 2)
  address.writeInt32LE(index, 4)
  if (mac !== undefined) {
    address.writeUInt8(mac.length, 11)
    mac.copy(address, 12)
  }
  return address
}
