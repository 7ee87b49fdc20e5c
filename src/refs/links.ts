/** The links of the kernel, and what else than their programs they hold. */
import { type LinkInfo, readInfo, readLinkInfo } from '../kernel/info.js';
import { listIds, openById } from '../kernel/iterate.js';
import { type LinkTarget, readLinkTarget } from '../kernel/link-target.js';

export interface HoldingLink extends LinkInfo {
  readonly target: LinkTarget;
  /** Of a link that starts a scheduler or congestion control, or reads a map's entries. */
  readonly mapId: number | undefined;
  /** Of a link of an extension, the program that it is in. */
  readonly targetProgramId: number | undefined;
}

const infoSize = 64;

/** `programType` tells the type of a program by its id. */
export function listHoldingLinks(programType: (id: number) => string | undefined): HoldingLink[] {
  return [...listIds('link')].flatMap((id) => {
    using fd = openById('link', id);
    if (fd === undefined) return [];
    const link = readLinkInfo(fd.number);
    const info = readInfo(fd.number, infoSize, 'link');
    // struct bpf_link_info: struct_ops.map_id 16, iter.map.map_id 28, tracing.target_obj_id 20
    const mapId = link.type === 'struct_ops' ? info.getU32(16) : link.type === 'iter' ? info.getU32(28) : 0;
    // Extensions are in programs always; what other tracing programs are in may be the kernel, whose BTF has ids too.
    const isExtension = link.type === 'tracing' && programType(link.programId) === 'ext';
    return [
      {
        ...link,
        target: readLinkTarget(fd.number),
        mapId: mapId || undefined,
        targetProgramId: isExtension ? info.getU32(20) : undefined,
      },
    ];
  });
}
