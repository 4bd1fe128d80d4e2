/**
 * What an example of the help is.
 *
 * @module
 */

export interface Example {
  /** The command it belongs to, such as `network create`. */
  readonly command: string
  readonly about: string
  /** Shell lines, run as they stand by `sh -e`; a line that ends in `&` gets the time a person takes for the next. */
  readonly script: readonly string[]
  /** What must be there before, in this order; not shown. */
  readonly given?: readonly Given[]
  readonly onRootPage?: boolean
}

/**
 * `box`: $PID is a process in an empty namespace; `web`: the same, set up under
 * that name on the default network with its port 80 published as 8080; `shop`:
 * a network; `offline`: the host asks nobody for names.
 */
export type Given = 'box' | 'offline' | 'shop' | 'web'
