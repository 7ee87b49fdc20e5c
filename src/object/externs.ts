/**
 * What an object leaves to the running kernel: symbols without a definition, whose BTF stands in the section `.ksyms`
 * or `.kconfig`. Source: libbpf `src/libbpf.c` (`bpf_object__collect_externs`).
 */
import type { Btf } from '../btf/btf.js';
import type { SectionLayout } from '../btf/layout.js';
import type { TypeId } from '../btf/types.js';
import { type ElfFile, type ElfSymbol, symbolBinding, symbolType, undefinedSection } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { mapDefaults } from './map-defaults.js';
import type { ExternSpec, GlobalSpec, MapSpec, SettingShape } from './spec.js';

/** The section of settings, and the map that their values are in. */
export const settingsMap = '.kconfig';
export const symbolsSection = '.ksyms';

const readOnlyForPrograms = 1 << 7;
const memoryMappable = 1 << 10;
/** Bytes of a setting's text; no setting is that long, and damaged types say anything. */
const longestText = 1 << 16;

export interface Externs {
  readonly externs: readonly ExternSpec[];
  /** Where each setting lies in the map that holds them; undefined where the object asks for none. */
  readonly settingsLayout: SectionLayout | undefined;
}

/** `btf` is the object's own, as the compiler left it. Errors: `OBJECT_UNSUPPORTED` for settings of other types. */
export function readExterns(elf: ElfFile, btf: Btf | undefined, name: string): Externs {
  const symbols = elf.symbols.filter(isExtern);
  if (symbols.length === 0 || !btf) return { externs: symbols.map(undeclared), settingsLayout: undefined };
  const declared = new Map(declarations(btf, symbolsSection).map((each) => [each.name, each]));
  const settings = layOutSettings(btf, name);
  const offsets = new Map<string, number>();
  let size = 0;
  for (const [setting, shape] of settings) {
    offsets.set(setting, shape.offset);
    size = shape.offset + shape.size;
  }
  const externs = symbols.map((symbol): ExternSpec => {
    const weak = symbol.binding === symbolBinding.weak;
    const shape = settings.get(symbol.name);
    if (shape) return { kind: 'setting', name: symbol.name, map: settingsMap, weak, ...shape };
    const found = declared.get(symbol.name);
    if (!found) return undeclared(symbol);
    const type = btf.resolve(found.type);
    if (found.kind === 'function') return { kind: 'function', name: symbol.name, weak, type: found.type };
    return type === 0
      ? { kind: 'symbol', name: symbol.name, weak }
      : { kind: 'variable', name: symbol.name, weak, type };
  });
  return { externs, settingsLayout: size > 0 ? { size, offsets } : undefined };
}

function isExtern({ section, binding, type, name }: ElfSymbol): boolean {
  const { global, weak } = symbolBinding;
  return (
    section === undefinedSection && (binding === global || binding === weak) && type === symbolType.none && name !== ''
  );
}

function undeclared({ name, binding }: ElfSymbol): ExternSpec {
  return { kind: 'undeclared', name, weak: binding === symbolBinding.weak };
}

interface Declaration {
  readonly kind: 'variable' | 'function';
  readonly name: string;
  /** Of the variable, or the function's prototype. */
  readonly type: TypeId;
  /** Bytes, as the compiler has it. */
  readonly size: number;
}

function declarations(btf: Btf, section: string): Declaration[] {
  const id = btf.find('section', section);
  const found = id === undefined ? undefined : btf.type(id);
  if (found?.kind !== 'section') return [];
  return found.variables.map(({ type, size }) => {
    const entry = btf.type(type);
    if (entry.kind !== 'variable' && entry.kind !== 'function') {
      throw btf.error(type, `(${entry.kind}) stands in section ${section}`);
    }
    return { kind: entry.kind, name: entry.name, type: entry.type, size };
  });
}

/** The order is libbpf's: large alignment first, then small sizes, then names, so that few bytes are lost. */
function layOutSettings(btf: Btf, object: string): Map<string, SettingShape> {
  const shapes = declarations(btf, settingsMap).map(({ name, type, kind }) => {
    const shape = kind === 'variable' ? settingShape(btf, type) : undefined;
    if (shape) return { name, ...shape };
    throw new XdpkitError(
      'OBJECT_UNSUPPORTED',
      `${object} asks for the setting ${name} as ${kind === 'function' ? 'a function' : btf.nameOf(type)}`,
      { hint: 'A setting is a bool, an enum libbpf_tristate, a char, an integer, or an array of char.' },
    );
  });
  shapes.sort(
    (left, right) =>
      right.alignment - left.alignment ||
      left.size - right.size ||
      Number(left.name > right.name) - Number(left.name < right.name),
  );
  const settings = new Map<string, SettingShape>();
  let end = 0;
  for (const { name, alignment, ...shape } of shapes) {
    const offset = Math.ceil(end / alignment) * alignment;
    settings.set(name, { ...shape, offset });
    end = offset + shape.size;
  }
  return settings;
}

function settingShape(btf: Btf, id: TypeId): (Omit<SettingShape, 'offset'> & { alignment: number }) | undefined {
  const type = btf.type(btf.resolve(id));
  if (type.kind === 'array') {
    const element = btf.type(btf.resolve(type.type));
    if (element.kind !== 'int' || element.size !== 1 || element.bool) return undefined;
    if (type.length === 0 || type.length > longestText) return undefined;
    return { shape: 'text', size: btf.sizeOf(id), alignment: 1, signed: false, type: id };
  }
  const isEnum = type.kind === 'enum' || type.kind === 'enum64';
  if (isEnum && type.name === 'libbpf_tristate' && (type.size === 4 || type.size === 8)) {
    return { shape: 'tristate', size: type.size, alignment: type.size, signed: false, type: id };
  }
  if (type.kind !== 'int' || ![1, 2, 4, 8].includes(type.size)) return undefined;
  const { size, signed, bool } = type;
  if (bool && size !== 1) return undefined;
  const shape = bool ? 'bool' : size === 1 ? 'char' : 'integer';
  return { shape, size, alignment: size, signed, type: id };
}

/** The map that a load fills with the running kernel's settings. */
export function settingsDataMap(size: number, btf: Btf | undefined): MapSpec {
  return {
    ...mapDefaults,
    name: settingsMap,
    origin: 'data',
    type: 'array',
    typeNumber: mapTypes.array,
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: readOnlyForPrograms | memoryMappable,
    valueType: btf?.find('section', settingsMap),
    initialValue: new Uint8Array(size),
    readOnly: true,
  };
}

export function settingsAsGlobals(externs: readonly ExternSpec[]): GlobalSpec[] {
  return externs.flatMap((found) =>
    found.kind === 'setting'
      ? [
          {
            name: found.name,
            map: found.map,
            offset: found.offset,
            size: found.size,
            type: found.type,
            constant: true,
          },
        ]
      : [],
  );
}
