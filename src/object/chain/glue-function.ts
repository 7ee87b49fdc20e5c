/** Functions that a linker step writes itself: instructions with names for jumps, calls, maps and lines. */
import { encodeInstructions, type Instruction } from '../../asm/instruction.js';
import { type CodeItem, placeLabels } from '../../asm/labels.js';
import type { TypeId } from '../../btf/types.js';
import type { FunctionSpec, Reference } from '../spec.js';
import { textOffset } from './glue-types.js';

export type GlueItem =
  | CodeItem
  /** Index of the function that is called. */
  | { readonly calls: number; readonly instruction: Instruction }
  | { readonly map: string; readonly instruction: Instruction }
  /** The text that listings show for what follows. */
  | { readonly line: string };

export interface GlueFunction {
  readonly name: string;
  readonly typeId: TypeId;
  readonly littleEndian: boolean;
  /** The strings that the types begin with; the first is the name of the file that lines are said to be in. */
  readonly texts: readonly string[];
  readonly items: readonly GlueItem[];
}

export function glueFunction({ name, typeId, littleEndian, texts, items }: GlueFunction): FunctionSpec {
  const marks: ({ readonly at: string } & (
    | { readonly reference: (at: number) => Reference }
    | { readonly line: string }
  ))[] = [];
  const code = items.flatMap((item, index): CodeItem[] => {
    const at = `item ${index}`;
    if ('line' in item) {
      marks.push({ at, line: item.line });
      return [{ label: at }];
    }
    if ('calls' in item) {
      marks.push({ at, reference: (place) => ({ kind: 'call', at: place, function: item.calls }) });
      return [{ label: at }, item.instruction];
    }
    if ('map' in item) {
      marks.push({ at, reference: (place) => ({ kind: 'map', at: place, map: item.map }) });
      return [{ label: at }, item.instruction];
    }
    return [item];
  });
  const { instructions, labels } = placeLabels(code);
  const placed = marks.map((mark) => ({ mark, at: labels.get(mark.at) ?? 0 }));
  return {
    name,
    section: 'xdp',
    offset: 0,
    code: encodeInstructions(instructions, littleEndian),
    references: placed.flatMap(({ mark, at }) => ('reference' in mark ? [mark.reference(at)] : [])),
    typeId,
    lines: placed.flatMap(({ mark, at }) =>
      'line' in mark
        ? [
            {
              at,
              fileNameOffset: textOffset(texts, texts[0] ?? ''),
              lineOffset: textOffset(texts, mark.line),
              lineColumn: (texts.indexOf(mark.line) << 10) | 1,
            },
          ]
        : [],
    ),
    coreRelocations: [],
  };
}
