/** Refusals for what a program takes and has to give back: references and locks. */
import type { Explanation, KindOfRefusal } from './kind.js';
import type { Refusal } from './refusal.js';

export const resourceKinds: readonly KindOfRefusal[] = [
  {
    kind: 'unreleased-reference',
    patterns: [/^Unreleased reference id=\d+ alloc_insn=(\d+)/],
    explain: ([, at], refusal) => unreleased(refusal, Number(at)),
  },
  {
    kind: 'release',
    patterns: [
      /^(R\d+) type=\w+ expected=(?:ringbuf_mem|alloc_mem)/,
      /^(R\d+) type=scalar expected=sock/,
      /^(?:release helper|release kernel function) (\S+)/,
      /expects refcounted/,
      /must be referenced when passed to release function/,
      /^reference has not been acquired before/,
    ],
    explain: (_, { called, pointer }) => ({
      what: `it gives back by ${called ?? 'a call'} what it does not hold (any more)`,
      mend: `Give back exactly once on each way what was taken, with the very pointer that the taking call returned${pointer ? '' : ', checked for NULL'}, and leave it alone after that.`,
    }),
  },
  {
    kind: 'iterator',
    patterns: [/^expected (?:an )?(?:un)?initialized (iter_\w+) as arg/],
    explain: ([, iterator], { called }) => ({
      what: `it calls ${called ?? 'a function'} with an iterator (${iterator}) that is not in the state for it`,
      mend: 'An iterator is a local variable: made once by its …_new function, asked by …_next until that gives NULL, and destroyed once by …_destroy on every way, even where …_new failed; `bpf_for_each` of bpf_helpers.h writes all three.',
    }),
  },
  {
    kind: 'region',
    patterns: [/inside (bpf_(?!spin_lock)\w+)-ed region/],
    explain: ([, entered = ''], { called }) => ({
      what: `it ${called === undefined ? 'ends' : `calls ${called}`} inside of a section that ${entered} has begun`,
      mend: `Call \`${regionEnds[entered] ?? 'its counterpart'}\` before that, on every way.`,
    }),
  },
  {
    kind: 'spin-lock',
    patterns: [
      /^(?!program of this type|unknown func|invalid func).*spin_(?:un)?lock/,
      /while holding a lock|inside (?:a )?lock(?:ed)? region/,
    ],
    explain: (_, refusal, line) => spinLock(refusal, line),
  },
];

const regionEnds: Readonly<Record<string, string>> = {
  bpf_rcu_read_lock: 'bpf_rcu_read_unlock();',
  bpf_preempt_disable: 'bpf_preempt_enable();',
  bpf_local_irq_save: 'bpf_local_irq_restore(&flags);',
};

/** What gives back what a function has taken. */
const releases: readonly (readonly [taken: RegExp, released: string])[] = [
  [/^bpf_ringbuf_reserve_dynptr$/, 'bpf_ringbuf_submit_dynptr(&NAME, 0)'],
  [/^bpf_ringbuf_reserve$/, 'bpf_ringbuf_submit(NAME, 0)'],
  [/^bpf_skc?_lookup_|^bpf_map_lookup_elem$/, 'bpf_sk_release(NAME)'],
  [/^bpf_task_(acquire|from_pid)/, 'bpf_task_release(NAME)'],
  [/^bpf_cgroup_(acquire|from_id|ancestor)/, 'bpf_cgroup_release(NAME)'],
  [/^bpf_(xdp|skb)_ct_(lookup|insert|alloc)/, 'bpf_ct_release(NAME)'],
  [/^bpf_obj_new/, 'bpf_obj_drop(NAME)'],
  [/^bpf_iter_(\w+)_new/, 'bpf_iter_…_destroy(&NAME)'],
];

function unreleased(refusal: Refusal, at: number): Explanation {
  const step = refusal.log.steps.findLast(({ instruction }) => instruction === at);
  const text = step?.text ?? refusal.code.instructionText?.(at) ?? '';
  const taken = /call ([\w.]+)#/.exec(text)?.[1];
  const name = refusal.assignedAt(at) ?? 'pointer';
  const where = refusal.lineOf(at);
  const release = releases.find(([pattern]) => taken !== undefined && pattern.test(taken))?.[1].replace('NAME', name);
  return {
    what: `it ends with something not given back that ${taken ?? `instruction ${at}`} has taken${where ? ` in line ${where.line}` : ''}`,
    mend: `${release === undefined ? 'Call the function that releases it' : `Call \`${release};\``}${taken === 'bpf_ringbuf_reserve' ? ` (or \`bpf_ringbuf_discard(${name}, 0);\`)` : ''} on every way between there and the return${taken?.startsWith('bpf_ringbuf') ? '' : ', where it is not NULL'}.`,
  };
}

function spinLock(refusal: Refusal, line: string): Explanation {
  const { called } = refusal;
  const lock = refusal.before(({ text }) => /call bpf_spin_lock#/.test(text));
  const locked = refusal.lineOf(lock?.instruction);
  const name = /bpf_spin_lock\s*\(([^)]*)\)/.exec(locked?.text ?? '')?.[1] ?? '&value->lock';
  const since = locked ? ` (taken in line ${locked.line})` : '';
  if (/without taking a lock|unlock of different|not held/.test(line)) {
    return {
      what: 'it gives back a lock that it has not taken',
      mend: 'Call `bpf_spin_lock(…)` with the same lock on every way that leads to this bpf_spin_unlock.',
    };
  }
  if (refusal.text?.endsWith(' exit') || /BPF_EXIT/.test(line)) {
    return {
      what: `it ends while it holds a lock${since}`,
      mend: `Call \`bpf_spin_unlock(${name});\` on every way between there and the return.`,
    };
  }
  if (called !== undefined && !called.startsWith('bpf_spin')) {
    return {
      what: `it calls ${called} while it holds a lock${since}, and there nearly nothing may be called`,
      mend: `Call ${called} before the lock is taken or after it is given back, and keep its result in a local variable.`,
    };
  }
  return {
    what: `it uses a lock in a way that is not allowed (${line})`,
    mend: 'A `struct bpf_spin_lock` is a member of a map value (hash, array, cgroup storage) whose type the map has by BTF; one lock at a time, in programs other than tracing and socket filters.',
  };
}
