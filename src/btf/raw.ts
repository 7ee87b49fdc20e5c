/** Types as bpftool shows them: lines for people (`btf dump … format raw`), and rows for programs (`--json`). */
import type { Btf } from './btf.js';
import type { BtfType, TypeId } from './types.js';

/** A row of `bpftool --json btf dump`; values of enums are `bigint` beyond 2^53. */
export type RawType = { readonly id: TypeId; readonly kind: string; readonly name: string } & {
  readonly [field: string]: unknown;
};

const anonymous = '(anon)';

/** Without a name, types and their parts are `(anon)`. */
export function rawType(btf: Btf, id: TypeId): RawType {
  const type = btf.type(id);
  const row = (kind: string, fields: object): RawType => ({ id, kind, name: type.name || anonymous, ...fields });
  switch (type.kind) {
    case 'void':
      return row('VOID', {});
    case 'int':
      return row('INT', {
        size: type.size,
        bits_offset: type.bitOffset,
        nr_bits: type.bits,
        encoding: encodingOf(type),
      });
    case 'float':
      return row('FLOAT', { size: type.size });
    case 'pointer':
      return row('PTR', { type_id: type.type });
    case 'array':
      return row('ARRAY', { type_id: type.type, index_type_id: type.indexType, nr_elems: type.length });
    case 'struct':
    case 'union': {
      const members = type.members.map(({ name, type: member, bitOffset, bitSize }) => ({
        name: name || anonymous,
        type_id: member,
        bits_offset: bitOffset,
        ...(bitSize > 0 && { bitfield_size: bitSize }),
      }));
      return row(type.kind.toUpperCase(), { size: type.size, vlen: members.length, members });
    }
    case 'enum':
    case 'enum64': {
      const values = type.values.map(({ name, value }) => ({ name, val: exact(value) }));
      const encoding = type.signed ? 'SIGNED' : 'UNSIGNED';
      return row(type.kind.toUpperCase(), { encoding, size: type.size, vlen: values.length, values });
    }
    case 'forward':
      return row('FWD', { fwd_kind: type.union ? 'union' : 'struct' });
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
      return row(type.kind.toUpperCase(), { type_id: type.type });
    case 'type-tag':
      return row('TYPE_TAG', { type_id: type.type });
    case 'function':
      return row('FUNC', { type_id: type.type, linkage: type.linkage });
    case 'function-prototype': {
      const params = type.parameters.map((one) => ({ name: one.name || anonymous, type_id: one.type }));
      return row('FUNC_PROTO', { ret_type_id: type.returns, vlen: params.length, params });
    }
    case 'variable':
      return row('VAR', { type_id: type.type, linkage: type.linkage });
    case 'section': {
      const vars = type.variables.map((one) => ({ type_id: one.type, offset: one.offset, size: one.size }));
      return row('DATASEC', { size: type.size, vlen: vars.length, vars });
    }
    case 'declaration-tag':
      return row('DECL_TAG', { type_id: type.type, component_idx: type.componentIndex });
  }
}

/** `[12] STRUCT 'foo' size=8 vlen=2`, with a line for each part. */
export function rawLines(btf: Btf, id: TypeId): string[] {
  const { id: _, kind, name, members, values, params, vars, ...fields } = rawType(btf, id);
  const separator = kind === 'VAR' ? ', ' : ' ';
  const suffix = kind === 'ENUM64' ? (fields.encoding === 'SIGNED' ? 'LL' : 'ULL') : '';
  const parts = [members, values, params].find(Array.isArray) ?? [];
  return [
    `[${id}] ${kind} '${name}'${kind === 'VOID' ? '' : ` ${assignments(fields).join(separator)}`}`,
    ...parts.map(
      ({ name: part, ...rest }: Record<string, unknown>) => `\t'${part}' ${assignments(rest).join(' ')}${suffix}`,
    ),
    ...(Array.isArray(vars) ? vars : []).map((rest: { type_id: TypeId }) => {
      const variable = btf.type(rest.type_id);
      return `\t${assignments(rest).join(' ')} (${variable.kind === 'function' ? 'FUNC' : 'VAR'} '${variable.name}')`;
    }),
  ];
}

function assignments(fields: object): string[] {
  return Object.entries(fields).map(([name, value]) => `${name}=${value}`);
}

function encodingOf({ signed, char, bool }: Extract<BtfType, { kind: 'int' }>): string {
  return signed ? 'SIGNED' : char ? 'CHAR' : bool ? 'BOOL' : '(none)';
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
