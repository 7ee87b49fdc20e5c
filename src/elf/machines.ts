/** Names of `e_machine` for the machines that people compile for by mistake. Source: Linux `include/uapi/linux/elf-em.h`. */
export const machineBpf = 247;
export const machineNone = 0;

const machineNames: Readonly<Record<number, string>> = {
  3: 'x86 (32 bit)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC 64',
  22: 'IBM S/390',
  40: 'Arm (32 bit)',
  43: 'SPARC v9',
  62: 'x86-64',
  183: 'Arm 64 (aarch64)',
  243: 'RISC-V',
  258: 'LoongArch',
};

export function machineName(machine: number): string {
  return machineNames[machine] ?? `machine number ${machine}`;
}
