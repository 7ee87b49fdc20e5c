/** Control groups for programs to compare with (`bpf_skb_under_cgroup`, …). Since Linux 4.8. */
import type { BpfMap, UpdateMode } from '../map.js';
import { type Owner, withOwner } from './owner.js';
import { RawValues } from './raw-values.js';

/**
 * A map of type `cgroup_array`: a view, which is good as long as the map is open. The kernel does not tell what is in it.
 * Throws USAGE for maps of other types.
 */
export class CgroupArray {
  readonly #values: RawValues<number>;

  constructor(map: BpfMap<number, unknown>) {
    this.#values = new RawValues(map, ['cgroup_array'], 'only cgroup arrays hold control groups');
  }

  /** `{ path: '/sys/fs/cgroup/unified/web' }`, of the cgroup2 file system (else EBADF). */
  set(index: number, cgroup: Extract<Owner, { fd: number } | { path: string }>, mode?: UpdateMode): void {
    withOwner(cgroup, (fd) => this.#values.set(index, [fd], mode));
  }

  delete(index: number): boolean {
    return this.#values.map.delete(index);
  }
}
