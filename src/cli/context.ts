/** Everything that a command touches of its process, injected, so that commands test without one. */
import type { CommandContext, StricliProcess } from '@stricli/core';

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width in characters, where it is a terminal. */
  readonly columns?: number | undefined;
}

export interface Context extends CommandContext {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, SIGTERM, or a closed pipe: a command then cleans up and returns. */
  readonly signal: AbortSignal;
  /** Leaves signals to what the command runs: from then on they end nothing here. */
  readonly handSignalsOver: () => void;
  /** The words behind `--`, where it was given: `lab exec` must know where its command begins. */
  readonly afterDashes: readonly string[] | undefined;
  /** What the parser writes to; commands use the streams above. */
  readonly process: StricliProcess;
}
