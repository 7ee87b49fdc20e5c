/** Words of the command line as numbers; what they throw is shown behind the flag's name. */

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`'${text}' is no whole number`);
  return Number(text);
}

export function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < 2 ** 31))
    throw new Error(`'${text}' is no time in milliseconds above 0`);
  return value;
}
