/** A project that `xdpkit init` starts builds, tests itself and runs, with the package as npm packs it. */
import assert from 'node:assert/strict';
import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execInHost, labUp, sweepLabs } from '../lab/index.js';
import { readStatus } from '../xdp/status.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'xdpkit-init-'));
const project = join(folder, 'block-dns');
const modules = join(folder, 'node_modules');

sweepLabs();
after(() => rmSync(folder, { recursive: true, force: true }));

/** As npm would install it from a registry, without one: what the package stands on is taken from here. */
function installPackage(): void {
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  assert(tarball !== undefined);
  mkdirSync(join(modules, '.bin'), { recursive: true });
  mkdirSync(join(modules, 'xdpkit'));
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', join(modules, 'xdpkit'), '--strip-components=1']);
  for (const name of ['koffi', '@koromix', 'typescript', '@types']) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  symlinkSync('../xdpkit/dist/bin/xdpkit.js', join(modules, '.bin/xdpkit'));
  symlinkSync('../typescript/bin/tsc', join(modules, '.bin/tsc'));
}

function run(command: string, ...words: string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, npm_config_update_notifier: 'false' };
  return spawnSync(command, words, { cwd: project, encoding: 'utf8', env });
}

function xdpkit(...words: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [join(modules, '.bin/xdpkit'), ...words], { cwd: folder, encoding: 'utf8' });
}

installPackage();

test('init writes a project that asks for this release, and never over something', () => {
  const { status, stdout, stderr } = xdpkit('init', 'block-dns');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^started block-dns in block-dns:$/m);
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.equal(manifest.name, 'block-dns');
  assert.deepEqual(manifest.dependencies, { xdpkit: own.version });
  for (const [name, version] of Object.entries(manifest.devDependencies)) {
    assert.equal(version, own.devDependencies[name], `${name}: what this package is built with`);
  }
  const again = xdpkit('init', 'block-dns');
  assert.equal(again.status, 2);
  assert.match(again.stderr, /block-dns is not empty/);
  mkdirSync(join(folder, 'Un Name'));
  assert.match(xdpkit('init', 'Un Name').stderr, /"Un Name" cannot name a project.*\nhint: .*--name/);
  assert.deepEqual(readdirSync(join(folder, 'Un Name')), []);
  mkdirSync(join(folder, 'Un Name/.git'));
  const { name, files } = JSON.parse(xdpkit('init', 'Un Name', '--name', 'other', '--json').stdout);
  assert.equal(name, 'other');
  assert.ok(files.includes('src/other.bpf.c'));
  assert.match(xdpkit('init', 'third', '--template', 'none').stderr, /no template "none"\nhint: There is xdp\./);
  for (const taken of ['main', 'per-cpu']) assert.equal(xdpkit('init', taken).status, 2, taken);
  for (const file of files as string[]) {
    assert.doesNotMatch(readFileSync(join(folder, 'Un Name', file), 'utf8'), /project.name|projectname/i, file);
  }
});

test('its build and its tests', () => {
  const { status, stdout, stderr } = run('npm', 'test');
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^# pass 6$/m);
  assert.match(stdout, /^# skipped 0$/m);
  assert.ok(readdirSync(join(project, 'dist')).includes('block-dns.bpf.o'));
});

test('its loader attaches, counts what it drops, and detaches at Ctrl-C', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  const words = [left.device, '--netns', left.name, '--block', '53'];
  const child = spawn(process.execPath, ['dist/main.js', ...words], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (lines.length === 1) {
        assert.match(line, /^attached to veth0 in native mode, Ctrl-C ends it$/);
        const [device] = readStatus({ netns: left.name, device: left.device }).devices;
        assert.equal(device?.attachments[0]?.program?.name, 'block_ports');
        const send = `const socket = require('node:dgram').createSocket('udp4');
          let left = 3;
          for (let n = 0; n < 3; n++) socket.send('x', 53, '${left.ipv4}', () => --left || socket.close());`;
        await execInHost(right, [process.execPath, '-e', send]);
      }
      if (!child.killed && /DROP 3.*dropped: 3 to port 53/.test(line)) child.kill('SIGINT');
      assert.ok(lines.length < 30, lines.join('\n'));
    }
    assert.deepEqual(await ended, [0, null], lines.join('\n'));
    assert.deepEqual(readStatus({ netns: left.name, device: left.device }).devices[0]?.attachments, []);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
});

test('its loader says how it is called', () => {
  const { status, stderr } = run(process.execPath, 'dist/main.js');
  assert.equal(status, 2);
  assert.match(stderr, /^usage: npm start -- DEVICE/);
});

test('its tests fail when the program does not drop', () => {
  const source = join(project, 'src/block-dns.bpf.c');
  writeFileSync(source, readFileSync(source, 'utf8').replace('return XDP_DROP', 'return XDP_PASS'));
  const { status, stdout } = run('npm', 'test');
  assert.equal(status, 1);
  assert.match(stdout, /^not ok \d+ - eth\/ip\/udp dport 53: DROP$/m);
});
