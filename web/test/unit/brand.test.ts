import { describe, expect, it } from 'vitest';

import { COUNTERSIGN, accent, brandOf, contrast } from '../../src/brand';

const OURS = 'https://mfa.example.org';

describe('a brand', () => {
  it('is Countersign where nothing is said', () => {
    for (const nothing of [undefined, null, 'Bank', {}, { name: ' ' }])
      expect(brandOf(nothing, OURS)).toEqual(COUNTERSIGN);
  });

  it('is taken as it is said', () => {
    const said = { name: ' Bank ', logo: '/assets/bank.svg', colour: '#0AF' };
    expect(brandOf(said, OURS)).toEqual({ name: 'Bank', logo: '/assets/bank.svg', colour: '#00aaff' });
    expect(brandOf({ logo: 'data:image/png;base64,AAAA' }, OURS).logo).toBe('data:image/png;base64,AAAA');
  });

  it('fetches nothing from elsewhere, and runs nothing', () => {
    for (const logo of [
      'https://evil.example/a.svg',
      '//evil.example/a',
      'javascript:alert(1)',
      'data:text/html,x',
      7,
    ]) {
      expect(brandOf({ logo }, OURS).logo).toBeNull();
    }
    for (const colour of ['red', 'url(https://evil.example)', '#12', '#0af;}', 7]) {
      expect(brandOf({ colour }, OURS).colour).toBeNull();
    }
  });
});

describe('a colour', () => {
  const colours = ['#000000', '#ffffff', '#ffff00', '#0f766e', '#1f4fd1', '#808080', '#ff0000', '#00ff88'];
  it.each(colours)('%s can be read in both themes (WCAG AA)', (colour) => {
    const [light, dark] = [accent(colour, 'light'), accent(colour, 'dark')];
    expect(contrast(light.accent, '#f2f4f8')).toBeGreaterThanOrEqual(4.5);
    expect(contrast(dark.accent, '#1d2636')).toBeGreaterThanOrEqual(4.5);
    for (const { accent: ground, onAccent } of [light, dark]) {
      expect(contrast(ground, onAccent)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('stays as it is where it can be read', () => {
    expect(accent('#0f766e', 'light').accent).toBe('#0f766e');
  });

  it('has the contrast that WCAG computes', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  });
});
