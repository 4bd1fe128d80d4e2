/**
 * What a driver that is a program may answer, and what is refused.
 */
import { describe, expect, it } from 'vitest'
import { decodeEndpointAnswer, decodeNetworkAnswer } from '../../../lib/drivers/driverjson.ts'
import { faultLines } from '../model/fault.ts'

describe('the answer of a driver', () => {
  it('is lines with their way back, and settings; the tool is ip where none is named', () => {
    expect(
      decodeEndpointAnswer(
        {
          host: [{ add: ['link add a type veth peer b netns $NETNS'], remove: ['link delete a'] }],
          sandbox: [
            { tool: 'tc', add: ['qdisc add dev b root fq'] },
            { sysctl: 'net.ipv4.conf.b.rp_filter', value: '2' },
          ],
        },
        'driver x',
      ),
    ).toEqual({
      host: [
        {
          kind: 'batch',
          where: 'host',
          tool: 'ip',
          add: ['link add a type veth peer b netns $NETNS'],
          remove: ['link delete a'],
        },
      ],
      sandbox: [
        { kind: 'batch', where: 'sandbox', tool: 'tc', add: ['qdisc add dev b root fq'], remove: [] },
        {
          kind: 'sysctl',
          where: 'sandbox',
          key: 'net/ipv4/conf/b/rp_filter',
          value: '2',
          keep: false,
          optional: false,
        },
      ],
    })
    expect(decodeNetworkAnswer({}, 'driver x')).toEqual([])
  })

  it('is refused with the path of what cannot be', () => {
    const answers = [
      '[]',
      '{}',
      '{"host":[{"add":["link add a\\nlink delete b"]}]}',
      '{"host":[{"add":[" "]}]}',
      '{"host":[{"tool":"rm","add":["-rf /"]}]}',
      '{"host":[{"sysctl":"kernel.core_pattern","value":"|/bin/sh"}]}',
      '{"host":[{"sysctl":"net/../kernel/core_pattern","value":"x"}]}',
      '{"host":[],"sandbax":[]}',
    ]
    expect(
      faultLines(answers, (text) => decodeEndpointAnswer(JSON.parse(text), 'driver x')),
    ).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_JSON reading driver x: it is a list, an object is needed; give an object",
        "TSNET_BAD_JSON reading driver x.host: it is missing, a list is needed; give a list",
        "TSNET_BAD_VALUE reading driver x.host[0].add[0]: it is more than one line; give one command of iproute2, without its first word",
        "TSNET_BAD_VALUE reading driver x.host[0].add[0]: it is empty; give one command of iproute2, without its first word",
        "TSNET_BAD_JSON reading driver x.host[0].tool: it is "rm", one of "ip", "bridge", "tc" is needed; give one of "ip", "bridge", "tc"",
        "TSNET_BAD_VALUE reading driver x.host[0].sysctl: "kernel.core_pattern" does not belong to a network namespace; only keys that begin with net. can be set for one container",
        "TSNET_BAD_VALUE reading driver x.host[0].sysctl: "net/../kernel/core_pattern" is no sysctl key; write it as sysctl -a prints it, such as net.core.somaxconn",
        "TSNET_BAD_JSON reading driver x.sandbax: there is no such field; did you mean "sandbox"?",
      ]
    `)
  })
})
