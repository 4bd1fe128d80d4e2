/**
 * nft's JSON as rules of our shape.
 *
 * @see libnftables-json(5)
 * @module
 */

import type { NftFields as Fields, NftObject } from '../../kernel/rules/ruletext.ts'
import type { Action, Condition, Field, Hook, MapEntry, Rule, RuleChain, RuleTable } from './model.ts'

export function nftTables(objects: readonly NftObject[]): readonly RuleTable[] {
  const chains = fieldsIn(objects, 'chain')
  const rules = fieldsIn(objects, 'rule')
  const sets = [...fieldsIn(objects, 'set'), ...fieldsIn(objects, 'map')]
  return [...new Set(chains.map(tableOf))].map((key) => {
    const known: Sets = new Map(
      sets
        .filter((set) => tableOf(set) === key)
        .map((set) => [String(set['name']), { elements: (set['elem'] ?? []) as readonly unknown[] }]),
    )
    const own = rules.filter((rule) => tableOf(rule) === key)
    const chainsHere = chains
      .filter((chain) => tableOf(chain) === key)
      .map((chain): readonly [string, RuleChain] => {
        const inChain = own.filter((rule) => rule['chain'] === chain['name'])
        return [String(chain['name']), chainOf(chain, inChain, known)]
      })
    const [family = '', name = ''] = key.split(' ')
    return { tool: 'nft', family, name, chains: new Map(chainsHere) }
  })
}

/** As in nft's JSON: values, or `[key, value]` of maps, `{ elem: … }` around those with comments. */
type Sets = ReadonlyMap<string, { readonly elements: readonly unknown[] }>

const tableOf = (fields: Fields): string => `${fields['family']} ${fields['table']}`

function fieldsIn(objects: readonly NftObject[], kind: string): readonly Fields[] {
  return objects.flatMap((object) => {
    const fields = object[kind]
    return fields === undefined ? [] : [fields]
  })
}

function chainOf(chain: Fields, rules: readonly Fields[], sets: Sets): RuleChain {
  const hook = chain['hook']
  const base =
    hook === undefined
      ? {}
      : {
          base: {
            type: String(chain['type'] ?? 'filter'),
            hook: hook as Hook,
            priority: typeof chain['prio'] === 'number' ? chain['prio'] : 0,
            policy: chain['policy'] === 'drop' ? ('drop' as const) : ('accept' as const),
          },
        }
  return { name: String(chain['name']), ...base, rules: rules.map((rule) => ruleOf(rule, sets)) }
}

function ruleOf(rule: Fields, sets: Sets): Rule {
  const expressions = (rule['expr'] ?? []) as readonly Fields[]
  const comment = typeof rule['comment'] === 'string' ? rule['comment'] : undefined
  const conditions: Condition[] = []
  let action: Action = { kind: 'continue' }
  let counter: { readonly packets?: number; readonly bytes?: number } = {}
  for (const expression of expressions) {
    const [kind = '', value] = Object.entries(expression)[0] ?? []
    if (kind === 'match') conditions.push(conditionOf(value as Fields, sets))
    else if (kind === 'counter') {
      const { packets, bytes } = (value ?? {}) as { packets?: number; bytes?: number }
      counter = { ...(packets === undefined ? {} : { packets }), ...(bytes === undefined ? {} : { bytes }) }
    } else if (kind === 'log' || kind === 'comment') continue
    else if (kind === 'limit') conditions.push({ unknown: 'a rate limit' })
    // Of iptables-nft, where its own program cannot be asked: nft knows that there is a match, and not which.
    else if (kind === 'xt') conditions.push({ unknown: 'a match of iptables' })
    else action = actionOf(kind, value, sets)
  }
  return {
    conditions,
    action,
    ...counter,
    ...(comment === undefined ? {} : { comment }),
    text: JSON.stringify(expressions),
  }
}

function fieldOf(left: unknown): Field | undefined {
  if (typeof left !== 'object' || left === null) return undefined
  const { meta, payload, ct, fib } = left as Record<string, Fields | undefined>
  if (meta !== undefined) {
    const fields: Readonly<Record<string, Field>> = {
      iifname: 'iif',
      iif: 'iif',
      oifname: 'oif',
      oif: 'oif',
      l4proto: 'proto',
      nfproto: 'family',
    }
    return fields[String(meta['key'])]
  }
  if (payload !== undefined) {
    const field = String(payload['field'])
    if (field === 'saddr' || field === 'daddr' || field === 'sport' || field === 'dport') return field
    return field === 'protocol' || field === 'nexthdr' ? 'proto' : undefined
  }
  if (ct !== undefined)
    return ct['key'] === 'state' ? 'ctstate' : ct['key'] === 'status' ? 'ctstatus' : undefined
  if (fib !== undefined && fib['result'] === 'type' && String(fib['flags']) === 'daddr') return 'daddrtype'
  return undefined
}

function fieldsOf(left: unknown): readonly Field[] | undefined {
  const parts = (left as { readonly concat?: readonly unknown[] } | null)?.concat ?? [left]
  const fields = parts.map(fieldOf)
  return fields.every((field) => field !== undefined) ? fields : undefined
}

/** What a payload match says without words: `tcp dport` is TCP, `ip saddr` IPv4. */
function implied(left: unknown): readonly Condition[] {
  const payload = (left as { readonly payload?: Fields } | null)?.payload
  const protocol = String(payload?.['protocol'] ?? '')
  if (['tcp', 'udp', 'sctp'].includes(protocol))
    return [{ field: 'proto', negated: false, values: [protocol] }]
  if (protocol === 'ip') return [{ field: 'family', negated: false, values: ['4'] }]
  return protocol === 'ip6' ? [{ field: 'family', negated: false, values: ['6'] }] : []
}

