export const pinPathParameter = {
  brief: 'A path on a BPF file system, such as /sys/fs/bpf/NAME',
  parse: String,
  placeholder: 'PATH',
} as const;
