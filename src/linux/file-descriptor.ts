import { XdpkitError } from '../errors/error.js';
import { mustCall, systemCall } from './syscalls.js';

/** F_DUPFD_CLOEXEC. */
const duplicateCloseOnExec = 1030;

/** Owns one file descriptor and closes it once. */
export class FileDescriptor {
  #number: number;
  readonly #what: string;

  /** `what` names the thing in errors: "map xdp_stats". */
  constructor(number: number, what = 'file descriptor') {
    this.#number = number;
    this.#what = what;
  }

  /** Throws `CLOSED` after `close()`: the number may belong to something else by then. */
  get number(): number {
    if (this.#number < 0) throw new XdpkitError('CLOSED', `${this.#what} was used after it was closed`);
    return this.#number;
  }

  get closed(): boolean {
    return this.#number < 0;
  }

  close(): void {
    if (this.#number < 0) return;
    const number = this.#number;
    this.#number = -1;
    // The kernel frees the number even where close reports an error, so there is nothing to try again.
    systemCall('close', number);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Another number for the same thing, owned by itself; children do not inherit it. */
export function duplicateDescriptor(number: number, what: string): FileDescriptor {
  return new FileDescriptor(
    mustCall('fcntl', `duplicate the descriptor of ${what}`, [number, duplicateCloseOnExec, 0]),
    what,
  );
}
