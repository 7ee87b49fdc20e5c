/**
 * Names as C takes them. BTF may have several types of one name, which met in one kernel but never in one C file: the
 * second is called `name___2`, as libbpf does, which CO-RE takes for a flavour of `name`.
 */
import type { Btf } from '../btf.js';
import type { TypeId } from '../types.js';

const keywords = new Set(
  (
    'auto break case char const continue default do double else enum extern float for goto if inline int long register ' +
    'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof ' +
    '_Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local'
  ).split(' '),
);
/** The compiler knows these typedefs by itself, and BPF's are not the kernel's. */
const builtins = ['__builtin_va_list', '__int128_t', '__uint128_t'];

/** Other languages have names that C has not. */
export function identifier(name: string): string {
  const plain = name.replace(/[^\w$]/g, '_').replace(/^(?=\d)/, '_');
  return keywords.has(plain) ? `${plain}_` : plain;
}

/** Hands out each name once. */
class Namespace {
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();

  take(name: string): string {
    const plain = identifier(name);
    let count = this.#counts.get(plain) ?? 0;
    let unique: string;
    do {
      count++;
      unique = count === 1 ? plain : `${plain}___${count}`;
    } while (this.#taken.has(unique));
    this.#counts.set(plain, count);
    this.#taken.add(unique);
    return unique;
  }
}

export class CNames {
  readonly #tags = new Namespace();
  /** Typedefs, enumerators and functions share one. */
  readonly #ordinary = new Namespace();
  readonly #byId = new Map<TypeId, string>();
  readonly #typedefs = new Set<string>();

  /** Types get their names in the order of their ids; enumerators and functions come after all types. */
  constructor(btf: Btf, ids: Iterable<TypeId>) {
    for (const name of builtins) this.#ordinary.take(name);
    const definitions = new Map<string, string>();
    const forwards: TypeId[] = [];
    for (const id of [...new Set(ids)].sort((left, right) => left - right)) {
      const type = btf.type(id);
      if (type.name === '') continue;
      if (type.kind === 'forward') {
        forwards.push(id);
        continue;
      }
      if (type.kind === 'typedef') {
        const name = this.#ordinary.take(type.name);
        this.#typedefs.add(name);
        this.#byId.set(id, name);
        continue;
      }
      const name = this.#tags.take(type.name);
      this.#byId.set(id, name);
      const key = `${type.kind} ${type.name}`;
      if (!definitions.has(key)) definitions.set(key, name);
    }
    for (const id of forwards) {
      const type = btf.type(id);
      const key = `${type.kind === 'forward' && type.union ? 'union' : 'struct'} ${type.name}`;
      const name = definitions.get(key) ?? this.#tags.take(type.name);
      definitions.set(key, name);
      this.#byId.set(id, name);
    }
  }

  of(id: TypeId, name: string): string {
    return this.#byId.get(id) ?? identifier(name);
  }

  /** A name for an enumerator or a function, which is then taken. */
  take(name: string): string {
    return this.#ordinary.take(name);
  }

  isTypedef(name: string): boolean {
    return this.#typedefs.has(name);
  }
}
