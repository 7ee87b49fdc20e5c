#!/usr/bin/env node
import { constants } from 'node:os';
import { runCommandLine } from './application.js';

const controller = new AbortController();
let stoppedWith: number | undefined;

/** The first time the command is asked to clean up and end; who asks again does not want to wait for it. */
function stop(exitCode: number): void {
  if (stoppedWith !== undefined) process.exit(exitCode);
  stoppedWith = exitCode;
  controller.abort();
}

let signalsAreOurs = true;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (signalsAreOurs) stop(128 + constants.signals[signal]);
  });
}

function handSignalsOver(): void {
  signalsAreOurs = false;
}

// Who reads the output may have seen enough of it (`| head`): nothing to complain about. A full disk is, but what the
// command has made must be cleaned up all the same.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (stoppedWith !== undefined) return;
    stop(error.code === 'EPIPE' ? 0 : 1);
    if (error.code === 'EPIPE') return;
    // The command may have ended before its output was seen to fail.
    process.exitCode = 1;
    process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
  });
}

const { stdout, stderr, env: environment } = process;
const { signal } = controller;
const surroundings = { stdout, stderr, environment, signal, handSignalsOver };
const exitCode = await runCommandLine(process.argv.slice(2), surroundings);
process.exitCode = stoppedWith ?? exitCode;
