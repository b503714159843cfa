/** In a station, why it has nothing to show; nothing where it has. */
export function Trouble({ text }: { text: string | null }) {
  return (
    text && (
      <p class="refusal" role="alert">
        {text}
      </p>
    )
  );
}
