/** Code for kernels before 5.5, which had one helper to read memory of the kernel and of user space. */
import { callKind, instructionSize, opcode } from '../asm/opcodes.js';
import { sourceRegister } from '../asm/slot.js';
import { helpers } from '../uapi/bpf.generated.js';

const older: ReadonlyMap<number, number> = new Map([
  [helpers.probe_read_kernel, helpers.probe_read],
  [helpers.probe_read_user, helpers.probe_read],
  [helpers.probe_read_kernel_str, helpers.probe_read_str],
  [helpers.probe_read_user_str, helpers.probe_read_str],
]);

/** The code with the older helper in the place of each newer one; undefined where there is none. */
export function withOldProbeReads(code: Uint8Array, littleEndian: boolean): Uint8Array | undefined {
  let changed: Uint8Array | undefined;
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  for (let at = 0; at < code.length; at += instructionSize) {
    const isCall = code[at] === opcode.call && sourceRegister(code, at, littleEndian) === callKind.helper;
    const helper = isCall ? older.get(view.getInt32(at + 4, littleEndian)) : undefined;
    if (helper !== undefined) {
      changed ??= code.slice();
      new DataView(changed.buffer, changed.byteOffset).setInt32(at + 4, helper, littleEndian);
    }
    if (code[at] === opcode.loadImmediate64) at += instructionSize;
  }
  return changed;
}
