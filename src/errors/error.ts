import type { ErrorCode } from './codes.js';

export interface ErrorDetail {
  /** What the reader can do about it, as a sentence. */
  hint?: string | undefined;
  /** The whole story when there is one: a verifier's log, a compiler's output. */
  log?: string | undefined;
  cause?: unknown;
}

/**
 * The one error family. `message` is a sentence that names the object, what was tried and what the kernel said;
 * `code` is stable and meant for programs.
 */
export class XdpkitError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly log: string | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = detail.hint;
    this.log = detail.log;
  }

  /** What a program may branch on beyond the code, as plain data; `--json` shows it beside the message. */
  get details(): Readonly<Record<string, unknown>> | undefined {
    return undefined;
  }

  /** What people are shown between the message and the hint, a line each. */
  get story(): readonly string[] {
    return [];
  }
}

/** Bytes that do not follow their format: `where` names the section, file or message, `offset` is absolute in it. */
export class FormatError extends XdpkitError {
  readonly where: string;
  readonly offset: number;

  constructor(where: string, offset: number, problem: string, code: ErrorCode = 'MALFORMED') {
    super(code, `${where}, offset 0x${offset.toString(16)}: ${problem}`);
    this.where = where;
    this.offset = offset;
  }

  override get details(): Readonly<Record<string, unknown>> {
    return { where: this.where, offset: this.offset };
  }
}

/** A kernel feature that was asked for and is absent; `feature` is its name as in `xdpkit doctor`. */
export class UnsupportedFeatureError extends XdpkitError {
  readonly feature: string;

  constructor(feature: string, message: string, detail?: ErrorDetail) {
    super('UNSUPPORTED', message, detail);
    this.feature = feature;
  }

  override get details(): Readonly<Record<string, unknown>> {
    return { feature: this.feature };
  }
}
