/** Where a command's results go: standard output, or a file that is there whole at the end. */
import { once } from 'node:events';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { temporaryBeside } from '../checkpoint/atomic.js';
import { writingTo } from '../checkpoint/file-errors.js';

export interface Output {
  write(text: string): Promise<void>;
  /** The file is in place after this. */
  finish(): void;
  /** Nothing is left of a file that was not finished. */
  abandon(): void;
}

const nothing = (): void => undefined;

/** @throws RunError where the file cannot be written */
export function openOutput(path: string | undefined): Output {
  if (path === undefined) {
    return {
      async write(text) {
        if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
      },
      finish: nothing,
      abandon: nothing,
    };
  }
  const temporary = temporaryBeside(path);
  const file = writingTo(path, () => openSync(temporary, 'w'));
  return {
    write(text) {
      writingTo(path, () => writeSync(file, text));
      return Promise.resolve();
    },
    finish() {
      writingTo(path, () => {
        fsyncSync(file);
        closeSync(file);
        renameSync(temporary, path);
      });
    },
    abandon() {
      rmSync(temporary, { force: true });
    },
  };
}
