/** Every name of the SEC() table is loaded as the kind of program that it stands for; libbpf is asked where it knows it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { parseObject } from '../loader/open.js';
import { compileText } from '../object/compile-text.test.support.js';
import { isLoadedByLibbpf, kindByLibbpf } from '../object/libbpf.test.support.js';
import { sectionDefinitions } from '../object/sections.generated.js';

/** What each kind that names its target is for; all others take what follows the slash at their word. */
const targets: Readonly<Record<string, string>> = {
  tp_btf: 'xdp_exception',
  iter: 'task',
  'iter.s': 'task',
  lsm: 'file_open',
  'lsm.s': 'file_open',
  lsm_cgroup: 'socket_bind',
  fmod_ret: 'bpf_modify_return_test',
  'fmod_ret.s': 'bpf_modify_return_test',
};

const sections = Object.entries(sectionDefinitions).map(([name, { target }]) =>
  target ? `${name}/${targets[name] ?? 'do_unlinkat'}` : name,
);
const nameOf = (section: string) => `program_${sections.indexOf(section)}`;
/** Some kinds may only return 1, others only 0. */
function source(which: readonly string[]): string {
  const lines = which.map((section) => {
    const returned = section.startsWith('cgroup/') ? 1 : 0;
    return `SEC("${section}") int ${nameOf(section)}(void *context) { return ${returned}; }`;
  });
  return lines.join('\n');
}

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-sections-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What programs of a kind are refused for, whoever loads them. */
const refusedHere: readonly (readonly [section: RegExp, code: string])[] = [
  [/^(fentry|fexit|fmod_ret|fsession|lsm|lsm_cgroup)(\.s)?\//, 'UNSUPPORTED'],
  [/^freplace/, 'USAGE'],
  [/^struct_ops/, 'OBJECT_UNSUPPORTED'],
  // Kinds that the kernel may be built without, or is too old for.
  [/^(lirc_mode2)$/, 'SYSCALL'],
];

test('each section loads, or is refused for what its kind needs, as with libbpf', () => {
  const object = parseObject(compileText(source(sections)), 'sections.bpf.o');
  // One section that it does not know, and libbpf refuses the whole object.
  const known = sections.filter((section) => kindByLibbpf(section) !== undefined);
  const path = join(folder, 'known.bpf.o');
  writeFileSync(path, compileText(source(known)));
  let loaded = 0;
  for (const section of sections) {
    let refusal: XdpkitError | undefined;
    try {
      object.load({ programs: [nameOf(section)] })[Symbol.dispose]();
      loaded += 1;
    } catch (error) {
      assert.ok(error instanceof XdpkitError, `${section}: ${error}`);
      refusal = error;
    }
    if (known.includes(section) && isLoadedByLibbpf(path, nameOf(section), folder)) {
      assert.equal(refusal?.message, undefined, `${section}: libbpf loads it`);
    }
    if (refusal === undefined) continue;
    const { code, message } = refusal;
    const isExpected = refusedHere.some(([pattern, expected]) => pattern.test(section) && code === expected);
    assert.ok(isExpected, `${section}: ${code} ${message}`);
  }
  assert.ok(loaded > 80, `${loaded} of ${sections.length} were loaded`);
});
