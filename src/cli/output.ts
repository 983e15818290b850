/** Where a command's results go: standard output, or a file that is there whole at the end. */
import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { temporaryBeside } from '../checkpoint/atomic.js';
import { explainWriting, systemErrorCode, writingTo } from '../checkpoint/file-errors.js';
import { exitCodes } from '../errors/index.js';

export interface Output {
  write(text: string): Promise<void>;
  /** The file is in place after this. */
  finish(): void;
  /** Nothing is left of a file that was not finished. */
  abandon(): void;
}

/** @throws RunError where the file cannot be written */
export function openOutput(path: string | undefined): Output {
  if (path === undefined) return standardOutput;
  const there = writingTo(path, () => statSync(path, { throwIfNoEntry: false }));
  // A device or a pipe is written to, not replaced; nor is a link, but what it leads to.
  if (there && !there.isFile()) return written(path, path);
  const place = there ? realpathSync(path) : path;
  const temporary = temporaryBeside(place);
  return written(path, temporary, {
    finish(file) {
      fsyncSync(file);
      renameSync(temporary, place);
    },
    abandon: () => rmSync(temporary, { force: true }),
  });
}

const standardOutput: Output = {
  write(text) {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, error => {
        if (!error) resolve();
        // Who reads it has enough.
        else if (systemErrorCode(error) === 'EPIPE') process.exit(exitCodes.ok);
        else reject(error);
      });
    });
  },
  finish: nothing,
  abandon: nothing,
};

interface Ending {
  readonly finish: (file: number) => void;
  readonly abandon: () => void;
}

/** Writes to `place`, which messages call `path`. */
function written(
  path: string,
  place: string,
  ending: Ending = { finish: nothing, abandon: nothing },
): Output {
  const file = writingTo(path, () => openSync(place, 'w'));
  return {
    write(text) {
      writingTo(path, () => writeFileSync(file, text));
      return Promise.resolve();
    },
    finish() {
      writingTo(path, () => {
        ending.finish(file);
        closeSync(file);
      });
    },
    abandon: ending.abandon,
  };
}

function nothing(): void {
  return;
}

/** For the whole program: standard output that cannot be written to ends it with a message; that nobody reads it or its messages does not. */
export function watchStandardStreams(): void {
  process.stderr.on('error', nothing);
  process.stdout.on('error', (error: Error) => {
    if (systemErrorCode(error) === 'EPIPE') return;
    process.stderr.write(`${explainWriting('standard output', error).message}\n`);
    process.exit(exitCodes.badInput);
  });
}
