/**
 * UTF-8 that loses nothing: programs keep arbitrary bytes in `char` arrays too. A byte that is no UTF-8 becomes the lone
 * surrogate U+DC80…U+DCFF of its value, and that byte again when it is encoded (as PEP 383 does).
 */
// A byte order mark is text like any other here.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const firstEscape = 0xdc00;
const loneSurrogate = /[\uDC80-\uDCFF]/;

export function decodeText(bytes: Uint8Array): string {
  const whole = tryDecode(bytes);
  if (whole !== undefined) return whole;
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const character = tryDecode(bytes.subarray(at, at + length));
    text += character ?? String.fromCharCode(firstEscape + lead);
    at += character === undefined ? 1 : length;
  }
  return text;
}

export function encodeText(text: string): Uint8Array {
  if (!loneSurrogate.test(text)) return encoder.encode(text);
  const parts = Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return loneSurrogate.test(character) && character.length === 1 ? [code - firstEscape] : encoder.encode(character);
  });
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
