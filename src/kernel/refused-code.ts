/** What is told of a linked program besides the verifier's log: names, lines, instructions. */
import { disassemble } from '../asm/disassemble.js';
import { decodeInstructions } from '../asm/instruction.js';
import { instructionSize } from '../asm/opcodes.js';
import type { Btf } from '../btf/btf.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import type { LinkedProgram } from '../object/link.js';
import type { CodeLine, RefusedCode } from '../verifier/refusal.js';
import { typesWithHelper } from './helper-types.js';

const lineInfoSize = 16;
const functionInfoSize = 8;

export function refusedCode(
  linked: LinkedProgram,
  { type, license, btf }: { readonly type: string; readonly license: string; readonly btf?: Btf | undefined },
): RefusedCode {
  return {
    name: linked.name,
    type,
    license,
    size: linked.code.length / instructionSize,
    lines: btf === undefined ? [] : codeLines(linked, btf),
    functions: btf === undefined ? [] : codeFunctions(linked, btf),
    instructionText: (at) => textOf(linked.code, at),
    typesWithHelper,
  };
}

function codeLines({ lineInfo }: LinkedProgram, btf: Btf): CodeLine[] {
  const view = new DataView(lineInfo.buffer, lineInfo.byteOffset, lineInfo.byteLength);
  const lines: CodeLine[] = [];
  for (let at = 0; at < view.byteLength; at += lineInfoSize) {
    const field = (offset: number) => view.getUint32(at + offset, hostIsLittleEndian);
    const raw = btf.string(field(8)).trimEnd();
    const [line, column] = [field(12) >>> 10, field(12) & 0x3ff];
    lines.push({ at: field(0), file: btf.string(field(4)), line, column, raw, text: raw.trim() });
  }
  return lines;
}

function codeFunctions({ functionInfo }: LinkedProgram, btf: Btf): { at: number; name: string }[] {
  const view = new DataView(functionInfo.buffer, functionInfo.byteOffset, functionInfo.byteLength);
  const functions: { at: number; name: string }[] = [];
  for (let at = 0; at < view.byteLength; at += functionInfoSize) {
    const name = btf.type(view.getUint32(at + 4, hostIsLittleEndian)).name;
    functions.push({ at: view.getUint32(at, hostIsLittleEndian), name });
  }
  return functions;
}

/** Undefined for what is no whole instruction, such as the second half of a 64-bit load. */
function textOf(code: Uint8Array, at: number): string | undefined {
  const start = at * instructionSize;
  const wide = code[start] === 0x18 ? 2 : 1;
  if (start + wide * instructionSize > code.length) return undefined;
  const [instruction] = decodeInstructions(code.subarray(start, start + wide * instructionSize), hostIsLittleEndian);
  return instruction && disassemble(instruction);
}
