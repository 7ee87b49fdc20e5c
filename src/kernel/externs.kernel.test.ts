/** Externs against what libbpf makes of them, in the kernel's own dump of the code, and against their effects. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readBtf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import { parseObject } from '../loader/open.js';
import { compileText, openText } from '../object/compile-text.test.support.js';
import { relocateByLibbpf } from '../object/core/libbpf.test.support.js';
import { linkProgram } from '../object/link.js';
import { ensureBpfFileSystem } from './bpf-file-system.js';
import { runWithCapabilities } from './capabilities.test.support.js';
import { readKernelBtfName } from './info.js';
import { listIds, openById } from './iterate.js';
import type { BpfProgram } from './program.js';
import { loadProgram } from './program-load.js';
import { requires } from './requires.test.support.js';
import { runProgram } from './test-run.js';

const vmlinux = '/sys/kernel/btf/vmlinux';

const declarations = `
extern int bpf_dynptr_from_xdp(struct xdp_md *x, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u32 offset, void *buffer, __u32 size) __ksym;
extern int bpf_no_such_function(int) __ksym __weak;
extern const void bpf_prog_put __ksym;
extern const void no_such_symbol __ksym __weak;
struct rq { int cpu; };
extern const struct rq no_such_queues __ksym __weak;
`;

const settings = `
extern int CONFIG_HZ __kconfig;
extern unsigned long long CONFIG_PHYSICAL_START __kconfig __weak;
extern bool CONFIG_BPF __kconfig;
extern enum libbpf_tristate CONFIG_IPV6 __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[4] __kconfig;
extern char CONFIG_BPF_SYSCALL __kconfig;
extern unsigned short CONFIG_NR_CPUS __kconfig;
extern int CONFIG_NOT_THERE __kconfig __weak;
extern int LINUX_KERNEL_VERSION __kconfig;
extern bool LINUX_HAS_BPF_COOKIE __kconfig;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern int LINUX_LATER __kconfig __weak;
SEC("xdp") int settings(struct xdp_md *c) {
  if (CONFIG_NOT_THERE || LINUX_LATER) return 0;
  return CONFIG_HZ + CONFIG_PHYSICAL_START + CONFIG_BPF + CONFIG_IPV6 + CONFIG_DEFAULT_HOSTNAME[1] + CONFIG_BPF_SYSCALL +
    CONFIG_NR_CPUS + LINUX_KERNEL_VERSION + LINUX_HAS_BPF_COOKIE + LINUX_HAS_SYSCALL_WRAPPER;
}`;

const source = `${declarations}${settings}
__u64 address, hidden;
int seen;
SEC("xdp") int symbols(struct xdp_md *c) {
  address = (__u64)&bpf_prog_put;
  hidden = (__u64)&no_such_symbol;
  if (&no_such_queues) seen = 7;
  return XDP_PASS;
}
static __attribute__((noinline)) int type_of(struct xdp_md *c) {
  struct bpf_dynptr ptr;
  __u8 buffer[14], *eth;
  if (bpf_dynptr_from_xdp(c, 0, &ptr)) return -1;
  eth = bpf_dynptr_slice(&ptr, 0, buffer, sizeof buffer);
  return eth ? eth[12] : -1;
}
SEC("xdp") int functions(struct xdp_md *c) {
  if (bpf_no_such_function) return bpf_no_such_function(1);
  return type_of(c) == 8 ? XDP_TX : XDP_PASS;
}`;

const verdict = (program: BpfProgram, data: Uint8Array = new Uint8Array(64)): number =>
  runProgram(program, { data }).verdict;

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-externs-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function bpftool(...words: string[]): string {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return execFileSync('bpftool', words, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The translated code by its opcodes, without the ids of maps and of what else differs from load to load. */
function dump(...program: string[]): string {
  return bpftool('prog', 'dump', 'xlated', ...program, 'opcodes')
    .replaceAll(/map\[id:\d+\]/g, 'map')
    .replaceAll(/^(\s+18 .. 00 00) .. .. .. ../gm, '$1')
    .replaceAll(/bpf_prog_\w+/g, 'function');
}

