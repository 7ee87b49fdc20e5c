export { type LinkedProgram, linkProgram, type MapReference } from './link.js';
export { readObject } from './read.js';
export { type SectionDefinition, sectionDefinitions } from './sections.generated.js';
export { type ProgramKind, programKind } from './sections.js';
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
