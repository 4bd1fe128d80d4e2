/**
 * Published ports, a line each.
 *
 * @module
 */

import type { OpenPort } from '../../../lib/index.ts'

/** `80/tcp -> 0.0.0.0:8080`, as docker port has it. */
export const portLine = ({ container, at }: OpenPort): string => `${container} -> ${at}`

/** `0.0.0.0:8080 -> 80/tcp`, the other way round: as a packet goes. */
export const publishedLine = ({ container, at }: OpenPort): string => `${at} -> ${container}`
