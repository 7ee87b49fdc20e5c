/** Flags and words about pins that several commands share. */
import type { Migration } from '../kernel/migrate-map.js';
import type { PinMismatch } from '../kernel/pinned-maps.js';
import type { Output } from './output.js';

export type PinMismatchFlags = { readonly pinMismatch?: PinMismatch };

export const pinMismatchFlag = {
  kind: 'enum',
  values: ['fail', 'recreate', 'migrate'],
  optional: true,
  brief: 'For a pinned map of another shape: refuse, renew, or carry its entries over',
} as const;

/** `indent`: characters in front of the values of lines like these. */
export function printMigrations(output: Output, migrations: readonly Migration[], indent: number): void {
  for (const { map, entries, added, dropped } of migrations) {
    const fields = [
      ...(added.length > 0 ? [`new and zero: ${added.join(', ')}`] : []),
      ...(dropped.length > 0 ? [`gone: ${dropped.join(', ')}`] : []),
    ];
    const words = [`${entries} ${entries === 1 ? 'entry' : 'entries'} of ${map}`, ...fields].join('; ');
    output.print(`  ${'migrated'.padEnd(indent - 2)}${words}`);
  }
}

export const pinPathParameter = {
  brief: 'A path on a BPF file system, such as /sys/fs/bpf/NAME',
  parse: String,
  placeholder: 'PATH',
} as const;
