import { useEffect, useState } from 'preact/hooks';

interface Props {
  text: string;
  /** Shortest time between two announcements, in milliseconds. */
  pace: number;
}

/** Says the newest text to a screen reader once it has stood still, so that a film does not flood the ear. */
export function LiveRegion({ text, pace }: Props) {
  const [said, say] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => say(text), pace);
    return () => clearTimeout(timer);
  }, [text, pace]);
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {said}
    </p>
  );
}
