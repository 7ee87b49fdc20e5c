/** Reading types and objects, and loading with CO-RE: the library against libbpf. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileBpf } from '../compile/compile.js';
import { XdpkitError } from '../errors/error.js';
import { readRunningKernelBtf } from '../kernel/target-btf.js';
import { parseObject } from '../loader/open.js';
import { Peer } from './peer.js';
import { compare, type Timed, timed } from './rounds.js';
import { type BenchContext, type RowGroup, ratioResult } from './row.js';

const libbpf = 'libbpf';
const kernelTypes = '/sys/kernel/btf/vmlinux';
/** What the peer looks for too. */
const wantedType = 'sk_buff';

// What is read is kept here, so that no compiler finds that nobody wants it.
let sink: unknown;

/** 32 programs with CO-RE: `bench/core.bpf.c`, compiled. */
export async function compileCoreObject(root: string): Promise<string> {
  const output = join(root, 'dist/bench/core.bpf.o');
  await compileBpf({ source: join(root, 'bench/core.bpf.c'), output });
  return output;
}

export const objectRows: RowGroup = {
  names: ['kernel BTF', 'kernel BTF, find by name', 'ELF open', 'open+load CO-RE', 'open+load CO-RE, first'],
  async *measure(context, wanted) {
    const { root, peer, rounds } = context;
    if (wanted('kernel BTF')) {
      const ours = repeated(() => {
        sink = readRunningKernelBtf().count;
      });
      const measured = await compare(ours, peer.command('btf', kernelTypes), rounds);
      yield ratioResult('kernel BTF', libbpf, 'ms', measured, 3);
    }
    if (wanted('kernel BTF, find by name')) {
      const ours = repeated(() => {
        const found = readRunningKernelBtf().find('struct', wantedType);
        if (found === undefined) throw new Error(`no struct ${wantedType} in the kernel`);
        sink = found;
      });
      const measured = await compare(ours, peer.command('btf-find', kernelTypes), rounds);
      yield ratioResult('kernel BTF, find by name', libbpf, 'ms', measured, 3);
    }
    const path = await compileCoreObject(root);
    const bytes = readFileSync(path);
    if (wanted('ELF open')) {
      const ours = repeated(() => {
        sink = parseObject(bytes, path);
      });
      const measured = await compare(ours, peer.command('open', path), rounds);
      yield ratioResult('ELF open', libbpf, 'µs', measured, 6);
    }
    if (wanted('open+load CO-RE')) {
      const ours = repeated(() => {
        using object = parseObject(bytes, path).load();
        sink = object;
      });
      const measured = await compare(ours, peer.command('load', path), rounds);
      yield ratioResult('open+load CO-RE', libbpf, 'ms', measured, 1.3);
    }
    if (wanted('open+load CO-RE, first')) {
      // A process that does nothing else: no code is compiled yet, and no memory of libbpf's warm.
      const measured = await compare(firstLoad(path), firstPeerLoad(context, path), {
        ...rounds,
        millisecondsPerRound: 1,
      });
      yield ratioResult('open+load CO-RE, first', libbpf, 'ms', measured);
    }
  },
};

function repeated(call: () => void): Timed {
  return timed((count) => {
    for (let index = 0; index < count; index += 1) call();
  });
}

/** Node's start and the imports are not in it: `start` and the memory rows tell of these. */
function firstLoad(path: string): Timed {
  const script = fileURLToPath(new URL('./first-load.js', import.meta.url));
  return async (count) => {
    let total = 0;
    for (let index = 0; index < count; index += 1) {
      const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
      });
      await once(child, 'close');
      if (child.exitCode !== 0) throw new XdpkitError('FAILED', `loading ${path} in a new process failed`);
      total += Number(text);
    }
    return total;
  };
}

function firstPeerLoad({ peerProgram }: BenchContext, path: string): Timed {
  return async (count) => {
    let total = 0;
    for (let index = 0; index < count; index += 1) {
      using peer = new Peer(peerProgram);
      total += await peer.command('load', path)(1);
    }
    return total;
  };
}

export function lastSeen(): unknown {
  return sink;
}
