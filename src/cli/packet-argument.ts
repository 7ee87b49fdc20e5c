/** Packets as words of the command line: hexadecimal digits, or `@FILE` with one packet as it is or many in pcap. */
import { readFile } from 'node:fs/promises';
import { XdpkitError } from '../errors/error.js';
import { isPcap, readPcap } from '../packet/pcap.js';

export async function readPackets(word: string): Promise<Uint8Array[]> {
  if (!word.startsWith('@')) return [parseHex(word, 'packet')];
  const path = word.slice(1);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new XdpkitError('FILE_NOT_FOUND', `read packets from ${path}: ${why}`, { cause });
  }
  if (Buffer.from(bytes.subarray(0, 4)).equals(pcapngMagic)) {
    throw new XdpkitError('USAGE', `${path} is in pcapng, which cannot be read here yet`, {
      hint: `Make pcap of it: \`tcpdump -r ${path} -w packets.pcap\`.`,
    });
  }
  if (!isPcap(bytes)) return [bytes];
  const packets = readPcap(bytes, path);
  if (packets.length === 0) throw new XdpkitError('USAGE', `${path} has no packets`);
  return packets;
}

/** Its section header: no packet begins with it that anyone would send. */
const pcapngMagic = Buffer.from('0a0d0d0a', 'hex');

/** White space, colons and a leading 0x are let through: people copy packets from all kinds of tools. */
export function parseHex(text: string, what: string): Uint8Array {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]/g, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) {
    throw new XdpkitError('USAGE', `'${text}' is no ${what} in hexadecimal digits`, {
      hint: 'Two digits a byte, from the Ethernet header on; or @FILE with the bytes, or with packets in pcap.',
    });
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}
