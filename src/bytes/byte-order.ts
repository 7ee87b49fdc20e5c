/** Whether this machine stores the low byte of a number first; the kernel's interfaces use the machine's own order. */
export const hostIsLittleEndian: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
