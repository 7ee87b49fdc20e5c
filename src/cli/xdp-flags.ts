/** Flags that several commands about XDP on a device share. */

export const objectParameter = {
  brief: 'An object file, as `xdpkit build` makes it',
  parse: String,
  placeholder: 'OBJECT',
} as const;

export const deviceFlag = { kind: 'parsed', parse: String, placeholder: 'DEV', brief: 'The network device' } as const;

export const programFlag = {
  kind: 'parsed',
  parse: String,
  optional: true,
  placeholder: 'NAME',
  brief: 'Which program, by function name, whatever its section',
} as const;

export const sectionFlag = {
  kind: 'parsed',
  parse: String,
  optional: true,
  placeholder: 'SECTION',
  brief: 'Which program, by the section it is in',
} as const;

export const someModeFlag = {
  kind: 'enum',
  values: ['native', 'generic', 'offload'],
  optional: true,
} as const;
