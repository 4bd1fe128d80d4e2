/**
 * A place where tests run commands: a throwaway host or one of its containers.
 *
 * Whatever fails here says where it failed and what that place looked like:
 * argv, exit code, output, addresses, routes and rules.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { entering, type Holder } from './namespaces.ts'
import { Agent, type Probes, type Servers } from './probes/client.ts'
import {
  type Background,
  CommandFailure,
  cut,
  type RunOptions,
  type RunResult,
  runToEnd,
  startInBackground,
} from './process.ts'

/** The repository, wherever it is checked out; the package, where this runs compiled from its dist/testing. */
export const repository: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.js') ? '../..' : '..', import.meta.url),
)

/** The built program that tests try out: the bundle, not the source. */
const tsnetProgram: string = `${repository}dist/bin/tsnet`

/** Words of a command line, then perhaps how to run it. */
export type Arguments = readonly string[] | readonly [...string[], RunOptions]

/** Commands, servers and probes inside one network namespace and its host's mount namespace. */
export class Place {
  readonly name: string
  /** The process that holds the namespace. */
  readonly pid: number
  /** Path of the network namespace, the same from every host: `/proc/PID/ns/net`. */
  readonly netns: string
  /** Sends packets from here. */
  readonly probe: Probes
  /** Starts servers here. */
  readonly serve: Servers
  readonly #entering: readonly string[]

  /** @internal */
  constructor(name: string, holder: Holder, host: Holder) {
    this.name = name
    this.pid = holder.pid
    this.netns = `/proc/${holder.pid}/ns/net`
    this.#entering = entering(holder, host)
    const agent = new Agent(name, this.#entering)
    this.probe = agent.probes
    this.serve = agent.servers
  }

  /**
   * Runs a program here to its end.
   *
   * @throws Error with argv, exit code, output and a picture of this place when
   *   the exit code is another than expected, or the time is over
   */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    try {
      return await runToEnd([...this.#entering, ...inFolder(argv, options.cwd)], options, argv)
    } catch (error) {
      throw await this.#explained(error)
    }
  }

  /** Runs a line of shell here. */
  sh(line: string, options: RunOptions = {}): Promise<RunResult> {
    return this.run(['sh', '-ec', line], options)
  }

  /** Starts a program here that runs until it is stopped or the lab is disposed. */
  start(argv: readonly string[], options: Pick<RunOptions, 'env' | 'cwd'> = {}): Background {
    return startInBackground([...this.#entering, ...inFolder(argv, options.cwd)], options, argv)
  }

  /** Runs the built `tsnet` here; the last argument may be {@link RunOptions}. */
  tsnet(...args: Arguments): Promise<RunResult> {
    const { words, options } = split(args)
    return this.run([process.execPath, tsnetProgram, ...words], options)
  }

  /** Runs the built `tsnet` with `--json` here and reads the document it prints. */
  async tsnetJson<Document = unknown>(...args: Arguments): Promise<Document> {
    const { words, options } = split(args)
    const result = await this.run([process.execPath, tsnetProgram, ...words, '--json'], options)
    try {
      return JSON.parse(result.stdout) as Document
    } catch (error) {
      const failure = new CommandFailure(['tsnet', ...words, '--json'], `no JSON: ${String(error)}`, result)
      throw await this.#explained(failure)
    }
  }

  /** Runs a TypeScript file of the repository here; start-up costs about 200 ms. @internal */
  node(file: string, ...args: Arguments): Promise<RunResult> {
    const { words, options } = split(args)
    const loader = createRequire(import.meta.url).resolve('tsx')
    return this.run([process.execPath, '--import', loader, file, ...words], { cwd: repository, ...options })
  }

  async #explained(error: unknown): Promise<unknown> {
    if (!(error instanceof CommandFailure)) return error
    error.message = `${this.name}: ${error.message}\n${await this.picture()}`
    return error
  }

  /** Addresses, routes and rules of this place as text for people; never throws. */
  async picture(): Promise<string> {
    const looks = [
      ['ip', '-br', 'addr'],
      ['ip', 'route'],
      ['ip', '-6', 'route'],
      ['nft', 'list', 'ruleset'],
    ]
    const texts = await Promise.all(
      looks.map(async (argv) => {
        const result = await runToEnd([...this.#entering, ...argv], {
          expectExit: 'any',
          timeoutMs: 10_000,
        }).catch((error: unknown) => ({ stdout: '', stderr: String(error) }))
        return `--- ${this.name}: ${argv.join(' ')}\n${cut(result.stdout + result.stderr, 3000)}`
      }),
    )
    return texts.join('\n')
  }
}

function split(args: Arguments): { words: string[]; options: RunOptions } {
  const all: readonly (string | RunOptions)[] = args
  const last = all.at(-1)
  return {
    words: all.filter((word) => typeof word === 'string'),
    options: typeof last === 'object' ? last : {},
  }
}

/** nsenter starts in `/` of the new mount namespace, so the folder is chosen by a shell in there. */
function inFolder(argv: readonly string[], folder: string | undefined): readonly string[] {
  return folder === undefined ? argv : ['sh', '-c', 'cd "$0" && exec "$@"', folder, ...argv]
}
