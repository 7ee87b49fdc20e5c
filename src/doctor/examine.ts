/** What this machine has of what xdpkit needs, and what is lost without it. */
import { release } from 'node:os';
import { filesUnder } from './files.js';
import type { Finding } from './finding.js';
import { examineSystem } from './system.js';

/**
 * Looks at everything, in the order of a report. It works for any user, and off Linux. What it changes on the machine is
 * only what it then says (`fixed`): it mounts the BPF file system where that is missing, and removes what runs of
 * xdpkit that were cut off have left.
 */
export async function examine(): Promise<Finding[]> {
  const { platform, arch: architecture, versions } = process;
  const system = examineSystem({ platform, architecture, node: versions.node });
  if (platform !== 'linux') return system;
  const { examineLinux } = await import('./examine-linux.js');
  return [...system, ...(await examineLinux(filesUnder(), release()))];
}
