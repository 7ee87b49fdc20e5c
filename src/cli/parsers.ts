/** Words of the command line as numbers; what they throw is shown behind the flag's name. */

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`'${text}' is no whole number`);
  return Number(text);
}

/** How often something is done: at least once. */
export function repeatCount(text: string): number {
  const count = wholeNumber(text);
  if (count < 1 || count >= 2 ** 31) throw new Error(`'${text}' is no count from 1 to ${2 ** 31 - 1}`);
  return count;
}

export function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < 2 ** 31))
    throw new Error(`'${text}' is no time in milliseconds above 0`);
  return value;
}
