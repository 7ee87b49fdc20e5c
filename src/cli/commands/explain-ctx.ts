import type { ContextField } from '../../kernel/context-layout.js';
import { defineCommand } from '../command.js';

export const explainCtx = defineCommand<Record<never, never>, [string?]>({
  brief: "What becomes of a program's context in this kernel: each field, and the reads that it costs",
  description: [
    "What becomes of a program's context in this kernel: each field, and the reads that it costs.",
    '',
    'Programs see a struct of the stable interface (struct xdp_md); the verifier turns each access into reads of the',
    "kernel's own structs. It is asked here, by a program for each field; names and offsets are those of its BTF.",
  ].join('\n'),
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'A type of programs (xdp when not given)', parse: String, placeholder: 'TYPE', optional: true },
      ],
    },
  },
  async run({ output }, type = 'xdp') {
    const { readContextLayout } = await import('../../kernel/context-layout.js');
    const layout = readContextLayout(type);
    output.print(`struct ${layout.seen} of ${layout.type} programs, in the place of struct ${layout.real}:\n`);
    await output.table(
      [
        { title: 'FIELD' },
        { title: 'OFFSET', align: 'right' },
        { title: 'BYTES', align: 'right' },
        { title: 'ACCESS' },
        { title: 'READS', align: 'right' },
        { title: 'BECOMES' },
      ],
      layout.fields.map((field) => [
        field.name,
        String(field.offset),
        String(field.size),
        accessText(field),
        field.read ? String(readsOf(field.read)) : '',
        becomes(field),
      ]),
    );
    output.document({ ...layout, fields: layout.fields.map(asDocument) });
    return undefined;
  },
});

type Read = NonNullable<ContextField['read']>;

/** Reads from memory, named or not. */
function readsOf({ code }: Read): number {
  return code.filter((text) => / = \*\([us]\d+ \*\)/.test(text)).length;
}

function accessText({ read, writable }: ContextField): string {
  const words = [...(read ? ['read'] : []), ...(writable ? ['write'] : [])];
  return words.join(', ') || 'none';
}

/** `xdp_buff.rxq +32 → xdp_rxq_info.queue_index +8`, or the code where it is more than reads. */
function becomes({ read }: ContextField): string {
  if (read === undefined) return '';
  const steps = read.steps.map(({ struct, member, offset }) => `${struct}.${member} +${offset}`).join(' → ');
  const text = read.isPlain ? steps : read.code.map((line) => line.replace(/^\(..\) /, '')).join('; ');
  const only = read.attachType === undefined ? '' : ` (only for ${read.attachType})`;
  return `${text}${only}`;
}

function asDocument({ name, offset, size, read, writable }: ContextField) {
  const plain = read && { ...read, reads: readsOf(read), attachType: read.attachType ?? null };
  return { name, offset, size, writable, read: plain ?? null };
}
