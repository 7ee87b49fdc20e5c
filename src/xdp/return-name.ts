/** What programs return means something by their type: `include/uapi/linux/bpf.h`, `pkt_cls.h`, `netfilter.h`. */
import { XdpkitError } from '../errors/error.js';
import { verdicts } from '../packet/verdict.js';

const trafficControl: Readonly<Record<number, string>> = {
  [-1]: 'UNSPEC',
  0: 'OK',
  1: 'RECLASSIFY',
  2: 'SHOT',
  3: 'PIPE',
  4: 'STOLEN',
  5: 'QUEUED',
  6: 'REPEAT',
  7: 'REDIRECT',
  8: 'TRAP',
};
const dropOrPass: Readonly<Record<number, string>> = { 0: 'DROP', 1: 'PASS' };
const lightweightTunnel: Readonly<Record<number, string>> = { 0: 'OK', 2: 'DROP', 7: 'REDIRECT', 128: 'REROUTE' };

const names: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  xdp: Object.fromEntries(verdicts.entries()),
  sched_cls: trafficControl,
  sched_act: trafficControl,
  cgroup_skb: { ...dropOrPass, 2: 'DROP, congestion', 3: 'PASS, congestion' },
  sk_lookup: dropOrPass,
  sk_skb: dropOrPass,
  netfilter: { 0: 'DROP', 1: 'ACCEPT', 2: 'STOLEN', 3: 'QUEUE', 4: 'REPEAT' },
  lwt_in: lightweightTunnel,
  lwt_out: lightweightTunnel,
  lwt_xmit: lightweightTunnel,
};

/** The name of what a program of that type returned; undefined for a number without one. */
export function returnName(type: string, returned: number): string | undefined {
  return names[type]?.[returned | 0];
}

/** What somebody expects, by name in any case or number. Errors: `USAGE` with the names that there are. */
export function expectedNumber(type: string, word: string): number {
  if (/^-?\d+$/.test(word)) return Number(word) | 0;
  const found = Object.entries(names[type] ?? {}).find(([, name]) => name === word.toUpperCase());
  if (found) return Number(found[0]);
  const all = Object.values(names[type] ?? {}).join(', ');
  throw new XdpkitError('USAGE', `a program of type ${type} cannot return "${word}"`, {
    hint: all ? `Names are ${all}; a number does as well.` : 'Give the number.',
  });
}
