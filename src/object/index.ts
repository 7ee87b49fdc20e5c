export {
  type ChainMember,
  type ChainOptions,
  type LinkedChain,
  linkChain,
  type PlacedMember,
} from './chain/link-chain.js';
export { defaultRunConfig, type RunConfig, readRunConfig } from './chain/run-config.js';
export { type NameViews, type Probe, type Probes, type WrappedProgram, wrapProgram } from './chain/wrap.js';
export type { ModulesOfTarget, RelocationTarget } from './core/candidates.js';
export { type MinimalBtf, minimizeBtf } from './core/minimal.js';
export {
  type LinkedProgram,
  type LinkOptions,
  linkProgram,
  type MapReference,
  type UnresolvedReference,
} from './link.js';
export { type CompiledFunction, type CompiledInstruction, listCode, type NamedReference } from './list-code.js';
export { readObject } from './read.js';
export {
  ExternError,
  type ModuleReference,
  type ResolvedExtern,
  type ResolvedExterns,
  type UnresolvedExtern,
} from './resolved-externs.js';
export { type SectionDefinition, sectionDefinitions } from './sections.generated.js';
export { type ProgramKind, programKind } from './sections.js';
export type {
  CoreRelocation,
  ExternSpec,
  FunctionSpec,
  GlobalSpec,
  LineInfo,
  MapSpec,
  ObjectSpec,
  ProgramSpec,
  Reference,
  Remark,
  SettingShape,
  SlotSpec,
} from './spec.js';
