/**
 * Every stable error code, with the exit code that a command ends with and what the code means.
 * Codes are added, never renamed: programs branch on them.
 *
 * Exit codes: 1 failed, 2 wrong usage, 3 not found, 4 not permitted, 5 the kernel or device can't,
 * 6 the verifier refused, 7 differences or failed expectations, 130 interrupted.
 */
export const errorCodes = {
  USAGE: { exit: 2, meaning: 'the command or call was given wrong or missing options' },
  INTERRUPTED: { exit: 130, meaning: 'the user interrupted the operation' },
  FAILED: { exit: 1, meaning: 'an operation failed for a reason that has no code of its own' },
  EXPECTATION_FAILED: { exit: 7, meaning: 'what was observed is not what was expected' },
  SYSCALL: { exit: 1, meaning: 'the kernel refused a system call' },
  NOT_PERMITTED: { exit: 4, meaning: 'the process lacks a privilege; the message says which' },
  UNSUPPORTED: { exit: 5, meaning: 'this kernel lacks a feature that was asked for' },

  FILE_NOT_FOUND: { exit: 3, meaning: 'a file that was named does not exist or cannot be read' },
  NOT_ELF: { exit: 1, meaning: 'the file is not an ELF object' },
  WRONG_MACHINE: { exit: 1, meaning: 'the ELF object was not compiled for BPF' },
  MALFORMED: { exit: 1, meaning: 'an object, BTF or message is truncated or damaged' },
  OBJECT_UNSUPPORTED: { exit: 5, meaning: 'the object uses something that xdpkit cannot load yet' },
  CORE_RELOCATION: {
    exit: 5,
    meaning: "what a program asks of the kernel's types (CO-RE) has no single answer, or one that its code cannot hold",
  },
  EXTERN_UNRESOLVED: {
    exit: 5,
    meaning: 'the kernel lacks a function, variable or setting that an object refers to, or has it as another type',
  },
  BYTE_ORDER: { exit: 5, meaning: 'the object was compiled for the other byte order' },

  BTF_NOT_FOUND: { exit: 3, meaning: 'no such types: the kernel or the file has no such BTF, or the BTF no such type' },
  PROGRAM_NOT_FOUND: {
    exit: 3,
    meaning: 'the object or kernel has no such program, or the object no XDP program at all',
  },
  PROGRAM_AMBIGUOUS: {
    exit: 2,
    meaning: 'several programs are meant: those of an object, or all that the kernel has of a name',
  },
  CHAIN_LIMIT: { exit: 5, meaning: 'programs take more stack, frames or functions together than the kernel allows' },
  TARGET_NOT_FOUND: {
    exit: 3,
    meaning:
      'what a program is for (a kernel function, a tracepoint, a hook, a function of another program) is not there',
  },
  VERIFIER: { exit: 6, meaning: "the kernel's verifier refused the program" },

  MAP_NOT_FOUND: { exit: 3, meaning: 'the object, program or kernel has no such map' },
  MAP_AMBIGUOUS: { exit: 2, meaning: 'the kernel has several maps of the name that was given' },
  MAP_CREATE: { exit: 5, meaning: 'the kernel refused to create a map' },
  MAP_FULL: { exit: 1, meaning: 'a map has no room for another entry' },
  KEY_SHAPE: { exit: 2, meaning: 'a map key has another shape or range than the map' },
  VALUE_SHAPE: { exit: 2, meaning: 'a map value has another shape or range than the map' },
  KEY_EXISTS: { exit: 1, meaning: 'the map already holds the key that should have been new' },
  KEY_NOT_FOUND: { exit: 3, meaning: 'the map does not hold the key' },
  LINK_NOT_FOUND: { exit: 3, meaning: 'the kernel has no such link' },
  PIN_MISMATCH: { exit: 1, meaning: 'the pinned map has another shape than the object asks for' },
  PIN_EXISTS: { exit: 1, meaning: 'the path to pin at is taken' },
  NO_BPF_FILE_SYSTEM: { exit: 5, meaning: 'no BPF file system is mounted where one is needed' },
  GLOBAL_NOT_FOUND: { exit: 3, meaning: 'the object has no such global variable' },
  READ_ONLY: { exit: 2, meaning: 'a constant was written after the object was loaded' },
  CLOSED: { exit: 1, meaning: 'the kernel object was used after it was closed' },

  DEVICE_NOT_FOUND: { exit: 3, meaning: 'the network namespace has no such device' },
  DEVICE_GONE: { exit: 3, meaning: 'the device disappeared during the operation' },
  NETNS_NOT_FOUND: { exit: 3, meaning: 'the network namespace does not exist' },
  ATTACH_EXISTS: { exit: 1, meaning: 'the device already has an XDP program' },
  ATTACH_CHANGED: { exit: 1, meaning: 'another process changed the attachment at the same time' },
  NOT_ATTACHED: { exit: 3, meaning: 'the device has no XDP program' },
  MTU_TOO_LARGE: { exit: 5, meaning: "the device's MTU is too large for native XDP" },
  MODE_UNSUPPORTED: { exit: 5, meaning: 'the device cannot run XDP in the mode asked for' },
  NO_STATISTICS: { exit: 3, meaning: 'the program on the device has no statistics map that is understood' },

  LAB_EXISTS: { exit: 1, meaning: 'the lab exists already' },
  LAB_NOT_FOUND: { exit: 3, meaning: 'there is no such lab' },
  LAB_BROKEN: { exit: 1, meaning: 'the lab is half-made and cannot be repaired; the message says why' },

  TOOL_MISSING: { exit: 5, meaning: 'a program or header that is needed is not installed; the hint names the package' },
  COMPILE_FAILED: { exit: 1, meaning: 'clang refused the source' },
} as const satisfies Record<string, { exit: number; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;
