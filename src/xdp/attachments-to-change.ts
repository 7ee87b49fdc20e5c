/** Who changes a device that libxdp's dispatcher holds takes libxdp's lock first, as libxdp does. */
import { type Attachment, readAttachments } from './attachment.js';
import type { DeviceHandle } from './device.js';
import { lockDispatchers } from './dispatcher.js';

export interface AttachmentsToChange extends Disposable {
  readonly attachments: readonly Attachment[];
}

/** What is attached; where a dispatcher is among it, libxdp leaves it as it is until this is disposed. */
export function attachmentsToChange(device: DeviceHandle): AttachmentsToChange {
  const attachments = readAttachments(device);
  if (!attachments.some(({ holder }) => holder.by === 'libxdp')) return { attachments, [Symbol.dispose]() {} };
  const lock = lockDispatchers();
  try {
    return { attachments: readAttachments(device), [Symbol.dispose]: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}