function conditionOf({ op, left, right }: Fields, sets: Sets): Condition {
  const fields = fieldsOf(left)
  const negated = op === '!='
  if (fields === undefined || !['==', '!=', 'in'].includes(String(op)))
    return { unknown: JSON.stringify(left) }
  const { values, set } = valuesOf(right, sets)
  if (values === undefined) return { unknown: JSON.stringify(right) }
  const [only] = fields
  const also = implied(left)[0]
  if (fields.length === 1 && only !== undefined && set === undefined && also === undefined) {
    return { field: only, negated, values: values.map(([value = '']) => normalValue(only, value)) }
  }
  // The implied part joins as one more field of the tuple.
  const more = also !== undefined && 'field' in also && !negated ? also : undefined
  return {
    fields: [...fields, ...(more === undefined ? [] : [more.field])],
    negated,
    tuples: values.map((value) => [
      ...value.map((part, at) => normalValue(fields[at] ?? 'proto', part)),
      ...(more === undefined ? [] : [more.values[0] ?? '']),
    ]),
    ...(set === undefined ? {} : { set }),
  }
}

function normalValue(field: Field, value: string): string {
  if (field === 'family') return value === 'ipv4' ? '4' : value === 'ipv6' ? '6' : value
  return value
}

/** Right sides as tuples of texts; undefined where they are not understood. */
function valuesOf(
  right: unknown,
  sets: Sets,
): { readonly values: readonly (readonly string[])[] | undefined; readonly set?: string } {
  if (typeof right === 'string' && right.startsWith('@')) {
    const set = sets.get(right.slice(1))
    return { values: set === undefined ? undefined : set.elements.map(tupleOf), set: right.slice(1) }
  }
  const list =
    (right as { readonly set?: readonly unknown[] } | null)?.set ?? (Array.isArray(right) ? right : [right])
  const values = list.map(tupleOf)
  return { values: values.some((value) => value.includes('?')) ? undefined : values }
}

/** `"a"`, `{prefix}`, `{range}`, `{concat}`, `{elem: {val}}`, the key of a map's pair. */
function tupleOf(value: unknown): readonly string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  if (Array.isArray(value)) return tupleOf(value[0])
  const { elem, concat, prefix, range } = (value ?? {}) as Record<string, unknown>
  if (elem !== undefined) return tupleOf((elem as Fields)['val'])
  if (Array.isArray(concat)) return concat.flatMap(tupleOf)
  if (prefix !== undefined) return [`${(prefix as Fields)['addr']}/${(prefix as Fields)['len']}`]
  if (Array.isArray(range)) return [`${range[0]}-${range[1]}`]
  return ['?']
}

function commentOf(value: unknown): string | undefined {
  const elem = (value as { readonly elem?: Fields } | null)?.elem
  return typeof elem?.['comment'] === 'string' ? elem['comment'] : undefined
}

function actionOf(kind: string, value: unknown, sets: Sets): Action {
  const fields = (value ?? {}) as Fields
  if (kind === 'jump' || kind === 'goto') return { kind, chain: String(fields['target']) }
  if (kind === 'accept' || kind === 'drop' || kind === 'return' || kind === 'continue') return { kind }
  if (kind === 'reject') return { kind }
  if (kind === 'masquerade') return { kind }
  if (kind === 'dnat' || kind === 'redirect') return natOf('dnat', fields, sets)
  if (kind === 'snat') return natOf('snat', fields, sets)
  if (kind === 'vmap') return vmapOf(fields, sets)
  if (kind === 'mangle' && JSON.stringify(fields).includes('maxseg')) return { kind: 'clampMss' }
  return { kind: 'unknown', text: kind }
}

function natOf(kind: 'dnat' | 'snat', fields: Fields, sets: Sets): Action {
  const map = (
    fields['addr'] as { readonly map?: { readonly key: unknown; readonly data: unknown } } | undefined
  )?.map
  if (map === undefined) {
    const port = fields['port'] === undefined ? '' : `:${textOf(fields['port'])}`
    return {
      kind,
      to: `${fields['addr'] === undefined ? 'this host' : textOf(fields['addr'])}${port}`,
    }
  }
  const keys = fieldsOf(map.key)
  const name = typeof map.data === 'string' ? map.data.slice(1) : ''
  const set = sets.get(name)
  if (keys === undefined || set === undefined) return { kind: 'unknown', text: `${kind} by a map` }
  const entries = set.elements.flatMap((pair): readonly MapEntry[] => {
    if (!Array.isArray(pair)) return []
    const comment = commentOf(pair[0])
    const to = tupleOf(pair[1])
    return [{ key: tupleOf(pair[0]), to: to.join(':'), ...(comment === undefined ? {} : { comment }) }]
  })
  return { kind: `${kind}Map`, map: name, fields: keys, entries }
}

function vmapOf(fields: Fields, sets: Sets): Action {
  const keys = fieldsOf(fields['key'])
  const data = fields['data']
  const pairs =
    typeof data === 'string'
      ? sets.get(data.slice(1))?.elements
      : ((data as { readonly set?: readonly unknown[] } | undefined)?.set ?? [])
  if (keys === undefined || pairs === undefined) return { kind: 'unknown', text: 'a verdict map' }
  return {
    kind: 'vmap',
    fields: keys,
    entries: pairs.flatMap((pair) => {
      if (!Array.isArray(pair)) return []
      const [kind = '', value] = Object.entries((pair[1] ?? {}) as Fields)[0] ?? []
      const key = tupleOf(pair[0]).map((part, at) => normalValue(keys[at] ?? 'proto', part))
      return [{ key, action: actionOf(kind, value, sets) }]
    }),
  }
}

const textOf = (value: unknown): string => tupleOf(value).join(':')
