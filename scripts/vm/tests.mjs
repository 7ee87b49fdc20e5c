/**
 * The kernel tests that run on stock kernels, as files of src without their ending: those whose outcome hangs on the
 * kernel's release, its configuration or its types. The others run on the machine's own kernel alone.
 */
export const testsOnStockKernels = [
  // Loading: CO-RE against each release's types, kfuncs that are there or not, targets of trampolines.
  'kernel/core.kernel.test',
  'kernel/attach-target.kernel.test',
  'kernel/features.kernel.test',
  'kernel/externs.kernel.test',
  'kernel/old-kernels.kernel.test',
  'kernel/map-types.kernel.test',
  'kernel/globals.kernel.test',
  'kernel/load.kernel.test',
  'kernel/target-btf.kernel.test',
  'kernel/sections.kernel.test',
  // What the verifier says, in the words of each release.
  'kernel/verifier-error.kernel.test',
  'loader/verify-programs.kernel.test',
  // Devices.
  'xdp/attach.kernel.test',
  'xdp/replace.kernel.test',
  'xdp/detach.kernel.test',
  'xdp/program-arrays.kernel.test',
  'stats/reader.kernel.test',
  'chain/chain.kernel.test',
  // Maps and events.
  'kernel/map.kernel.test',
  'kernel/ring-buffer.kernel.test',
  'kernel/user-ring-buffer.kernel.test',
  'kernel/perf-buffer.kernel.test',
  'kernel/pin.kernel.test',
  // Objects that are linked anew.
  'object/chain/link-chain.kernel.test',
  'object/chain/dispatcher.kernel.test',
  'object/chain/wrap.kernel.test',
  'object/core/relocate.kernel.test',
];
