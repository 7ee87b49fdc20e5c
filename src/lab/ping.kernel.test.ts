import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { before, test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { labUp, type PingEvent, ping, sweepLabs } from './index.js';

before(() => {
  sweepLabs();
});

const shell = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8' });

for (const version of ['ipv4', 'ipv6'] as const) {
  test(`every ${version} echo is on the wire, is answered, and is counted once`, async () => {
    using lab = labUp({ temporary: true });
    const { left, right } = lab.hosts;
    const filter = version === 'ipv4' ? 'icmp[0] == 8' : 'icmp6 and ip6[40] == 128';
    const capture = right.netns.run(() =>
      spawn('tcpdump', ['-n', '-l', '-v', '-i', 'veth0', '-c', '20', filter], { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    let packets = '';
    capture.stdout.on('data', (chunk: Buffer) => {
      packets += chunk.toString();
    });
    const captured = once(capture, 'close');
    await once(capture.stderr, 'data');
    const events: PingEvent[] = [];
    const options = { netns: left.netns, destination: right[version], count: 20, intervalMs: 5, size: 100 };
    const result = await ping({ ...options, onEvent: (event) => events.push(event) });
    await captured;
    assert.deepEqual([result.sent, result.received, result.lost, result.duplicates], [20, 20, [], 0]);
    assert.ok(result.roundTrips.every((microseconds) => microseconds > 0 && microseconds < 1_000_000));
    assert.deepEqual(
      events.map((event) => [event.kind, event.sequence]),
      Array.from({ length: 20 }, (_, index) => ['reply', index + 1]),
    );
    assert.ok(events.every((event) => event.kind === 'reply' && event.from === right[version]));
    // tcpdump recomputes the checksums: a wrong one would be said.
    const sized =
      version === 'ipv4' ? /echo request, id \d+, seq \d+, length 108/g : /length: 108\).*echo request, id/g;
    assert.equal(packets.match(sized)?.length, 20, packets);
    assert.doesNotMatch(packets, /wrong|bad/);
  });

  test(`${version} echoes that nobody answers are lost, one by one`, async () => {
    using lab = labUp({ temporary: true });
    const { left, right } = lab.hosts;
    shell(`ip -n ${right.name} link set veth0 down`);
    shell(`ip -n ${right.name} link set veth0 up`);
    shell(
      `ip -n ${left.name} neigh replace ${version === 'ipv4' ? '10.11.1.77' : 'fc00:dead:cafe:1::77'} lladdr 02:00:00:00:00:77 dev veth0`,
    );
    const destination = version === 'ipv4' ? '10.11.1.77' : 'fc00:dead:cafe:1::77';
    // By name, as a user without a lab's handles would say it.
    const result = await ping({ netns: left.name, destination, count: 3, intervalMs: 5, timeoutMs: 100 });
    assert.deepEqual([result.sent, result.received, result.lost, result.problems], [3, 0, [1, 2, 3], []]);
  });

  test(`a neighbour that is not there is told in words: ${version}`, async () => {
    using lab = labUp({ temporary: true });
    const { left } = lab.hosts;
    const destination = version === 'ipv4' ? '10.11.1.77' : 'fc00:dead:cafe:1::77';
    const result = await ping({ netns: left.netns, destination, count: 1, timeoutMs: 6000 });
    assert.deepEqual([result.received, result.lost], [0, [1]]);
    assert.equal(result.problems[0]?.words, version === 'ipv4' ? 'host unreachable' : 'address unreachable');
    assert.equal(result.problems[0]?.from, left[version]);
  });

  test(`no route to a ${version} address is told in words`, async () => {
    using lab = labUp({ temporary: true });
    const destination = version === 'ipv4' ? '192.0.2.1' : '2001:db8::1';
    const result = await ping({ netns: lab.hosts.left.netns, destination, count: 2, intervalMs: 5, timeoutMs: 50 });
    assert.deepEqual([result.sent, result.lost], [2, [1, 2]]);
    assert.match(result.problems[0]?.words ?? '', /Network is unreachable/);
  });
}

test('a stream at 1 ms loses nothing while the event loop is busy, until it is stopped', async () => {
  using lab = labUp({ temporary: true });
  const stop = new AbortController();
  const { left, right } = lab.hosts;
  const options = { netns: left.netns, intervalMs: 1, count: Number.POSITIVE_INFINITY, signal: stop.signal };
  const streams = Promise.all([
    ping({ ...options, destination: right.ipv4 }),
    ping({ ...options, destination: right.ipv6 }),
  ]);
  const started = performance.now();
  const busy = setInterval(() => {
    const until = performance.now() + 15;
    while (performance.now() < until);
  }, 50);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  clearInterval(busy);
  stop.abort();
  for (const result of await streams) {
    assert.equal(result.received, result.sent);
    assert.deepEqual(result.lost, []);
    assert.ok(result.sent > (performance.now() - started) * 0.7, `only ${result.sent} sent`);
  }
});

test('of a stream through an outage exactly the requests of the outage are lost', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  const lost: number[] = [];
  let answered = 0;
  const onEvent = (event: PingEvent): void => {
    if (event.kind === 'reply') answered = event.sequence;
    if (event.kind === 'lost') lost.push(event.sequence);
  };
  const options = { netns: left.netns, destination: right.ipv4, count: 100, intervalMs: 5, timeoutMs: 200 };
  const stream = ping({ ...options, onEvent });
  while (answered < 20) await new Promise((resolve) => setTimeout(resolve, 1));
  shell(`ip netns exec ${right.name} sh -c 'echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all'`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  shell(`ip netns exec ${right.name} sh -c 'echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_all'`);
  const result = await stream;
  assert.equal(result.sent, 100);
  assert.deepEqual(result.lost, lost);
  const first = result.lost[0] ?? 0;
  assert.ok(first > 20 && result.lost.length >= 10 && result.lost.length < 70, `lost ${result.lost}`);
  assert.deepEqual(
    result.lost,
    result.lost.map((_, index) => first + index),
  );
  assert.equal(result.received, 100 - result.lost.length);
});

test('sequence numbers beyond 16 bits go on counting', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  const result = await ping({ netns: left.netns, destination: right.ipv4, count: 70_000, intervalMs: 0.03, size: 0 });
  assert.deepEqual([result.sent, result.received, result.duplicates, result.lost], [70_000, 70_000, 0, []]);
});

test('options that cannot be are refused', async () => {
  for (const wrong of [
    { count: 0 },
    { intervalMs: 0 },
    { timeoutMs: Number.NaN },
    { size: -1 },
    { destination: 'left' },
  ]) {
    await assert.rejects(
      ping({ destination: '127.0.0.1', ...wrong }),
      (error) => error instanceof XdpkitError && error.code === 'USAGE',
    );
  }
});
