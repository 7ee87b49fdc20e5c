import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { ensureBpfFileSystem } from './bpf-file-system.js';
import { runWithCapabilities } from './capabilities.test.support.js';
import { missingCapabilities } from './permission.js';

/** What an operation is refused with in a process of few capabilities. */
function refusal(capabilities: readonly string[], imports: string, operation: string): unknown {
  return runWithCapabilities(
    capabilities,
    import.meta.url,
    `${imports}
     try {
       ${operation};
       console.log('null');
     } catch ({ code, message, hint }) {
       console.log(JSON.stringify({ code, message, hint }));
     }`,
  );
}

const importsOfLoad = `
  const { loadProgram } = await import('./program-load.js');
  const { assemble, exit, mov } = await import('../asm/assemble.js');
  const none = new Uint8Array();
  const linked = { name: 'tiny', code: assemble(mov(0, 2), exit()), maps: [], modules: [], unresolved: [], functionInfo: none, lineInfo: none };`;
const load = "loadProgram(linked, { type: 'xdp', license: 'GPL', mapFd: () => 0 })";

test('a program that may not be loaded is NOT_PERMITTED, and the capability is named', () => {
  assert.deepEqual(refusal([], importsOfLoad, load), {
    code: 'NOT_PERMITTED',
    message: 'load program "tiny" (xdp): the process lacks CAP_BPF and CAP_NET_ADMIN (Operation not permitted, EPERM)',
    hint: 'Run it as root, or in a container or unit that grants CAP_BPF and CAP_NET_ADMIN.',
  });
  assert.equal(refusal(['bpf', 'net_admin'], importsOfLoad, load), null);
  assert.equal(refusal(['sys_admin'], importsOfLoad, load), null);
});

test('listing the kernel’s objects asks for CAP_SYS_ADMIN', () => {
  const imports = "const { listIds } = await import('./iterate.js');";
  const { code, message } = refusal(['bpf', 'net_admin'], imports, "[...listIds('program')]") as Record<string, string>;
  assert.equal(code, 'NOT_PERMITTED');
  assert.match(message ?? '', /the process lacks CAP_SYS_ADMIN/);
});

test('a refused file mode is not taken for a missing capability', () => {
  ensureBpfFileSystem();
  const path = `/sys/fs/bpf/xdpkit-mode-${process.pid}`;
  execFileSync('bpftool', ['map', 'create', path, ...'type array key 4 value 4 entries 1 name mode'.split(' ')], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  try {
    chmodSync(path, 0);
    const imports = "const { openPinned } = await import('./pin.js');";
    assert.deepEqual(refusal(['bpf'], imports, `openPinned('${path}', 'map "mode"')`), {
      code: 'NOT_PERMITTED',
      message: `open map "mode" pinned at ${path}: Permission denied (EACCES)`,
    });
  } finally {
    rmSync(path);
  }
});

test('netlink takes no CAP_SYS_ADMIN for CAP_NET_ADMIN', () => {
  const imports = `
    const { setXdp } = await import('../linux/netlink/route/link.js');
    const { NetlinkSocket } = await import('../linux/netlink/socket.js');`;
  // There is no such device, so that nothing could happen if it were permitted.
  const attach = "setXdp(NetlinkSocket.open('route'), { ifindex: 0x7fffffff, programFd: -1 })";
  const { code, hint } = refusal(['sys_admin'], imports, attach) as Record<string, string>;
  assert.equal(code, 'NOT_PERMITTED');
  assert.match(hint ?? '', /CAP_NET_ADMIN/);
});

test('what is missing of a set of capabilities', () => {
  assert.deepEqual(missingCapabilities(['bpf', 'perfmon'], new Set(['bpf'])), ['perfmon']);
  assert.deepEqual(missingCapabilities(['bpf', 'net_admin'], new Set(['sys_admin'])), []);
});

test('a seccomp filter is told from a missing capability', () => {
  // A process that refuses bpf(2) to itself: a filter of one comparison, as `include/uapi/linux/seccomp.h` has them.
  const filter = `
    const { syscall, errno, addressOf } = await import('../linux/ffi.js');
    const { syscallNumber } = await import('../linux/syscalls.js');
    const { diagnosePermission } = await import('./permission.js');
    const statement = (code, jumpTrue, jumpFalse, k) => [code | (jumpTrue << 16) | (jumpFalse << 24), k];
    const refuse = 0x00050001;
    const allow = 0x7fff0000;
    const code = Uint32Array.from([
      ...statement(0x20, 0, 0, 0),
      ...statement(0x15, 0, 1, syscallNumber('bpf')),
      ...statement(0x06, 0, 0, refuse),
      ...statement(0x06, 0, 0, allow),
    ]);
    const bytes = new Uint8Array(code.buffer);
    const program = new BigUint64Array([BigInt(code.length / 2), addressOf(bytes)]);
    const setFilter = { prctl: 22, mode: 2 };
    const prctl = process.arch === 'arm64' ? 167 : 157;
    if (syscall(prctl, setFilter.prctl, setFilter.mode, addressOf(new Uint8Array(program.buffer))) < 0) throw new Error('prctl: ' + errno());
    console.log(JSON.stringify(diagnosePermission(['bpf']) ?? null));`;
  const found = runWithCapabilities(['bpf', 'sys_admin'], import.meta.url, filter) as { cause: string } | null;
  assert.match(found?.cause ?? '', /^a seccomp filter refuses bpf\(2\)/);
});
