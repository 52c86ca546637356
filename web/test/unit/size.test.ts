import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

const DIST = new URL('../../dist/', import.meta.url);
const size = (path: string) => gzipSync(readFileSync(new URL(path, DIST))).length;

it('the first page is under 100 KB compressed, whatever the language', () => {
  const html = readFileSync(new URL('index.html', DIST), 'utf8');
  const linked = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
  expect(linked.length).toBeGreaterThanOrEqual(3);
  // Each part of the pages has its own; who only types a code fetches none but the largest of these.
  const languages = readdirSync(new URL('assets/', DIST)).filter((name) =>
    /^(de|es|fr|zh)-.*\.js$/.test(name),
  );
  expect(languages.length).toBeGreaterThanOrEqual(4);
  const largest = Math.max(...languages.map((name) => size(`assets/${name}`)));
  const whole = ['index.html', ...linked].reduce((sum, path) => sum + size(path), largest);
  expect(whole).toBeLessThan(100_000);
});

it('the document has nothing inline, and links to nobody else', () => {
  const html = readFileSync(new URL('index.html', DIST), 'utf8');
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/i);
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
});
