/** Declarations as C writes them, each with the bodies of the anonymous types in it. */
import type { Btf } from '../btf.js';
import type { BtfEnumerator, BtfParameter, BtfType, TypeId } from '../types.js';
import { CLayouts, type Composite, type Piece } from './layout.js';
import { CNames, identifier } from './names.js';
import { floatText, intText } from './scalars.js';

const deepest = 64;
/** `declaration-tag` texts by type and by component; −1 is the whole. */
export type DeclarationTags = ReadonlyMap<TypeId, ReadonlyMap<number, readonly string[]>>;

export class Declarations {
  readonly #btf: Btf;
  readonly #names: CNames;
  readonly #layouts: CLayouts;
  readonly #tags: DeclarationTags;
  /** Damaged BTF may nest anonymous types so that the text doubles with each: no true BTF becomes as long as this. */
  #charactersLeft: number;

  constructor(btf: Btf, ids: Iterable<TypeId>, tags: DeclarationTags) {
    this.#btf = btf;
    this.#names = new CNames(btf, ids);
    this.#layouts = new CLayouts(btf);
    this.#tags = tags;
    this.#charactersLeft = 2 ** 20 + btf.bytes.length * 16;
  }

  forward(id: TypeId): string {
    const type = this.#btf.type(id);
    const word = type.kind === 'union' || (type.kind === 'forward' && type.union) ? 'union' : 'struct';
    return `${word} ${this.#names.of(id, type.name)};\n`;
  }

  define(id: TypeId): string {
    const type = this.#btf.type(id);
    switch (type.kind) {
      case 'typedef':
        return `typedef ${this.#declare(type.type, this.#names.of(id, type.name), '', 0)}${this.#tagsOf(id)};\n`;
      case 'struct':
      case 'union':
        return `${this.#composite(id, type, '', 0)};\n`;
      case 'enum':
      case 'enum64':
        return `${this.#enumeration(id, type, '')};\n`;
      default:
        throw this.#btf.error(id, `(${type.kind}) is nothing that C defines`);
    }
  }

  /** A function with its parameters' names: `int f(struct xdp_md *ctx)`. */
  declareFunction(id: TypeId): string {
    const type = this.#btf.type(id);
    if (type.kind !== 'function') throw this.#btf.error(id, `(${type.kind}) is no function`);
    return this.#declare(type.type, this.#names.take(type.name), '', 0);
  }

