/** In the place of a layer's figures as long as there are none: because nothing is loaded, or `why`. */
export function Waiting({ why = null }: { why?: string | null }) {
  return <p class="board-waiting">{why ?? 'Loading the layers\u2026'}</p>;
}
