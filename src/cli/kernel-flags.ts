/** What commands that load programs take in the place of what the running kernel tells of itself. */

export type KernelFlags = { readonly kernelBtf?: string; readonly kernelConfig?: string };

const file = { kind: 'parsed', parse: String, optional: true, placeholder: 'FILE' } as const;

export const kernelFlags = {
  kernelBtf: { ...file, brief: 'Types that CO-RE is answered from: raw BTF, or a vmlinux' },
  kernelConfig: { ...file, brief: "Settings (__kconfig) that come before the running kernel's own" },
} as const;
