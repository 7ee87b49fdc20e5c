/**
 * The order in which C must declare types: what a struct holds by value stands before it, and what it only points to is
 * at least declared.
 */
import type { Btf } from '../btf.js';
import type { TypeId } from '../types.js';

export interface Step {
  /** `forward` says that a struct or union exists; `define` gives the whole of a struct, union, enum or typedef. */
  readonly kind: 'forward' | 'define';
  readonly id: TypeId;
}

/** Chains of definitions in a kernel go some hundred deep. */
const deepest = 1500;

export class Order {
  readonly steps: Step[] = [];
  readonly #btf: Btf;
  readonly #forwarded = new Set<TypeId>();
  readonly #begun = new Set<TypeId>();
  readonly #mentioned = new Set<TypeId>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /**
   * Appends what has to be declared before a value of the type (`complete`), or a pointer to it, can be. Throws
   * `FormatError` for what cannot stand there in C.
   */
  add(id: TypeId, complete: boolean, depth = 0): void {
    if (depth > deepest) throw this.#btf.error(id, `is reached by a chain of more than ${deepest} types`);
    if (!complete) {
      if (this.#mentioned.has(id)) return;
      this.#mentioned.add(id);
    }
    const type = this.#btf.type(id);
    switch (type.kind) {
      case 'void':
      case 'int':
      case 'float':
        return;
      case 'pointer':
        this.add(type.type, false, depth + 1);
        return;
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type-tag':
        this.add(type.type, complete, depth + 1);
        return;
      case 'array':
        this.add(type.type, true, depth + 1);
        return;
      case 'function-prototype':
        this.add(type.returns, false, depth + 1);
        for (const parameter of type.parameters) this.add(parameter.type, false, depth + 1);
        return;
      case 'typedef':
        if (this.#begin(id)) {
          this.add(type.type, false, depth + 1);
          this.steps.push({ kind: 'define', id });
        }
        if (complete) this.add(type.type, true, depth + 1);
        return;
      case 'enum':
      case 'enum64':
        if (type.name !== '' && this.#begin(id)) this.steps.push({ kind: 'define', id });
        return;
      case 'struct':
      case 'union': {
        const anonymous = type.name === '';
        if (anonymous || complete) {
          if (this.#begin(id)) {
            for (const member of type.members) this.add(member.type, true, depth + 1);
            if (!anonymous) this.steps.push({ kind: 'define', id });
            this.#forwarded.add(id);
            return;
          }
        }
        if (!anonymous) this.#forward(id);
        return;
      }
      case 'forward':
        this.#forward(id);
        return;
      default:
        throw this.#btf.error(id, `(${type.kind} ${type.name}) is no type of a value`);
    }
  }

  /** An enum that nothing refers to: only its enumerators are of use. */
  addEnumerators(id: TypeId): void {
    if (this.#begin(id)) this.steps.push({ kind: 'define', id });
  }

  #begin(id: TypeId): boolean {
    if (this.#begun.has(id)) return false;
    this.#begun.add(id);
    return true;
  }

  #forward(id: TypeId): void {
    if (this.#forwarded.has(id)) return;
    this.#forwarded.add(id);
    this.steps.push({ kind: 'forward', id });
  }
}
