import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Degradation } from '../kernel/degradation.js';
import { reportDegraded } from './report-degraded.js';

const floats: Degradation = {
  name: 'btfFloats',
  what: 'floats became structs',
  why: 'Linux 5.13 brought it',
  since: '5.13',
};
const types: Degradation = {
  name: 'btf',
  what: 'loaded without BTF',
  why: 'load the BTF of x: Invalid',
  since: undefined,
};

/** What is said on stderr. */
function said(degraded: readonly Degradation[], verbose: boolean): string[] {
  const lines: string[] = [];
  const note = (text: string) => lines.push(text);
  const warn = (text: string) => lines.push(`warning: ${text}`);
  reportDegraded({ verbose, note, warn }, degraded);
  return lines;
}

test('what was done without is told with --verbose, and in any case that there are no types', () => {
  assert.deepEqual(said([floats, types], false), ['warning: loaded without BTF: load the BTF of x: Invalid']);
  assert.deepEqual(said([floats], true), [
    'floats became structs: Linux 5.13 brought it (not needed since Linux 5.13)',
  ]);
  assert.deepEqual(said([], true), []);
});
