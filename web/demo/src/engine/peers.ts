declare const __PEERS__: Readonly<
  Partial<Record<PeerName, { readonly version: string; readonly bytes: number }>>
>;

export type PeerName = 'onnxruntime' | 'tfjs';

/** Which peers were installed when the page was built, and lie beside it. Nothing of them is fetched before a press. */
export const peersThere = __PEERS__;

/** Where a peer's files lie, as a whole address that a worker can use. */
export const peerFolder = (name: PeerName) => new URL(`./peers/${name}/`, document.baseURI).href;

/** In words: a button that fetches a peer says so. */
export const peerSize = ({ bytes }: { readonly bytes: number }) =>
  `${(bytes / 1e6).toFixed(1)} MB, from this page\u2019s own server`;
