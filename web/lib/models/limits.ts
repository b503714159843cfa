/**
 * Bounds on what a file may make the reader do. Far above what real models need (the largest networks in
 * use have some hundred thousand nodes), and low enough that reaching them takes less than a second.
 */
export const LIMITS = {
  /** Protobuf fields kept, list entries included. */
  fields: 1_000_000,
  /** Protobuf fields passed over. */
  skipped: 3_000_000,
  /** Messages within messages; a subgraph takes three. */
  depth: 96,
  /** Names and nodes met while the graph is walked; those of a function count at every call of it. */
  names: 2_000_000,
  /** Convolutions of one file. */
  layers: 10_000,
  /** Scopes that names are looked up in, in all. */
  lookups: 2_000_000,
  /** Files of external data. */
  externalFiles: 100,
  /** Steps from a weight's name back to its constants. */
  steps: 200,
  /** Axes of a constant that is computed. */
  rank: 16,
  /** Values that computing a constant may take, and for each value that the file stores for it. */
  folded: 1 << 22,
  foldedPerStored: 64,
  /** Values of a shape, and of other numbers that say what a constant's node does. */
  shapeValues: 1 << 12,
  /** Characters of a name; longer texts are blobs of somebody's and are not kept. */
  text: 1 << 16,
  /** Bytes of a safetensors header. The format's own limit is 100 MB, which takes seconds to parse. */
  jsonHeader: 1 << 24,
  /** Bytes of an npy header; numpy writes less than 256 and refuses to read more than 10,000. */
  npyHeader: 10_000,
  /** Entries of an npz archive. */
  entries: 10_000,
  /** Bytes inflated in all to find the headers of an archive's entries. */
  inflatedHeaders: 1 << 26,
  /** Bytes of one unpacked archive entry, and of any tensor as float32. */
  tensor: 2 ** 31 - 1,
  /** Tables of a flatbuffer that are looked at. */
  tables: 1_000_000,
  /** Bytes of a flatbuffer: its offsets are signed 32-bit integers. */
  flatbuffer: 2 ** 31 - 1,
} as const;
