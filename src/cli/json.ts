/**
 * A value as JSON text, on one line. 64-bit counters (`bigint`) become exact integers, which JSON allows to any size,
 * bytes a string of hexadecimal digits, and zero keeps its sign. Everything else is as `JSON.stringify` has it.
 */
export function toJson(value: unknown): string {
  return encode(value) ?? 'null';
}

function encode(value: unknown): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value instanceof Uint8Array) return JSON.stringify(hexadecimal(value));
  if ('toJSON' in value && typeof value.toJSON === 'function') return encode(value.toJSON());
  if (Array.isArray(value)) return `[${value.map((item) => encode(item) ?? 'null').join(',')}]`;
  const members = Object.entries(value).flatMap(([key, item]) => {
    const text = encode(item);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
