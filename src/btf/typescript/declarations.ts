/** TypeScript for the values that codecs give and take: derived from the shapes that the codecs follow. */
import type { Btf } from '../btf.js';
import { ownTypes } from '../needed.js';
import { plainShape, shapesOf, type ValueShape } from '../shape.js';
import type { BtfType, TypeId } from '../types.js';
import { commentText, propertyName, typeIdentifier } from './identifiers.js';

/** Anonymous structs are written where they are used; damaged BTF may nest them so that the text doubles with each. */
const longestText = 1 << 26;

type Struct = Extract<ValueShape, { kind: 'struct' }>;
type Enum = Extract<BtfType, { kind: 'enum' | 'enum64' }>;

/**
 * Declares what it is asked for, and what that needs: an interface for a struct or union, and for an enum its numbers
 * as a constant object and their type.
 */
export class TypeScriptDeclarations {
  readonly #btf: Btf | undefined;
  readonly #shapeOf: (id: TypeId) => ValueShape;
  readonly #taken: Set<string>;
  readonly #names = new Map<TypeId, string>();
  readonly #texts: string[] = [];
  #length = 0;

  /** `taken` are names that the module around the declarations needs for other things. */
  constructor(btf: Btf | undefined, taken: Iterable<string> = []) {
    this.#btf = btf;
    this.#shapeOf = btf
      ? shapesOf(btf)
      : () => {
          throw new TypeError('there are no types');
        };
    this.#taken = new Set([...taken, 'Uint8Array']);
  }

  /**
   * The type of a value, as text. A struct without a name gets an interface called `fallback`, where that is given.
   * Throws `FormatError` for types that have no values.
   */
  typeOf(id: TypeId, fallback?: string): string {
    const shape = this.#shapeOf(id);
    return shape.kind === 'struct' ? this.#interface(shape, shape.name || fallback, '') : this.#text(shape, '');
  }

  /** A value of so many bytes about which no BTF tells more. */
  plainTypeOf(size: number): string {
    return this.#text(plainShape(size), '');
  }

  /** Another name for a type that has no interface. */
  alias(name: string, text: string): void {
    this.#add(`export type ${this.take(name)} = ${text};\n`);
  }

  /** The name, or one like it that is still free; it is taken then. */
  take(name: string): string {
    const plain = typeIdentifier(name);
    let unique = plain;
    for (let count = 2; this.#taken.has(unique); count++) unique = `${plain}${count}`;
    this.#taken.add(unique);
    return unique;
  }

  /** All declarations so far, those that others need before them. */
  text(): string {
    return this.#texts.join('\n');
  }

  #text(shape: ValueShape, indent: string): string {
    switch (shape.kind) {
      case 'integer': {
        const plain = shape.size <= 4 ? 'number' : 'bigint';
        return shape.enumeration === undefined ? plain : this.#enum(shape.enumeration, plain);
      }
      case 'boolean':
        return 'boolean';
      case 'float':
        return 'number';
      case 'text':
        return 'string';
      case 'bytes':
        return 'Uint8Array';
      case 'array':
        return `${this.#text(shape.element, indent)}[]`;
      case 'struct':
        return this.#interface(shape, shape.name, indent);
    }
  }

  #interface(shape: Struct, wanted: string | undefined, indent: string): string {
    const known = shape.type === undefined ? undefined : this.#names.get(shape.type);
    if (known !== undefined) return known;
    if (!wanted || shape.type === undefined) return this.#body(shape, indent);
    const name = this.take(wanted);
    this.#names.set(shape.type, name);
    const { btf, size } = this.#known(shape.type);
    const declared = commentText(btf.nameOf(shape.type).replace('{…}', shape.name).trim());
    const body = this.#body(shape, '');
    const declaration = body.startsWith('{') ? `export interface ${name} ${body}` : `export type ${name} = ${body};`;
    this.#add(`/** ${declared}, ${size} bytes. */\n${declaration}\n`);
    return name;
  }

  #body({ fields }: Struct, indent: string): string {
    // Where unnamed members bring a name twice, a decoded value has the last.
    const unique = new Map(fields.map((field) => [field.name, field.shape]));
    if (unique.size === 0) return 'Record<never, never>';
    const inner = `${indent}  `;
    const lines = [...unique].map(([name, shape]) => {
      const comment = lengthComment(shape);
      const doc = comment === undefined ? '' : `${inner}/** ${comment} */\n`;
      return this.#counted(`${doc}${inner}${propertyName(name)}: ${this.#text(shape, inner)};\n`);
    });
    return `{\n${lines.join('')}${indent}}`;
  }

  #enum(id: TypeId, plain: string): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const type = this.#known(id).btf.type(id) as Enum;
    if (type.name === '') return plain;
    const name = this.take(type.name);
    this.#names.set(id, name);
    const suffix = plain === 'bigint' ? 'n' : '';
    const values = new Map(type.values.map((each) => [each.name, each.value]));
    const lines = [...values].map(([each, value]) => `  ${propertyName(each)}: ${value}${suffix},\n`);
    const body = lines.length === 0 ? '{}' : `{\n${lines.join('')}}`;
    const comment = `/** enum ${commentText(type.name)}. Values may be others too. */`;
    this.#add(`${comment}\nexport const ${name} = ${body} as const;\nexport type ${name} = ${plain};\n`);
    return name;
  }

  #known(id: TypeId): { btf: Btf; size: number } {
    if (!this.#btf) throw new TypeError('there are no types');
    return { btf: this.#btf, size: this.#btf.sizeOf(id) };
  }

  #add(text: string): void {
    this.#texts.push(this.#counted(text));
  }

  #counted(text: string): string {
    this.#length += text.length;
    if (this.#length <= longestText || !this.#btf) return text;
    throw this.#btf.error(1, 'and others nest each other so often that their TypeScript would have no end');
  }
}

function lengthComment(shape: ValueShape): string | undefined {
  switch (shape.kind) {
    case 'text':
      return `At most ${shape.size} bytes.`;
    case 'bytes':
      return `${shape.size} bytes.`;
    case 'array':
      return `${shape.length} elements.`;
    case 'integer':
      return shape.pointer ? 'A pointer.' : undefined;
    default:
      return undefined;
  }
}

/**
 * Declarations for these types, all structs, unions and enums with a name unless given: what `compileCodec` decodes for
 * each of them. Throws `FormatError` for types that have no values.
 */
export function writeTypeScript(btf: Btf, types: readonly TypeId[] = withValues(btf)): string {
  const declarations = new TypeScriptDeclarations(btf);
  for (const id of types) {
    const type = btf.type(id);
    const text = declarations.typeOf(id);
    const isAlias = type.kind === 'typedef' && !['struct', 'union'].includes(btf.kind(btf.resolve(id)));
    if (isAlias) declarations.alias(type.name, text);
  }
  return declarations.text();
}

function withValues(btf: Btf): TypeId[] {
  return ownTypes(btf).filter((id) => {
    const type = btf.type(id);
    if (type.name === '') return false;
    if (type.kind === 'typedef') return ['struct', 'union'].includes(btf.kind(btf.resolve(id)));
    return ['struct', 'union', 'enum', 'enum64'].includes(type.kind) && !('values' in type && type.values.length === 0);
  });
}
