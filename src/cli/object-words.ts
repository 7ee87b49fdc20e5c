/** What an object holds, for people and as a document. Fields of the document are only ever added. */
import type {
  FunctionDescription,
  GlobalDescription,
  MapDescription,
  ObjectDescription,
  ProgramDescription,
  TypedSize,
} from '../explain/describe-object.js';
import type { SlotSpec } from '../object/spec.js';
import { formatValue } from '../values/format-value.js';
import { jsonForm } from '../values/json-value.js';
import { describeSet } from './chain-words.js';
import type { Output } from './output.js';
import { formatCount } from './units.js';

/** A value of more is cut on the screen; the document has all of it. */
const longestValue = 72;

export async function printObject(output: Output, file: string, object: ObjectDescription): Promise<void> {
  const { programs, subPrograms, maps, globals, externs, remarks } = object;
  output.print(`${output.colors.bold(file)}: ${headOf(object)}`);
  for (const program of programs) printProgram(output, program);
  if (subPrograms.length > 0) {
    output.print();
    await output.table(
      [
        { title: 'SUB-PROGRAM' },
        { title: 'SECTION' },
        { title: 'INSTRUCTIONS', align: 'right' },
        { title: 'DECLARED' },
      ],
      subPrograms.map(({ name, section, instructions, declaration }) => [
        name,
        section,
        formatCount(instructions),
        declaration ?? '',
      ]),
    );
  }
  await printMaps(output, maps);
  if (globals.length > 0) {
    output.print();
    await output.table(
      [{ title: 'GLOBAL' }, { title: 'TYPE' }, { title: 'IN' }, { title: '' }, { title: 'VALUE' }],
      globals.map((each) => [
        each.name,
        each.type ?? `${each.size} B`,
        each.map,
        each.constant ? 'constant' : '',
        valueWords(each),
      ]),
    );
  }
  if (externs.length > 0) {
    output.print();
    await output.table(
      [{ title: 'EXTERN' }, { title: 'KIND' }, { title: '' }, { title: 'TYPE' }],
      externs.map(({ name, kind, weak, type }) => [name, kind, weak ? 'weak' : '', type ?? '']),
    );
  }
  for (const { what, why } of remarks) output.print(`\nnote: ${what}, ${why}`);
}

function headOf({ byteOrder, machine, license, kernelVersion, btf }: ObjectDescription): string {
  return [
    `${byteOrder}-endian${machine === 'none' ? ', no machine named' : ' BPF'}`,
    license === '' ? 'no license' : `license ${license}`,
    ...(kernelVersion === undefined ? [] : [`for kernel version ${kernelVersion}`]),
    btf ? `BTF of ${formatCount(btf.types)} types in ${formatCount(btf.bytes)} bytes` : 'no BTF',
  ].join(', ');
}

function printProgram(output: Output, program: ProgramDescription): void {
  const { instructions, instructionsInAll, subPrograms, stack, runConfig } = program;
  output.print(`\nprogram ${output.colors.bold(program.name)}`);
  const all = subPrograms.length > 0 ? `, ${formatCount(instructionsInAll)} with ${subPrograms.join(', ')}` : '';
  const facts: readonly (readonly [title: string, text: string])[] = [
    ['section', program.section],
    ['declared', program.declaration ?? ''],
    ['type', typeWords(program)],
    ['instructions', `${formatCount(instructions)}${all}`],
    ['stack', `${stack.bytes} bytes in ${stack.frames === 1 ? 'one frame' : `up to ${stack.frames} frames`}`],
    ['maps', program.maps.join(', ')],
    ['helpers', program.helpers.join(', ')],
    ['externs', program.externs.join(', ')],
    ['CO-RE', countWords(program.relocations)],
    ['needs', program.needs ? `Linux ${program.needs.release}, for ${program.needs.for.join(', ')}` : ''],
    ['in a chain', runConfig ? `priority ${runConfig.priority}, next after ${describeSet(runConfig.next)}` : ''],
  ];
  for (const [title, text] of facts) if (text !== '') output.print(`  ${title.padEnd(13)}${text}`);
}

