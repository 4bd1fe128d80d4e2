/**
 * `--link`, and paths of `--resolv-conf` and `--hosts`.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { decodeSetupRequest, encodeSetupRequest } from '../../../../lib/model/request.ts'
import { readFilePath } from '../../../../lib/model/specs/filepath.ts'
import { parseLink } from '../../../../lib/model/specs/link.ts'
import { validateSetup } from '../../../../lib/model/validate.ts'
import { faultLines } from '../fault.ts'

const sandbox = '/proc/42/ns/net'

describe('a link', () => {
  it('is another container, and a name for it', () => {
    expect(['db', 'db:sql', 'a_b.c-1:SQL.example', 'f'.repeat(64)].map((text) => parseLink(text))).toEqual([
      { container: 'db', alias: 'db' },
      { container: 'db', alias: 'sql' },
      { container: 'a_b.c-1', alias: 'SQL.example' },
      { container: 'f'.repeat(64), alias: 'f'.repeat(12) },
    ])
  })

  it('that cannot be a line of a hosts file is refused', () => {
    const bad = [
      '',
      ':',
      'db:',
      ':sql',
      'a:b:c',
      'd b',
      'db:a b',
      'db:a,b',
      'db:a\nb',
      `db:${'x'.repeat(64)}`,
      'db:#',
    ]
    expect(faultLines(bad, (text) => parseLink(text))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --link: "" is no name or id of a container; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --link: "" is no name or id of a container; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --link: "" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --link: "" is no name or id of a container; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --link: "a:b:c" has more than a container and an alias; write OTHER or OTHER:ALIAS, once for each link",
        "TSNET_BAD_VALUE reading --link: "d b" is no name or id of a container; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
        "TSNET_BAD_VALUE reading --link: "a b" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --link: "a,b" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --link: "a
      b" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --link: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading --link: "#" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
      ]
    `)
  })
})

describe('a path of a file', () => {
  it('is absolute and in its shortest spelling', () => {
    const good = ['/hosts', '/var/lib/box/resolv.conf', '/a b/ü', '/.x', '/a/..b', '/...']
    expect(good.map((path) => readFilePath(path, '--hosts'))).toEqual(good)
  })

  it('that is something else is refused', () => {
    const bad = [
      '',
      'hosts',
      './x',
      '/',
      '//x',
      '/a/',
      '/a//b',
      '/a/./b',
      '/a/../b',
      '/..',
      '/a/.',
      '/a\nb',
      '/a\0',
    ]
    expect(faultLines(bad, (text) => readFilePath(text, '--hosts'))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading --hosts: "" is no absolute path; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "hosts" is no absolute path; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "./x" is no absolute path; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/" is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "//x" is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/a/" is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/a//b" is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/a/./b" is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/a/../b" is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/.." is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/a/." is no path of a file, or has empty, "." or ".." parts; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/a\\nb" has control characters; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_VALUE reading --hosts: "/a\\u0000" has control characters; give the whole path of a file, such as /var/lib/box/hosts",
      ]
    `)
    expect(() => readFilePath(`/${'x'.repeat(4096)}`, '--hosts')).toThrow('too long')
  })
})

describe('a request as JSON', () => {
  it('with files and links is written so that it reads the same', () => {
    const request = decodeSetupRequest({
      sandbox,
      resolver: { resolvConf: '/a/resolv.conf', hostsFile: '/a/hosts' },
      links: ['db:sql', { container: 'cache' }, { container: 'x', alias: 'y' }],
    })
    expect(decodeSetupRequest(JSON.parse(JSON.stringify(encodeSetupRequest(request))))).toStrictEqual(request)
    expect(request.links).toEqual([
      { container: 'db', alias: 'sql' },
      { container: 'cache', alias: 'cache' },
      { container: 'x', alias: 'y' },
    ])
  })

  it('that wants what cannot be is refused with the field', () => {
    const bad: readonly object[] = [
      { resolver: { resolvConf: 'etc' } },
      { resolver: { hosts: '/a' } },
      { resolver: { resolvConf: '/a', hostsFile: '/a' } },
      { links: [{ container: 'a', alias: 'b c' }] },
      { links: ['a', 'b:a'] },
      { links: ['a'], mode: 'host' },
      { container: { name: 'x'.repeat(64) } },
      { container: { name: 'web,db' } },
    ]
    const read = (rest: object): void => validateSetup(decodeSetupRequest({ sandbox, ...rest }))
    const texts = bad.map((rest) => JSON.stringify(rest))
    expect(faultLines(texts, (text) => read(JSON.parse(text)))).toMatchInlineSnapshot(`
      [
        "TSNET_BAD_VALUE reading resolver.resolvConf: "etc" is no absolute path; give the whole path of a file, such as /var/lib/box/hosts",
        "TSNET_BAD_JSON reading resolver.hosts: there is no such field; known are resolvConf, hostsFile",
        "TSNET_BAD_VALUE reading resolver.hostsFile: it is the file of resolver.resolvConf too; give two files",
        "TSNET_BAD_VALUE reading links[0].alias: "b c" is no host name; use labels of at most 63 letters, digits, "-" and "_", joined by "."",
        "TSNET_BAD_VALUE reading links[1].alias: two links are called a; write OTHER:ALIAS with another alias",
        "TSNET_MODE_MISMATCH reading links: mode host joins no networks a link could lead over; use --add-host NAME:ADDRESS",
        "TSNET_BAD_VALUE reading container.name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" has 64 characters, and names are looked up in parts of at most 63; choose a shorter name",
        "TSNET_BAD_VALUE reading container.name: "web,db" is no name or id of a container; use at most 128 letters, digits, "_", "-" and ".", beginning with a letter or digit",
      ]
    `)
    read({ container: { id: 'f'.repeat(64), name: `${'x'.repeat(63)}.${'y'.repeat(63)}` } })
  })
})
