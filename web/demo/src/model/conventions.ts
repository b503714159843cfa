/** Systems in whose words the layer of the page can be said. */
export const conventions = ['pytorch', 'keras', 'jax', 'jax-transpose', 'onnx', 'webnn'] as const;
export type Convention = (typeof conventions)[number];
