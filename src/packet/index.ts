export { internetChecksum, pseudoHeader } from './checksum.js';
export { buildEthernet, type EthernetHeader, etherType, readEthernet } from './ethernet.js';
export { buildEcho, buildUnsummedEcho, type Echo, type IcmpMessage, readIcmp } from './icmp.js';
export { buildIp, type IpHeader, type IpPacket, ipProtocol, readIp } from './ip.js';
export { formatIp, type IpVersion, ipVersion, parseIp, parseIpv4, parseIpv6 } from './ip-address.js';
export { formatMac, parseMac } from './mac-address.js';
export { formatPrefix, type Prefix, parseInterfaceAddress, parsePrefix, prefixContains, prefixOf } from './prefix.js';
export { type Verdict, verdictName, verdictNumber, verdicts } from './verdict.js';
