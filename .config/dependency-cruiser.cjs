/**
 * Who may import whom.
 *
 * Imports point inward (design 2.4): cmd, plugins -> daemon -> adapters,
 * inspect -> engine -> { drivers, firewall, ipam, dns, dhcp, state, kernel } -> plan -> model,
 * errors. Every rule's `comment` is the reason a reader gets when it fires.
 * `test/docs/boundaries.test.ts` runs this file and makes each rule fire once.
 *
 * Type imports count like any other (tsPreCompilationDeps): a type borrowed
 * from a room ties the two rooms together as firmly as a function does.
 *
 * @module
 */

const shipped = '^(lib|cmd|plugins)/'
const sideRooms = ['drivers', 'firewall', 'ipam', 'dns', 'dhcp', 'state', 'kernel']
const rooms = (...names) => `^lib/(${names.join('|')})/`
/** A package where npm put it, or by its bare name where it is not installed. */
const npm = (...names) => `(^|(^|/)node_modules/)(${names.join('|')})(/|$)`

/** Rooms no arrow of the design points to from here, listed from the inside out. */
const outward = [
  ['errors', ['model', 'plan', ...sideRooms, 'engine', 'inspect', 'adapters', 'overlay', 'daemon']],
  ['model', ['plan', ...sideRooms, 'engine', 'inspect', 'adapters', 'overlay', 'daemon']],
  ['plan', [...sideRooms, 'engine', 'inspect', 'adapters', 'overlay', 'daemon']],
  ...sideRooms.map((room) => [room, ['engine', 'inspect', 'adapters', 'overlay', 'daemon']]),
  ['engine', ['inspect', 'adapters', 'overlay', 'daemon']],
  ['inspect', ['adapters', 'overlay', 'daemon']],
  ['adapters', ['overlay', 'daemon']],
  ['overlay', ['adapters', 'daemon']],
]

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment:
        'Files that import each other cannot be read, tested or replaced one at a time; move what both need inward.',
      severity: 'error',
      from: { path: '^(lib|cmd|plugins|netns-fixtures)/' },
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'The import leads nowhere: a file that was moved, or a package that is not in package.json.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    ...outward.map(([room, forbidden]) => ({
      name: `${room}-imports-inward`,
      comment: `lib/${room} knows nothing of the rooms around it; what it needs from them is passed in by its caller (design 2.4).`,
      severity: 'error',
      from: { path: rooms(room) },
      to: { path: rooms(...forbidden) },
    })),
    ...sideRooms.map((room) => ({
      name: `${room}-stands-alone`,
      comment:
        `lib/${room} and its neighbours meet only in lib/engine. An interface belongs to the room that needs it, so ` +
        'importing one from a neighbour, even as a type, means it is declared in the wrong place.',
      severity: 'error',
      from: { path: rooms(room) },
      // kernel fulfils the Lock that state declares (decisions 26): its type, nothing that runs.
      to:
        room === 'kernel'
          ? { path: rooms(...sideRooms.filter((other) => other !== room && other !== 'state')) }
          : { path: rooms(...sideRooms.filter((other) => other !== room)) },
    })),
    {
      name: 'kernel-takes-only-types-from-state',
      comment:
        'state declares Lock and kernel fulfils it, so kernel may know its type; what state does is none of its business.',
      severity: 'error',
      from: { path: rooms('kernel') },
      to: { path: rooms('state'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-rooms-do-no-io',
      comment:
        'model, errors, plan, drivers, firewall, dhcp, ipam/allocator and dns/{zone,wire,memo} are the drawing table: no clock, ' +
        'no files, no sockets, so that plans are values and tests need no root. Only model/hash.ts may use node:crypto.',
      severity: 'error',
      from: {
        path: [
          rooms('model', 'errors', 'plan', 'drivers', 'firewall', 'dhcp'),
          '^lib/ipam/allocator',
          '^lib/dns/(zone|wire|memo)',
        ],
        pathNot: '^lib/model/hash\\.ts$',
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'hash-uses-crypto-only',
      comment:
        'model/hash.ts is pure but for node:crypto, which maps bytes to bytes; any other node: module is I/O.',
      severity: 'error',
      from: { path: '^lib/model/hash\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'pure-parts-do-not-import-the-rest-of-their-room',
      comment:
        'ipam/allocator and dns/{zone,wire,memo} are the pure half of their rooms; the half with I/O imports them, not the reverse.',
      severity: 'error',
      from: { path: ['^lib/ipam/allocator', '^lib/dns/(zone|wire|memo)'] },
      to: { path: rooms('ipam', 'dns'), pathNot: ['^lib/ipam/allocator', '^lib/dns/(zone|wire|memo)'] },
    },
    {
      name: 'kernel-packages-live-in-kernel',
      comment: 'netlink, koffi and execa touch the host, and kernel is the only room with tools.',
      severity: 'error',
      from: { path: shipped, pathNot: rooms('kernel') },
      to: { path: npm('netlink', 'koffi', 'execa', '@koromix') },
    },
    {
      name: 'processes-start-in-kernel',
      comment:
        'Starting a program changes the host; it has one door, kernel/system/run.ts, where time limits and errors are made.',
      severity: 'error',
      from: { path: shipped, pathNot: rooms('kernel') },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'ip-address-lives-in-model-address',
      comment:
        'Addresses are parsed in one place, so that every room agrees on what is one; use Cidr and Address of model/address.ts.',
      severity: 'error',
      from: { path: shipped, pathNot: '^lib/model/address\\.ts$' },
      to: { path: npm('ip-address') },
    },
    {
      name: 'dns2-lives-in-dns',
      comment: 'Packet types of dns2 stop at the dns room; zones and handlers speak our own words.',
      severity: 'error',
      from: { path: shipped, pathNot: rooms('dns') },
      to: { path: npm('dns2') },
    },
    {
      name: 'commander-lives-in-cmd',
      comment: 'The library must not know that there is a command line.',
      severity: 'error',
      from: { path: shipped, pathNot: '^cmd/' },
      to: { path: npm('commander') },
    },
    {
      name: 'inspect-asks-and-never-acts',
      comment:
        'lib/inspect looks: of the engine it knows the interface alone, of the kernel room the files that read a host, ' +
        'enter a namespace, name one for ip netns or send one probe. Whatever changes a network goes through lib/engine.',
      severity: 'error',
      from: { path: rooms('inspect') },
      to: {
        path: [
          ...sideRooms.filter((room) => room !== 'kernel').map((room) => rooms(room)),
          rooms('engine'),
          '^lib/kernel/(?!(look/(enginefiles|facts|notices)|namespace/(enter|inside|namespaces|netns|netnslink)|packets/(flows|packets|probesocket)|rules/(ruleset|ruletext)|system/processes)\\.ts$)',
        ],
        pathNot: '^lib/engine/engine\\.ts$',
      },
    },
    {
      name: 'inspect-does-no-io-of-its-own',
      comment:
        'What lib/inspect knows of a host it asks of lib/kernel, so that maps, tables and words are made of values and tested without root.',
      severity: 'error',
      from: { path: rooms('inspect') },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'adapters-never-touch-the-kernel',
      comment:
        "An adapter translates one engine's language into an engine call and back; all it does to a host, lib/engine does.",
      severity: 'error',
      from: { path: rooms('adapters') },
      to: { path: rooms(...sideRooms) },
    },
    {
      name: 'commands-use-the-public-doors',
      comment:
        'cmd and plugins use what our users can use: lib/{index,netlink,netns,firewall,testing}.ts and the adapters (lib/nameserver.ts is the door of cmd/tsnet-dns, lib/daemon.ts of cmd/tsnet/daemon, lib/program.ts the end of each, lib/verbs.ts the part of lib/index.ts that starts sooner). What ' +
        'they miss there, a user misses too: export it from a door.',
      severity: 'error',
      from: { path: '^(cmd|plugins)/' },
      to: {
        path: '^lib/',
        pathNot: [
          '^lib/(index|daemon|nameserver|netlink|netns|firewall|program|testing|verbs)\\.ts$',
          rooms('adapters'),
        ],
      },
    },
    {
      name: 'doors-face-outward',
      comment:
        'lib/*.ts gather the rooms for callers outside; a room that comes in through a door imports the whole house.',
      severity: 'error',
      from: { path: '^lib/[^/]+/' },
      to: { path: '^lib/[^/]+\\.ts$' },
    },
    {
      name: 'nothing-imports-a-command',
      comment: 'cmd and plugins are the outermost ring: programs, run and never imported.',
      severity: 'error',
      from: { path: '^(lib|netns-fixtures)/' },
      to: { path: '^(cmd|plugins)/' },
    },
    {
      name: 'shipped-code-leaves-tests-alone',
      comment: 'test and netns-fixtures are not in the package that users install.',
      severity: 'error',
      from: { path: shipped },
      to: { path: '^(test|netns-fixtures)/' },
    },
    {
      name: 'shipped-code-uses-dependencies-only',
      comment:
        'A package under devDependencies is not installed for our users; lib/testing.ts may name one that tests bring along.',
      severity: 'error',
      from: { path: shipped, pathNot: '^lib/testing\\.ts$' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        pathNot: '@types/',
      },
    },
  ],
  options: {
    // Without it the rules fire inside packages too: 260 false hits (design 2.4).
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
}
