/** How long ONNX Runtime is at it. */
import { InferenceSession } from 'onnxruntime-node';

/** Under what workers find the memory for it: microseconds. */
export const insideKey = 'inside';

/** From now on, `note` is told the milliseconds of each run of any session in this thread. @returns ends that */
export function timeSessions(note: (milliseconds: number) => void): () => void {
  const sessions = (InferenceSession as unknown as { prototype: InferenceSession }).prototype;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { run } = sessions;
  sessions.run = async function (this: InferenceSession, ...args: unknown[]) {
    const start = performance.now();
    const given = await run.apply(this, args as Parameters<typeof run>);
    note(performance.now() - start);
    return given;
  };
  return () => {
    sessions.run = run;
  };
}
