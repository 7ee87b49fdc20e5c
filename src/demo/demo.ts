/** The main job from end to end on the real kernel, each step judged by what was observed. */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { XdpkitError } from '../errors/error.js';
import type { BpfMap } from '../kernel/map.js';
import { openMapById } from '../kernel/map-create.js';
import type { PerCpu } from '../kernel/per-cpu.js';
import type { Lab, LabHost } from '../lab/lab.js';
import { labUp } from '../lab/lab-up.js';
import { type PingOptions, type PingResult, ping } from '../lab/ping.js';
import { sweepLabs } from '../lab/remove.js';
import { effectiveCapabilities } from '../linux/capabilities.js';
import { listNetns } from '../linux/named-netns.js';
import { type AttachedObject, attachObject } from '../loader/attach-object.js';
import { type OpenedObject, parseObject } from '../loader/open.js';
import { StatisticsReader } from '../stats/reader.js';
import { detachXdp } from '../xdp/detach.js';
import type { XdpMode } from '../xdp/mode.js';
import { netnsPinFolder } from '../xdp/own-pins.js';
import { readStatus } from '../xdp/status.js';

export interface DemoStep {
  readonly title: string;
  /** What was seen, in lines. */
  readonly seen: readonly string[];
  /** What should have been seen and was not; empty when the step holds. */
  readonly missed: readonly string[];
}

/** Built with xdpkit, from `examples/`; the same path from `dist/demo` and from the bundle. */
const objectFolder = new URL('../bpf/', import.meta.url);

/** Where the demo can't run, one sentence that says why and what to do. */
export function checkDemoCanRun(): void {
  if (process.platform !== 'linux') {
    throw new XdpkitError('UNSUPPORTED', `XDP is a part of Linux, and this machine runs ${process.platform}`, {
      hint: 'Run the demo on Linux 5.9 or newer; a virtual machine will do.',
    });
  }
  const held = effectiveCapabilities();
  const missing = (['sys_admin', 'net_admin', 'net_raw'] as const).filter((name) => !held.has(name));
  if (missing.length > 0) {
    const names = missing.map((name) => `CAP_${name.toUpperCase()}`).join(', ');
    throw new XdpkitError(
      'NOT_PERMITTED',
      `the demo makes network namespaces and loads BPF programs, and lacks ${names}`,
      {
        hint: 'Run it as root: `sudo npm run demo`.',
      },
    );
  }
  for (const name of ['drop-ping', 'pass']) {
    if (!existsSync(objectFile(name))) {
      throw new XdpkitError('FILE_NOT_FOUND', `the compiled example ${name}.bpf.o is missing`, {
        hint: 'In a clone, `npm run demo` installs clang and compiles it.',
      });
    }
  }
}

function objectFile(name: string): URL {
  return new URL(`${name}.bpf.o`, objectFolder);
}

function openExample(name: string): OpenedObject {
  return parseObject(readFileSync(objectFile(name)), `${name}.bpf.o`);
}

/**
 * Runs the steps one after the other. Whoever stops asking, or aborts `signal`, leaves nothing behind: the lab goes in
 * any case, and what is attached and pinned in it with it.
 */
export async function* runDemo(signal: AbortSignal): AsyncGenerator<DemoStep> {
  sweepLabs();
  const lab = labUp({ temporary: true });
  const cookies = hostsOf(lab).map(({ netns }) => netns.cookie);
  try {
    yield labMade(lab);
    yield observed('ping is answered', await pingBoth(lab, signal), 'all');
    for (const mode of ['native', 'generic'] as const) yield* runMode(lab, mode, signal);
  } finally {
    lab[Symbol.dispose]();
  }
  yield labGone(lab, cookies);
}

async function* runMode(lab: Lab, mode: XdpMode, signal: AbortSignal): AsyncGenerator<DemoStep> {
  const { left } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  const attached = attachObject(openExample('drop-ping'), { ...target, mode, replace: 'refuse' });
  using counters = new DemoCounters(target);
  yield attachedStep(target, attached);
  const pings = await pingBoth(lab, signal);
  yield observed('ping is not answered', pings, 'none', counters.droppedSince(pings));
  yield await swapUnderTraffic(lab, counters, signal);
  yield observed('ping is answered again', await pingBoth(lab, signal), 'all');
  detachXdp(target);
  const rest = attachmentsOf(target);
  yield {
    title: `detached, ${mode} mode`,
    seen: rest.length === 0 ? [`${left.device} has no XDP program`] : [],
    missed: rest.map(({ mode, programId }) => `program ${programId} is still attached in ${mode} mode`),
  };
}

