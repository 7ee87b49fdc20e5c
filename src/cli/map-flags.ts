/** Words and flags that several commands about maps share. */

export const mapParameter = {
  brief: 'A map: its id, where it is pinned, or its name',
  parse: String,
  placeholder: 'MAP',
} as const;

export const keyParameter = {
  brief: 'A key: JSON as `map dump --json` prints it, or a word (2, 0x1f, 10.0.0.0/8, 02:00:00:00:00:01, text)',
  parse: String,
  placeholder: 'KEY',
} as const;

export const valueParameter = {
  brief: 'A value, in the same forms as a key',
  parse: String,
  placeholder: 'VALUE',
} as const;

export const perCpuFlag = {
  kind: 'boolean',
  optional: true,
  withNegated: false,
} as const;
