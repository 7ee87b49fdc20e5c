/** Asks the verifier about every program of an object, and leaves nothing in the kernel. */
import { XdpkitError } from '../errors/error.js';
import type { KernelLinkOptions } from '../kernel/link-for-kernel.js';
import { type LogTotals, readLog } from '../verifier/log.js';
import { loadAlone } from './load-alone.js';
import type { OpenedObject } from './open.js';

export interface VerifyOptions extends KernelLinkOptions {
  /** By the C function's name; all programs of the object unless given. */
  readonly program?: string | undefined;
  /** Kernel name, `xdp`, for programs whose section does not tell their type. */
  readonly type?: string | undefined;
  /** Keeps the verifier's log of every way through an accepted program; it is cut at 16 MiB. */
  readonly log?: boolean | undefined;
}

export interface VerifierAnswer {
  readonly name: string;
  readonly section: string;
  /** Kernel name; undefined where nothing tells it. */
  readonly type: string | undefined;
  /** Undefined where the kernel took no part in it. */
  readonly totals: LogTotals | undefined;
  /** Of the program in the kernel: instructions after the verifier's rewriting, and bytes of machine code. */
  readonly accepted: { readonly instructions: number; readonly jitedSize: number } | undefined;
  /** Why not, where it was not accepted: `VerifierError`, or what stood in the way before that. */
  readonly error: XdpkitError | undefined;
  readonly log: string | undefined;
}

const instructionSize = 8;

/**
 * Each program by itself, so that one that is refused hides no other; in the order of the object. What pinned maps hold
 * is not touched. Errors: `PROGRAM_NOT_FOUND`, BYTE_ORDER.
 */
export function verifyPrograms(object: OpenedObject, options: VerifyOptions = {}): VerifierAnswer[] {
  const { programs, name } = object.spec;
  const chosen = programs.filter((each) => options.program === undefined || each.name === options.program);
  if (chosen.length === 0) {
    const what = options.program === undefined ? 'no programs' : `no program "${options.program}"`;
    const names = programs.map((each) => each.name).join(', ');
    throw new XdpkitError('PROGRAM_NOT_FOUND', `${name} has ${what}`, { hint: names && `It has ${names}.` });
  }
  return chosen.map((program) => verify(object, program, options));
}

function verify(
  object: OpenedObject,
  { name, section, type: own }: OpenedObject['spec']['programs'][number],
  options: VerifyOptions,
): VerifierAnswer {
  const type = own ?? options.type;
  let said: string | undefined;
  const outcome = (): Pick<VerifierAnswer, 'accepted' | 'error'> => {
    try {
      using loaded = loadAlone(object, {
        program: name,
        type,
        kernelBtf: options.kernelBtf,
        kernelConfig: options.kernelConfig,
        verifierLog: {
          level: options.log ? 'everything' : 'totals',
          take: (_, log) => {
            said = log;
          },
        },
      });
      const { translatedSize, jitedSize } = loaded.program.info();
      return { accepted: { instructions: translatedSize / instructionSize, jitedSize }, error: undefined };
    } catch (error) {
      if (!(error instanceof XdpkitError) || error.code === 'BYTE_ORDER') throw error;
      return { accepted: undefined, error };
    }
  };
  const result = outcome();
  const totals = said === undefined ? undefined : readLog(said).totals;
  return { name, section, type, ...result, totals, log: options.log ? said : undefined };
}
