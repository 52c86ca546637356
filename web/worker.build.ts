/**
 * Builds the authenticator's service worker beside the pages: one classic script of its own (not every browser runs workers that are modules),
 * which knows the names of the app's files.
 */

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, type Rolldown } from 'vite';

const ENTRY = fileURLToPath(new URL('src/authenticator/worker/worker.ts', import.meta.url));
const DOCUMENT = 'authenticator.html';
/** What the document links to by name. */
const NAMED = [
  '/authenticator/icon.svg',
  '/authenticator/icon-192.png',
  '/authenticator/manifest.webmanifest',
];

export function authenticatorWorker(): Plugin {
  return {
    name: 'authenticator-worker',
    apply: 'build',
    async writeBundle(options, bundle) {
      const files = filesOf(bundle).sort();
      const version = createHash('sha256').update(files.join()).digest('hex').slice(0, 12);
      await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        define: { FILES: JSON.stringify([...NAMED, ...files]), VERSION: JSON.stringify(version) },
        build: {
          outDir: options.dir ?? 'dist',
          emptyOutDir: false,
          copyPublicDir: false,
          target: ['chrome111', 'firefox114', 'safari16.4'],
          rolldownOptions: {
            input: ENTRY,
            output: { format: 'iife', entryFileNames: 'authenticator/worker.js' },
          },
        },
      });
    },
  };
}

/** Everything that the app's document can come to load. */
function filesOf(bundle: Rolldown.OutputBundle): string[] {
  const found = new Set<string>();
  const follow = (name: string) => {
    const file = bundle[name];
    if (!file || found.has(`/${name}`)) return;
    found.add(`/${name}`);
    if (file.type !== 'chunk') return;
    const css = (file as { viteMetadata?: { importedCss: Set<string> } }).viteMetadata?.importedCss ?? [];
    for (const next of [...file.imports, ...file.dynamicImports, ...css]) follow(next);
  };
  for (const file of Object.values(bundle)) {
    if (file.type === 'chunk' && file.facadeModuleId?.endsWith(DOCUMENT)) follow(file.fileName);
  }
  if (found.size === 0) throw new Error(`there is no chunk of ${DOCUMENT}`);
  return [...found];
}
