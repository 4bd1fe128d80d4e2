import { describe, expect, it } from 'vitest'
import { families } from '../../../cmd/tsnet/commands.ts'
import { globalOptions } from '../../../cmd/tsnet/options.ts'
import { parseArgv } from '../../../cmd/tsnet/parse.ts'
import { mistake } from './command-line.ts'

describe('a command line that cannot be understood', () => {
  it('names the command or flag that was probably meant', async () => {
    expect(await mistake('')).toMatchInlineSnapshot(`
      "
      tsnet: a command is missing
        hint: see tsnet help
      exit 2
      "
    `)
    expect(await mistake('setpu')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'setpu'
        hint: did you mean "setup"? see tsnet help
      exit 2
      "
    `)
    expect(await mistake('network')).toMatchInlineSnapshot(`
      "
      tsnet: a command is missing
        hint: see tsnet help network
      exit 2
      "
    `)
    expect(await mistake('network creat')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'creat'
        hint: did you mean "create"? see tsnet help network
      exit 2
      "
    `)
    expect(await mistake('help setpu')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'setpu'
        hint: did you mean "setup"? see tsnet help
      exit 2
      "
    `)
    expect(await mistake('setup --netnss /x')).toMatchInlineSnapshot(`
      "
      tsnet: unknown option '--netnss'
        hint: did you mean "--netns"? see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('--jsn ls')).toMatchInlineSnapshot(`
      "
      tsnet: unknown option '--jsn'
        hint: did you mean "--json"? see tsnet help
      exit 2
      "
    `)
    expect(await mistake('help nope')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'nope'
        hint: see tsnet help
      exit 2
      "
    `)
    expect(await mistake('network upadte x')).toMatchInlineSnapshot(`
      "
      tsnet: unknown command 'upadte'
        hint: did you mean "update"? see tsnet help network
      exit 2
      "
    `)
    expect(await mistake('ls -x')).toMatchInlineSnapshot(`
      "
      tsnet: unknown option '-x'
        hint: see tsnet help ls
      exit 2
      "
    `)
  })

  it('says which argument is missing or too much', async () => {
    expect(await mistake('network create')).toMatchInlineSnapshot(`
      "
      tsnet: missing required argument NAME
        hint: see tsnet help network create
      exit 2
      "
    `)
    expect(await mistake('network rm')).toMatchInlineSnapshot(`
      "
      tsnet: missing required argument NAME
        hint: see tsnet help network rm
      exit 2
      "
    `)
    expect(await mistake('setup --pid')).toMatchInlineSnapshot(`
      "
      tsnet: --pid PID has no value
        hint: see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 web')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument 'web'
        hint: see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 -- --json')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument '--json'
        hint: see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('inspect a b')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument 'b'
        hint: see tsnet help inspect
      exit 2
      "
    `)
    expect(await mistake('port a 80 b')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument 'b'
        hint: see tsnet help port
      exit 2
      "
    `)
  })

  it('refuses an empty value of every flag and argument that gives it no meaning', async () => {
    const lines = families
      .flatMap(({ commands }) => commands)
      .flatMap(({ path, args, groups, program }) => {
        const needed = args.filter(({ syntax }) => syntax.startsWith('<')).map(() => 'x')
        const options = [...groups.flatMap((group) => group.options), ...globalOptions]
        const flags = options
          .filter(({ flags: written, empty }) => /[<[]/.test(written) && empty === undefined)
          .map(({ flags: written }) => /--[a-z0-9-]+/.exec(written)?.[0] ?? written)
        // What stands behind these is a program's, or half a line to be completed.
        const own = program === undefined ? args.slice(0, needed.length + 1) : []
        return [
          ...flags.map((name) => ({ name, argv: [...path, `${name}=`, ...needed] })),
          ...own.map(({ syntax }, at) => ({
            name: syntax.replace(/[^a-z]/g, '').toUpperCase(),
            argv: [...path, ...needed.slice(0, at), '', ...needed.slice(at + 1)],
          })),
        ]
      })
    const told = lines.map(({ argv }) => {
      try {
        return parseArgv(argv, families).kind
      } catch (error) {
        return String(error)
      }
    })
    expect(told).toEqual(lines.map(({ name }) => `UsageError: ${name} has an empty value`))
    expect(await mistake('teardown --netns=')).toMatchInlineSnapshot(`
      "
      tsnet: --netns has an empty value
        hint: see tsnet help teardown
      exit 2
      "
    `)
    expect(parseArgv(['network', 'update', 'shop', '--dns='], families).kind).toBe('run')
  })

  it('refuses a path, and what can be no name, where a container is named', async () => {
    expect(await mistake('teardown /proc/42/ns/net')).toMatchInlineSnapshot(`
      "
      tsnet: CONTAINER: "/proc/42/ns/net" is a path, no name or id
        hint: --netns PATH gives a namespace; see tsnet help teardown
      exit 2
      "
    `)
    expect(await mistake('route /proc/42/ns/net')).toMatchInlineSnapshot(`
      "
      tsnet: CONTAINER: "/proc/42/ns/net" is a path, no name or id
        hint: give a name, an id or a pid; see tsnet help route
      exit 2
      "
    `)
    expect(await mistake('network connect shop /proc/42/ns/net')).toMatchInlineSnapshot(`
      "
      tsnet: CONTAINER: "/proc/42/ns/net" is a path, no name or id
        hint: --netns PATH gives a namespace; see tsnet help network connect
      exit 2
      "
    `)
    expect(await mistake('setup /proc/42/ns/net')).toMatchInlineSnapshot(`
      "
      tsnet: unexpected argument '/proc/42/ns/net'
        hint: --netns PATH gives a namespace; see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('teardown --id /proc/42/ns/net')).toMatchInlineSnapshot(`
      "
      tsnet: reading --id: "/proc/42/ns/net" is no name or id of a container
        field: --id
        value: /proc/42/ns/net
        hint: use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit
      exit 2
      "
    `)
  })

  it('removes no route without a domain', async () => {
    expect(await mistake('dns route --remove')).toMatchInlineSnapshot(`
      "
      tsnet: no domain given
        hint: tsnet dns route corp.example --remove
      exit 2
      "
    `)
  })

  it('asks for the one namespace or container it is about', async () => {
    expect(await mistake('setup')).toMatchInlineSnapshot(`
      "
      tsnet: no namespace given
        hint: give --netns PATH, --pid PID or --name NAME; see tsnet help setup
      exit 2
      "
    `)
    expect(await mistake('setup --pid 3 --name x')).toMatchInlineSnapshot(`
      "
      tsnet: reading --pid: a namespace is given in several ways
        field: --pid
        hint: give one of a path such as /proc/PID/ns/net, a pid, or a name below /run/netns
      exit 2
      "
    `)
    expect(await mistake('teardown')).toMatchInlineSnapshot(`
      "
      tsnet: no container given
        hint: give its id or name, or --netns, --pid or --name; tsnet ls lists what is set up
      exit 2
      "
    `)
    expect(await mistake('teardown web --id c1')).toMatchInlineSnapshot(`
      "
      tsnet: the container is selected in several ways
        hint: give one of CONTAINER, --id, --container-name, --netns, --pid, --name
      exit 2
      "
    `)
    expect(await mistake('teardown web db --pid 3')).toMatchInlineSnapshot(`
      "
      tsnet: the container is selected in several ways
        hint: give one of CONTAINER, --id, --container-name, --netns, --pid, --name
      exit 2
      "
    `)
    expect(await mistake('teardown web --all')).toMatchInlineSnapshot(`
      "
      tsnet: --all means every container, and one is named beside it
        hint: leave one of the two out
      exit 2
      "
    `)
    expect(await mistake('teardown --all --id web')).toMatchInlineSnapshot(`
      "
      tsnet: --all means every container, and one is named beside it
        hint: leave one of the two out
      exit 2
      "
    `)
    expect(await mistake('inspect web --pid 3')).toMatchInlineSnapshot(`
      "
      tsnet: the container is selected in several ways
        hint: give one of CONTAINER, --id, --container-name, --netns, --pid, --name
      exit 2
      "
    `)
  })

  it('is told as one JSON document on standard error under --json', async () => {
    expect(await mistake('setup --json --netnss /x')).toMatchInlineSnapshot(`
      "
      {
        "error": {
          "code": "TSNET_USAGE",
          "kind": "invalid",
          "message": "unknown option '--netnss'",
          "hint": "did you mean \\"--netns\\"? see tsnet help setup",
          "retryable": false
        }
      }
      exit 2
      "
    `)
  })
})
