import { useState } from 'preact/hooks';

/** Makes an element a place to drop things on: the class and the handlers to spread on it. */
export function useDrop(className: string, onDrop: (data: DataTransfer | null) => void) {
  const [dragging, setDragging] = useState(false);
  return {
    class: dragging ? `${className} is-dragging` : className,
    onDragOver: (event: DragEvent) => {
      event.preventDefault();
      setDragging(true);
    },
    onDragLeave: ({ currentTarget, relatedTarget }: DragEvent) => {
      // Moving onto something inside is a leave, too, but not of the element.
      if (!(currentTarget as Element).contains(relatedTarget as Node | null)) setDragging(false);
    },
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      setDragging(false);
      onDrop(event.dataTransfer);
    },
  };
}
