/**
 * Drivers with native XDP and the kernel release that brought it, for kernels before 6.3, which cannot be asked
 * (`readXdpFeatures`). Names as `readDriver` gives them. Source: the git history of Linux `drivers/net`.
 */
export const nativeXdpSince: Readonly<Record<string, string>> = {
  mlx4_en: '4.8',
  mlx5_core: '4.9',
  nfp: '4.10',
  qede: '4.10',
  virtio_net: '4.10',
  bnxt_en: '4.11',
  ixgbe: '4.12',
  thunder_nicvf: '4.12',
  i40e: '4.13',
  tun: '4.14',
  ixgbevf: '4.17',
  veth: '4.19',
  fsl_dpaa2_eth: '5.0',
  netsec: '5.3',
  cpsw: '5.3',
  ice: '5.5',
  mvneta: '5.5',
  sfc: '5.5',
  ena: '5.6',
  hv_netvsc: '5.6',
  igb: '5.10',
  bonding: '5.15',
};
