/** Builds the pages' first script, which runs before their bundle, and has the document load it. */

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, type Rolldown } from 'vite';

const ENTRY = fileURLToPath(new URL('src/first/first.ts', import.meta.url));
const DOCUMENT = 'index.html';

export function firstScript(): Plugin {
  return {
    name: 'first-script',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_, bundle) {
      const document = bundle[DOCUMENT];
      if (document?.type !== 'asset') throw new Error(`there is no ${DOCUMENT}`);
      const source = await compiled();
      const hash = createHash('sha256').update(source).digest('base64url').slice(0, 8);
      const fileName = `assets/first-${hash}.js`;
      this.emitFile({ type: 'asset', fileName, source });
      // Neither deferred nor asynchronous: what the bundle finds is there before it runs.
      const tag = `<script src="/${fileName}"></script>`;
      document.source = String(document.source).replace(
        '<script type="module"',
        `${tag}\n    <script type="module"`,
      );
      if (!document.source.includes(tag)) throw new Error(`${DOCUMENT} has no script to go before`);
    },
  };
}

async function compiled(): Promise<string> {
  const output = (await build({
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    build: {
      write: false,
      target: ['chrome111', 'firefox114', 'safari16.4'],
      rolldownOptions: { input: ENTRY, output: { format: 'iife' } },
    },
  })) as Rolldown.RolldownOutput | Rolldown.RolldownOutput[];
  const [chunk] = (Array.isArray(output) ? output : [output]).flatMap(({ output }) => output);
  if (chunk?.type !== 'chunk') throw new Error('the first script is none');
  return chunk.code;
}
