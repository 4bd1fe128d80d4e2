/**
 * Amounts as people read them.
 *
 * @module
 */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** `0 B`, `1.2 kB`, `34 MB`: powers of 1000, two digits that mean something. */
export function byteText(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** `0`, `999`, `1.2 k`, `34 M`: how many. */
export function countText(count: number): string {
  if (count < 1000) return `${count}`
  return byteText(count).replace(/ ([kMGTP])?B$/, ' $1')
}

/** `45 s`, `12 min`, `5 h`, `4 d`. */
export function secondsText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}
