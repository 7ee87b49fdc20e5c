import { currentNetns, newNetworkNamespace } from './network-namespace.js';
import { mustCall } from './syscalls.js';

/**
 * Calls `callback`, which must be synchronous, in a network namespace that nobody else knows; the kernel takes it down
 * afterwards, with the devices that were made and all that was attached in it. Only this thread goes there. Needs
 * CAP_SYS_ADMIN.
 */
export function runInFreshNetns<Result>(callback: () => Result): Result {
  using before = currentNetns();
  mustCall('unshare', 'make a network namespace', [newNetworkNamespace], {
    hint: 'Making a network namespace needs CAP_SYS_ADMIN: run as root.',
  });
  try {
    return callback();
  } finally {
    mustCall('setns', 'return to the network namespace of before', [before.fd, newNetworkNamespace]);
  }
}
