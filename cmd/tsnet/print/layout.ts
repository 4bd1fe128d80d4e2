/**
 * Paragraphs and two-column lists for pages of 80 columns.
 *
 * @module
 */

const pageWidth = 80
const indent = '  '

/** What stands left and right in a list. */
export type Row = readonly [term: string, about: string]

/** Parts of a page, a blank line between them. */
export function renderSections(parts: readonly string[]): string {
  return parts.map((part) => `${part.replace(/\n$/, '')}\n`).join('\n')
}

export function renderBlock(title: string, body: string): string {
  return `${title}:\n${body}`
}

export function renderParagraphs(text: string): string {
  return wrap(text, pageWidth).join('\n')
}

export function renderIndented(lines: readonly string[]): string {
  return lines.map((line) => `${indent}${line}\n`).join('')
}

/** Two columns; the right one wraps. A term wider than `termWidth` gets a line of its own. */
export function renderList(rows: readonly Row[], termWidth: number): string {
  const margin = indent.length + termWidth + 2
  return rows
    .flatMap(([term, about]) => {
      const [first = '', ...more] = wrap(about, pageWidth - margin)
      const beside = ' '.repeat(margin)
      const head =
        term.length > termWidth
          ? [`${indent}${term}`, `${beside}${first}`]
          : [`${indent}${term.padEnd(termWidth)}  ${first}`]
      return [...head, ...more.map((line) => `${beside}${line}`)]
    })
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** Lines of at most `columns`, broken between words. */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines = ['']
    for (const word of paragraph.split(' ')) {
      const last = lines.at(-1) ?? ''
      if (last === '') lines[lines.length - 1] = word
      else if (last.length + 1 + word.length > columns) lines.push(word)
      else lines[lines.length - 1] = `${last} ${word}`
    }
    return lines
  })
}

/** Cut with `…` where it is longer than that. */
export function shorten(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
}
