/** From an object file to a program on a device that stays there: what `attach` and `replace` do. */
import { XdpkitError } from '../errors/error.js';
import type { Degradation } from '../kernel/degradation.js';
import { keepMaps } from '../kernel/keep-maps.js';
import type { KernelLinkOptions } from '../kernel/link-for-kernel.js';
import type { LoadOptions } from '../kernel/load.js';
import type { Migration } from '../kernel/migrate-map.js';
import type { PinMismatch } from '../kernel/pinned-maps.js';
import { readDriver } from '../linux/ethtool.js';
import { SyscallError } from '../linux/syscall-error.js';
import { type Attachment, attachmentError, chooseAttachment, readAttachments } from '../xdp/attachment.js';
import { type DeviceHandle, type DeviceReference, openDevice } from '../xdp/device.js';
import type { XdpMode, XdpModeChoice } from '../xdp/mode.js';
import { type HeldArrays, holdProgramArrays } from '../xdp/program-arrays.js';
import { replaceXdp } from '../xdp/replace.js';
import { chooseXdpProgram, type ProgramWish } from './choose-program.js';
import { withoutPins } from './load-alone.js';
import type { LoadedObject } from './loaded.js';
import type { OpenedObject } from './open.js';

export interface AttachObjectOptions extends DeviceReference, ProgramWish, KernelLinkOptions {
  readonly mode?: XdpModeChoice | undefined;
  /**
   * `refuse`: only to a device without a program; `allow`: in the place of one that may be there; `require`: only in
   * the place of one.
   */
  readonly replace: 'refuse' | 'allow' | 'require';
  /** Where a pinned map has another shape than the object asks for: `fail` unless given. */
  readonly pinMismatch?: PinMismatch | undefined;
}

export interface AttachedObject {
  readonly device: string;
  readonly ifindex: number;
  /** As the driver tells it, `veth`. */
  readonly driver: string | undefined;
  readonly program: { readonly name: string; readonly id: number };
  readonly mode: XdpMode;
  /** Why native mode was not to be had, where `auto` fell back. */
  readonly fallback: string | undefined;
  readonly heldBy: 'link' | 'netlink';
  readonly pinnedAt: string | undefined;
  readonly replaced: ReplacedProgram | undefined;
  /** What was carried over from pinned maps of another shape. */
  readonly migrations: readonly Migration[];
  /** What was done without, as the kernel does not know it. */
  readonly degraded: readonly Degradation[];
}

export interface ReplacedProgram {
  readonly before: Attachment;
  /** False where the mode changed, so that some packets met no program. */
  readonly atomic: boolean;
  /** Maps that the new program goes on with. */
  readonly keptMaps: readonly string[];
  readonly freshMaps: readonly { readonly name: string; readonly reason: string }[];
}

export interface VerifiedProgram {
  readonly name: string;
  /** What was done without, as the kernel does not know it. */
  readonly degraded: readonly Degradation[];
  /** Bytes of instructions after the verifier's rewriting. */
  readonly translatedSize: number;
  /** Bytes of machine code; 0 where the JIT is off. */
  readonly jitedSize: number;
}

/**
 * Loads one program of the object and leaves it attached, pinned where a link holds it. In the place of another program
 * it goes on with that one's maps of the same name and shape, contents and all. Where it fails, nothing of the object
 * stays. Errors: those of `load`, `attachXdp` and `replaceXdp`.
 */
export function attachObject(object: OpenedObject, options: AttachObjectOptions): AttachedObject {
  const choice = chooseXdpProgram(object.spec, options);
  using device = openDevice(options);
  const target = { device: options.device, netns: options.netns };
  const present = readAttachments(device);
  if (present.length > 0 && options.replace === 'refuse') throw attachmentError('ATTACH_EXISTS', device, present);
  const mode = options.mode === 'auto' ? undefined : options.mode;
  const replaced =
    present.length > 0 || options.replace === 'require' ? chooseAttachment(device, present, mode) : undefined;
  using kept = replaced && keepMaps(object.spec, replaced.programId);
  const { pinMismatch, kernelBtf, kernelConfig } = options;
  const wishes = { programs: [choice], maps: kept?.maps, pinMismatch, kernelBtf, kernelConfig };
  using loaded = load(object, device, options.mode, wishes);
  let arrays: HeldArrays | undefined;
  try {
    arrays = holdProgramArrays(device, loaded.maps.values(), replaced);
    const program = loaded.program(choice.name);
    const common = {
      device: device.name,
      ifindex: device.ifindex,
      driver: device.run(() => readDriver(device.name))?.driver,
      program: { name: program.name, id: program.id },
      migrations: loaded.migrations,
      degraded: loaded.degraded,
    };
    if (replaced === undefined) {
      using link = program.attachXdp({ ...target, mode: options.mode, pin: true });
      const { mode, fallback, heldBy, pinnedAt } = link;
      arrays.settle();
      return { ...common, mode, fallback, heldBy, pinnedAt, replaced: undefined };
    }
    const { before, atomic, ...now } = replaceXdp(program, { ...target, mode, expected: replaced.programId });
    arrays.settle();
    const keptMaps = [...(kept?.maps.keys() ?? [])];
    const isMigrated = ({ name }: { name: string }) => loaded.migrations.some(({ map }) => map === name);
    const refused = kept?.refused.filter((each) => !isMigrated(each)) ?? [];
    const replacedProgram = { before, atomic, keptMaps, freshMaps: [...refused, ...freshData(object)] };
    return { ...common, ...now, fallback: undefined, replaced: replacedProgram };
  } catch (error) {
    arrays?.undo();
    loaded.removeNewPins();
    throw error;
  }
}

/** Asks the verifier and leaves nothing: neither attached, nor pinned, nor loaded. Errors: those of `load`. */
export function verifyObject(object: OpenedObject, options: AttachObjectOptions): VerifiedProgram {
  const choice = chooseXdpProgram(object.spec, options);
  using device = openDevice(options);
  // A pinned map that would be replaced is left alone.
  const mayReplacePins = options.pinMismatch !== undefined && options.pinMismatch !== 'fail';
  const tried = mayReplacePins ? withoutPins(object) : object;
  const { kernelBtf, kernelConfig } = options;
  using loaded = load(tried, device, options.mode, { programs: [choice], kernelBtf, kernelConfig });
  loaded.removeNewPins();
  const { translatedSize, jitedSize } = loaded.program(choice.name).info();
  return { name: choice.name, degraded: loaded.degraded, translatedSize, jitedSize };
}

/** A counter in a global variable begins anew, which its owner should know. */
function freshData({ spec }: OpenedObject): { name: string; reason: string }[] {
  const names = spec.maps.filter(({ origin, readOnly }) => origin === 'data' && !readOnly).map(({ name }) => name);
  return names.map((name) => ({ name, reason: 'global variables start anew' }));
}

/** For offload the program is translated by the card's driver, so it is loaded for that device and no other. */
function load(
  object: OpenedObject,
  device: DeviceHandle,
  mode: XdpModeChoice | undefined,
  options: LoadOptions,
): LoadedObject {
  if (mode !== 'offload') return object.load(options);
  try {
    return device.run(() => object.load({ ...options, offloadTo: device.ifindex }));
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code === 'NOT_PERMITTED') throw error;
    const driver = device.run(() => readDriver(device.name))?.driver ?? 'without a name';
    const words = `${device.what} cannot run programs itself: its driver, ${driver}, refused to ${error.message}`;
    throw new XdpkitError('MODE_UNSUPPORTED', words, {
      hint: 'Few network cards run XDP themselves; use --mode native or auto.',
      cause: error,
    });
  }
}
