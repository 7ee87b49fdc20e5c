import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runWords } from './run-words.test.support.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const name = `cli-${randomBytes(4).toString('hex')}`;
after(() => runWords(['lab', 'down', name]));

function run(...words: string[]) {
  return spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' });
}

test('a lab from up to down', async (t) => {
  await t.test('up says the hosts, once', async () => {
    const { exitCode, stdout, stderr } = await runWords(['lab', 'up', name]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, new RegExp(`^left +${name}-left +veth0 +\\S+ +10\\.11\\.1\\.1 +fc00:dead:cafe:1::1$`, 'm'));
    const again = await runWords(['lab', 'up', name, '--json']);
    assert.equal(again.exitCode, 1);
    assert.equal(JSON.parse(again.stdout).error.code, 'LAB_EXISTS');
  });

  await t.test('ls lists it', async () => {
    const { labs } = JSON.parse((await runWords(['lab', 'ls', '--json'])).stdout);
    const lab = labs.find((one: { name: string }) => one.name === name);
    assert.equal(lab.state, 'ready');
    assert.match((await runWords(['lab', 'ls'])).stdout, new RegExp(`^${name} +ready +1500`, 'm'));
  });

  await t.test('ping counts answers over both IP versions and from both sides', async () => {
    for (const [version, address] of [
      ['--ipv4', '10.11.1.1'],
      ['--ipv6', 'fc00:dead:cafe:1::1'],
    ] as const) {
      const words = ['lab', 'ping', name, version, '--from', 'right', '-c', '3', '-i', '5'];
      const text = await runWords(words);
      assert.equal(text.exitCode, 0, text.stderr);
      assert.match(text.stdout, /^3 packets transmitted, 3 received, 0% packet loss$/m);
      const result = JSON.parse((await runWords([...words, '--json'])).stdout);
      assert.deepEqual([result.destination, result.received, result.lost], [address, 3, []]);
    }
  });

  await t.test('exec runs in the host, and ends as its command does', () => {
    const address = run('lab', 'exec', name, 'right', '--', 'ip', '-brief', 'address', 'show', 'veth0');
    assert.match(address.stdout, /10\.11\.1\.2\/24/);
    assert.equal(run('lab', 'exec', name, '--', 'sh', '-c', 'exit 9').status, 9);
    assert.equal(run('lab', 'exec', name, '--', 'sh', '-c', 'kill -TERM $$').status, 143);
    assert.equal(run('lab', 'exec', name, '--', 'no-such-command').status, 3);
    assert.equal(run('lab', 'exec', name, 'sh').status, 2);
  });

  await t.test('Ctrl-C ends an endless ping with 130, after its statistics', async () => {
    const child = spawn(process.execPath, [main, 'lab', 'ping', name, '-c', '0', '-i', '10']);
    let stdout = '';
    let asked = false;
    child.stdout.on('data', (data) => {
      stdout += data;
      if (!asked && stdout.includes('seq=3')) child.kill('SIGINT');
      asked ||= stdout.includes('seq=3');
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(status, 130);
    assert.match(stdout, /packets transmitted/);
  });

  await t.test('without an answer ping ends with 7', async () => {
    const silencing = 'echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all';
    const silence = run('lab', 'exec', name, 'right', '--', 'sh', '-c', silencing);
    assert.equal(silence.status, 0, silence.stderr);
    const { exitCode, stdout } = await runWords(['lab', 'ping', name, '-c', '2', '-i', '5', '-W', '100']);
    assert.equal(exitCode, 7);
    assert.match(stdout, /^no answer from 10\.11\.1\.2: seq=1$/m);
    assert.match(stdout, /100% packet loss/);
  });

  await t.test('down leaves nothing, and a second time there is no such lab', async () => {
    const { exitCode, stdout } = await runWords(['lab', 'down', name]);
    assert.deepEqual([exitCode, stdout], [0, `lab ${name} is gone\n`]);
    assert.ok(!existsSync(`/run/netns/${name}-left`));
    assert.equal((await runWords(['lab', 'down', name])).exitCode, 3);
  });
});

test('wrong words are wrong usage', async () => {
  for (const words of [
    ['lab', 'down'],
    ['lab', 'down', '--all', 'x'],
    ['lab', 'up', 'a b'],
    ['lab', 'up', '--mtu', 'many'],
    ['lab', 'ping', 'x', '--ipv4', '--ipv6'],
    ['lab', 'ping', 'x', '--from', 'middle'],
    ['lab', 'exec', 'x', 'middle', '--', 'ls'],
  ]) {
    const { exitCode, stderr } = await runWords(words);
    assert.equal(exitCode, 2, words.join(' '));
    assert.match(stderr, /^error: /);
  }
});
