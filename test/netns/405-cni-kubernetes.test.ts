/**
 * The calls containerd's CRI service makes for a pod, in its order and with its
 * variables: ADD with ports and limits from annotations, CHECK, repeated DEL,
 * GC after a restart.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { createLab } from '../../netns-fixtures/lab.ts'
import { needs } from '../../netns-fixtures/requirements.ts'
import { snapshot, snapshotDifference } from '../../netns-fixtures/snapshot.ts'
import { addChain, box, type CniDocument, type Conf, checkChain, cni, delChain, usualList } from './cni.ts'

needs('root', 'ip', 'iptables', 'veth', 'bridge', 'ipv6')

/** Kubernetes' burst: as large as it gets. */
const bandwidth = {
  ingressRate: 8_000_000,
  ingressBurst: 4294967295,
  egressRate: 4_000_000,
  egressBurst: 4294967295,
}
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' }]
const pod = (id: string): { readonly id: string; readonly args: string } => ({
  id,
  args: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=${id};K8S_POD_UID=b7d4`,
})
const first = 'd6c9e22dfa5b0cf4f1b1c9f5a5f7f0e1c2d3b4a5968778695a4b3c2d1e0f1234'

const single: Conf = {
  cniVersion: '1.1.0',
  name: 'k8s',
  type: 'tsnet',
  runtimeConfig: { portMappings, bandwidth },
}
const chain: Conf[] = [
  ...usualList({ version: '1.0.0', name: 'k8s', ports: portMappings }),
  { cniVersion: '1.0.0', name: 'k8s', type: 'bandwidth', runtimeConfig: { bandwidth } },
]

/** Nobody need delete it: the kernel does, with the namespace, in its own time. */
const hostEndOf = ({ interfaces }: CniDocument): string => interfaces[1]?.name ?? ''

describe.each<[string, Conf[]]>([
  ['the single plugin', [single]],
  ['the chain', chain],
])('a pod with %s', (_, list) => {
  it('is attached, checked, detached again and again, and collected after a restart', async () => {
    await using lab = await createLab()
    const host = await lab.host('host')
    const warmup = await box(host)
    await addChain(host, list, { ...pod('warmup'), netns: warmup.netns })
    expect(await delChain(host, list, { ...pod('warmup'), netns: warmup.netns })).toEqual([])
    await warmup.kill()
    const before = await snapshot(host)

    const sandbox = await box(host)
    const lo = { cniVersion: '0.3.1', name: 'cni-loopback', type: 'loopback' }
    const [added] = await Promise.all([
      addChain(host, list, { ...pod(first), netns: sandbox.netns }),
      addChain(host, [lo], { ...pod(first), netns: sandbox.netns, ifname: 'lo' }),
    ])
    await sandbox.serve.tcp(80)
    expect(await host.probe.tcp('127.0.0.1', 8080)).toBe('reached')
    const limits = (await host.sh('tc qdisc show')).stdout
    for (const rate of ['8Mbit', '4Mbit']) expect(limits).toMatch(new RegExp(`tbf .*rate ${rate}`))
    const call = { ...pod(first), netns: sandbox.netns, prevResult: added }
    expect(await checkChain(host, list, call)).toEqual([])

    // The sandbox is stopped; the kubelet repeats DEL with its stale path for as long as it likes.
    await sandbox.kill()
    for (let i = 0; i < 3; i++) expect(await delChain(host, list, call)).toEqual([])
    await host.waitForLinkGone(hostEndOf(added))
    const moving = { except: [/last_reserved_ip/, /fe80::/] }
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])

    // Recreated under a new id, and lost in a crash of the engine: GC finds it.
    const again = await box(host)
    const lost = await addChain(host, list, { ...pod('e1'), netns: again.netns })
    await again.kill()
    for (const conf of list) {
      const gc = { ...conf, cniVersion: '1.1.0', runtimeConfig: {}, 'cni.dev/valid-attachments': [] }
      expect((await cni(host, 'GC', gc)).stdout).toBe('')
    }
    await host.waitForLinkGone(hostEndOf(lost))
    expect(snapshotDifference(before, await snapshot(host), moving)).toEqual([])
  })
})
