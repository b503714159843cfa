/** In a station, why it shows nothing or did not do what was asked; nothing where there is no trouble. */
export function Trouble({ text }: { text: string | null }) {
  return (
    text && (
      <p class="refusal" role="alert">
        {text}
      </p>
    )
  );
}
