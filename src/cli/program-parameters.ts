/** Words that several commands about the kernel's programs share. */

export const programParameter = {
  brief: 'A program of the kernel: its id, where it is pinned, or its name',
  parse: String,
  placeholder: 'ID|PIN|NAME',
} as const;
