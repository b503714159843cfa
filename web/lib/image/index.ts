/** Pictures: pixels to tensors and back. */
export { type FromImageOptions, fromImage } from './from-image.js';
export type { Channels, PictureOptions } from './picture.js';
export type { PixelData } from './pixel-data.js';
export type { ImageSource } from './source.js';
export { type ToImageDataOptions, toImageData } from './to-image-data.js';
