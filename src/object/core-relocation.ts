/** CO-RE relocations in words. Source: Linux `include/uapi/linux/bpf.h` (`enum bpf_core_relo_kind`). */
import { XdpkitError } from '../errors/error.js';
import type { CoreRelocation, FunctionSpec, ObjectSpec, ProgramSpec } from './spec.js';

const questions = [
  'the byte offset of a field',
  'the size of a field',
  'whether a field exists',
  'whether a field is signed',
  'the bits left of a field',
  'the bits right of a field',
  "a type's id in the object",
  "a type's id in the kernel",
  'whether a type exists',
  'the size of a type',
  'whether an enumerator exists',
  'the value of an enumerator',
  'whether a type matches',
];

export function unresolvedRelocation(
  spec: ObjectSpec,
  program: ProgramSpec,
  found: FunctionSpec,
  relocation: CoreRelocation,
): XdpkitError {
  const question = questions[relocation.kind] ?? `relocation kind ${relocation.kind}`;
  const type = spec.btf?.nameOf(relocation.type) ?? `type ${relocation.type}`;
  return new XdpkitError(
    'OBJECT_UNSUPPORTED',
    `Program ${program.name} of ${spec.name} depends on the running kernel's types, which xdpkit cannot relocate yet: ` +
      `function ${found.name}, instruction ${relocation.at} asks for ${question} (${type}, access ${relocation.accessString})`,
    { hint: 'Include the kernel headers instead of vmlinux.h, or read the structs without preserve_access_index.' },
  );
}
