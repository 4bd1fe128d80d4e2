/**
 * The series as a picture: one bar for each contender, from the lower quartile
 * to the 95th percentile, with a mark at the median, on a logarithmic scale.
 *
 * @module
 */
import { contenders } from './contenders/all.ts'
import type { Operation } from './goals.ts'
import type { Series } from './pairs.ts'
import { summarize } from './statistics.ts'

const rowHeight = 24
const labelWidth = 320
const plotWidth = 560
const valueWidth = 90
const top = 48

export function renderPlot(series: readonly Series[], operation: Operation, others: number): string {
  const rows = series
    .filter((one) => one.others === others)
    .map(({ name, [operation]: samples }) => ({ about: contenders[name].about, ...summarize(samples) }))
    .sort((a, b) => a.median - b.median)
  const decades = decadesOf(rows.flatMap(({ p25, p95 }) => [p25, p95]))
  const [low, high] = [Math.log10(decades[0] as number), Math.log10(decades.at(-1) as number)]
  const x = (ms: number): number => labelWidth + ((Math.log10(ms) - low) / (high - low)) * plotWidth
  const bottom = top + rows.length * rowHeight
  const grid = decades.map(
    (ms) =>
      `<path d="M${x(ms)} ${top}V${bottom}" stroke="#ccc"/><text x="${x(ms)}" y="${bottom + 16}" text-anchor="middle">${ms} ms</text>`,
  )
  const bars = rows.map(({ about, median, p25, p95 }, nth) => {
    const y = top + nth * rowHeight
    const color = about.startsWith('tsnet') || about.startsWith('the same') ? '#3a7' : '#999'
    return `<text x="${labelWidth - 8}" y="${y + 16}" text-anchor="end">${escaped(about)}</text>
<rect x="${x(p25)}" y="${y + 5}" width="${Math.max(x(p95) - x(p25), 1)}" height="14" fill="${color}" fill-opacity="0.45"/>
<path d="M${x(median)} ${y + 3}v18" stroke="${color}" stroke-width="3"/>
<text x="${labelWidth + plotWidth + 8}" y="${y + 16}">${median.toFixed(median < 10 ? 2 : 0)} ms</text>`
  })
  const title = `${operation} of one container with one published port, ${others} others on the host: p25 to p95, mark at the median`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${labelWidth + plotWidth + valueWidth}" height="${bottom + 28}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="24" font-size="15">${escaped(title)}</text>
${[...grid, ...bars].join('\n')}
</svg>
`
}

/** Powers of ten around all of them, at least two. */
function decadesOf(values: readonly number[]): readonly number[] {
  const first = Math.floor(Math.log10(Math.min(...values)))
  const last = Math.max(Math.ceil(Math.log10(Math.max(...values))), first + 1)
  return Array.from({ length: last - first + 1 }, (_, i) => Number((10 ** (first + i)).toPrecision(1)))
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
