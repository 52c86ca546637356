import { useLayoutEffect, useRef } from 'react';

/** A screen's heading. It takes the focus when the screen comes up, so that it is read out, and names the window. */
export function Heading({ children }: { children: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Before anybody sees it: a focus that moves later takes it from who was quick.
  useLayoutEffect(() => {
    document.title = children;
    heading.current?.focus();
  }, [children]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}
