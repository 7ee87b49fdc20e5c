export { type ExecOptions, type ExecResult, execInHost } from './exec.js';
export { Lab, type LabHost, type LabSummary, listLabs, openLab } from './lab.js';
export type { Side } from './lab-name.js';
export { type LabOptions, labUp } from './lab-up.js';
export { type PingEvent, type PingOptions, type PingResult, ping } from './ping.js';
export { type LabRemoval, labDown, sweepLabs } from './remove.js';
