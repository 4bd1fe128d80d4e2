import { describe, expect, it } from 'vitest'
import { dockerView } from '../../../lib/inspect/dockerview.ts'
import { originOf } from '../../../lib/inspect/origin.ts'
import { renderTemplate } from '../../../lib/inspect/template.ts'
import type { ContainerNetwork } from '../../../lib/model/attachment.ts'

const record = {
  container: { id: 'c1', name: 'web', labels: { tier: 'front' } },
  sandbox: { path: '/proc/42/ns/net', identity: { cookie: '7', bootId: 'b' } },
  mode: 'bridge',
  attachments: [
    {
      network: 'shop',
      driver: 'bridge',
      ifname: 'eth0',
      hostIfname: 'web-1',
      bridge: 'br-shop',
      addresses: ['10.90.0.2/24', 'fd00::2/64'],
      gateways: ['10.90.0.1', 'fd00::1'],
      mac: '02:42:0a:5a:00:02',
      mtuBytes: 1500,
      aliases: ['front'],
      defaultRoute: [4, 6],
      ports: [{ hostPort: 8080, containerPort: 80, count: 1, protocol: 'tcp' }],
      firewall: 'nftables',
    },
  ],
  hostAddresses: [],
  resolver: { servers: [], search: [], options: [], hosts: [] },
  createdAt: '2026-11-21T10:00:00.000Z',
} as unknown as ContainerNetwork
const view = dockerView(record, () => 42)

describe('a --format template', () => {
  it.each([
    ['{{.NetworkSettings.IPAddress}}', '10.90.0.2'],
    ['{{.State.Pid}} {{.Name}}', '42 /web'],
    ['{{.State.Running}}', 'true'],
    ['{{.State}}', 'map[Pid:42 Running:true]'],
    ['{{with .State}}{{.Running}}{{end}}', 'true'],
    ['{{json .State}}', '{"Pid":42,"Running":true}'],
    ['{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', '10.90.0.2'],
    ['{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.Gateway}} {{end}}', 'shop=10.90.0.1 '],
    [
      '{{(index)}}'.replace('(index)', 'index .NetworkSettings.Networks "shop" "MacAddress"'),
      '02:42:0a:5a:00:02',
    ],
    [
      '{{json .NetworkSettings.Ports}}',
      '{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}]}',
    ],
    [
      '{{range $p, $b := .NetworkSettings.Ports}}{{$p}} {{range $b}}{{.HostPort}},{{end}}{{end}}',
      '80/tcp 8080,8080,',
    ],
    ['{{if .Config.Hostname}}yes{{else}}no{{end}}', 'no'],
    ['{{with .Config.Labels}}{{.tier}}{{end}}', 'front'],
    ['a {{- .container.name -}} b', 'awebb'],
    ['{{len .attachments}} {{upper .mode}}', '1 BRIDGE'],
    ['{{range .attachments}}{{join .addresses ","}}{{end}}', '10.90.0.2/24,fd00::2/64'],
    ['{{.Config.Labels}}', 'map[tier:front]'],
    ['plain', 'plain'],
  ])('%s', (template, text) => {
    expect(renderTemplate(template, view)).toBe(text)
  })

  it.each([
    ['{{.NetworkSettings.IPAdress}}', 'there is no field "IPAdress"', 'did you mean "IPAddress"?'],
    ['{{.Name', '{{ has no }}', undefined],
    ['{{range .attachments}}', '{{range .attachments}} has no {{end}}', undefined],
    ['{{end}}', '{{end}} has no beginning', undefined],
    ['{{jsn .}}', '"jsn" is no function', 'did you mean "json"?'],
    ['{{.constructor}}', 'there is no field "constructor"', undefined],
  ])('%s is refused: %s', (template, why, hint) => {
    const refused = { code: 'TSNET_BAD_VALUE', message: `reading --format: ${why}` }
    expect(() => renderTemplate(template, view)).toThrow(
      expect.objectContaining(hint === undefined ? refused : { ...refused, hint }),
    )
  })
})

describe('the first process', () => {
  const looks = (template: string): number => {
    let times = 0
    const looked = dockerView(record, () => {
      times++
      return 0
    })
    renderTemplate(template, looked)
    return times
  }

  it('is looked for only where a template asks for it, and once', () => {
    expect(['{{.Name}}', '{{.NetworkSettings.IPAddress}}'].map(looks)).toEqual([0, 0])
    expect(['{{.State.Running}}', '{{json .}}', '{{.State}} {{.State.Pid}}'].map(looks)).toEqual([1, 1, 1])
  })
})

const id = '0123456789abcdef'.repeat(4)

describe('the engine behind a namespace', () => {
  it.each([
    [`/system.slice/docker-${id}.scope`, [], { engine: 'docker', container: id }],
    [`/docker/${id}`, [], { engine: 'docker', container: id }],
    [`/machine.slice/libpod-${id}.scope/container`, [], { engine: 'podman', container: id }],
    [`/kubepods.slice/kubepods-pod1.slice/cri-containerd-${id}.scope`, [], { engine: 'cri', container: id }],
    [`/kubepods/besteffort/pod1/${id}`, [], { engine: 'cri', container: id }],
    [`/kubepods.slice/crio-${id}.scope`, [], { engine: 'cri-o', container: id }],
    [`/system.slice/nerdctl-${id}.scope`, [], { engine: 'nerdctl', container: id }],
    ['/lxc.payload.blue/init.scope', [], { engine: 'lxc', container: 'blue' }],
    ['/machine.slice/machine-red.scope/payload', [], { engine: 'nspawn', container: 'red' }],
    ['/', ['/run/docker/netns/0a1b2c3d4e5f'], { engine: 'docker' }],
    ['/', ['/var/run/netns/blue'], { engine: 'ip netns' }],
    ['/user.slice/user-0.slice/session-1.scope', [], undefined],
  ] as const)('of %s %s', (cgroup, mounts, origin) => {
    expect(originOf(cgroup, mounts)).toEqual(origin)
  })
})
