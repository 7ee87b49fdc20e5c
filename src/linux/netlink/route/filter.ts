/** Filters of traffic control that are BPF programs. Source: `include/uapi/linux/pkt_cls.h`, `net/sched/cls_bpf.c`. */
import { PayloadWriter, readAttributeMap, readText } from '../message.js';
import type { NetlinkSocket } from '../socket.js';

const getQueueing = 38;
const getFilter = 46;
const kindAttribute = 1;
const optionsAttribute = 2;
const programId = 11;
/** TC_H_CLSACT with TC_H_MIN_INGRESS and TC_H_MIN_EGRESS. */
const ingress = 0xffff_fff2;
const egress = 0xffff_fff3;

export interface BpfFilter {
  readonly ifindex: number;
  readonly programId: number;
  readonly preference: number;
  /** `ingress`, `egress`, or the handle of the queueing discipline, `1:0`. */
  readonly hook: string;
}

/** Of all devices of the socket's network namespace. Filters tell their program's id since Linux 4.13. */
export function listBpfFilters(route: NetlinkSocket): BpfFilter[] {
  return route.dump('list queueing disciplines', getQueueing, trafficMessage(0, 0)).flatMap(({ payload }) => {
    const { ifindex, handle } = readTrafficMessage(payload);
    const kind = readAttributeMap(payload).get(kindAttribute);
    const name = kind ? readText(kind) : '';
    // One that was made by default has no handle, and no filters.
    if (handle === 0) return [];
    const parents = name === 'clsact' ? [ingress, egress] : name === 'ingress' ? [ingress] : [handle];
    return parents.flatMap((parent) => filtersOf(route, ifindex, parent));
  });
}

function filtersOf(route: NetlinkSocket, ifindex: number, parent: number): BpfFilter[] {
  return route.dump('list filters', getFilter, trafficMessage(ifindex, parent)).flatMap(({ payload }) => {
    const { info } = readTrafficMessage(payload);
    const options = readAttributeMap(payload).get(optionsAttribute);
    const id = options && readAttributeMap(options).get(programId)?.u32();
    if (id === undefined) return [];
    return [{ ifindex, programId: id, preference: info >>> 16, hook: hookName(parent) }];
  });
}

function hookName(parent: number): string {
  if (parent === ingress) return 'ingress';
  if (parent === egress) return 'egress';
  return `${(parent >>> 16).toString(16)}:${(parent & 0xffff).toString(16)}`;
}

/** struct tcmsg: family, padding, ifindex, handle, parent, info. */
function trafficMessage(ifindex: number, parent: number): Uint8Array {
  return new PayloadWriter().u32(0).i32(ifindex).u32(0).u32(parent).u32(0).finish();
}

function readTrafficMessage(payload: Parameters<typeof readAttributeMap>[0]) {
  payload.skip(4);
  const [ifindex, handle, parent, info] = [payload.u32(), payload.u32(), payload.u32(), payload.u32()];
  return { ifindex, handle, parent, info };
}
