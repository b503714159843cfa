// The formats' readers are fetched when a file of theirs is met: whoever reads safetensors does not download
// what reads ONNX. All imports of the kind stand here, with their specifiers as they are.

export const readers = {
  onnx: async () => (await import('./onnx/read.js')).readOnnx,
  /** What computes constants of ONNX files. */
  folding: () => import('./onnx/operators.js'),
  /** What stands beside convolutions of ONNX files and makes them enlarge. */
  upsampling: () => import('./onnx/upsampling.js'),
  /** What reads the weights of convolutions of integers. */
  quantized: () => import('./onnx/quantized-weights.js'),
  /** What gives a layer of an ONNX file a weight of its own. */
  replacement: () => import('./onnx/replacement.js'),
  tflite: async () => (await import('./tflite/read.js')).readTflite,
  safetensors: async () => (await import('./safetensors.js')).readSafetensors,
  npy: async () => (await import('./npy.js')).readNpy,
  npz: async () => (await import('./npz.js')).readNpz,
  described: async () => (await import('./tensor-layers.js')).describedLayers,
  normalized: async () => (await import('./normalized-weights.js')).normalizedWeights,
  /** What files of no format that is read are, for the message. */
  foreign: () => import('./foreign-formats.js'),
  files: () => import('./files.js'),
  remote: () => import('./remote.js'),
} as const;
