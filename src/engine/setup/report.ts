/** Progress of a set-up: what it reports, and a plain rendering of that. */

type Stage =
  | 'wait'
  | 'note'
  | 'download'
  | 'verify'
  | 'extract'
  | 'compile'
  | 'install'
  | 'prebuilt'
  | 'check'
  | 'ready';

export interface SetupEvent {
  readonly stage: Stage;
  readonly message: string;
  /** Done part of the stage, from 0 to 1; absent where it can't be told. */
  readonly fraction?: number;
}

export type Report = (event: SetupEvent) => void;

/** Where lines of progress go: `process.stderr`, or anything like it. */
export interface LineSink {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const previousLine = '\x1b[1A\x1b[2K';

/** Writes a line an event: rewritten in place on a terminal, else repeated at each quarter. */
export function lineReporter(sink: LineSink = process.stderr): Report {
  let last = { message: '', quarter: 0 };
  return ({ message, fraction }) => {
    const quarter = Math.floor((fraction ?? 0) * 4);
    const again = message === last.message;
    if (again && !sink.isTTY && quarter === last.quarter) return;
    last = { message, quarter };
    const percent = fraction === undefined ? '' : ` ${Math.floor(fraction * 100)}%`;
    sink.write(`${again && sink.isTTY ? previousLine : ''}${message}${percent}\n`);
  };
}
