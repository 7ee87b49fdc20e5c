export { Btf, readBtf } from './btf.js';
export { type CHeaderOptions, writeCHeader } from './c/header.js';
export {
  type BtfExt,
  type CoreRelocationRecord,
  type FunctionInfoRecord,
  type LineInfoRecord,
  readBtfExt,
} from './ext.js';
export { layOutSections, type SectionLayout } from './layout.js';
export { type BtfPart, BtfShift, type MergedBtf, mergeBtf } from './merge.js';
export { essentialName } from './names.js';
export { type RawType, rawLines, rawType } from './raw.js';
export type {
  BtfEnumerator,
  BtfKind,
  BtfLinkage,
  BtfMember,
  BtfParameter,
  BtfSectionVariable,
  BtfType,
  TypeId,
} from './types.js';
export { TypeScriptDeclarations, writeTypeScript } from './typescript/declarations.js';
export { type WriteBtfOptions, writeBtf } from './write.js';
