import { readFile } from 'node:fs/promises';
import {
  type ApplicationText,
  ArgumentScannerError,
  buildApplication,
  formatMessageForArgumentScannerError,
  run,
  text_en,
} from '@stricli/core';
import { XdpkitError } from '../errors/error.js';
import { commands } from './commands.js';
import type { Context } from './context.js';
import { reportError } from './report-error.js';

const text: ApplicationText = {
  ...text_en,
  briefs: {
    ...text_en.briefs,
    help: 'Print this help',
    version: 'Print the version',
    argumentEscapeSequence: 'What follows is no option',
  },
  exceptionWhileParsingArguments: (error) =>
    error instanceof ArgumentScannerError
      ? formatMessageForArgumentScannerError(error, {
          ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, exception }) =>
            `${name}: ${exception instanceof Error ? exception.message : String(exception)}`,
          FlagNotFoundError: ({ input, corrections }) =>
            `there is no flag --${input} here${corrections.length > 0 ? `, did you mean ${corrections.map((flag) => `--${flag}`).join(' or ')}?` : ''}`,
          EnumValidationError: ({ externalFlagName, input, values }) =>
            `--${externalFlagName} is one of ${values.join(', ')}, not '${input}'`,
          UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} is missing`,
          UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} wants a value, or is missing`,
          UnexpectedPositionalError: ({ input }) => `'${input}' is a word too many`,
        })
      : String(error),
  noCommandRegisteredForInput: ({ input, corrections }) =>
    `there is no command '${input}'${corrections.length > 0 ? `, did you mean ${corrections.join(' or ')}?` : ''}`,
};

export const application = buildApplication(commands, {
  name: 'xdpkit',
  versionInfo: { getCurrentVersion },
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { disableAnsiColor: true, useAliasInUsageLine: true, onlyRequiredInUsageLine: true },
  localization: { text },
});

/** The same from dist/cli and from the bundle in dist/bin: both lie two folders below the package. */
async function getCurrentVersion(): Promise<string> {
  const manifest: { version: string } = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return manifest.version;
}

/** The streams and settings that a whole run of the command line is given. */
export type Surroundings = Pick<Context, 'stdout' | 'stderr' | 'environment' | 'signal' | 'handSignalsOver'>;

/** Runs the command line `words` (without `xdpkit`) to its end; gives the exit code. */
export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, environment } = surroundings;
  const complaints: string[] = [];
  const stderr = { write: (complaint: string) => void complaints.push(complaint) };
  const process = {
    stdout,
    stderr,
    env: environment as Record<string, string>,
    exitCode: null as number | null,
  };
  const dashes = words.indexOf('--');
  const afterDashes = dashes === -1 ? undefined : words.slice(dashes + 1);
  const context: Context = { ...surroundings, afterDashes, process };
  await run(application, words, context);
  // Commands report by themselves: what is left on the parser's stderr is about the words it was given.
  if (complaints.length === 0) return process.exitCode ?? 0;
  return reportError(usageError(complaints, words), context, {
    json: words.slice(0, dashes === -1 ? undefined : dashes).includes('--json'),
    verbose: false,
    quiet: false,
  });
}

function usageError(complaints: readonly string[], words: readonly string[]): XdpkitError {
  const message = complaints.map((complaint) => complaint.trimEnd()).join('; ');
  const command = commandOf(words);
  return new XdpkitError('USAGE', message, {
    hint: `\`${['xdpkit', ...command, '--help'].join(' ')}\` tells how it is used`,
  });
}

/** The words that name a command, as far as there is one. */
function commandOf(words: readonly string[]): string[] {
  const named: string[] = [];
  let target: ReturnType<typeof commands.getRoutingTargetForInput> = commands;
  for (const word of words) {
    if (target === undefined || !('getRoutingTargetForInput' in target)) break;
    target = target.getRoutingTargetForInput(word);
    if (target !== undefined) named.push(word);
  }
  return named;
}
