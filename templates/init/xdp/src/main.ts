import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { verdicts } from 'xdpkit';
import { openProjectName } from './project-name.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { block: { type: 'string', multiple: true, default: [] }, netns: { type: 'string' } },
});
const [device] = positionals;
if (device === undefined) {
  console.error('usage: npm start -- DEVICE [--block PORT]... [--netns NAME]');
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

// What `using` names is closed at the end: the program leaves the device.
using object = (await openProjectName()).load();
for (const port of values.block) object.maps.blocked_ports.set(Number(port), 0n);
using link = object.programs.block_ports.attachXdp({ device, netns: values.netns });
console.log(`attached to ${link.device} in ${link.mode} mode, Ctrl-C ends it`);

while (!stop.signal.aborted) {
  await setTimeout(1000, undefined, { signal: stop.signal }).catch(() => {});
  const counts = [...object.maps.xdp_stats].map(
    ([verdict, each]) => [verdicts[verdict], each.sum().rx_packets] as const,
  );
  const ports = [...object.maps.blocked_ports].map(([port, dropped]) => `${dropped} to port ${port}`);
  const seen = counts.filter(([, packets]) => packets > 0n).map(([verdict, packets]) => `${verdict} ${packets}`);
  console.log(
    `${seen.join(', ') || 'no packets yet'}; dropped: ${ports.join(', ') || 'nothing, as no port is blocked'}`,
  );
}
