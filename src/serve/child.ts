/** One child process: started, given one work at a time, and known to be lost when it ends. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../errors/index.js';
import type { WorkerMessage, WorkerSetting, Work } from './messages.js';

const program = fileURLToPath(new URL('./worker.js', import.meta.url));

/** The process ended before it had answered. */
export class ChildLost extends Error {}

export type Answer = Extract<WorkerMessage, { kind: 'done' | 'refused' }>;

/** Called when it ends, for whatever reason. @param how it ended */
type OnLost = (child: Child, how: string) => void;

export class Child {
  private waiting:
    { id: number; resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  private constructor(
    private readonly process: ChildProcess,
    onLost: OnLost,
  ) {
    process.on('message', (message: WorkerMessage) => {
      const { waiting } = this;
      if (!waiting || !('id' in message) || message.id !== waiting.id) return;
      this.waiting = undefined;
      waiting.resolve(message);
    });
    process.once('exit', (code, signal) => {
      this.waiting?.reject(new ChildLost('the process that computed it ended'));
      this.waiting = undefined;
      onLost(this, signal ?? `exit code ${code}`);
    });
  }

  /**
   * @throws EngineError where the process cannot be started, or the model not loaded
   */
  static start(setting: WorkerSetting, onLost: OnLost): Promise<Child> {
    // Threads of the pool that decodes images: as many as compute.
    const env = { ...process.env, UV_THREADPOOL_SIZE: String(Math.max(2, setting.threads)) };
    const child = fork(program, { serialization: 'advanced', env });
    return new Promise((resolve, reject) => {
      // Where it cannot be sent, the process has ended or was not started, which is told below.
      child.send(setting, () => undefined);
      const ended = (): void =>
        reject(new EngineError({ problem: 'a process with the model ended while it started' }));
      child.once('exit', ended);
      // Where the system has no process or file to give, there is no exit; unheard, an error would end the server.
      child.on('error', cause =>
        reject(
          new EngineError({
            problem: 'a process with the model could not be started',
            given: cause.message,
            mend: 'allow more processes and open files (ulimit -u, ulimit -n), or use fewer --workers',
            cause,
          }),
        ),
      );
      child.once('message', (message: WorkerMessage) => {
        child.off('exit', ended);
        if (message.kind === 'ready') resolve(new Child(child, onLost));
        else {
          child.kill('SIGKILL');
          reject(new EngineError('problem' in message ? message.problem : { problem: 'unexpected message' }));
        }
      });
    });
  }

  /** @throws ChildLost where the process ends first, or takes longer than `limit` milliseconds and is ended */
  async run(work: Work, limit: number): Promise<Answer> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), limit);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.waiting = { id: work.id, resolve, reject };
        this.process.send(work, error => {
          if (error) reject(new ChildLost(error.message));
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }
}
