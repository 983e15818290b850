/** `gfnet serve`: an exported model behind HTTP. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { UsageError } from '../errors/index.js';
import { largestPort, longestTime, ServeOptions } from '../serve/options.js';
import { serve } from '../serve/server.js';
import { wholeNumber } from './options.js';

interface Options extends Partial<ServeOptions> {
  readonly tokenFile?: string;
}

const defaults = ServeOptions.parse({});
const number = (flags: string, text: string, least: number, shown: unknown, most?: number): Option =>
  new Option(flags, `${text} (default: ${String(shown)})`).argParser(wholeNumber(least, most));

export function serveCommand(): Command {
  return new Command('serve')
    .description('answer over HTTP with an exported model')
    .argument('<bundle>', 'a folder made by gfnet export')
    .option('--host <address>', `address to listen on (default: ${defaults.host}, this machine alone)`)
    .addOption(number('--port <n>', 'port; 0 takes any that is free', 0, defaults.port, largestPort))
    .option(
      '--token-file <file>',
      '/predict and /metrics ask for the token in it (Authorization: Bearer TOKEN)',
    )
    .addOption(number('--workers <n>', 'processes with the model', 1, defaults.workers))
    .addOption(number('--threads <n>', 'threads of each', 1, 'the cores divided among them'))
    .addOption(number('--batch <n>', 'images computed at once, at most', 1, defaults.batch))
    .addOption(
      number(
        '--delay <ms>',
        'how long an image waits for others to be computed with',
        0,
        defaults.delay,
        longestTime,
      ),
    )
    .addOption(number('--queue <n>', 'images that may wait; more are refused with 503', 1, defaults.queue))
    .addOption(
      number(
        '--deadline <ms>',
        'from a request’s arrival; a later answer is 504, what would probably take half of it is refused with 503',
        1,
        defaults.deadline,
        longestTime,
      ),
    )
    .addOption(number('--max-bytes <n>', 'of a request’s body', 1, defaults.maxBytes))
    .addOption(number('--max-pixels <n>', 'of an image, before it is resized', 1, defaults.maxPixels))
    .addOption(number('--max-images <n>', 'of a request, at most those that may wait', 1, defaults.maxImages))
    .addHelpText(
      'after',
      `
POST /predict takes an image, a form with files, or JSON with base64; /docs describes it, /livez, /readyz and /metrics
tell how it does. SIGHUP loads the bundle anew and swaps, SIGTERM answers what has come and ends.

Examples:
  gfnet serve digits
  gfnet serve digits --port 9000 --workers 2 --token-file token
  curl -F image=@photo.png 'localhost:8080/predict?threshold=0.9'
  curl -H 'content-type: image/png' --data-binary @photo.png localhost:8080/predict`,
    )
    .action(async (bundle: string, { tokenFile, ...given }: Options) => {
      const server = await serve(bundle, ServeOptions.parse(given), tokenOf(tokenFile));
      process.on('SIGHUP', () => {
        server.reload().then(
          () => process.stdout.write('loaded anew\n'),
          (error: unknown) =>
            process.stderr.write(
              `the old model stays: ${error instanceof Error ? error.message : String(error)}\n`,
            ),
        );
      });
      const end = (): void => void server.close().then(() => process.exit(0));
      process.once('SIGTERM', end);
      process.once('SIGINT', end);
      // Whoever has read this may send signals.
      process.stdout.write(`listening on ${server.url}\n`);
    });
}

function tokenOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const token = contentOf(file).trim();
  if (/^[!-~]+$/.test(token)) return token;
  throw new UsageError({
    problem: 'the token’s file is empty, or holds what no Authorization header can',
    given: file,
    allowed: 'letters, digits and punctuation of ASCII, without spaces',
  });
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError({
      problem: 'the token’s file cannot be read',
      given: `${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}
