/**
 * One builder at a time. The lock is a folder, made atomically, with its owner's process number in it; a lock whose
 * owner is gone is taken over.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from './build-state.mjs';

const lock = join(root, 'build/lock');
const breaker = join(root, 'build/lock-breaker');
const patienceMilliseconds = 15 * 60_000;

/** Runs `work` while holding the lock; `onWait` is told once when somebody else holds it. */
export async function withBuildLock(work, onWait) {
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + patienceMilliseconds;
  for (let waits = 0; !take(); waits++) {
    if (waits === 5) onWait();
    if (Date.now() > deadline)
      throw new Error(`another build holds ${lock} for too long; remove it if none is running`);
    await delay(100);
  }
  const release = () => rmSync(lock, { recursive: true, force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function take() {
  if (!make(lock)) {
    breakStale();
    return false;
  }
  writeFileSync(join(lock, 'owner'), String(process.pid));
  return true;
}

/** Only the holder of a second, short-lived lock may remove a stale one: two removers could hit a fresh lock. */
function breakStale() {
  if (!ownerIsGone()) return;
  if (!make(breaker)) {
    if (age(breaker) > 10_000) rmSync(breaker, { recursive: true, force: true });
    return;
  }
  if (ownerIsGone()) rmSync(lock, { recursive: true, force: true });
  rmSync(breaker, { recursive: true, force: true });
}

function ownerIsGone() {
  let owner = 0;
  try {
    owner = Number(readFileSync(join(lock, 'owner'), 'utf8'));
  } catch {
    // Made a moment ago and not yet signed, or its owner died in between.
  }
  if (owner === 0) return age(lock) > 10_000;
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function make(path) {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function age(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 0 : Date.now() - stats.mtimeMs;
}
