import { readdirSync } from 'node:fs';

import { defineConfig } from 'vitest/config';

import { compressed } from './compressed.build.ts';
import { firstScript } from './first.build.ts';
import { mockForDevelopment } from './test/mock/develop.ts';
import { authenticatorWorker } from './worker.build.ts';

/** Each document beside this file is an entry of its own, with what only it needs: `index.html` is that of the hosted pages. */
const documents = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.html'));

export default defineConfig({
  plugins: [mockForDevelopment(), firstScript(), authenticatorWorker(), compressed()],
  build: {
    // What WebCrypto's X25519 asks for is newer; this is what the fallback runs on.
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // Everything is a file of this origin: the pages' Content-Security-Policy knows nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: documents },
  },
  resolve: {
    // Written as React, run by Preact: the same components, and a third of the bytes before somebody on a slow line can type.
    alias: [
      { find: /^react-dom\/client$/, replacement: 'preact/compat/client' },
      { find: /^react-dom$/, replacement: 'preact/compat' },
      { find: /^react\/jsx-runtime$/, replacement: 'preact/jsx-runtime' },
      { find: /^react\/jsx-dev-runtime$/, replacement: 'preact/jsx-dev-runtime' },
      { find: /^react$/, replacement: 'preact/compat' },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'src/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A second, as it is by itself, is short on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    fileParallelism: false,
  },
});
