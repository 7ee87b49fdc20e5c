/** Numbers as people read them. */

/** `1234567n` → `1,234,567`. */
export function formatCount(count: bigint | number): string {
  return count.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Decimal units, as line rates are given in: `1,536` → `1.54 kB`. */
export function formatBytes(bytes: bigint | number): string {
  return `${scaled(Number(bytes))}B`;
}

/** `unit` is what is counted: `formatRate(1_200_000, 'pkt')` → `1.2 Mpkt/s`. */
export function formatRate(perSecond: number, unit: string): string {
  return `${scaled(perSecond)}${unit}/s`;
}

/** `0.000123` s → `123 µs`, `75` → `1 min 15 s`. */
export function formatDuration(seconds: number): string {
  if (seconds >= 86_400) return pair(seconds, 86_400, 'd', 3600, 'h');
  if (seconds >= 3600) return pair(seconds, 3600, 'h', 60, 'min');
  if (seconds >= 60) return pair(seconds, 60, 'min', 1, 's');
  if (seconds >= 1) return `${digits(seconds)} s`;
  if (seconds >= 0.001) return `${digits(seconds * 1e3)} ms`;
  if (seconds >= 0.000_001) return `${digits(seconds * 1e6)} µs`;
  return `${digits(seconds * 1e9)} ns`;
}

/** `2026-11-21 04:12:13`, in the zone of the machine. */
export function formatTime(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function pair(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${Math.floor(seconds / large)} ${largeUnit} ${Math.floor((seconds % large) / small)} ${smallUnit}`;
}

function scaled(value: number): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  let step = 0;
  // 999.5 and above would print as 1000 of the smaller unit.
  for (; Math.abs(value) >= 999.5 && step < prefixes.length - 1; step++) value /= 1000;
  return `${digits(value)} ${prefixes[step]}`;
}

/** Three digits that mean something, without trailing zeroes. */
function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
}
