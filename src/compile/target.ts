/** How Node's name of an architecture translates into what BPF C and Debian's folders call it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const architectures: Readonly<Record<string, { defines: readonly string[]; multiArch: string }>> = {
  // Without __x86_64__ the kernel's and libc's headers take the machine for a 32-bit one: __BITS_PER_LONG is then wrong,
  // and <linux/icmp.h> ends at a missing gnu/stubs-32.h.
  x64: { defines: ['__TARGET_ARCH_x86', '__x86_64__'], multiArch: 'x86_64-linux-gnu' },
  arm64: { defines: ['__TARGET_ARCH_arm64'], multiArch: 'aarch64-linux-gnu' },
};

/**
 * Clang's arguments for BPF code that runs on this machine's kernel.
 *
 * `-mcpu=v2` is said because clang's own default has moved (v1 up to clang 19, v3 since 20) and the instruction set
 * decides what kernels take the object: v2 needs Linux 4.14, older than maps described by BTF; v3 would need 5.1 and
 * shut out kernels for a few instructions less. A later `-mcpu` in the extra arguments wins.
 */
export function targetArguments(architecture: string = process.arch, includeRoot = '/usr/include'): string[] {
  const target = architectures[architecture];
  const words = ['-target', 'bpf', '-mcpu=v2'];
  if (target === undefined) return words;
  words.push(...target.defines.map((name) => `-D${name}`));
  // `asm/types.h` stands in the multi-arch folder on Debian, which clang does not search for the target bpf, and
  // directly in the include root elsewhere. Searched last, so that it hides nothing.
  const folder = join(includeRoot, target.multiArch);
  if (existsSync(folder)) words.push('-idirafter', folder);
  return words;
}
