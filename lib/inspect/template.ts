/**
 * Go's text/template as people use it after `--format`: fields, `range`, `if`,
 * `with`, `else`, `json`, `join`, `index`, `len`, `println`, `upper`, `lower`,
 * variables of `range`, and the trim marks `{{-` and `-}}`. Pure.
 *
 * Limit: no pipelines, comparisons, nested calls, templates or own variables; such
 * a word is refused with what is known. Maps are walked in the order of their
 * keys, as Go does.
 *
 * @see https://pkg.go.dev/text/template
 * @module
 */

import { fail } from '../errors/codes.ts'
import { nearest } from '../model/nearest.ts'

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly words: readonly string[] }
  | {
      readonly kind: 'range' | 'if' | 'with'
      readonly words: readonly string[]
      readonly names: readonly string[]
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
    }

interface Scope {
  readonly dot: unknown
  readonly root: unknown
  readonly variables: Readonly<Record<string, unknown>>
}

type Call = (values: readonly unknown[]) => unknown
const calls: Readonly<Record<string, Call>> = {
  json: ([value]) => JSON.stringify(value ?? null),
  len: ([value]) => (typeof value === 'string' ? value.length : Object.keys(Object(value)).length),
  join: ([list, glue]) => (Array.isArray(list) ? list.map(printed).join(printed(glue)) : printed(list)),
  index: ([first, ...keys]) => keys.reduce((value, key) => memberOf(value, printed(key)), first),
  println: (values) => `${values.map(printed).join(' ')}\n`,
  upper: ([value]) => printed(value).toUpperCase(),
  lower: ([value]) => printed(value).toLowerCase(),
}

/** @throws TSNET_BAD_VALUE (invalid) for a template that cannot be read, or a field that is not there */
export function renderTemplate(template: string, data: unknown): string {
  const tokens = tokensOf(template)
  const { nodes, at } = parse(tokens, 0)
  if (at < tokens.length) throw refused(template, `{{${tokens[at]?.text}}} has no beginning`)
  return render(nodes, { dot: data, root: data, variables: {} })
}

interface Token {
  readonly action: boolean
  readonly text: string
}

function tokensOf(template: string): readonly Token[] {
  const tokens: Token[] = []
  let rest = template.replace(/\\n/g, '\n').replace(/\\t/g, '\t')
  while (rest !== '') {
    const open = rest.indexOf('{{')
    if (open === -1) return [...tokens, { action: false, text: rest }]
    const close = rest.indexOf('}}', open)
    if (close === -1) throw refused(template, '{{ has no }}')
    const inner = rest.slice(open + 2, close)
    const before = rest.slice(0, open)
    tokens.push({ action: false, text: inner.startsWith('- ') ? before.trimEnd() : before })
    tokens.push({ action: true, text: inner.replace(/^- /, '').replace(/ -$/, '').trim() })
    rest = rest.slice(close + 2)
    if (inner.endsWith(' -')) rest = rest.trimStart()
  }
  return tokens
}

function parse(
  tokens: readonly Token[],
  from: number,
): { readonly nodes: readonly Node[]; readonly at: number } {
  const nodes: Node[] = []
  let at = from
  while (at < tokens.length) {
    const { action, text } = tokens[at] as Token
    if (!action) {
      nodes.push({ kind: 'text', text })
      at++
      continue
    }
    const words = wordsOf(text)
    const [first = ''] = words
    if (first === 'end' || first === 'else') break
    if (first !== 'range' && first !== 'if' && first !== 'with') {
      nodes.push({ kind: 'value', words })
      at++
      continue
    }
    const body = parse(tokens, at + 1)
    const hasElse = tokens[body.at]?.text === 'else'
    const otherwise = hasElse ? parse(tokens, body.at + 1) : { nodes: [], at: body.at }
    if (tokens[otherwise.at]?.text !== 'end') throw refused(text, `{{${text}}} has no {{end}}`)
    const assign = words.indexOf(':=')
    nodes.push({
      kind: first,
      names: assign === -1 ? [] : words.slice(1, assign).map((word) => word.replace(',', '')),
      words: words.slice(assign === -1 ? 1 : assign + 1),
      body: body.nodes,
      otherwise: otherwise.nodes,
    })
    at = otherwise.at + 1
  }
  return { nodes, at }
}

const wordsOf = (text: string): readonly string[] => text.match(/"(?:[^"\\]|\\.)*"|:=|[^\s"]+/g) ?? []

function render(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => renderNode(node, scope)).join('')
}

function renderNode(node: Node, scope: Scope): string {
  if (node.kind === 'text') return node.text
  const value = evaluate(node.words, scope)
  if (node.kind === 'value') return printed(value)
  if (isEmpty(value)) return render(node.otherwise, scope)
  if (node.kind === 'if') return render(node.body, scope)
  if (node.kind === 'with') return render(node.body, { ...scope, dot: value })
  const entries: (readonly [unknown, unknown])[] = Array.isArray(value)
    ? value.map((item, at) => [at, item] as const)
    : Object.entries(Object(value)).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries
    .map(([key, item]) => {
      const [one, two] = node.names
      const bound =
        two === undefined ? (one === undefined ? {} : { [one]: item }) : { [one ?? '']: key, [two]: item }
      return render(node.body, { ...scope, dot: item, variables: { ...scope.variables, ...bound } })
    })
    .join('')
}

function evaluate(words: readonly string[], scope: Scope): unknown {
  const [first = '', ...more] = words
  if (words.includes('|') || first.startsWith('('))
    throw refused(words.join(' '), 'pipelines are not supported')
  if (/^[.$"0-9]/.test(first)) return operand(first, scope)
  const call = Object.hasOwn(calls, first) ? calls[first] : undefined
  if (call !== undefined) return call(more.map((word) => operand(word, scope)))
  throw refused(
    first,
    `"${first}" is no function`,
    nearest(first, Object.keys(calls)) ?? `known are ${Object.keys(calls).join(', ')}`,
  )
}

function operand(word: string, scope: Scope): unknown {
  if (word.startsWith('"')) return JSON.parse(word)
  if (/^[0-9]+$/.test(word)) return Number(word)
  if (!/^[.$]/.test(word)) throw refused(word, `"${word}" is no field`, 'fields begin with a dot')
  const [variable = '', ...fields] = word.split('.')
  const start = variable === '' ? scope.dot : variable === '$' ? scope.root : scope.variables[variable]
  if (start === undefined && variable.length > 1) throw refused(word, `there is no variable ${variable}`)
  return fields.filter((field) => field !== '').reduce(memberOf, start)
}

/** A field that is there but empty is `undefined`; one of a wrong name is an error. */
function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null)
    throw refused(key, `there is no field "${key}" in ${printed(value)}`)
  if (Object.hasOwn(value, key)) return (value as Readonly<Record<string, unknown>>)[key]
  const known = Object.keys(value)
  throw refused(
    key,
    `there is no field "${key}"`,
    nearest(key, known) ?? `known are ${known.slice(0, 12).join(', ')}`,
  )
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return !value
}

function printed(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`
  if (typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `map[${entries.map(([key, item]) => `${key}:${printed(item)}`).join(' ')}]`
  }
  return String(value)
}

function refused(value: string, why: string, hint?: string): Error {
  return fail('TSNET_BAD_VALUE', {
    message: `reading --format: ${why}`,
    field: '--format',
    value,
    hint: hint ?? "such as '{{.NetworkSettings.IPAddress}}' or '{{json .}}'",
  })
}
