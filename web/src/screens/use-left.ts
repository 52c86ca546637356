import { useEffect, useState } from 'react';

/** Milliseconds until a moment of this machine's clock, told every second; never below zero. */
export function useLeft(until: number): number {
  const [left, setLeft] = useState(() => until - Date.now());

  useEffect(() => {
    const tick = () => setLeft(until - Date.now());
    tick();
    const timer = setInterval(() => {
      tick();
      if (Date.now() >= until) clearInterval(timer);
    }, 1000);
    return () => clearInterval(timer);
  }, [until]);

  return Math.max(0, left);
}