test('every program becomes in the kernel what libbpf makes of it, byte for byte', requires('6.4'), () => {
  ensureBpfFileSystem();
  const bytes = compileText(source);
  const path = join(folder, 'source.bpf.o');
  writeFileSync(path, bytes);
  const pins = `/sys/fs/bpf/xdpkit-externs-${process.pid}`;
  using loaded = parseObject(bytes, path).load();
  bpftool('prog', 'loadall', path, pins);
  try {
    for (const { name, id } of loaded.programs.values()) {
      assert.equal(dump('id', String(id)), dump('pinned', `${pins}/${name}`), name);
    }
    assert.equal(loaded.programs.size, 3);
    // libbpf's map of settings, by the program that holds it.
    const { map_ids: ids } = JSON.parse(bpftool('--json', 'prog', 'show', 'pinned', `${pins}/settings`));
    const [theirs] = JSON.parse(bpftool('--json', 'map', 'dump', 'id', String(ids[0])));
    const ours = loaded.map('.kconfig').getBytes(new Uint8Array(4));
    // libbpf asks by a kprobe, which not every kernel has, whether system calls have wrappers.
    const wrapper = loaded.spec.globals.find(({ name }) => name === 'LINUX_HAS_SYSCALL_WRAPPER')?.offset ?? -1;
    const without = (bytes: readonly number[]) => bytes.filter((_, index) => index !== wrapper);
    assert.deepEqual(without([...(ours ?? [])]), without(theirs.value.map(Number)));
    assert.equal(JSON.parse(bpftool('--json', 'map', 'show', 'id', String(ids[0]))).flags, 0x480);
  } finally {
    rmSync(pins, { recursive: true });
  }
});

