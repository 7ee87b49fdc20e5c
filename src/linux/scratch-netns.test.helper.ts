import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { createNetns, deleteNetns, listNetns } from './named-netns.js';
import type { NetworkNamespace } from './network-namespace.js';

const prefix = 'xdpkit-test';

/** A named network namespace that goes with the test; those of test processes that were killed go first. */
export function scratchNetns(test: TestContext): NetworkNamespace {
  for (const name of listNetns()) {
    const pid = /^xdpkit-test-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) deleteNetns(name);
  }
  const name = scratchName();
  const netns = createNetns(name);
  test.after(() => {
    netns.close();
    deleteNetns(name);
  });
  return netns;
}

export function scratchName(): string {
  return `${prefix}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
