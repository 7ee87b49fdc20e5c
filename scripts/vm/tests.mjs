/**
 * The kernel tests that run on stock kernels, as files of src without their ending: those whose outcome hangs on the
 * kernel's release, its configuration or its types, and that take seconds under software emulation. The others run on the
 * machine's own kernel alone.
 */
export const testsOnStockKernels = [
  // Devices.
  'xdp/attach.kernel.test',
  'xdp/program-arrays.kernel.test',
  // Loading: CO-RE against each release's types, kfuncs that are there or not, targets of trampolines.
  'kernel/core.kernel.test',
  'kernel/attach-target.kernel.test',
  'kernel/features.kernel.test',
  'kernel/externs.kernel.test',
  'kernel/map-types.kernel.test',
  'kernel/target-btf.kernel.test',
  'stats/reader.kernel.test',
  'kernel/ring-buffer.kernel.test',
];