test('what externs stand for is what the kernel tells', requires('6.4'), () => {
  using loaded = openText(source).load();
  const { globals } = loaded;
  const config = execFileSync('sh', ['-c', 'zcat /proc/config.gz || cat "/boot/config-$(uname -r)"'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  assert.equal(globals.CONFIG_HZ, Number(/^CONFIG_HZ=(\d+)$/m.exec(config)?.[1]));
  assert.equal(globals.CONFIG_BPF, true);
  assert.equal(globals.CONFIG_BPF_SYSCALL, 'y'.charCodeAt(0));
  assert.equal(globals.CONFIG_NOT_THERE, 0);
  assert.equal(
    globals.LINUX_HAS_SYSCALL_WRAPPER,
    / __(x64|arm64)_sys_bpf$/m.test(readFileSync('/proc/kallsyms', 'utf8')),
  );
  assert.deepEqual(loaded.degraded, []);
  assert.throws(
    () => {
      globals.CONFIG_HZ = 1;
    },
    { code: 'READ_ONLY' },
  );

  const run = (name: string, packet: Uint8Array) => verdict(loaded.program(name), packet);
  const ipv4 = Uint8Array.from({ length: 64 }, (_, index) => (index === 12 ? 8 : 0));
  assert.equal(run('functions', ipv4), 3);
  assert.equal(run('functions', new Uint8Array(64)), 2);
  run('symbols', ipv4);
  const line = readFileSync('/proc/kallsyms', 'utf8').match(/^([0-9a-f]+) . bpf_prog_put$/m);
  assert.equal(globals.address, BigInt(`0x${line?.[1]}`));
  assert.equal(globals.hidden, 0n);
  assert.equal(globals.seen, 0);
});

test('a weak symbol whose address is hidden becomes 0, and that is told', () => {
  const path = join(folder, 'hidden.bpf.o');
  writeFileSync(
    path,
    compileText(`
      extern const void bpf_prog_put __ksym __weak;
      extern const void bpf_no_such_symbol __ksym __weak;
      SEC("xdp") int p(struct xdp_md *c) { return (&bpf_prog_put != 0) + 2 * (&bpf_no_such_symbol != 0); }`),
  );
  const told = (capabilities: readonly string[]) =>
    runWithCapabilities(
      capabilities,
      import.meta.url,
      `const { readFileSync } = await import('node:fs');
       const { parseObject } = await import('../loader/open.js');
       const { runProgram } = await import('./test-run.js');
       const loaded = parseObject(readFileSync('${path}'), 'x').load();
       const { verdict } = runProgram(loaded.program('p'), { data: new Uint8Array(64) });
       console.log(JSON.stringify({ verdict, degraded: loaded.degraded.map(({ name, what, why }) => [name, what, why]) }));`,
    ) as { verdict: number; degraded: string[][] };
  assert.deepEqual(told(['bpf', 'perfmon', 'net_admin', 'sys_admin', 'syslog']), { verdict: 1, degraded: [] });
  const hidden = told(['bpf', 'perfmon', 'net_admin']);
  // Whoever may watch the kernel sees addresses without it.
  const isShown = Number(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8')) <= 1;
  assert.equal(hidden.verdict, isShown ? 1 : 0);
  assert.deepEqual(
    hidden.degraded.map(([name, what]) => [name, what]),
    isShown ? [] : [['externs', 'weak extern bpf_prog_put became 0']],
  );
});

test('kernel functions cast the context to what it is, and CO-RE finds its fields', requires('6.2'), () => {
  const object = openText(`
    struct net_device { int ifindex; } __attribute__((preserve_access_index));
    struct xdp_rxq_info { struct net_device *dev; } __attribute__((preserve_access_index));
    struct xdp_buff { __u32 frame_sz; struct xdp_rxq_info *rxq; } __attribute__((preserve_access_index));
    extern void *bpf_cast_to_kern_ctx(void *) __ksym;
    extern void *bpf_rdonly_cast(const void *, __u32) __ksym;
    SEC("xdp") int p(struct xdp_md *c) {
      struct xdp_buff *buff = bpf_cast_to_kern_ctx(c);
      struct net_device *device = bpf_rdonly_cast(buff->rxq->dev, __builtin_preserve_type_info(*(struct net_device *)0, 0) * 0 + __builtin_btf_type_id(*(struct net_device *)0, 1));
      return device->ifindex;
    }`);
  using loaded = object.load();
  assert.equal(verdict(loaded.program('p')), 1);
});

test('typed variables, and code that this kernel refuses, are linked as libbpf links them', requires('6.4'), () => {
  const bytes = compileText(`${declarations}
    extern const struct rq runqueues __ksym;
    SEC("xdp") int variable(struct xdp_md *c) {
      struct rq *rq = bpf_per_cpu_ptr(&runqueues, 0);
      return rq ? rq->cpu : 0;
    }
    SEC("xdp") int strong(struct xdp_md *c) { struct bpf_dynptr d; return bpf_dynptr_from_xdp(c, 9, &d); }`);
  const path = join(folder, 'variable.bpf.o');
  writeFileSync(path, bytes);
  const { spec } = parseObject(bytes, path);
  const kernel = readBtf(readFileSync(vmlinux), vmlinux);
  const externs = new Map([
    ['runqueues', { kind: 'btf', id: kernel.find('variable', 'runqueues') ?? 0, module: undefined } as const],
    [
      'bpf_dynptr_from_xdp',
      { kind: 'btf', id: kernel.find('function', 'bpf_dynptr_from_xdp') ?? 0, module: undefined } as const,
    ],
  ]);
  for (const program of spec.programs) {
    const ours = linkProgram(spec, program, { externs });
    assert.deepEqual(Buffer.from(ours.code), Buffer.from(relocateByLibbpf(path, program.name) ?? []), program.name);
  }
});

test('a function’s flavours are the kernel’s function, where their prototypes are its own', requires('6.4'), () => {
  const object = openText(`
    extern int bpf_dynptr_from_xdp___now(struct xdp_md *x, __u64 flags, struct bpf_dynptr *ptr) __ksym __weak;
    extern int bpf_dynptr_from_xdp___once(struct xdp_md *x) __ksym __weak;
    int now, once;
    SEC("xdp") int p(struct xdp_md *c) {
      struct bpf_dynptr d;
      now = bpf_dynptr_from_xdp___now ? 1 : 0;
      once = bpf_dynptr_from_xdp___once ? 1 : 0;
      if (bpf_dynptr_from_xdp___once) return bpf_dynptr_from_xdp___once(c);
      return bpf_dynptr_from_xdp___now(c, 0, &d);
    }`);
  using loaded = object.load();
  assert.equal(verdict(loaded.program('p')), 0);
  assert.deepEqual([loaded.globals.now, loaded.globals.once], [1, 0]);
});

function refusal(text: string, options = {}): XdpkitError {
  try {
    openText(text).load(options)[Symbol.dispose]();
  } catch (error) {
    assert.ok(error instanceof XdpkitError);
    return error;
  }
  return assert.fail('it was loaded');
}

test('what the kernel lacks is told, each with its reason', requires('6.4'), () => {
  const error = refusal(`
    extern int bpf_no_such(int) __ksym;
    extern const void no_such_symbol __ksym;
    extern int bpf_dynptr_from_xdp(int) __ksym;
    extern int nobodys(int);
    SEC("xdp") int one(struct xdp_md *c) { return bpf_no_such(1) + bpf_dynptr_from_xdp(1); }
    SEC("xdp") int two(struct xdp_md *c) { return bpf_no_such(1) + (long)&no_such_symbol + nobodys(3); }`);
  assert.equal(error.code, 'EXTERN_UNRESOLVED');
  assert.match(error.message, /^x needs the kernel .*; and the symbol nobodys \(in two\): /);
  const { unresolved } = error.details as {
    unresolved: { name: string; kind: string; programs: string[]; reason: string }[];
  };
  const reasons = new Map(unresolved.map(({ name, reason }) => [name, reason]));
  assert.deepEqual([...reasons.keys()].sort(), ['bpf_dynptr_from_xdp', 'bpf_no_such', 'no_such_symbol', 'nobodys']);
  assert.match(reasons.get('bpf_no_such') ?? '', /vmlinux has no function of that name, and /);
  assert.match(reasons.get('bpf_dynptr_from_xdp') ?? '', /vmlinux has it as .*xdp_md.*, the object declares int/);
  assert.match(reasons.get('no_such_symbol') ?? '', /kallsyms has no symbol of that name/);
  assert.match(reasons.get('nobodys') ?? '', /neither defines it nor declares it as the kernel/);
  assert.match(error.hint ?? '', /bpftool gen object/);
  assert.deepEqual(unresolved.find(({ name }) => name === 'bpf_no_such')?.programs, ['one', 'two']);
});

test('a call of a weak function that is absent is told, with the question that makes it dead code', () => {
  const error = refusal(`extern int bpf_no_such(int) __ksym __weak;
    SEC("xdp") int p(struct xdp_md *c) { return bpf_no_such(1); }`);
  assert.equal(error.code, 'VERIFIER');
  assert.match(error.message, /it calls bpf_no_such: .*vmlinux has no function of that name/);
  assert.match(error.hint ?? '', /ask first \(if \(bpf_no_such\) …\)/);
});

test('only what the chosen programs refer to has to be there', () => {
  const object = openText(`
    extern int bpf_no_such(int) __ksym;
    extern int CONFIG_NO_SUCH __kconfig;
    SEC("xdp") int needs(struct xdp_md *c) { return bpf_no_such(CONFIG_NO_SUCH); }
    SEC("xdp") int plain(struct xdp_md *c) { return 2; }`);
  using loaded = object.load({ programs: ['plain'] });
  assert.notEqual(loaded.program('plain').info().btfId, 0, 'its types are in the kernel');
});

test('settings come from the given text or file first, and say why they do not fit', () => {
  const uses = (declaration: string, name: string) =>
    `extern ${declaration} __kconfig; SEC("xdp") int p(struct xdp_md *c) { return ${name}; }`;
  const run = (text: string, kernelConfig?: string) => {
    using loaded = openText(text).load({ kernelConfig });
    return verdict(loaded.program('p'));
  };
  assert.equal(run(uses('int CONFIG_HZ', 'CONFIG_HZ'), 'CONFIG_HZ=1234\n'), 1234);
  const path = join(folder, 'config');
  writeFileSync(path, '# comment\nCONFIG_MINE=0x10\n');
  assert.equal(run(uses('int CONFIG_MINE', 'CONFIG_MINE'), path), 16);
  const misfit = (declaration: string, kernelConfig: string) =>
    refusal(uses(declaration, 'CONFIG_MINE'), { kernelConfig });
  assert.match(
    misfit('bool CONFIG_MINE', 'CONFIG_MINE=m').message,
    /^x needs the setting CONFIG_MINE \(in p\): its value is m, and the program declares it as bool \(in the given text\)$/,
  );
  assert.match(
    misfit('char CONFIG_MINE', 'CONFIG_MINE=400').message,
    /its value is 400, which does not fit into a signed char/,
  );
  assert.match(
    misfit('int CONFIG_MINE', '# CONFIG_MINE is not set').message,
    /: it is not set in the given text and \//,
  );
  assert.match(misfit('int CONFIG_MINE', 'CONFIG_OTHER=1').message, /the given text and .* have no such line$/);
  assert.match(refusal(uses('int LINUX_LATER', 'LINUX_LATER')).message, /libbpf knows LINUX_KERNEL_VERSION, /);
  assert.equal(refusal(uses('int CONFIG_MINE', 'CONFIG_MINE'), { kernelConfig: '/no/such' }).code, 'FILE_NOT_FOUND');
  assert.throws(
    () => {
      openText(uses('int CONFIG_HZ', 'CONFIG_HZ')).globals.CONFIG_HZ = 1;
    },
    { code: 'READ_ONLY', message: /give kernelConfig to the load/ },
  );
});

test('functions and variables of modules are asked for through the descriptors of their types', requires('6.4'), () => {
  const { spec } = openText(`
    extern int of_module(struct xdp_md *) __ksym __weak;
    SEC("xdp") int calls(struct xdp_md *c) { return of_module(c); }
    SEC("xdp") int looks(struct xdp_md *c) { return of_module ? 1 : 0; }`);
  // No module is at hand: the kernel's own types stand for one, which it refuses for calls alone.
  const id = [...listIds('BTF')].find((each) => {
    using fd = openById('BTF', each);
    return fd !== undefined && readKernelBtfName(fd.number) === 'vmlinux';
  });
  using fd = openById('BTF', id ?? 0);
  const kernel = readBtf(readFileSync(vmlinux), vmlinux);
  const found = { kind: 'btf', id: kernel.find('function', 'bpf_dynptr_from_xdp') ?? 0, module: 'fake' } as const;
  const load = (index: number) => {
    const program = spec.programs[index];
    assert.ok(program);
    const linked = linkProgram(spec, program, { externs: new Map([['of_module', found]]) });
    assert.deepEqual(
      linked.modules.map(({ module, call }) => [module, call]),
      [['fake', index === 0]],
    );
    const moduleFd = (name: string) => (name === 'fake' && fd ? fd.number : -1);
    return loadProgram(linked, { type: 'xdp', license: 'GPL', mapFd: () => 0, moduleFd });
  };
  load(1).close();
  assert.throws(() => load(0), /BTF fd for kfunc is not a module BTF/);
});
