/** A program for trying out: in the kernel for as long as it is held here, with maps that nobody else sees. */

import type { Degradation } from '../kernel/degradation.js';
import type { KernelLinkOptions } from '../kernel/link-for-kernel.js';
import type { LoadOptions } from '../kernel/load.js';
import type { BpfProgram } from '../kernel/program.js';
import { chooseProgram } from './choose-program.js';
import { OpenedObject } from './open.js';

export interface LoadAloneOptions extends KernelLinkOptions {
  /** The C function's name; may be left out for an object with one program. */
  readonly program?: string | undefined;
  /** Kernel name, `xdp`, where the section does not tell the type. */
  readonly type?: string | undefined;
  /** Has the verifier talk about it even if it accepts it. */
  readonly verifierLog?: LoadOptions['verifierLog'];
}

/** Errors: those of `load`, `PROGRAM_AMBIGUOUS`. */
export function loadAlone(
  object: OpenedObject,
  options: LoadAloneOptions,
): Disposable & { readonly program: BpfProgram; readonly degraded: readonly Degradation[] } {
  const choice = chooseProgram(object.spec, options);
  const { verifierLog, kernelBtf, kernelConfig } = options;
  const loaded = withoutPins(object).load({ programs: [choice], verifierLog, kernelBtf, kernelConfig });
  const program = loaded.program(typeof choice === 'string' ? choice : choice.name);
  return { program, degraded: loaded.degraded, [Symbol.dispose]: () => loaded[Symbol.dispose]() };
}

/** The object with maps of its own in any case: pinned ones may be those of a program that carries traffic. */
export function withoutPins(object: OpenedObject): OpenedObject {
  const maps = object.spec.maps.map((map) => ({ ...map, pinning: 'none' as const }));
  return new OpenedObject({ ...object.spec, maps });
}
