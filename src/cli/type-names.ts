import type { Btf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';

/** The types of C that have these names exactly. Errors: `BTF_NOT_FOUND`. */
export function typesNamed(btf: Btf | undefined, names: readonly string[]): number[] {
  return names.flatMap((name) => {
    const ids = btf?.idsNamed(name).filter((id) => btf.type(id).name === name && btf.kind(id) !== 'forward') ?? [];
    if (ids.length > 0) return ids;
    throw new XdpkitError('BTF_NOT_FOUND', `${btf?.where ?? 'the object'} has no type called "${name}"`, {
      hint: btf
        ? 'Give the name of a struct, union, enum or typedef without that word: --type xdp_md.'
        : 'It was compiled without debug information, and has no types: `xdpkit build` gives it some, as clang -g does.',
    });
  });
}