function typeWords({ type, attachType, attachTo, frags, sleepable }: ProgramDescription): string {
  return [
    type ?? 'told by no section',
    ...(attachType !== undefined && attachType !== type ? [`attach type ${attachType}`] : []),
    ...(attachTo === undefined ? [] : [`attaches to ${attachTo}`]),
    ...(frags ? ['takes packets in several buffers (frags)'] : []),
    ...(sleepable ? ['sleepable'] : []),
  ].join(', ');
}

function countWords(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}

async function printMaps(output: Output, maps: readonly MapDescription[]): Promise<void> {
  if (maps.length === 0) return;
  output.print();
  await output.table(
    [
      { title: 'MAP' },
      { title: 'TYPE' },
      { title: 'KEY' },
      { title: 'VALUE' },
      { title: 'ENTRIES', align: 'right' },
      { title: 'FLAGS' },
    ],
    maps.map((map) => [
      map.name,
      map.type,
      sizeWords(map.key),
      sizeWords(map.value),
      formatCount(map.maxEntries),
      map.flags.join(', ') || '-',
    ]),
  );
  for (const map of maps) for (const detail of mapDetails(map)) output.print(`${map.name}: ${detail}`);
}

function sizeWords({ bytes, type }: TypedSize): string {
  return `${formatCount(bytes)} B${type === undefined ? '' : ` ${type}`}`;
}

/** What does not fit a column. */
function mapDetails({ origin, pinning, numaNode, mapExtra, inner, contents }: MapDescription): string[] {
  return [
    ...(origin === 'legacy' ? ['defined the old way, in a section "maps"'] : []),
    ...(pinning === 'by-name' ? ['pinned by its name'] : []),
    ...(numaNode === undefined ? [] : [`on NUMA node ${numaNode}`]),
    ...(mapExtra === 0n ? [] : [`extra ${mapExtra}`]),
    ...(inner ? [`holds maps of type ${inner.type}: ${shapeWords(inner)}`] : []),
    ...(contents.length > 0 ? [`filled with ${contents.map(slotWords).join(', ')}`] : []),
  ];
}

function shapeWords({ key, value, maxEntries, flags }: MapDescription): string {
  const parts = [`key ${sizeWords(key)}`, `value ${sizeWords(value)}`, `${formatCount(maxEntries)} entries`];
  return [...parts, ...flags].join(', ');
}

function slotWords(slot: SlotSpec): string {
  return `[${slot.index}] ${'map' in slot ? slot.map : slot.program}`;
}

function valueWords({ value, shape, map }: GlobalDescription): string {
  if (value === undefined) return `this kernel’s (${map})`;
  const text = formatValue(shape, value, { width: Number.POSITIVE_INFINITY });
  return text.length <= longestValue ? text : `${text.slice(0, longestValue - 1)}…`;
}

export function objectDocument({ globals, ...object }: ObjectDescription) {
  return {
    ...object,
    machine: object.machine ?? null,
    kernelVersion: object.kernelVersion ?? null,
    btf: object.btf ?? null,
    programs: object.programs.map((program) => ({
      ...functionDocument(program),
      type: program.type ?? null,
      attachType: program.attachType ?? null,
      attachTo: program.attachTo ?? null,
      runConfig: program.runConfig ?? null,
      needs: program.needs ?? null,
    })),
    subPrograms: object.subPrograms.map(functionDocument),
    maps: object.maps.map(mapDocument),
    globals: globals.map(({ shape, type, value, ...global }) => ({
      ...global,
      type: type ?? null,
      value: value === undefined ? null : jsonForm(shape)(value),
    })),
    externs: object.externs.map((found) => ({ ...found, type: found.type ?? null })),
  };
}

function functionDocument<Described extends FunctionDescription>(described: Described) {
  return { ...described, declaration: described.declaration ?? null };
}

function mapDocument({ key, value, numaNode, inner, initialBytes, ...map }: MapDescription): object {
  return {
    ...map,
    key: { ...key, type: key.type ?? null },
    value: { ...value, type: value.type ?? null },
    numaNode: numaNode ?? null,
    inner: inner ? mapDocument(inner) : null,
    initialBytes: initialBytes ?? null,
  };
}
