/** `struct xdp_md` as BPF_PROG_TEST_RUN takes and gives it: with lengths in the place of addresses. Since Linux 5.15. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';

export interface XdpContext {
  /** Bytes of metadata that stand before the packet in `data`: a multiple of 4, at most 252. */
  readonly metadataLength: number;
  /** Of the present network namespace; 0 for none, when the program finds that of `lo`. */
  readonly ingressIfindex: number;
  readonly rxQueueIndex: number;
}

// data 0, data_end 4, data_meta 8, ingress_ifindex 12, rx_queue_index 16, egress_ifindex 20
const size = 24;

/** `dataLength`: of metadata and packet together. */
export function xdpContext(context: XdpContext, dataLength: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(size));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, context.metadataLength, hostIsLittleEndian);
  view.setUint32(4, dataLength, hostIsLittleEndian);
  view.setUint32(12, context.ingressIfindex, hostIsLittleEndian);
  view.setUint32(16, context.rxQueueIndex, hostIsLittleEndian);
  return bytes;
}

export function metadataLengthOf(context: Uint8Array): number {
  return new DataView(context.buffer, context.byteOffset).getUint32(0, hostIsLittleEndian);
}
