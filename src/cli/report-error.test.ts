import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { VerifierError } from '../kernel/verifier-error.js';
import { diagnose } from '../verifier/diagnose.js';
import type { Context } from './context.js';
import { reportError } from './report-error.js';
import { Collector } from './run-words.test.support.js';

const plain = { json: false, verbose: false, quiet: false };

function report(
  error: unknown,
  flags: Partial<typeof plain> = {},
  options: { aborted?: boolean; color?: boolean } = {},
) {
  const stdout = new Collector();
  const stderr = new Collector();
  const context: Context = {
    stdout,
    stderr,
    environment: options.color ? { FORCE_COLOR: '1' } : {},
    signal: options.aborted ? AbortSignal.abort() : new AbortController().signal,
    handSignalsOver: () => {},
    afterDashes: undefined,
    process: { stdout, stderr },
  };
  const exitCode = reportError(error, context, { ...plain, ...flags });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

test('message, causes that add something, and hint; the exit code is of the code’s kind', () => {
  const cause = new Error('no such process', { cause: new Error('the kernel said ESRCH') });
  const error = new XdpkitError('DEVICE_NOT_FOUND', "there is no 'x0'", { hint: 'look again', cause });
  const { exitCode, stderr, stdout } = report(error);
  assert.equal(exitCode, 3);
  assert.equal(stdout, '');
  const expected = [
    "error: there is no 'x0'",
    'cause: no such process',
    'cause: the kernel said ESRCH',
    'hint: look again',
  ];
  assert.equal(stderr, `${expected.join('\n')}\n`);
  const repeated = new XdpkitError('FAILED', 'attach failed: busy', { cause: new Error('busy') });
  assert.equal(report(repeated).stderr, 'error: attach failed: busy\n');
});

test('the log only with --verbose', () => {
  const error = new XdpkitError('VERIFIER', 'line 3: bad access', { log: '0: r1 = 5\n1: exit\n' });
  const short = report(error);
  assert.equal(short.exitCode, 6);
  assert.doesNotMatch(short.stderr, /r1 = 5/);
  assert.match(short.stderr, /--verbose/);
  assert.match(report(error, { verbose: true }).stderr, /0: r1 = 5\n1: exit\n$/);
  assert.equal(report(new XdpkitError('VERIFIER', 'refused', { log: '\n' })).stderr, 'error: refused\n');
});

test('with --json one document with code, message, hint and log', () => {
  const error = new XdpkitError('VERIFIER', 'refused', { hint: 'h', log: 'l' });
  const { exitCode, stdout, stderr } = report(error, { json: true });
  assert.equal(exitCode, 6);
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), { error: { code: 'VERIFIER', message: 'refused', hint: 'h', log: 'l' } });
});

test('what programs may branch on is in the document; a cause behind the verifier only shows with --verbose', () => {
  const code = { name: 'drop', type: 'xdp', license: 'GPL', size: 4, functions: [] };
  const raw = '\treturn *p;';
  const lines = [{ at: 0, file: 'x.bpf.c', line: 7, column: 9, raw, text: raw.trim() }];
  const log = "3: (71) r0 = *(u8 *)(r1 +0)\nR1 invalid mem access 'scalar'\n";
  const cause = new Error('Permission denied (EACCES)');
  const error = new VerifierError(diagnose(log, { ...code, lines }), log, cause);
  const { details } = JSON.parse(report(error, { json: true }).stdout).error;
  assert.deepEqual(
    [details.program, details.kind, details.reason, details.instruction, details.source],
    [
      'drop',
      'invalid-dereference',
      "R1 invalid mem access 'scalar'",
      3,
      { file: 'x.bpf.c', line: 7, text: 'return *p;' },
    ],
  );
  const [message, source, caret, instruction, kernel, hint] = report(error).stderr.split('\n');
  assert.match(
    message ?? '',
    /^error: the verifier refused program "drop" at x\.bpf\.c:7: `return \*p;`: it uses p as/,
  );
  assert.equal(source, '> 7 |     return *p;');
  assert.equal(caret, '    |            ^');
  assert.equal(instruction, '  instruction  3: r0 = *(u8 *)(r1 +0)');
  assert.equal(kernel, "  kernel       R1 invalid mem access 'scalar'");
  assert.match(hint ?? '', /^hint: Take the address from where/);
  assert.doesNotMatch(report(error).stderr, /EACCES/);
  assert.match(report(error, { verbose: true }).stderr, /cause: Permission denied \(EACCES\)/);
});

test('an error that nobody foresaw shows its stack and asks for a report', () => {
  const { exitCode, stderr } = report(new TypeError('x is not a function'));
  assert.equal(exitCode, 1);
  assert.match(stderr, /^error: unexpected: x is not a function\nTypeError: .*\n {4}at .*please report/s);
  assert.equal(report('a string').exitCode, 1);
});

test('who interrupted is told nothing', () => {
  const error = new XdpkitError('INTERRUPTED', 'interrupted');
  assert.deepEqual(report(error, {}, { aborted: true }), { exitCode: 130, stdout: '', stderr: '' });
});

test('colours when they are asked for', () => {
  const esc = String.fromCharCode(27);
  assert.ok(report(new XdpkitError('FAILED', 'm'), {}, { color: true }).stderr.startsWith(`${esc}[1m${esc}[31merror:`));
});
