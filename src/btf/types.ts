/**
 * The shapes of BTF, the BPF Type Format. Source: Linux `Documentation/bpf/btf.rst`, `include/uapi/linux/btf.h`.
 * A type's id is its index in the file; id 0 is `void`.
 */
export type TypeId = number;

export interface BtfMember {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  readonly type: TypeId;
  /** From the start of the struct, in bits. */
  readonly bitOffset: number;
  /** 0 when the member is no bitfield. */
  readonly bitSize: number;
}

export interface BtfEnumerator {
  readonly name: string;
  readonly value: bigint;
}

export interface BtfParameter {
  readonly name: string;
  readonly type: TypeId;
}

/** A variable's place in a section such as `.maps` or `.data`; clang leaves `offset` 0 and the symbol table has it. */
export interface BtfSectionVariable {
  readonly type: TypeId;
  readonly offset: number;
  readonly size: number;
}

export type BtfLinkage = 'static' | 'global' | 'extern';

export type BtfType =
  | { readonly kind: 'void'; readonly name: '' }
  | {
      readonly kind: 'int';
      readonly name: string;
      /** Bytes. */
      readonly size: number;
      readonly bits: number;
      readonly bitOffset: number;
      readonly signed: boolean;
      readonly char: boolean;
      readonly bool: boolean;
    }
  | { readonly kind: 'float'; readonly name: string; readonly size: number }
  | { readonly kind: 'pointer'; readonly name: ''; readonly type: TypeId }
  | {
      readonly kind: 'array';
      readonly name: '';
      readonly type: TypeId;
      readonly indexType: TypeId;
      readonly length: number;
    }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: 'enum' | 'enum64';
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly BtfEnumerator[];
    }
  | { readonly kind: 'forward'; readonly name: string; readonly union: boolean }
  | {
      readonly kind: 'typedef' | 'volatile' | 'const' | 'restrict' | 'type-tag';
      readonly name: string;
      readonly type: TypeId;
    }
  | { readonly kind: 'function'; readonly name: string; readonly type: TypeId; readonly linkage: BtfLinkage }
  | {
      readonly kind: 'function-prototype';
      readonly name: '';
      readonly returns: TypeId;
      readonly parameters: readonly BtfParameter[];
    }
  | { readonly kind: 'variable'; readonly name: string; readonly type: TypeId; readonly linkage: BtfLinkage }
  | {
      readonly kind: 'section';
      readonly name: string;
      readonly size: number;
      readonly variables: readonly BtfSectionVariable[];
    }
  | {
      readonly kind: 'declaration-tag';
      readonly name: string;
      readonly type: TypeId;
      /** Which parameter or member is tagged; −1 tags the whole. */
      readonly componentIndex: number;
    };

export type BtfKind = BtfType['kind'];
