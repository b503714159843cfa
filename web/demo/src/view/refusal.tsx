import { useEffect, useRef } from 'preact/hooks';
import { Trouble } from './trouble';

/** Why a file was not taken, beside where files are chosen: into view, because it may have been dropped far from there. */
export function Refusal({ text }: { text: string | null }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (text !== null) place.current?.scrollIntoView({ block: 'nearest' });
  }, [text]);
  if (text === null) return null;
  return (
    <div ref={place}>
      <Trouble text={text} />
    </div>
  );
}