function hostsOf({ hosts }: Lab): LabHost[] {
  return [hosts.left, hosts.right];
}

function labMade(lab: Lab): DemoStep {
  const longest = Math.max(...hostsOf(lab).map(({ name }) => name.length));
  return {
    title: `lab ${lab.name} is up: two namespaces and a veth pair (Linux ${release()})`,
    seen: hostsOf(lab).map(({ name, device, ipv4, ipv6 }) => `${name.padEnd(longest)}  ${device}  ${ipv4}  ${ipv6}`),
    missed: hostsOf(lab).flatMap(({ name }) => (listNetns().includes(name) ? [] : [`there is no namespace ${name}`])),
  };
}

function labGone(lab: Lab, cookies: readonly bigint[]): DemoStep {
  const left = [
    ...hostsOf(lab).flatMap(({ name }) => (listNetns().includes(name) ? [`namespace ${name}`] : [])),
    ...cookies.map(netnsPinFolder).filter((folder) => existsSync(folder)),
  ];
  return {
    title: `lab ${lab.name} is gone`,
    seen: left.length === 0 ? ['no namespace, device or pin is left'] : [],
    missed: left.map((thing) => `${thing} is left`),
  };
}

type Target = { readonly device: string; readonly netns: string };

function attachmentsOf(target: Target) {
  return readStatus(target).devices[0]?.attachments ?? [];
}

function attachedStep(target: Target, { mode, program, heldBy }: AttachedObject): DemoStep {
  const found = attachmentsOf(target);
  const now = found.find((each) => each.programId === program.id);
  return {
    title: `examples/drop-ping is attached, ${mode} mode`,
    seen: now
      ? [`program ${program.name} (${now.programId}) in ${now.mode} mode on ${target.device}, held by ${heldBy}`]
      : [],
    missed: now?.mode === mode ? [] : [`${target.device} does not run program ${program.id} in ${mode} mode`],
  };
}

/** IPv4 and IPv6 at once. */
async function pingBoth(lab: Lab, signal: AbortSignal, stream: StreamOptions = {}): Promise<readonly PingResult[]> {
  const { left, right } = lab.hosts;
  const common = { netns: left.netns, count: 5, intervalMs: 50, timeoutMs: 400, signal, ...stream };
  const results = await Promise.all([right.ipv4, right.ipv6].map((destination) => ping({ ...common, destination })));
  signal.throwIfAborted();
  return results;
}

type StreamOptions = Pick<PingOptions, 'count' | 'intervalMs'>;

function observed(title: string, results: readonly PingResult[], wanted: 'all' | 'none', more?: DemoStep): DemoStep {
  const lines = results.map((result) => describePing(result, results));
  return {
    title,
    seen: [...lines, ...(more?.seen ?? [])],
    missed: [
      ...results.flatMap(({ sent, received }, index) =>
        received === (wanted === 'all' ? sent : 0) ? [] : [`${lines[index]}, not ${wanted}`],
      ),
      ...(more?.missed ?? []),
    ],
  };
}

/** Addresses of both versions in one column. */
function destinationOf({ destination }: PingResult, among: readonly PingResult[]): string {
  return destination.padEnd(Math.max(...among.map((each) => each.destination.length)));
}

function describePing(result: PingResult, among: readonly PingResult[]): string {
  const { sent, received, roundTrips } = result;
  const average = roundTrips.reduce((sum, each) => sum + each, 0) / roundTrips.length;
  const time = received > 0 ? `, ${average.toFixed(0)} µs each` : '';
  return `${destinationOf(result, among)}  ${received} of ${sent} answered${time}`;
}

/** `struct dropped` of examples/drop-ping. */
type Dropped = { echo_reply: bigint; echo_reply_v6: bigint };

/** What the programs themselves counted. The map of the dropped replies is held, as it goes with its program. */
class DemoCounters {
  readonly #target: Target;
  readonly #dropped: BpfMap<number, PerCpu<Dropped>>;

