import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { FileDescriptor } from './file-descriptor.js';
import { errnoName, isErrno, SyscallError } from './syscall-error.js';
import { mustCall } from './syscalls.js';

test('an errno is shown in words and by name', () => {
  const error = new SyscallError('look at veth0', 19);
  assert.equal(error.message, 'look at veth0: No such device (ENODEV)');
  assert.equal(error.code, 'SYSCALL');
  assert.equal(error.errnoName, 'ENODEV');
  assert.equal(error.name, 'SyscallError');
});

test('a refused permission has its own code, and so its own exit code', () => {
  assert.equal(new SyscallError('attach', 1).code, 'NOT_PERMITTED');
  assert.equal(new SyscallError('open', 13).code, 'NOT_PERMITTED');
});

test("the kernel's own text comes first", () => {
  const error = new SyscallError('attach', 16, { said: 'XDP program already attached', code: 'ATTACH_EXISTS' });
  assert.equal(error.message, 'attach: XDP program already attached (Device or resource busy, EBUSY)');
  assert.equal(error.code, 'ATTACH_EXISTS');
});

test('a missing capability is named where it is known, and only for refusals that it explains', () => {
  const refused = new SyscallError('enter', 1, { capability: 'CAP_SYS_ADMIN', hint: 'other' });
  assert.deepEqual([refused.code, refused.hint], ['NOT_PERMITTED', 'This needs CAP_SYS_ADMIN: run it as root.']);
  const absent = new SyscallError('enter', 2, { capability: 'CAP_SYS_ADMIN', hint: 'other' });
  assert.deepEqual([absent.code, absent.hint], ['SYSCALL', 'other']);
});

test('names of numbers: shared, kernel-internal and unknown', () => {
  assert.equal(errnoName(11), 'EAGAIN');
  assert.equal(errnoName(95), 'EOPNOTSUPP');
  assert.equal(errnoName(524), 'ENOTSUPP');
  assert.equal(errnoName(9999), 'errno 9999');
  assert.equal(new SyscallError('load', 524).message, 'load: Operation not supported (ENOTSUPP)');
});

test('a failing system call throws with its own errno', { skip: process.platform !== 'linux' }, () => {
  assert.throws(
    () => mustCall('setns', 'enter descriptor −1', [-1, 0]),
    (error) => isErrno(error, 'EBADF') && error.syscall === 'setns',
  );
});

test('a descriptor closes once and is refused afterwards', { skip: process.platform !== 'linux' }, () => {
  const number = openSync('/dev/null', 'r');
  const owner = new FileDescriptor(number, 'null device');
  assert.equal(owner.number, number);
  owner.close();
  assert.throws(() => fstatSync(number), /EBADF/);
  const again = openSync('/dev/null', 'r');
  owner.close();
  fstatSync(again);
  closeSync(again);
  assert.throws(
    () => owner.number,
    (error) => error instanceof XdpkitError && error.code === 'CLOSED' && /null device/.test(error.message),
  );
});
