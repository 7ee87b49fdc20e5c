export { buildPacket } from './build.js';
export { internetChecksum, pseudoHeader } from './checksum.js';
export { type DescribedField, type DescribedLayer, describePacket, type PacketDescription } from './describe.js';
export { type ChangedBytes, comparePackets, type PacketDifference } from './difference.js';
export { buildEthernet, type EthernetHeader, etherType, readEthernet } from './ethernet.js';
export { buildEcho, buildUnsummedEcho, type Echo, type IcmpMessage, readIcmp } from './icmp.js';
export { buildIp, type IpHeader, type IpPacket, ipProtocol, readIp } from './ip.js';
export { formatIp, type IpVersion, ipVersion, parseIp, parseIpv4, parseIpv6 } from './ip-address.js';
export { formatMac, parseMac } from './mac-address.js';
export { isPcap, readPcap } from './pcap.js';
export {
  isPcapng,
  type Pcapng,
  type PcapngInterface,
  type PcapngOption,
  type PcapngPacket,
  readPcapng,
} from './pcapng.js';
export {
  type InterfaceToWrite,
  interfaceBlock,
  type PacketToWrite,
  type PcapngToWrite,
  packetBlock,
  sectionBlock,
  writePcapng,
} from './pcapng-write.js';
export { formatPrefix, type Prefix, parseInterfaceAddress, parsePrefix, prefixContains, prefixOf } from './prefix.js';
export { PacketSyntaxError } from './syntax.js';
export { type Verdict, verdictName, verdictNumber, verdicts } from './verdict.js';
