/** Packets as words of the command line: in the packet grammar, as hexadecimal digits, or `@FILE`. */
import { readFile } from 'node:fs/promises';
import { XdpkitError } from '../errors/error.js';
import { buildPacket } from '../packet/build.js';
import { contentWords, layers } from '../packet/layers/layers.js';
import { isPcap, readPcap } from '../packet/pcap.js';
import { isPcapng, readPcapng } from '../packet/pcapng.js';

/** One packet, or many from a file. No name of a layer can be read as hexadecimal digits. */
export async function readPackets(word: string): Promise<Uint8Array[]> {
  if (!word.startsWith('@')) return [isInWords(word) ? buildPacket(word) : parseHex(word, 'packet')];
  const path = word.slice(1);
  const bytes = await readBytes(path, 'packets');
  if (!isPcap(bytes) && !isPcapng(bytes)) return [bytes];
  const packets = isPcap(bytes) ? readPcap(bytes, path) : ethernetPackets(bytes, path);
  if (packets.length === 0) throw new XdpkitError('USAGE', `${path} has no packets`);
  return packets;
}

function isInWords(word: string): boolean {
  const name = /^\s*([a-z]\w*)/i.exec(word)?.[1] ?? '';
  return layers.has(name) || contentWords.some((content) => content === name) || word.includes('/');
}

function ethernetPackets(bytes: Uint8Array, path: string): Uint8Array[] {
  const { packets, interfaces } = readPcapng(bytes, path);
  for (const packet of packets) {
    const linkType = interfaces[packet.interface]?.linkType;
    if (linkType === 1) continue;
    throw new XdpkitError('USAGE', `${path} has packets of link type ${linkType}: only Ethernet (1) can be run`);
  }
  return packets.map(({ data }) => data);
}

/** Hexadecimal digits, or `@FILE` with bytes. */
export async function readHexOrFile(word: string, what: string): Promise<Uint8Array> {
  return word.startsWith('@') ? readBytes(word.slice(1), what) : parseHex(word, what);
}

async function readBytes(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new XdpkitError('FILE_NOT_FOUND', `read ${what} from ${path}: ${why}`, { cause });
  }
}

/** White space, colons and a leading 0x are let through: people copy packets from all kinds of tools. */
export function parseHex(text: string, what: string): Uint8Array {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]/g, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) {
    throw new XdpkitError('USAGE', `'${text}' is no ${what} in hexadecimal digits`, {
      hint:
        what === 'packet'
          ? "Two digits a byte, from the Ethernet header on; or in words, 'ip dst 10.0.0.1/udp dport 53'; or @FILE."
          : 'Two digits a byte.',
    });
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}
