import { buildCommand, type Command, type TypedCommandParameters } from '@stricli/core';
import type { Context } from './context.js';
import { createOutput, type Output, type OutputFlags } from './output.js';
import { reportError } from './report-error.js';

export interface CommandDefinition<Flags extends Readonly<Record<string, unknown>>, Words extends readonly unknown[]> {
  /** One line, without a full stop: it stands in the list of commands. */
  readonly brief: string;
  readonly description?: string;
  readonly usage?: readonly string[];
  readonly parameters: NoInfer<TypedCommandParameters<Flags, Words, Context>>;
  /**
   * Does the work; it imports its feature only here, so that a command loads nothing that it does not need. What it
   * throws is reported; a number that it returns is the exit code.
   */
  run(run: Run<Flags>, ...words: Words): Promise<number | undefined>;
}

export interface Run<Flags> {
  readonly flags: Flags & OutputFlags;
  readonly output: Output;
  readonly context: Context;
}

const outputFlags = {
  json: { kind: 'boolean', brief: 'Print one JSON document instead of text', optional: true, withNegated: false },
  verbose: { kind: 'boolean', brief: 'Show logs in full', optional: true, withNegated: false },
  quiet: { kind: 'boolean', brief: 'Print results only, no talk', optional: true, withNegated: false },
} as const;

/** The flag of every command that names a device. */
export const netnsFlag = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: 'Network namespace: a name, a path or a process id',
  placeholder: 'NAME|PATH|PID',
} as const;

/** A command with the flags that every command has. */
export function defineCommand<Flags extends Readonly<Record<string, unknown>>, Words extends readonly unknown[]>(
  definition: CommandDefinition<Flags, Words>,
): Command<Context> {
  const { brief, description, usage, parameters, run } = definition;
  type AllFlags = Flags & Partial<OutputFlags>;
  // Flags of the definition and of all commands are both checked; that their union fits needs to be said.
  const all = {
    ...parameters,
    flags: { ...withPlaceholders(parameters.flags ?? {}), ...outputFlags },
  } as unknown as TypedCommandParameters<AllFlags, Words, Context>;
  return buildCommand<AllFlags, Words, Context>({
    parameters: all,
    docs: {
      brief,
      ...(description === undefined ? {} : { fullDescription: description }),
      ...(usage === undefined ? {} : { customUsage: usage }),
    },
    async func(given: AllFlags, ...words: Words) {
      const { json = false, verbose = false, quiet = false } = given;
      const flags = { ...given, json, verbose, quiet };
      try {
        const output = createOutput(this, flags);
        this.process.exitCode = (await run({ flags, output, context: this }, ...words)) ?? 0;
      } catch (error) {
        this.process.exitCode = reportError(error, this, flags);
      }
    },
  });
}

/** The list of flags has no room for what a flag's value is; the usage line that has shows required flags only. */
function withPlaceholders(flags: object): object {
  return Object.fromEntries(
    Object.entries(flags as Record<string, { brief: string; placeholder?: string }>).map(([name, flag]) => [
      name,
      flag.placeholder === undefined ? flag : { ...flag, brief: `${flag.placeholder}: ${flag.brief}` },
    ]),
  );
}
