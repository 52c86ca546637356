import { describe, expect, it } from 'vitest';

import { CATALOGUE, LANGUAGES, languageOf, wordsOf, type Catalogue } from '../../src/words/catalogue';
import { SECURITY } from '../../src/words/security/catalogue';
import { TASK } from '../../src/words/task/catalogue';

const PARTS: readonly (readonly [string, Catalogue<object>])[] = [
  ['every page', CATALOGUE],
  ['one’s own page', SECURITY],
  ['deciding', TASK],
];

/** Every text of a language by its path, functions given a name to say. */
function texts(words: object, at = ''): [string, string][] {
  return Object.entries(words).flatMap(([name, value]: [string, unknown]): [string, string][] => {
    const path = `${at}/${name}`;
    if (typeof value === 'string') return [[path, value]];
    if (typeof value === 'function') return [[path, (value as (said: string) => string)('Nimbus')]];
    return texts(value as object, path);
  });
}

describe.each(LANGUAGES)('%s', (language) => {
  it.each(PARTS)('%s: says everything, and nothing that was only copied', async (_, part) => {
    const [own, english] = [texts(await part[language]()), new Map(texts(await part.en()))];
    expect(own.map(([path]) => path).sort()).toEqual([...english.keys()].sort());
    for (const [path, text] of own) {
      expect(text.trim(), path).not.toBe('');
      const sentence = (english.get(path) ?? '').includes(' ');
      if (language !== 'en' && sentence) expect(text, path).not.toBe(english.get(path));
      if (english.get(path)?.includes('Nimbus')) expect(text, path).toContain('Nimbus');
    }
  });
});

it.each([
  [['de-AT', 'en'], 'de'],
  [['pt-BR', 'fr-CA', 'en'], 'fr'],
  [['zh-CN'], 'zh-Hans'],
  [['ES-mx'], 'es'],
  [['xx', 'yy'], 'en'],
  [[], 'en'],
])('chooses among %j: %s', (wanted, language) => {
  expect(languageOf(wanted)).toBe(language);
});

it('comes with the words of the language', async () => {
  const [language, words] = await wordsOf(CATALOGUE, ['de']);
  expect([language, words.confirm]).toEqual(['de', 'Bestätigen']);
});
