import { XdpkitError } from '../errors/error.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { kernelName } from './bpf.js';
import { openById } from './iterate.js';
import { describeProgram, type ListedProgram, listPrograms } from './list-programs.js';
import { openPinned } from './pin.js';
import { BpfProgram } from './program.js';

/**
 * Opens the program that a person means: an id (`17`), the path of a pin (with a slash in it), or a name, in full or as
 * the kernel cut it. Errors: `PROGRAM_NOT_FOUND`, `PROGRAM_AMBIGUOUS` for a name that several programs have.
 */
export function findProgram(reference: string): BpfProgram {
  if (/^\d+$/.test(reference)) return openFound(Number(reference), `there is no program with id ${reference}`);
  if (reference.includes('/')) {
    const fd = openPinned(reference, 'program', 'program');
    return fd ? openProgram(fd) : refuse(`there is no program pinned at ${reference}`);
  }
  const [found, ...others] = [...listPrograms()].filter((each) => isNamed(each, reference));
  if (found === undefined) return refuse(`there is no program named "${reference}"`);
  if (others.length > 0) {
    const all = [found, ...others].map(({ id, type }) => `${id} (${type})`).join(', ');
    throw new XdpkitError('PROGRAM_AMBIGUOUS', `several programs are named "${reference}": ${all}`, {
      hint: 'Give the id of one of them, or where it is pinned.',
    });
  }
  return openFound(found.id, `program ${found.id}, "${reference}", is gone`);
}

/** A program whose full name is not known is taken for the one that is meant, as its cut name fits. */
function isNamed({ name, fullName }: ListedProgram, wanted: string): boolean {
  return name === wanted || fullName === wanted || (fullName === name && name === kernelName(wanted));
}

function openFound(id: number, otherwise: string): BpfProgram {
  const fd = openById('program', id);
  return fd ? openProgram(fd) : refuse(otherwise);
}

/** Takes over the descriptor. */
export function openProgram(fd: FileDescriptor): BpfProgram {
  const { fullName, type } = describeProgram(fd.number);
  return new BpfProgram(fd, fullName, type);
}

function refuse(message: string): never {
  throw new XdpkitError('PROGRAM_NOT_FOUND', message, { hint: '`xdpkit prog ls` lists those that there are.' });
}
