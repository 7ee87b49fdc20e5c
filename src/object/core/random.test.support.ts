/** Random structs as a program believes them and as a kernel has them, as C. */

export interface RandomTypes {
  readonly local: string;
  readonly target: string;
}

const scalars = [
  'char',
  'unsigned char',
  'short',
  'unsigned short',
  'int',
  'unsigned',
  'long',
  'unsigned long',
  '_Bool',
];
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

type Below = (below: number) => number;

/** A struct's body, and the paths of fields in it. */
interface Body {
  readonly text: string;
  readonly paths: readonly { readonly path: string; readonly scalar: boolean; readonly bits: boolean }[];
}

function body(below: Below, depth: number, used: Set<string>): Body {
  const members: Body[] = [];
  for (let left = 1 + below(4); left > 0; left--) members.push(member(below, depth, used));
  return { text: members.map(({ text }) => text).join(' '), paths: members.flatMap(({ paths }) => paths) };
}

function member(below: Below, depth: number, used: Set<string>): Body {
  const free = names.filter((each) => !used.has(each));
  const name = free[below(free.length)];
  const word = below(2) ? 'struct' : 'union';
  if (depth < 3 && below(5) === 0) {
    const inner = body(below, depth + 1, used);
    return { text: `${word} { ${inner.text} };`, paths: inner.paths };
  }
  if (name === undefined) return { text: `${scalars[below(scalars.length)]} : 0;`, paths: [] };
  used.add(name);
  const scalar = scalars[below(scalars.length)] ?? 'int';
  const one = (text: string, path: string, isScalar = false, bits = false): Body => ({
    text,
    paths: [{ path, scalar: isScalar, bits }],
  });
  switch (below(7)) {
    case 0:
      return one(`${scalar} ${name}[${1 + below(3)}];`, `${name}[0]`);
    case 1:
      return one(`void *${name};`, name);
    case 2: {
      // Clang cannot ask about bitfields that lie across words, or whose last bytes other members share.
      const type = ['int', 'unsigned'][below(2)];
      return one(`unsigned : 0; ${type} ${name} : ${1 + below(15)};`, name, false, true);
    }
    case 3: {
      if (depth > 2) return one(`${scalar} ${name};`, name, true);
      const inner = body(below, depth + 1, new Set());
      const paths = inner.paths.map((each) => ({ ...each, path: `${name}.${each.path}` }));
      return {
        text: `${word} { ${inner.text} } ${name};`,
        paths: [...paths, { path: name, scalar: false, bits: false }],
      };
    }
    case 4:
      return one(`enum { ${name}_${below(1000)}_${depth} } ${name};`, name);
    default:
      return one(`${scalar} ${name};`, name, true);
  }
}

/** `count` structs in two shapes, with a program for each question about each field. */
export function randomTypes(below: Below, count: number): RandomTypes {
  let local = '#define SEC(name) __attribute__((section(name), used))\n';
  let target = '';
  const answer = (name: string, expression: string) => {
    local += `SEC("socket") int ${name}(void *context) { return ${expression}; }\n`;
  };
  for (let index = 0; index < count; index++) {
    const type = `s${index}`;
    const own = body(below, 0, new Set());
    // Enumerators are global in C, so that each file names its own.
    local += `struct ${type} { ${own.text.replace(/enum \{ (\w+) \}/g, (_, name) => `enum { ${name}_l${index}_${below(1e9)} }`)} } __attribute__((preserve_access_index));\n`;
    const theirs = below(6) === 0 ? own : body(below, 0, new Set());
    target += `struct ${type} { ${theirs.text
      .replace(/unsigned : 0; int /g, 'long ')
      .replace(/unsigned : 0; /g, '')
      .replace(/ : ([1-9]\d*);/g, (_, bits) => ` : ${Number(bits) * 2};`)
      .replace(/enum \{ (\w+) \}/g, (_, name) => `enum { ${name}_t${index}_${below(1e9)} }`)} } ${type};\n`;
    own.paths.forEach(({ path, scalar, bits }, number) => {
      const field = `((struct ${type} *)0)->${path}`;
      const name = `${type}_${number}`;
      if (scalar || bits)
        for (const question of [3, 4, 5])
          answer(`${name}_${question}`, `__builtin_preserve_field_info(${field}, ${question})`);
      for (const question of [0, 1, 2])
        answer(`${name}_${question}`, `__builtin_preserve_field_info(${field}, ${question})`);
      if (scalar && !bits) answer(`${name}_load`, `(long)((struct ${type} *)context)->${path}`);
    });
    answer(`matches_${type}`, `__builtin_preserve_type_info(*(struct ${type} *)0, 0)`);
  }
  return { local: `${local}char _license[] SEC("license") = "GPL";\n`, target };
}
