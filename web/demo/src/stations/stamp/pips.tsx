/** A count as dots while it is small enough to see at a glance, as a number after that. */
export function Pips({ amount }: { amount: number }) {
  if (amount === 0) return <span class="pips" />;
  if (amount > 4) return <span class="pips">{`\u00d7${amount}`}</span>;
  return (
    <span class="pips">
      {Array.from({ length: amount }, (_, dot) => (
        <i key={dot} />
      ))}
    </span>
  );
}
