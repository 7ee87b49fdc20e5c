/** The kernel's verifier log read and explained, anywhere: nothing here touches a kernel. */
export { diagnose, refusalKinds, type VerifierDiagnosis } from './diagnose.js';
export type { Access } from './kind.js';
export { type LogStep, type LogTotals, readLog, type VerifierLog } from './log.js';
export type { Branch, CodeLine, RefusedCode, SourcePlace } from './refusal.js';
export { renderDiagnosis } from './render.js';
export type { KernelReport } from './report.js';
export { describeState, type RegisterState, readState } from './state.js';