  constructor(target: Target) {
    this.#target = target;
    const ids = attachmentsOf(target)[0]?.program?.mapIds ?? [];
    const maps = ids.flatMap((id) => openMapById<number, PerCpu<Dropped>>(id) ?? []);
    const dropped = maps.find(({ name }) => name === 'dropped');
    for (const map of maps) if (map !== dropped) map[Symbol.dispose]();
    if (dropped === undefined) throw new XdpkitError('MAP_NOT_FOUND', 'examples/drop-ping has no map "dropped"');
    this.#dropped = dropped;
  }

  /** Echo replies dropped since the attach, IPv4 and IPv6. */
  dropped(): readonly [bigint, bigint] {
    const { echo_reply, echo_reply_v6 } = this.#dropped.get(0)?.sum() ?? { echo_reply: 0n, echo_reply_v6: 0n };
    return [echo_reply, echo_reply_v6];
  }

  /** Packets by verdict since the attach, over all programs that shared the statistics map. */
  packets(verdict: 'DROP' | 'PASS'): bigint {
    using reader = new StatisticsReader(this.#target);
    return reader.read().counters.find(({ name }) => name === verdict)?.packets ?? 0n;
  }

  /** As many as were sent must have been dropped, and no others. */
  droppedSince(results: readonly PingResult[]): DemoStep {
    const [v4, v6] = this.dropped();
    const packets = this.packets('DROP');
    const [sent4 = 0, sent6 = 0] = results.map(({ sent }) => sent);
    const holds = v4 === BigInt(sent4) && v6 === BigInt(sent6) && packets === v4 + v6;
    const counted = `counters: DROP ${packets} packets: ${v4} ICMP and ${v6} ICMPv6 echo replies`;
    return { title: '', seen: [counted], missed: holds ? [] : [`${counted}, but ${sent4} and ${sent6} were sent`] };
  }

  [Symbol.dispose](): void {
    this.#dropped[Symbol.dispose]();
  }
}

const stream = { count: 500, intervalMs: 2 };
const swaps = 20;

/**
 * A steady stream of pings, and swaps in the midst of it: first from dropping to passing, then passing programs by each
 * other. Each ping must be dropped by the first program, which counts it, or be answered: none may be lost in between.
 */
async function swapUnderTraffic(lab: Lab, counters: DemoCounters, signal: AbortSignal): Promise<DemoStep> {
  const { left } = lab.hosts;
  const swap = (): AttachedObject =>
    attachObject(openExample('pass'), { device: left.device, netns: left.name, replace: 'require' });
  const before = counters.dropped();
  const running = pingBoth(lab, signal, stream);
  const span = stream.count * stream.intervalMs;
  const swapping = (async (): Promise<readonly AttachedObject[]> => {
    const done: AttachedObject[] = [];
    await sleep(span / 4, undefined, { signal });
    for (let count = 0; count < swaps; count += 1) {
      done.push(swap());
      await sleep(span / 2 / swaps, undefined, { signal });
    }
    return done;
  })();
  const [results, replaced] = await Promise.all([running, swapping]);
  const after = counters.dropped();
  const seen: string[] = [];
  const missed: string[] = [];
  results.forEach((result, index) => {
    const { sent, received } = result;
    const dropped = Number((after[index] ?? 0n) - (before[index] ?? 0n));
    const lost = sent - received - dropped;
    const line = `${destinationOf(result, results)}  ${sent} sent: ${dropped} dropped, then ${received} answered, ${lost} lost`;
    if (lost === 0 && dropped > 0 && received > 0) seen.push(line);
    else missed.push(line);
  });
  const kept = replaced[0]?.replaced?.keptMaps ?? [];
  seen.push(`${replaced.length} atomic swaps under traffic; kept with its contents: ${kept.join(', ')}`);
  if (!replaced.every((each) => each.replaced?.atomic)) missed.push('a swap was not atomic');
  if (!kept.includes('xdp_stats') || counters.packets('DROP') < after[0] + after[1]) {
    missed.push('the statistics map was not kept');
  }
  return { title: 'examples/pass has taken its place, in the midst of a stream of pings', seen, missed };
}
