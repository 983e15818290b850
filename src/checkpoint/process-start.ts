/** Tells a running process from a dead one, and from a later one that was given the same pid. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When process `pid` started, as an opaque text that no other process with this pid shares; undefined where none runs
 * (one that has ended but was never waited for counts as ended).
 */
export function processStart(pid: number): string | undefined {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

function startFromProc(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // proc(5): `pid (name) state ...`, the start time in ticks since boot being field 22; the name may hold anything.
  const [state = '', ...later] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (hasEnded(state)) return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot}/${later[18] ?? ''}`;
}

/** As `processStart`, for systems without /proc. */
export function startFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [state = '', ...start] = line.trim().split(/\s+/);
    return hasEnded(state) ? undefined : start.join(' ');
  } catch {
    return undefined;
  }
}

function hasEnded(state: string): boolean {
  return state.startsWith('Z') || state.startsWith('X');
}
