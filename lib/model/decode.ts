/**
 * Small decoders that compose: JSON in, typed values out, errors with the path
 * of the field (`networks[0].ip`).
 *
 * The wrong shape is TSNET_BAD_JSON; a value of the right shape that cannot be
 * used is TSNET_BAD_VALUE, from the readers in `specs/`. No schema package: a
 * dozen shapes do not pay for one on the start path (style.md 4).
 *
 * @module
 */

import { fail } from '../errors/codes.ts'
import { nearest } from './nearest.ts'

/** @param path of `value` in the document, empty for the whole */
export type Decoder<T> = (value: unknown, path: string) => T

/** A field that may be left out or null (Go writes absent lists as null). */
export interface OptionalDecoder<T> {
  readonly optional: Decoder<T>
}

type Shape = Readonly<Record<string, Decoder<unknown> | OptionalDecoder<unknown>>>
type RequiredKeys<S> = { [K in keyof S]: S[K] extends OptionalDecoder<unknown> ? never : K }[keyof S]
type Decoded<D> = D extends OptionalDecoder<infer T> ? T : D extends Decoder<infer T> ? T : never
type Flat<T> = { [K in keyof T]: T[K] }

/** The object type a shape decodes to: optional fields are absent, never undefined. */
export type Shaped<S extends Shape> = Flat<
  { readonly [K in RequiredKeys<S>]: Decoded<S[K]> } & {
    readonly [K in Exclude<keyof S, RequiredKeys<S>>]?: Decoded<S[K]>
  }
>

export const string: Decoder<string> = (value, path) =>
  typeof value === 'string' ? value : mismatch(path, value, 'a string')

export const boolean: Decoder<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : mismatch(path, value, 'true or false')

/** A whole number; `range` both ends included. */
export function integer(range: { readonly min: number; readonly max: number }): Decoder<number> {
  const { min, max } = range
  return (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : mismatch(path, value, `a whole number from ${min} to ${max}`)
}

export function literal<const T extends string>(...words: readonly T[]): Decoder<T> {
  return (value, path) => {
    const word = words.find((candidate) => candidate === value)
    if (word !== undefined) return word
    const hint = typeof value === 'string' ? nearest(value, words) : undefined
    return mismatch(path, value, `one of ${words.map((one) => `"${one}"`).join(', ')}`, hint)
  }
}

/** A string that one of the readers in `specs/` turns into a value. */
export function text<T>(read: (text: string, field: string) => T): Decoder<T> {
  return (value, path) => read(string(value, path), path)
}

export function array<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((one, i) => item(one, `${path}[${i}]`)) : mismatch(path, value, 'a list')
}

/** An object with any keys. */
export function record<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, path) => {
    const entries = Object.entries(asObject(value, path))
    return Object.fromEntries(entries.map(([key, one]) => [key, item(one, fieldPath(path, key))]))
  }
}

/** Decodes with `decoders[type]` where the JSON type is known there. */
export function either<S, O>(decoders: {
  readonly string: Decoder<S>
  readonly object: Decoder<O>
}): Decoder<S | O> {
  return (value, path) => {
    if (typeof value === 'string') return decoders.string(value, path)
    return isObject(value) ? decoders.object(value, path) : mismatch(path, value, 'a string or an object')
  }
}

export function optional<T>(decoder: Decoder<T>): OptionalDecoder<T> {
  return { optional: decoder }
}

/** An object with known keys. An unknown one is an error that names the nearest known one. */
export function object<S extends Shape>(shape: S): Decoder<Shaped<S>> {
  const known = Object.keys(shape)
  return (value, path) => {
    const source = asObject(value, path)
    for (const key of Object.keys(source)) {
      if (!known.includes(key)) refuseKey({ key, known, path })
    }
    const entries = Object.entries(shape).flatMap(([key, decoder]) => {
      const given = Object.hasOwn(source, key) ? source[key] : undefined
      if (typeof decoder === 'function') return [[key, decoder(given, fieldPath(path, key))] as const]
      return given === undefined || given === null
        ? []
        : [[key, decoder.optional(given, fieldPath(path, key))] as const]
    })
    return Object.fromEntries(entries) as Shaped<S>
  }
}

/** `networks[0]` and `ip` make `networks[0].ip`; odd keys are quoted. */
export function fieldPath(path: string, key: string): string {
  if (!/^[a-zA-Z_][a-zA-Z0-9_-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : mismatch(path, value, 'an object')
}

function refuseKey(found: {
  readonly key: string
  readonly known: readonly string[]
  readonly path: string
}): never {
  const { key, known, path } = found
  const field = fieldPath(path, key)
  const message = `reading ${field}: there is no such field`
  throw fail('TSNET_BAD_JSON', {
    field,
    value: key,
    message,
    hint: nearest(key, known) ?? `known are ${known.join(', ')}`,
  })
}

/** What is there, in few words: values can be long. */
function mismatch(path: string, value: unknown, wanted: string, hint?: string): never {
  const field = path === '' ? 'the document' : path
  const found = value === undefined ? 'is missing' : `is ${brief(value)}`
  throw fail('TSNET_BAD_JSON', {
    field,
    value,
    message: `reading ${field}: it ${found}, ${wanted} is needed`,
    hint: hint ?? `give ${wanted}`,
  })
}

function brief(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const words = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return words.length > 60 ? `${words.slice(0, 60)}…` : words
}
