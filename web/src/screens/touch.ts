/** Whether this is a phone or tablet: what opens an app is on the same device then. */
export const isTouched = (): boolean => window.matchMedia('(pointer: coarse)').matches;
