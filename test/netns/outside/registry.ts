/**
 * A package registry on loopback that knows what this repository has installed:
 * `npm install` finds there what users find at npm's, and needs no way out.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { repository } from '../../../netns-fixtures/place.ts'

export interface Registry extends AsyncDisposable {
  readonly url: string
}

/** A package as package-lock.json has it. */
interface Locked {
  readonly version: string
  readonly dependencies?: object
  readonly optionalDependencies?: object
  readonly bin?: unknown
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly engines?: object
}

const folders = 'node_modules/'

export async function startRegistry(): Promise<Registry> {
  const { packages } = JSON.parse(readFileSync(`${repository}package-lock.json`, 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>
  }
  const placesOf = (name: string): readonly string[] =>
    Object.keys(packages).filter((path) => path === folders + name || path.endsWith(`/${folders}${name}`))
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    const tarball = /^(.+)\.tgz$/.exec(path)?.[1]
    if (tarball !== undefined && packages[tarball] !== undefined && existsSync(repository + tarball)) {
      const words = ['-C', repository + tarball, '--exclude', './node_modules', '-czf', '-', '.']
      const tar = spawn('tar', ['--transform', 's,^\\.,package,', ...words])
      response.on('close', () => tar.kill())
      tar.stdout.pipe(response)
      return
    }
    const places = placesOf(path)
    if (places.length === 0) return void response.writeHead(404).end('{"error":"not found"}')
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const versions = places.map((place) => {
      const { version, dependencies, optionalDependencies, bin, os, cpu, engines } = packages[place] as Locked
      const said = { name: path, version, dependencies, optionalDependencies, bin, os, cpu, engines }
      return [version, { ...said, dist: { tarball: `${base}${place}.tgz` } }] as const
    })
    response.setHeader('Content-Type', 'application/json')
    response.end(
      JSON.stringify({
        name: path,
        'dist-tags': { latest: versions[0]?.[0] },
        versions: Object.fromEntries(versions),
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
