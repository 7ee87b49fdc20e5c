/** What BTF remembers of the C source that code was made of: declarations of functions, and lines. */
import type { Btf } from './btf.js';
import type { TypeId } from './types.js';

export interface LineRecord {
  /** Instruction; a 64-bit load counts as two. */
  readonly at: number;
  /** Offsets into the strings of the BTF. */
  readonly fileNameOffset: number;
  readonly lineOffset: number;
  readonly line: number;
  readonly column: number;
}

export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Without the white space around it. */
  readonly text: string;
}

/**
 * The lines by the instruction that they begin at. Records of line 0 are the compiler's own; several in a row may be of
 * one line.
 */
export function sourcesAt(lines: readonly LineRecord[], btf: Btf | undefined): Map<number, SourceLine> {
  const sources = new Map<number, SourceLine>();
  let shown: LineRecord | undefined;
  for (const record of lines) {
    if (btf === undefined || record.line === 0) continue;
    if (shown?.line === record.line && shown.fileNameOffset === record.fileNameOffset) continue;
    shown = record;
    const text = btf.string(record.lineOffset).trim();
    sources.set(record.at, { file: btf.string(record.fileNameOffset), line: record.line, column: record.column, text });
  }
  return sources;
}

/** `int count(struct xdp_md *context, __u32 key)`; undefined for what is no function. */
export function declarationOf(btf: Btf, id: TypeId): string | undefined {
  const type = btf.type(id);
  return type.kind === 'function' ? prototypeOf(btf, type.type, type.name) : undefined;
}

/** The same of a function's prototype; `name` alone where the type is none. */
export function prototypeOf(btf: Btf, id: TypeId, name: string): string {
  const prototype = btf.type(id);
  if (prototype.kind !== 'function-prototype') return name;
  const parameters = prototype.parameters.map((one) => beside(btf.nameOf(one.type), one.name));
  return `${beside(btf.nameOf(prototype.returns), name)}(${parameters.join(', ') || 'void'})`;
}

function beside(type: string, name: string): string {
  return type.endsWith('*') ? `${type}${name}` : `${type} ${name}`.trimEnd();
}
