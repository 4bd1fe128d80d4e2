/**
 * Reading fields of a document in serde's words: missing, of another type, out
 * of range. Unknown fields are ignored; null is absent where a field may be.
 *
 * @module
 */

import { type Address, parseAddress, parseCidr, type Subnet, subnetOf } from '../../model/address.ts'
import type { NetavarkError } from './errors.ts'
import type { Document, Node } from './json.ts'

/** Reads one value. */
export type Read<T> = (node: Node, document: Document) => T

/** One object and its fields. */
export class Fields {
  readonly #document: Document
  readonly #fields: ReadonlyMap<string, Node>
  readonly #end: number

  constructor(node: Node, document: Document, what: string) {
    if (node.kind !== 'object') throw wrongType(node, document, what)
    this.#document = document
    this.#fields = node.fields
    this.#end = node.end
  }

  required<T>(name: string, read: Read<T>): T {
    const node = this.#fields.get(name)
    if (node === undefined) throw this.#document.fault(`missing field \`${name}\``, this.#end)
    return read(node, this.#document)
  }

  optional<T>(name: string, read: Read<T>): T | undefined {
    const node = this.#fields.get(name)
    return node === undefined || node.kind === 'null' ? undefined : read(node, this.#document)
  }

  has(name: string): boolean {
    return this.#fields.has(name)
  }
}

function describe(node: Node): string {
  switch (node.kind) {
    case 'null':
      return 'null'
    case 'boolean':
      return `boolean \`${String(node.value)}\``
    case 'number':
      return Number.isInteger(node.value)
        ? `integer \`${String(node.value)}\``
        : `floating point \`${String(node.value)}\``
    case 'string':
      return `string ${JSON.stringify(node.value)}`
    case 'array':
      return 'sequence'
    case 'object':
      return 'map'
  }
}

/** Of lists and objects only the bracket has been read by then. */
function wrongType(node: Node, document: Document, expected: string): NetavarkError {
  return document.fault(`invalid type: ${describe(node)}, expected ${expected}`, node.end)
}

export const string: Read<string> = (node, document) => {
  if (node.kind !== 'string') throw wrongType(node, document, 'a string')
  return node.value as string
}

export const boolean: Read<boolean> = (node, document) => {
  if (node.kind !== 'boolean') throw wrongType(node, document, 'a boolean')
  return node.value as boolean
}

function unsigned(type: string, most: number): Read<number> {
  return (node, document) => {
    if (node.kind !== 'number' || !Number.isInteger(node.value)) throw wrongType(node, document, type)
    const value = node.value as number
    if (value >= 0 && value <= most) return value
    throw document.fault(`invalid value: integer \`${value}\`, expected ${type}`, node.end)
  }
}

export const u16: Read<number> = unsigned('u16', 65_535)
export const u32: Read<number> = unsigned('u32', 4_294_967_295)

export function list<T>(read: Read<T>): Read<readonly T[]> {
  return (node, document) => {
    if (node.kind !== 'array') throw wrongType(node, document, 'a sequence')
    return node.items.map((item) => read(item, document))
  }
}

export function map<T>(read: Read<T>): Read<ReadonlyMap<string, T>> {
  return (node, document) => {
    if (node.kind !== 'object') throw wrongType(node, document, 'a map')
    return new Map([...node.fields].map(([key, value]) => [key, read(value, document)]))
  }
}

export const address: Read<Address> = (node, document) => {
  const found = parseAddress(string(node, document))
  if (found === undefined) throw document.fault('invalid IP address syntax', node.end)
  return found
}

/** Host bits are allowed, and mean nothing. */
export const subnet: Read<Subnet> = (node, document) => {
  const text = string(node, document)
  const found = parseCidr(text)
  if (found === undefined) throw document.fault('invalid IP address syntax', node.end)
  return subnetOf(found)
}
