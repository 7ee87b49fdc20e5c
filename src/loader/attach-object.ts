/** From an object file to a program on a device that stays there: what `attach` and `replace` do. */
import { XdpkitError } from '../errors/error.js';
import { keepMaps } from '../kernel/keep-maps.js';
import type { LoadOptions } from '../kernel/load.js';
import { readDriver } from '../linux/ethtool.js';
import { SyscallError } from '../linux/syscall-error.js';
import { type Attachment, chooseAttachment, readAttachments } from '../xdp/attachment.js';
import { type DeviceReference, openDevice } from '../xdp/device.js';
import type { XdpMode, XdpModeChoice } from '../xdp/mode.js';
import { replaceXdp } from '../xdp/replace.js';
import { chooseXdpProgram, type ProgramWish } from './choose-program.js';
import type { LoadedObject } from './loaded.js';
import type { OpenedObject } from './open.js';

export interface AttachObjectOptions extends DeviceReference, ProgramWish {
  readonly mode?: XdpModeChoice | undefined;
  /**
   * `refuse`: only to a device without a program; `allow`: in the place of one that may be there; `require`: only in
   * the place of one.
   */
  readonly replace: 'refuse' | 'allow' | 'require';
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
}

export interface ReplacedProgram {
  readonly before: Attachment;
  /** False where the mode changed, so that some packets met no program. */
  readonly atomic: boolean;
  /** Maps that the new program goes on with. */
  readonly keptMaps: readonly string[];
  readonly freshMaps: readonly { readonly name: string; readonly reason: string }[];
}

/** Loads one program of the object and leaves it attached. Errors: those of `load`, `attachXdp` and `replaceXdp`. */
export function attachObject(object: OpenedObject, options: AttachObjectOptions): AttachedObject {
  const choice = chooseXdpProgram(object.spec, options);
  using device = openDevice(options);
  const present = readAttachments(device);
  if (options.replace === 'require') chooseAttachment(device, present, modeOf(options.mode));
  if (present.length > 0 && options.replace !== 'refuse') return replaceBy(object, choice.name, options);
  using loaded = load(object, options, { programs: [choice] });
  const program = loaded.program(choice.name);
  using link = program.attachXdp({ device: options.device, netns: options.netns, mode: options.mode, pin: true });
  return {
    device: device.name,
    ifindex: device.ifindex,
    driver: device.run(() => readDriver(device.name))?.driver,
    program: { name: program.name, id: program.id },
    mode: link.mode,
    fallback: link.fallback,
    heldBy: link.heldBy,
    pinnedAt: link.pinnedAt,
    replaced: undefined,
  };
}

function replaceBy(object: OpenedObject, name: string, options: AttachObjectOptions): AttachedObject {
  using device = openDevice(options);
  const mode = modeOf(options.mode);
  const attachment = chooseAttachment(device, readAttachments(device), mode);
  using kept = keepMaps(object.spec, attachment.programId);
  const choice = chooseXdpProgram(object.spec, options);
  using loaded = load(object, options, { programs: [choice], maps: kept.maps });
  const program = loaded.program(name);
  const { before, atomic, ...now } = replaceXdp(program, { device: options.device, netns: options.netns, mode });
  const { holder } = chooseAttachment(device, readAttachments(device), now.mode);
  return {
    device: device.name,
    ifindex: device.ifindex,
    driver: device.run(() => readDriver(device.name))?.driver,
    program: { name: program.name, id: program.id },
    mode: now.mode,
    fallback: undefined,
    heldBy: holder.by === 'link' ? 'link' : 'netlink',
    pinnedAt: holder.by === 'link' ? holder.pins[0] : undefined,
    replaced: { before, atomic, keptMaps: [...kept.maps.keys()], freshMaps: kept.refused },
  };
}

/** What `auto` means for a device that has a program: the mode that it is in. */
function modeOf(mode: XdpModeChoice | undefined): XdpMode | undefined {
  return mode === 'auto' ? undefined : mode;
}

/** For offload the program is translated by the card's driver, so it is loaded for that device and no other. */
function load(object: OpenedObject, options: AttachObjectOptions, load: LoadOptions): LoadedObject {
  if (options.mode !== 'offload') return object.load(load);
  using device = openDevice(options);
  try {
    return device.run(() => object.load({ ...load, offloadTo: device.ifindex }));
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code === 'NOT_PERMITTED') throw error;
    throw new XdpkitError('MODE_UNSUPPORTED', `${device.what} does not take programs for offload: ${error.message}`, {
      hint: 'Few network cards run XDP themselves; use --mode native or auto.',
      cause: error,
    });
  }
}
