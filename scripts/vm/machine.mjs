/** Starts a kernel in QEMU by software emulation, and hears from it: its console, and what its tests found. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const outside = fileURLToPath(new URL('outside.mjs', import.meta.url));

/** Kernel parameters: an oops must end the run, and BPF is the only security module, so that its hooks can be tried. */
const append = 'console=ttyS0 quiet panic=-1 oops=panic noapic mitigations=off lsm=bpf';

function parametersOf(kernel, image, console) {
  return [
    ...['-accel', 'tcg', '-cpu', 'max', '-smp', '2', '-m', '1536', '-nodefaults', '-no-reboot', '-display', 'none'],
    ...['-kernel', kernel.image, '-initrd', image, '-append', append],
    ...['-chardev', `file,id=console,path=${console}`, '-serial', 'chardev:console'],
    ...['-chardev', 'stdio,id=results,signal=off', '-serial', 'chardev:results'],
    // Nothing of the guest's goes anywhere but to the compilers.
    ...['-netdev', `user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:9-cmd:${process.execPath} ${outside}`],
    ...['-device', 'virtio-net-pci,netdev=net,romfile='],
  ];
}

/**
 * Runs the machine until it is off; `onLine` is given each line of results. Gives what the tests' process ended with,
 * undefined when the machine died before, and what the machine printed: on its console, and QEMU itself.
 */
export function runMachine(kernel, image, { consoleFile, onLine, milliseconds, signal }) {
  const parameters = parametersOf(kernel, image, consoleFile);
  const child = spawn('qemu-system-x86_64', parameters, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  return new Promise((resolve, reject) => {
    let [said, rest, status] = ['', '', undefined];
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines.map((each) => each.trim())) {
        const ended = /^xdpkit-status (\d+)$/.exec(line);
        if (ended !== null) status = Number(ended[1]);
        else if (line !== '') onLine(line);
      }
    });
    const timer = setTimeout(() => {
      said += `no end after ${milliseconds / 1000} s\n`;
      child.kill('SIGKILL');
    }, milliseconds);
    child.on('error', (error) => (error.name === 'AbortError' ? undefined : reject(error)));
    child.on('close', () => {
      clearTimeout(timer);
      resolve({ status, said, console: existsSync(consoleFile) ? readFileSync(consoleFile, 'utf8') : '' });
    });
  });
}
