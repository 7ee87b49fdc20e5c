/** The release of Linux that brought each map type since 5.8. Source: the kernel's git history of `include/uapi/linux/bpf.h`. */
export const mapTypesSince: Readonly<Record<string, string>> = {
  ringbuf: '5.8',
  inode_storage: '5.10',
  task_storage: '5.11',
  bloom_filter: '5.16',
  user_ringbuf: '6.1',
  cgrp_storage: '6.2',
  arena: '6.9',
};
