import { currentNetns, newNetworkNamespace } from './network-namespace.js';
import { mustCall } from './syscalls.js';

/**
 * Calls `callback`, which must be synchronous, in a network namespace that nobody else knows and that holds only a `lo`
 * with index 1; the kernel takes it down afterwards with all that is attached in it. Only this thread goes there. Needs
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
