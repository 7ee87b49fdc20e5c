export { type LinkedProgram, linkProgram, type MapReference } from './link.js';
export { readObject } from './read.js';
export { type ProgramKind, programKind, programSections } from './sections.js';
export type {
  CoreRelocation,
  FunctionSpec,
  GlobalSpec,
  LineInfo,
  MapSpec,
  ObjectSpec,
  ProgramSpec,
  Reference,
  SlotSpec,
} from './spec.js';
