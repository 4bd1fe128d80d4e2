/**
 * The kubelet's side of CRI, as far as the network is concerned: runs, stops and
 * removes pod sandboxes of containerd over its socket. gRPC and its few messages
 * are written by hand: Debian 12 has no crictl.
 *
 * usage: cri run NAME | stop ID | remove ID
 *
 * @see https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
 * @module
 */
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'

const socketPath = '/run/containerd/containerd.sock'
const limitMs = 60_000

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

const number = (field: number, value: number): Buffer => Buffer.concat([varint(field << 3), varint(value)])

function bytes(field: number, value: string | Buffer): Buffer {
  const data = Buffer.from(value as string)
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data])
}

const message = (field: number, ...parts: readonly Buffer[]): Buffer => bytes(field, Buffer.concat(parts))

/** What a pod with a hostPort and bandwidth annotations is for the kubelet. */
function podSandboxConfig(name: string): Buffer {
  const annotations = {
    'kubernetes.io/ingress-bandwidth': '8M',
    'kubernetes.io/egress-bandwidth': '4M',
  }
  return Buffer.concat([
    message(1, bytes(1, name), bytes(2, `uid-${name}`), bytes(3, 'default'), number(4, 0)),
    bytes(2, name),
    message(5, number(1, 0), number(2, 80), number(3, 8080)),
    ...Object.entries(annotations).map(([key, value]) => message(7, bytes(1, key), bytes(2, value))),
    message(8, bytes(1, '')),
  ])
}

/** @returns the answer's bytes */
function ask(method: string, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2('http://localhost', { createConnection: () => connect(socketPath) })
    session.on('error', reject)
    session.setTimeout(limitMs, () => reject(new Error(`${method}: no answer after ${limitMs} ms`)))
    const stream = session.request({
      ':method': 'POST',
      ':path': `/runtime.v1.RuntimeService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const chunks: Buffer[] = []
    const finish = (headers: Record<string, unknown>): void => {
      const status = headers['grpc-status']
      if (status === undefined) return
      session.close()
      if (status === '0') resolve(Buffer.concat(chunks).subarray(5))
      else reject(new Error(`${method}: ${decodeURIComponent(String(headers['grpc-message']))}`))
    }
    stream.on('response', finish)
    stream.on('trailers', finish)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    const head = Buffer.alloc(5)
    head.writeUInt32BE(request.length, 1)
    stream.end(Buffer.concat([head, request]))
  })
}

const [verb, subject = ''] = process.argv.slice(2)
if (verb === 'run') {
  const answer = await ask('RunPodSandbox', message(1, podSandboxConfig(subject)))
  // One field: the id.
  process.stdout.write(`${answer.toString('utf8', 2)}\n`)
} else {
  await ask(verb === 'stop' ? 'StopPodSandbox' : 'RemovePodSandbox', bytes(1, subject))
}
