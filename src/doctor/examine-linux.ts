/** Apart from `examine`, as other systems have no libc that could be called. */
import { ensureBpfFileSystem } from '../kernel/bpf-file-system.js';
import { examineCompiler } from './compiler.js';
import { examineFeatures } from './features.js';
import { examineFileSystems } from './file-systems.js';
import type { Files } from './files.js';
import type { Finding } from './finding.js';
import { examineKernelSettings } from './kernel-settings.js';
import { examineLeftovers } from './leftovers.js';
import { examinePrivileges } from './privileges.js';
import { examineRelease } from './release.js';

export async function examineLinux(files: Files, release: string): Promise<Finding[]> {
  return [
    examineRelease(release),
    ...examinePrivileges(files, release),
    ...examineKernelSettings(files, release),
    ...examineFileSystems(files, ensureBpfFileSystem),
    ...examineFeatures(),
    ...(await examineCompiler()),
    ...examineLeftovers(),
  ];
}