  /** Walks from the name outwards, as C's declarators are read. */
  #declare(id: TypeId, name: string, indent: string, depth: number): string {
    if (depth > deepest) throw this.#btf.error(id, `is nested more than ${deepest} deep`);
    let declarator = name;
    // Both stand before what was written last, whose type they are part of.
    let qualifiers: readonly string[] = [];
    let tags: readonly string[] = [];
    let at = id;
    for (let steps = 0; steps <= deepest; steps++) {
      const type = this.#btf.type(at);
      switch (type.kind) {
        case 'pointer':
          declarator = `*${spaced([...qualifiers, ...tags, declarator])}`;
          qualifiers = tags = [];
          break;
        case 'array':
          declarator = `${grouped(declarator)}[${type.length}]`;
          break;
        case 'function-prototype': {
          declarator = `${grouped(declarator)}(${this.#parameters(type.parameters, indent, depth)})`;
          // A function has no qualifiers.
          qualifiers = tags = [];
          at = type.returns;
          continue;
        }
        case 'const':
        case 'volatile':
        case 'restrict':
          if (!qualifiers.includes(type.kind)) qualifiers = [type.kind, ...qualifiers];
          break;
        case 'type-tag':
          tags = [`__attribute__((btf_type_tag(${quoted(type.name)})))`, ...tags];
          break;
        default: {
          const base = this.#base(at, type, indent, depth);
          const plain = qualifiers.filter((qualifier) => qualifier !== 'restrict');
          return this.#counted(spaced([...plain, base, ...tags, declarator]));
        }
      }
      at = type.type;
    }
    throw this.#btf.error(id, 'is a chain of types without an end');
  }

  #base(id: TypeId, type: BtfType, indent: string, depth: number): string {
    switch (type.kind) {
      case 'void':
        return 'void';
      case 'int':
      case 'float': {
        const text = type.kind === 'int' ? intText(type) : floatText(type);
        if (text === undefined) throw this.#btf.error(id, `: C has no ${type.kind} of ${type.size} bytes`);
        return text;
      }
      case 'typedef':
        return this.#names.of(id, type.name);
      case 'struct':
      case 'union':
        return type.name === ''
          ? this.#composite(id, type, indent, depth)
          : `${type.kind} ${this.#names.of(id, type.name)}`;
      case 'enum':
      case 'enum64':
        return type.name === '' ? this.#enumeration(id, type, indent) : `enum ${this.#names.of(id, type.name)}`;
      case 'forward':
        return `${type.union ? 'union' : 'struct'} ${this.#names.of(id, type.name)}`;
      default:
        throw this.#btf.error(id, `(${type.kind} ${type.name}) is no type of a value`);
    }
  }

  #parameters(parameters: readonly BtfParameter[], indent: string, depth: number): string {
    // C asks for a parameter before the dots; without one, an old declaration says as much.
    if (parameters.length === 1 && parameters[0]?.type === 0) return '';
    if (parameters.length === 0) return 'void';
    const used = new Set<string>();
    return parameters
      .map(({ name, type }, index) => {
        if (type === 0 && index === parameters.length - 1) return '...';
        const plain = identifier(name);
        // A parameter named as a type would hide it from those after it.
        const shown = name === '' || plain !== name || used.has(plain) || this.#names.isTypedef(plain) ? '' : plain;
        used.add(plain);
        return this.#declare(type, shown, indent, depth + 1);
      })
      .join(', ');
  }

  /** `struct name {…}` with its attributes; `inner` leaves out the name, for a member that has none either. */
  #composite(id: TypeId, type: Composite, indent: string, depth: number, inner = false): string {
    const layout = this.#layouts.of(id, type);
    const head = type.name === '' || inner ? type.kind : `${type.kind} ${this.#names.of(id, type.name)}`;
    const lines = layout.pieces.map((piece) => this.#counted(this.#piece(id, type, piece, `${indent}\t`, depth)));
    const attributes = [layout.packed && 'packed', layout.aligned && `aligned(${layout.aligned})`].filter(Boolean);
    const tail = attributes.length === 0 ? '' : ` __attribute__((${attributes.join(', ')}))`;
    const body = lines.length === 0 ? '{}' : `{\n${lines.join('')}${indent}}`;
    return `${head} ${body}${tail}${inner ? '' : this.#tagsOf(id)}`;
  }

  #piece(id: TypeId, type: Composite, piece: Piece, indent: string, depth: number): string {
    if (piece.kind === 'padding') return `${indent}${piece.type}: ${piece.bits};\n`;
    if (piece.kind === 'filler') {
      const lines = piece.padding.map((each) => this.#piece(id, type, each, `${indent}\t`, depth));
      return `${indent}struct {\n${lines.join('')}${indent}};\n`;
    }
    const { member } = piece;
    const { name, bitSize } = member;
    if (name === '') return `${indent}${this.#unnamedMember(member.type, indent, depth)};\n`;
    const width = bitSize === 0 ? '' : `: ${bitSize}`;
    const tags = this.#tagsOf(id, type.members.indexOf(member));
    return `${indent}${this.#declare(member.type, identifier(name) + width, indent, depth + 1)}${tags};\n`;
  }

  /** Also of a type that has a name, which some compilers allow: its fields are the outer type's here too. */
  #unnamedMember(id: TypeId, indent: string, depth: number): string {
    const resolved = this.#btf.resolve(id);
    const type = this.#btf.type(resolved);
    if (depth > deepest) throw this.#btf.error(id, `is nested more than ${deepest} deep`);
    if (type.kind !== 'struct' && type.kind !== 'union') throw this.#btf.error(id, 'is no member without a name');
    return this.#composite(resolved, type, indent, depth + 1, true);
  }

  #enumeration(id: TypeId, type: Extract<BtfType, { kind: 'enum' | 'enum64' }>, indent: string): string {
    const head = type.name === '' ? 'enum' : `enum ${this.#names.of(id, type.name)}`;
    // Declared elsewhere, and only pointed to.
    if (type.values.length === 0 && type.name !== '') return head;
    const lines = type.values.map(({ name, value }) =>
      this.#counted(`${indent}\t${this.#names.take(name)} = ${numberText(value)},\n`),
    );
    const mode = sizeAttribute(type.size, type.values);
    if (mode === undefined) throw this.#btf.error(id, `: C has no enum of ${type.size} bytes`);
    return `${head} {\n${lines.join('')}${indent}}${mode}${this.#tagsOf(id)}`;
  }

  #tagsOf(id: TypeId, component = -1): string {
    const tags = this.#tags.get(id)?.get(component) ?? [];
    return tags.map((tag) => ` __attribute__((btf_decl_tag(${quoted(tag)})))`).join('');
  }

  #counted(text: string): string {
    this.#charactersLeft -= text.length;
    if (this.#charactersLeft >= 0) return text;
    throw this.#btf.error(1, `and others nest each other so often that their C text would have no end`);
  }
}

/** An array of, or a function behind, what is pointed to is written in parentheses. */
function grouped(declarator: string): string {
  return declarator.startsWith('*') ? `(${declarator})` : declarator;
}

function spaced(words: readonly string[]): string {
  return words.filter((word) => word !== '').join(' ');
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

const modes: Readonly<Record<number, string>> = { 1: 'QI', 2: 'HI', 4: '', 8: 'DI' };

/** An enum is as wide as an int, or a long where a value asks for it; other sizes must be asked for. */
function sizeAttribute(size: number, values: readonly BtfEnumerator[]): string | undefined {
  const wide = values.some(({ value }) => value > 0xffff_ffffn || value < -0x8000_0000n);
  const mode = wide && size === 8 ? '' : modes[size];
  return mode === '' || mode === undefined ? mode : ` __attribute__((mode(${mode})))`;
}

function numberText(value: bigint): string {
  if (value > 0x7fff_ffff_ffff_ffffn) return `${value}ULL`;
  // The number after the minus would not fit.
  if (value === -0x8000_0000_0000_0000n) return '(-9223372036854775807LL - 1)';
  return value > 0xffff_ffffn || value < -0x8000_0000n ? `${value}LL` : `${value}`;
}
