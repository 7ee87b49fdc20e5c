export { Btf, readBtf } from './btf.js';
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
