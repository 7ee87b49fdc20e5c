/** xdpkit: XDP for TypeScript. Everything that `import … from 'xdpkit'` gives. */
export type { BtfValue } from './btf/codec.js';
export type { SourceLine } from './btf/source-lines.js';
export {
  type AddToChainOptions,
  addToChain,
  changeMembers,
  type MemberChange,
  removeFromChain,
  reorderChain,
} from './chain/chain.js';
export type { VerdictCounter } from './chain/counters.js';
export type { ChangedChain, ChangedMember } from './chain/put-on.js';
export { type ReadChain, type ReadMember, readChain } from './chain/read.js';
export { type CompileOptions, type CompileResult, compileBpf } from './compile/compile.js';
export { type ErrorCode, errorCodes } from './errors/codes.js';
export { FormatError, UnsupportedFeatureError, XdpkitError } from './errors/error.js';
export {
  describeObject,
  type ExternDescription,
  type FunctionDescription,
  type GlobalDescription,
  type MapDescription,
  type ObjectDescription,
  type ProgramDescription,
} from './explain/describe-object.js';
export {
  type ExplainedHelper,
  explainHelper,
  type HelperPresence,
  type ListedHelper,
  listHelpers,
} from './explain/helpers.js';
export type { LeastRelease } from './explain/least-release.js';
export { type ExplainedMapType, explainMapType, listMapTypes } from './explain/maps.js';
export {
  type ExplainedProgramType,
  explainProgramType,
  type ListedProgramType,
  listProgramTypes,
} from './explain/programs.js';
export type { Since } from './explain/since.js';
export { type ExplainedVerdict, explainVerdicts, listVerdicts } from './explain/verdicts.js';
export type { ProgramChoice } from './kernel/choose-programs.js';
export { type ContextField, type ContextLayout, type ContextStep, readContextLayout } from './kernel/context-layout.js';
export type { ContextUse } from './kernel/context-uses.js';
export { createPlainMap, type PlainMap } from './kernel/create-plain-map.js';
export type { Degradation } from './kernel/degradation.js';
export {
  type EventOptions,
  EventReader,
  type EventStatistics,
  type RecordVisitor,
  waitForEvents,
} from './kernel/event-reader.js';
export { findMap } from './kernel/find-map.js';
export { findProgram } from './kernel/find-program.js';
export type { Globals } from './kernel/globals.js';
export type { MapInfo, ProgramInfo } from './kernel/info.js';
export { type ListedProgram, listPrograms } from './kernel/list-programs.js';
export type { LoadOptions } from './kernel/load.js';
export { type LoadFeatures, loadFeaturesOf } from './kernel/load-features.js';
export {
  type ListedMachineFunction,
  type ListedMachineInstruction,
  listMachineCode,
} from './kernel/machine-listing.js';
export { BpfMap, type MapDefinition, type UpdateMode } from './kernel/map.js';
export type { MapBatch } from './kernel/map-batch.js';
export { openMapById } from './kernel/map-create.js';
export { BloomFilter } from './kernel/maps/bloom-filter.js';
export { CgroupArray } from './kernel/maps/cgroup-array.js';
export { LpmTrie } from './kernel/maps/lpm-trie.js';
export { MapOfMaps } from './kernel/maps/map-of-maps.js';
export type { Owner } from './kernel/maps/owner.js';
export { ProgramArray } from './kernel/maps/program-array.js';
export {
  CpuMap,
  type CpuTarget,
  DeviceMap,
  type DeviceMapOptions,
  type DeviceTarget,
  type FoundCpu,
  type FoundDevice,
} from './kernel/maps/redirect-maps.js';
export { SocketMap } from './kernel/maps/socket-map.js';
export { type StackFrame, StackTraceMap } from './kernel/maps/stack-trace-map.js';
export { StorageMap } from './kernel/maps/storage-map.js';
export type { Migration } from './kernel/migrate-map.js';
export { openEvents, openPerfBuffer, openRingBuffer, openUserRingBuffer } from './kernel/open-events.js';
export { PerCpu } from './kernel/per-cpu.js';
export { PerfBuffer, type PerfBufferOptions } from './kernel/perf-buffer.js';
export type { PinMismatch } from './kernel/pinned-maps.js';
export type { TypeState } from './kernel/probe-types.js';
export { BpfProgram, openProgramById } from './kernel/program.js';
export { type ListedInstruction, listProgram } from './kernel/program-listing.js';
export { QueueMap } from './kernel/queue-map.js';
export { RingBuffer } from './kernel/ring-buffer.js';
export { type Reservation, UserRingBuffer } from './kernel/user-ring-buffer.js';
export { VerifierError } from './kernel/verifier-error.js';
export {
  type ExecOptions,
  type ExecResult,
  execInHost,
  type Lab,
  type LabHost,
  type LabOptions,
  type LabSummary,
  labDown,
  labUp,
  listLabs,
  openLab,
  type PingEvent,
  type PingOptions,
  type PingResult,
  ping,
} from './lab/index.js';
export type { WaitOptions } from './linux/readiness.js';
export { SyscallError } from './linux/syscall-error.js';
export {
  type AttachedObject,
  type AttachObjectOptions,
  attachObject,
  type ReplacedProgram,
} from './loader/attach-object.js';
export { type LoadPinnedOptions, loadPinned, type PinnedProgram } from './loader/load-pinned.js';
export { LoadedObject, LoadedProgram } from './loader/loaded.js';
export { OpenedObject, openObject, parseObject } from './loader/open.js';
export {
  type ObjectTypes,
  openTypedObject,
  parseTypedObject,
  TypedLoadedObject,
  TypedOpenedObject,
} from './loader/typed-object.js';
export { type VerifierAnswer, type VerifyOptions, verifyPrograms } from './loader/verify-programs.js';
export type { GlobalSpec, MapSpec, ObjectSpec, ProgramSpec, SlotSpec } from './object/spec.js';
export { buildPacket } from './packet/build.js';
export { describePacket, type PacketDescription } from './packet/describe.js';
export { type Verdict, verdicts } from './packet/verdict.js';
export { listTemplates, type ProjectOptions, type StartedProject, startProject } from './project/start-project.js';
export { drawReferences, stepsOf, verdictOf } from './refs/describe.js';
export type {
  Circle,
  HeldObject,
  Hold,
  Holder as ReferenceHolder,
  KernelObject,
  References,
  Root,
} from './refs/reference.js';
export { findReferences } from './refs/refs.js';
export { type Rate, ratesBetween, type Sample, StatisticsReader } from './stats/reader.js';
export { refusalKinds, type VerifierDiagnosis } from './verifier/diagnose.js';
export { attachXdp, type XdpAttachOptions } from './xdp/attach.js';
export type { Attachment } from './xdp/attachment.js';
export { detachXdp, type XdpDetachOptions } from './xdp/detach.js';
export type { DeviceReference } from './xdp/device.js';
export type { Holder } from './xdp/holder.js';
export type { XdpMode, XdpModeChoice } from './xdp/mode.js';
export type { Occupant } from './xdp/occupant.js';
export { type Replacement, replaceXdp, type XdpReplaceOptions } from './xdp/replace.js';
export { type LiveRun, type LiveRunOptions, runLive } from './xdp/run-live.js';
export { type PacketRun, type PacketRunOptions, runPacket } from './xdp/run-packet.js';
export {
  type DeviceStatus,
  type MachineStatus,
  type NetnsStatus,
  type RefusedNetns,
  readStatus,
  readStatusOfAllNetns,
} from './xdp/status.js';
export { type PacketTime, timeProgram } from './xdp/time-program.js';
export type { XdpLink } from './xdp/xdp-link.js';
