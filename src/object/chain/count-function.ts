/** The function that counts a packet: apart from the chain's, whose stack the members have to share. */
import {
  add,
  call,
  compute,
  exit,
  jumpIf,
  load,
  loadImmediate64,
  mov,
  movRegister,
  store,
} from '../../asm/assemble.js';
import { helpers } from '../../uapi/bpf.generated.js';
import { countersName } from './counters.js';
import type { GlueItem } from './glue-function.js';

export const countText = 'static int count_verdict(unsigned int index, unsigned long long length)';

const [recordAt, lengthAt, framePointer] = [0, 6, 10];
const [packetsField, bytesField] = [0, 8];

/** Nobody else writes to this CPU's entry meanwhile: XDP is not interrupted by XDP. */
export function countCode(): GlueItem[] {
  const increase = (field: number): GlueItem[] => [
    load('double', 1, recordAt, field),
    field === packetsField ? add(1, 1) : compute('add', 1, lengthAt),
    store('double', recordAt, field, 1),
  ];
  return [
    { line: countText },
    store('word', framePointer, -4, 1),
    movRegister(lengthAt, 2),
    { map: countersName, instruction: loadImmediate64(1, 0n) },
    movRegister(2, framePointer),
    add(2, -4),
    call(helpers.map_lookup_elem),
    { to: 'done', instruction: jumpIf('equal', recordAt, 0) },
    ...increase(packetsField),
    ...increase(bytesField),
    { label: 'done' },
    mov(0, 0),
    exit(),
  ];
}
